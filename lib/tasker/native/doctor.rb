# frozen_string_literal: true

require 'securerandom'

require_relative 'doctor/collector_check'
require_relative 'doctor/spool_check'
require_relative 'pipeline_options'
require_relative 'spool_directory'
require_relative 'table'

module Tasker
  module Native
    # Whether telemetry can work as it is set up here, part by part, with the next step where it can't. See
    # {Native.doctor}.
    class Doctor
      # What was found about one part.
      #
      # @!attribute [r] part
      #   @return [String] such as 'TCP'
      # @!attribute [r] verdict
      #   @return [Symbol] :ok, :warning, :problem or :skipped
      # @!attribute [r] text
      #   @return [String]
      # @!attribute [r] advice
      #   @return [String, nil] the next step
      Finding = Struct.new(:part, :verdict, :text, :advice)

      VERDICTS = { ok: 'ok', warning: 'warning', problem: 'PROBLEM', skipped: '-' }.freeze
      PROBE_SECONDS = 10
      private_constant :VERDICTS, :PROBE_SECONDS

      # @param settings [Settings]
      def initialize(settings)
        @settings = settings
      end

      # Asks everything; the collector for some seconds at most.
      #
      # @return [Array<Finding>]
      def findings
        [configuration, environment, libraries, *collector, file, spool, metrics].compact
      end

      # @param io [IO]
      # @return [Boolean] whether nothing is wrong
      def print(io: $stdout) # rubocop:disable Naming/PredicateMethod -- it acts, and tells how it went
        found = findings
        io.puts Table.lines(found.flat_map { |one| rows(one) })
        problems = found.count { |one| one.verdict == :problem }
        io.puts problems.zero? ? 'Telemetry is fine.' : "#{Table.count(problems, 'problem')}."
        problems.zero?
      end

      private

      def rows(finding)
        row = [VERDICTS[finding.verdict], finding.part, Native.filter.clean(finding.text)]
        finding.advice ? [row, ['', '', "-> #{finding.advice}"]] : [row]
      end

      def ok(part, text) = Finding.new(part, :ok, text)

      def options
        @options ||= PipelineOptions.new(@settings, SecureRandom.uuid).to_h
      end

      def exporters
        @exporters ||= PipelineOptions.exporters_of(@settings)
      end

      def configuration
        if Environment.disabled? || !@settings.enabled
          return Finding.new('configuration', :warning, 'telemetry is off',
                             'set tel.enabled = true, and unset OTEL_SDK_DISABLED')
        end
        shown = exporters.map(&:inspect).join(', ')
        return ok('configuration', "service #{@settings.service_name}, exporter #{shown}") if exporters.any?

        Finding.new('configuration', :warning, 'there is no exporter: nothing is recorded', 'set tel.exporter')
      end

      def environment
        @settings.to_h # so that all variables are read
        bad = Environment.bad_variables
        return if bad.empty?

        Finding.new('environment', :problem, "#{bad.join(', ')}: a value that can't be used", 'correct or unset it')
      end

      def libraries
        names = ["tasker-native #{VERSION}", "Ruby #{RUBY_VERSION}"]
        names << "Rails #{::Rails.version}" if defined?(::Rails.version)
        names << "tasker-engine #{Gem.loaded_specs['tasker-engine'].version}" if Engine.present?
        ok('libraries', [*names, *Collector.libcurl.split.first(3)].join(', '))
      end

      def collector
        return [] unless exporters.include?(:otlp)

        CollectorCheck.new(options, [@settings.otlp_timeout, PROBE_SECONDS].min).findings
      end

      def file
        return unless exporters.include?(:file)

        path = options[:trace_file]
        place = File.exist?(path) ? path : File.dirname(path)
        return ok('file', path) if File.writable?(place)

        Finding.new('file', :problem, "#{path} can't be written", 'check tel.trace_file: its folder, its permissions')
      end

      def spool
        return unless exporters.include?(:otlp)
        unless @settings.spool_directory
          return Finding.new('spool', :warning, 'off: what the collector can\'t take in time is dropped',
                             'set tel.spool_directory')
        end

        SpoolCheck.new(SpoolDirectory.of(@settings), @settings).finding
      end

      def metrics
        return ok('metrics', 'off') unless @settings.enabled && @settings.metrics_enabled

        options = MetricsOptions.new(@settings, SecureRandom.uuid)
        directory = options.recording.first
        sent = options.exporting
        ok('metrics', [directory.empty? ? 'of each process alone' : "shared in #{directory}",
                       sent ? "by OTLP each #{sent[:interval]} s to #{shown(sent[:otlp_url])}" : 'not sent'].join(', '))
      end

      def shown(url)
        url.sub(%r{//[^/]*@}, '//')
      end
    end
  end
end
