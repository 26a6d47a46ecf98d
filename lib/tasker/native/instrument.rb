# frozen_string_literal: true

module Tasker
  module Native
    # What {Counter}, {Gauge} and {Histogram} have in common: the handle of one series, made by {MetricsBackend}. Its
    # numbers are those of this process. Any thread; in a forked child it begins at zero.
    module Instrument
      # @return [String] the name, and the labels as Prometheus writes them
      def key
        return name if labels.empty?

        "#{name}{#{labels.map { |label, value| "#{label}=#{value.inspect}" }.join(',')}}"
      end

      # @return [Hash{Symbol=>Object}]
      def to_h
        { name: name, labels: labels, **numbers, type: type, created_at: created_at }
      end

      # @return [String] for people
      def description
        shown = labels.map { |label, value| ":#{label}=>#{value.inspect}" }.join(', ')
        "#{name}#{"{#{shown}}" unless labels.empty?} #{summary} (#{type})"
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{description}>"
      end
    end

    # Only rises.
    #
    # @!method name
    #   @return [String] as Prometheus has it
    # @!method labels
    #   @return [Hash{Symbol=>String}] frozen; as the series has them
    # @!method created_at
    #   @return [Time]
    # @!method reset!
    #   As if this process had never recorded to it. For tests: others see a counter go down.
    #   @return [Integer] 0
    # @!method increment(by = 1)
    #   @param by [Integer, Float] not negative
    #   @return [Integer, Float, false] the new value; false for what is no finite number, which is not counted
    #   @raise [ArgumentError] for a negative one
    # @!method value
    #   @return [Integer, Float]
    class Counter
      include Instrument

      # @return [Symbol]
      def type
        :counter
      end

      private

      def numbers
        { value: value }
      end

      def summary
        "= #{value}"
      end
    end

    # A value that rises and falls.
    #
    # @!method name
    #   @return [String] as Prometheus has it
    # @!method labels
    #   @return [Hash{Symbol=>String}] frozen; as the series has them
    # @!method created_at
    #   @return [Time]
    # @!method reset!
    #   As if this process had never recorded to it. For tests: others see a counter go down.
    #   @return [Integer] 0
    # @!method set(value)
    #   @param value [Numeric] finite
    #   @return [Numeric] the value
    #   @raise [ArgumentError]
    # @!method increment(by = 1)
    #   @param by [Numeric] finite
    #   @return [Integer, Float] the new value
    #   @raise [ArgumentError]
    # @!method decrement(by = 1)
    #   @param by [Numeric] finite, not negative
    #   @return [Integer, Float] the new value
    #   @raise [ArgumentError]
    # @!method value
    #   @return [Integer, Float]
    class Gauge
      include Instrument

      # @return [Symbol]
      def type
        :gauge
      end

      private

      def numbers
        { value: value }
      end

      def summary
        "= #{value}"
      end
    end

    # How measurements are spread.
    #
    # @!method name
    #   @return [String] as Prometheus has it
    # @!method labels
    #   @return [Hash{Symbol=>String}] frozen; as the series has them
    # @!method created_at
    #   @return [Time]
    # @!method reset!
    #   As if this process had never recorded to it. For tests: others see a counter go down.
    #   @return [Integer] 0
    # @!method observe(value)
    #   @param value [Numeric] finite
    #   @return [Numeric] the value
    #   @raise [ArgumentError]
    # @!method count
    #   @return [Integer]
    # @!method sum
    #   @return [Float]
    # @!method buckets
    #   @return [Hash{Float=>Integer}] by upper bound, how many were at most that; the last one is +Float::INFINITY+
    class Histogram
      include Instrument

      # Upper bounds, in seconds for what takes time.
      DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0].freeze

      # @return [Symbol]
      def type
        :histogram
      end

      # @return [Array<Float>] upper bounds
      def bucket_boundaries
        buckets.keys[0...-1]
      end

      # @return [Float] 0.0 without measurements
      def average
        count.zero? ? 0.0 : sum / count
      end

      private

      def numbers
        { buckets: buckets, count: count, sum: sum, average: average }
      end

      def summary
        "= #{count} observations, avg: #{average.round(3)}"
      end
    end
  end
end
