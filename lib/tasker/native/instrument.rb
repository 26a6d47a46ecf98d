# frozen_string_literal: true

module Tasker
  module Native
    # What {Counter}, {Gauge} and {Histogram} have in common: the handle of one series, made by {MetricsBackend}. Its
    # numbers are those of this process.
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

    # Only rises: {#increment} adds an Integer, or a Float that is not negative.
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

    # A value that rises and falls: {#set}, {#increment}, {#decrement}.
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

    # How measurements are spread: {#observe}.
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

    # What an instrument is, besides its name and type.
    #
    # @api private
    Description = Struct.new(:help, :unit, :bounds, :combine) do
      # @param name [String] a clean one
      # @param type [Integer]
      # @return [Description]
      def self.default(name, type)
        of_tasker = DESCRIPTIONS[name]
        new(of_tasker || "Tasker #{%w[counter gauge histogram][type - 1]} metric: #{name}",
            name.end_with?('_seconds') ? 'seconds' : '', nil, 0)
      end
    end

    # The instruments that are recorded without being asked.
    DESCRIPTIONS = {
      'tasker_task_executions_total' => 'Tasks that have ended, by name and status.',
      'tasker_task_duration_seconds' => 'How long tasks took, by name and status.',
      'tasker_step_executions_total' => 'Attempts of steps that have ended, by name and status.',
      'tasker_step_duration_seconds' => 'How long attempts of steps took, by name and status.'
    }.freeze
    private_constant :DESCRIPTIONS

    # Names as Prometheus takes them.
    #
    # @api private
    module InstrumentName
      # @param name [String, Symbol]
      # @return [String] frozen
      # @raise [ArgumentError]
      def self.of(name)
        text = name.to_s.scrub('_').strip
        raise ArgumentError, 'Metric name cannot be nil or empty' if text.empty?

        clean = text.gsub(/[^a-zA-Z0-9_:]/, '_')
        clean.match?(/\A\d/) ? "_#{clean}".freeze : clean.freeze
      end
    end

    # Upper bounds of buckets.
    #
    # @api private
    module Bounds
      # @param buckets [Array<Numeric>] in any order
      # @return [Array<Float>] rising
      # @raise [ArgumentError]
      def self.of(buckets)
        raise ArgumentError, 'Buckets must be an array' unless buckets.is_a?(Array)
        raise ArgumentError, 'Buckets must be numbers' unless buckets.all? { |bound| number?(bound) }

        bounds = buckets.map(&:to_f).uniq.reject { |bound| bound == Float::INFINITY }
        raise ArgumentError, 'Buckets cannot be empty' if bounds.empty?

        bounds.sort
      end

      def self.number?(bound)
        bound.is_a?(Numeric) && bound.real?
      end
      private_class_method :number?
    end

    # Labels as a series has them.
    #
    # @api private
    module Labels
      PLAIN = [String, Symbol, Integer, TrueClass, FalseClass, NilClass].freeze
      private_constant :PLAIN

      # @param labels [Hash]
      # @return [Hash] of valid texts, without secrets
      def self.of(labels)
        return labels if labels.empty?

        Native.filter.filter(labels).transform_values { |value| text(value) }
      end

      def self.text(value)
        text = value.is_a?(String) ? value : value.to_s
        if text.encoding == Encoding::UTF_8 && text.valid_encoding?
          text
        else
          text.encode('UTF-8', invalid: :replace,
                               undef: :replace).scrub
        end
      rescue *ISOLATED_ERRORS
        value.class.to_s
      end
      private_class_method :text
    end
  end
end
