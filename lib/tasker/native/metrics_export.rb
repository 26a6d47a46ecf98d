# frozen_string_literal: true

require 'json'

module Tasker
  module Native
    # What all processes of the app have recorded, as text.
    #
    # @api private
    module MetricsExport
      FORMATS = %i[prometheus openmetrics json csv].freeze
      VERSION = '1.0.0'
      private_constant :VERSION

      # @param format [Symbol, String]
      # @return [String]
      # @raise [ArgumentError]
      def self.text(format)
        FORMATS.include?(format.to_s.to_sym) or
          raise ArgumentError, "no such format: #{format.inspect}. There are #{FORMATS.map(&:inspect).join(', ')}"

        now = Native.now.iso8601
        text = Metrics.export(format.to_sym, now)
        format.to_sym == :json ? "#{text},#{metadata(now)}}" : text
      end

      # @return [Hash] what the JSON has, with Symbols as keys, but for those of metrics, labels and buckets
      def self.hash
        parsed = JSON.parse(text(:json))
        { timestamp: Native.now, total_metrics: parsed['total_metrics'],
          metrics: parsed['metrics'].transform_values { |metric| metric.transform_keys(&:to_sym) } }
      end

      def self.metadata(now)
        exporter = { exporter: 'json', version: VERSION, exported_at: now }
        "\"timestamp\":#{JSON.generate(now)},\"metadata\":#{JSON.generate(exporter)}"
      end
      private_class_method :metadata
    end
  end
end
