# frozen_string_literal: true

module Tasker
  module Native
    # Where a signal goes by OTLP, and how: what code has set is for all signals; a variable of the signal comes before
    # the general one (OpenTelemetry Protocol Exporter, "Configuration Options").
    #
    # @api private
    class OtlpOptions
      USER_AGENT = "OTel-OTLP-Exporter-tasker-native/#{VERSION} Ruby/#{RUBY_VERSION}".freeze
      private_constant :USER_AGENT

      # @param settings [Settings]
      # @param signal [String] 'TRACES' or 'METRICS'
      def initialize(settings, signal)
        @settings = settings
        @signal = signal
      end

      # @return [Hash] as the native senders take it
      def to_h
        { otlp_url: url, otlp_headers: header_lines, otlp_gzip: get(:otlp_compression) == 'gzip',
          otlp_timeout: get(:otlp_timeout), user_agent: USER_AGENT, **certificates }
      end

      private

      def get(name)
        @settings.of_signal(name, @signal)
      end

      # A per-signal variable is used as it is; everything else is a base.
      def url
        own = Environment.url("OTEL_EXPORTER_OTLP_#{@signal}_ENDPOINT")
        return own if own && !@settings.set?(:otlp_endpoint)

        base = URI(@settings.otlp_endpoint)
        base.path = "#{base.path.chomp('/')}/v1/#{@signal.downcase}"
        base.to_s
      end

      def header_lines
        get(:otlp_headers).map { |name, value| "#{name}: #{value}" }.join("\n")
      end

      def certificates
        %i[otlp_certificate otlp_client_certificate otlp_client_key].to_h do |name|
          path = get(name)
          [name, path ? File.expand_path(path, PipelineOptions.root) : '']
        end
      end
    end
  end
end
