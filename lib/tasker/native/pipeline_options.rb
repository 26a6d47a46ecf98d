# frozen_string_literal: true

require 'fileutils'

require_relative 'environment'
require_relative 'resource'

module Tasker
  module Native
    # Settings as the native pipeline takes them.
    #
    # @api private
    class PipelineOptions
      TRACE_FILE_MAX_SIZE = 64 * 1024 * 1024
      USER_AGENT = "OTel-OTLP-Exporter-tasker-native/#{VERSION} Ruby/#{RUBY_VERSION}".freeze
      private_constant :TRACE_FILE_MAX_SIZE, :USER_AGENT

      class << self
        # @param settings [Settings]
        # @return [Array<Symbol>] empty: nothing is to be exported
        def exporters_of(settings)
          exporters = Array(settings.exporter).map { |name| name == :auto ? default_exporter(settings) : name }
          exporters.uniq - [:none]
        end

        # @return [String] of Rails, else RAILS_ENV, else RACK_ENV, else 'development'
        def environment_name
          (defined?(::Rails.env) && ::Rails.env&.to_s) || ENV['RAILS_ENV'] || ENV['RACK_ENV'] || 'development'
        end

        # @return [String] the folder that relative paths are meant from: Rails' root, else the working directory
        def root
          (defined?(::Rails.root) && ::Rails.root&.to_s) || Dir.pwd
        end

        private

        def default_exporter(settings)
          return :otlp if settings.set?(:otlp_endpoint) || Environment.url(*Settings::ENDPOINT_VARIABLES)

          { 'production' => :otlp, 'test' => :memory }.fetch(environment_name, :file)
        end
      end

      # @param settings [Settings]
      # @param instance_id [String] of this process
      def initialize(settings, instance_id)
        @settings = settings
        @instance_id = instance_id
      end

      # @return [Hash] what Pipeline.configure takes; equal for equal settings in the same process
      def to_h
        { exporters: exporters, version: VERSION,
          attribute_limit: @settings.span_attribute_count_limit,
          prefix: "#{@settings.service_name}.", resource: Resource.new(@settings, @instance_id).to_h,
          otlp_url: otlp_url, otlp_headers: header_lines, otlp_gzip: @settings.otlp_compression == 'gzip',
          otlp_timeout: @settings.otlp_timeout, user_agent: USER_AGENT, **certificates,
          spool_directory: spool_directory, spool_max_bytes: @settings.spool_max_bytes,
          spool_max_age: @settings.spool_max_age,
          trace_file: trace_file, trace_file_max_size: TRACE_FILE_MAX_SIZE,
          max_queue_size: @settings.max_queue_size, max_queue_bytes: @settings.max_queue_bytes,
          max_export_batch_size: [@settings.max_export_batch_size, @settings.max_queue_size].min,
          schedule_delay: @settings.schedule_delay }
      end

      # @return [Array(String, Integer)] where metrics are shared, with the folder above it made, or '', and
      #   +metrics_cardinality_limit+. Suites of tests share none unless they are told to: others run beside them.
      def metrics
        alone = self.class.environment_name == 'test' && !@settings.set?(:metrics_directory)
        directory = @settings.metrics_directory unless alone
        path = directory ? with_parent(File.expand_path(directory, self.class.root)) : ''
        [path, @settings.metrics_cardinality_limit]
      end

      private

      def exporters
        self.class.exporters_of(@settings)
      end

      # A per-signal variable is used as it is; everything else is a base.
      def otlp_url
        signal = Environment.url('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')
        return signal if signal && !@settings.set?(:otlp_endpoint)

        base = URI(@settings.otlp_endpoint)
        base.path = "#{base.path.chomp('/')}/v1/traces"
        base.to_s
      end

      def header_lines
        @settings.otlp_headers.map { |name, value| "#{name}: #{value}" }.join("\n")
      end

      def certificates
        %i[otlp_certificate otlp_client_certificate otlp_client_key].to_h do |name|
          path = @settings.public_send(name)
          [name, path ? File.expand_path(path, self.class.root) : '']
        end
      end

      # The spool is of the exporter :otlp; the others write at once.
      def spool_directory
        return '' unless @settings.spool_directory && exporters.include?(:otlp)

        with_parent(File.expand_path(@settings.spool_directory, self.class.root))
      end

      def trace_file
        path = File.expand_path(@settings.trace_file, self.class.root)
        exporters.include?(:file) ? with_parent(path) : path
      end

      def with_parent(path)
        FileUtils.mkdir_p(File.dirname(path))
        path
      rescue SystemCallError
        path # whoever uses it will say so
      end
    end
  end
end
