# frozen_string_literal: true

require 'json'

module Tasker
  module Native
    # What all processes of the app have recorded, as text.
    #
    # @api private
    module MetricsExport
      # What there is.
      FORMATS = %i[prometheus openmetrics json csv].freeze
      VERSION = '1.0.0'
      private_constant :VERSION

      # There is nothing to be read.
      class Unavailable < Error; end

      # @param format [Symbol, String]
      # @return [String]
      # @raise [ArgumentError]
      def self.text(format)
        Native.runtime.runtime_metrics.refresh
        write(format) { |name, now| Metrics.export(name, now) }
      ensure
        tell
      end

      # Writes to the log what the core has to say of metrics, once.
      #
      # @return [void]
      def self.tell
        remark = Metrics.take_remark or return

        Native.logger.warn("tasker-native: #{remark}. Next: check tel.metrics_directory and the disk below it.")
      rescue StandardError
        nil # a logger that raises must not stop the work that is counted
      end

      # What is in +metrics_directory+, also when no process of the app runs any more; this one becomes none of them.
      #
      # @param format [Symbol, String]
      # @param settings [Settings]
      # @return [String]
      # @raise [ArgumentError]
      # @raise [Unavailable]
      def self.left(format, settings)
        directory, = MetricsOptions.new(settings, '').recording
        raise Unavailable, 'Metrics are not shared: set tel.metrics_directory.' if directory.empty?

        write(format) { |name, now| Metrics.read(directory, name, now) }
      rescue Errno::ENOENT
        raise Unavailable, "There are no metrics in #{directory} yet: no process of the app has recorded any."
      rescue SystemCallError => e
        raise Unavailable, "#{directory} can't be read: #{e.message}"
      end

      # For a task that may run when nothing of the app does any more, and behind others in the same process.
      #
      # @param settings [Settings]
      # @return [String] in Prometheus' format: what is in +metrics_directory+, without taking part in it; this
      #   process' own where metrics are not shared
      # @raise [Unavailable]
      def self.left_or_own(settings)
        directory, = MetricsOptions.new(settings, '').recording
        directory.empty? ? text(:prometheus) : left(:prometheus, settings)
      end

      def self.write(format)
        name = FORMATS.find { |known| known.to_s == format.to_s } or
          raise ArgumentError, "no such format: #{format.inspect}. There are #{FORMATS.map(&:inspect).join(', ')}"

        now = Native.now.iso8601
        text = yield name, now
        name == :json ? "#{text},#{metadata(now)}}\n" : text
      end
      private_class_method :write

      # @return [Hash] what the JSON has, with Symbols as keys, but for those of metrics, labels and buckets
      def self.to_h
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
