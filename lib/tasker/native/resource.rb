# frozen_string_literal: true

require 'socket'

module Tasker
  module Native
    # Who sends the spans: the attributes of OpenTelemetry's Resource, after its semantic conventions.
    #
    # @api private
    class Resource
      # @param settings [Settings]
      # @param instance_id [String] of this process
      def initialize(settings, instance_id)
        @settings = settings
        @instance_id = instance_id
      end

      # @return [Hash{String=>String, Integer}]
      def to_h
        detected.merge(service, Environment.pairs('OTEL_RESOURCE_ATTRIBUTES'), named).compact
      end

      private

      def detected
        { 'telemetry.sdk.name' => 'tasker-native', 'telemetry.sdk.language' => 'ruby',
          'telemetry.sdk.version' => VERSION, 'process.pid' => Process.pid,
          'process.runtime.name' => RUBY_ENGINE, 'process.runtime.version' => RUBY_VERSION,
          'host.name' => Socket.gethostname, 'deployment.environment.name' => PipelineOptions.environment_name }
      end

      def service
        { 'service.name' => @settings.service_name, 'service.version' => @settings.service_version,
          'service.instance.id' => @instance_id }
      end

      def named
        { 'service.name' => Environment.text('OTEL_SERVICE_NAME') }.compact
      end
    end
  end
end
