# frozen_string_literal: true

require_relative 'otlp_options'
require_relative 'resource'

module Tasker
  module Native
    # Settings of metrics as the extension takes them.
    #
    # @api private
    class MetricsOptions
      # @param settings [Settings]
      # @param instance_id [String] of this process
      def initialize(settings, instance_id)
        @settings = settings
        @instance_id = instance_id
      end

      # @return [Array] what Metrics.configure takes: where they are shared, with the folder above it made, or '';
      #   +metrics_cardinality_limit+; whether histograms are exponential, too; whether spans are measured
      def recording
        [directory, @settings.metrics_cardinality_limit, exporting? && exponential?, @settings.metrics_enabled]
      end

      # @return [Hash, nil] what PeriodicReader.configure takes; nil: nothing is sent
      def exporting
        return unless exporting?

        { version: VERSION, resource: resource, **OtlpOptions.new(@settings, 'METRICS').to_h,
          interval: @settings.metrics_export_interval, delta: @settings.metrics_temporality == :delta }
      end

      private

      # Suites of tests share none unless they are told to: others run beside them.
      def directory
        return '' if testing? && !@settings.set?(:metrics_directory)

        path = @settings.metrics_directory
        path ? PipelineOptions.with_parent(File.expand_path(path, PipelineOptions.root)) : ''
      end

      def exporting?
        return false unless @settings.enabled && @settings.metrics_enabled && !Environment.disabled?
        return @settings.metrics_exporter == :otlp unless @settings.metrics_exporter == :auto

        !testing? && PipelineOptions.exporters_of(@settings).include?(:otlp)
      end

      def testing?
        PipelineOptions.environment_name == 'test'
      end

      def exponential?
        @settings.metrics_histogram_aggregation == :base2_exponential_bucket_histogram
      end

      # An id of the application's own is the same in all of its processes, whose values a backend could not tell apart.
      def resource
        attributes = Resource.new(@settings, @instance_id).to_h
        own = attributes['service.instance.id']
        own == @instance_id ? attributes : attributes.merge('service.instance.id' => "#{own}/#{Process.pid}")
      end
    end
  end
end
