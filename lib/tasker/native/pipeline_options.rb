# frozen_string_literal: true

require 'fileutils'

require_relative 'environment'
require_relative 'otlp_options'
require_relative 'resource'

module Tasker
  module Native
    # Settings as the native pipeline takes them.
    #
    # @api private
    class PipelineOptions
      TRACE_FILE_MAX_SIZE = 64 * 1024 * 1024
      private_constant :TRACE_FILE_MAX_SIZE

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

        # @param path [String]
        # @return [String] the same; the folder above it is made, if that is possible: whoever uses it will say so
        def with_parent(path)
          FileUtils.mkdir_p(File.dirname(path))
          path
        rescue SystemCallError
          path
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
          **OtlpOptions.new(@settings, 'TRACES').to_h,
          spool_directory: spool_directory, spool_max_bytes: @settings.spool_max_bytes,
          spool_max_age: @settings.spool_max_age,
          trace_file: trace_file, trace_file_max_size: TRACE_FILE_MAX_SIZE,
          max_queue_size: @settings.max_queue_size, max_queue_bytes: @settings.max_queue_bytes,
          max_export_batch_size: [@settings.max_export_batch_size, @settings.max_queue_size].min,
          schedule_delay: @settings.schedule_delay }
      end

      private

      def exporters
        self.class.exporters_of(@settings)
      end

      # The spool is of the exporter :otlp; the others write at once.
      def spool_directory
        return '' unless @settings.spool_directory && exporters.include?(:otlp)

        self.class.with_parent(File.expand_path(@settings.spool_directory, self.class.root))
      end

      def trace_file
        path = File.expand_path(@settings.trace_file, self.class.root)
        exporters.include?(:file) ? self.class.with_parent(path) : path
      end
    end
  end
end
