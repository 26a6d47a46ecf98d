# frozen_string_literal: true

module Tasker
  module Native
    # What an instrument is, besides its name and type.
    #
    # @api private
    # @!attribute [r] help
    #   @return [String]
    # @!attribute [r] unit
    #   @return [String]
    # @!attribute [r] bounds
    #   @return [Array<Float>, nil] of a histogram; nil: the default ones
    # @!attribute [r] combine
    #   @return [Integer] 0 sum, 1 min, 2 max, 3 latest
    class InstrumentDescription
      HELP = {
        'tasker_task_executions_total' => 'Tasks that have ended, by name and status.',
        'tasker_task_duration_seconds' => 'How long tasks took, by name and status.',
        'tasker_step_executions_total' => 'Attempts of steps that have ended, by name and status.',
        'tasker_step_duration_seconds' => 'How long attempts of steps took, by name and status.'
      }.freeze
      private_constant :HELP

      attr_reader :help, :unit, :bounds, :combine

      # @param help [String]
      # @param unit [String]
      # @param bounds [Array<Float>, nil]
      # @param combine [Integer]
      def initialize(help, unit, bounds = nil, combine = 0)
        @help = help
        @unit = unit
        @bounds = bounds
        @combine = combine
      end

      # @param name [String] a clean one
      # @param type [Integer]
      # @return [InstrumentDescription]
      def self.default(name, type)
        new(HELP[name] || "Tasker #{%w[counter gauge histogram][type - 1]} metric: #{name}",
            name.end_with?('_seconds') ? 'seconds' : '')
      end
    end

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
  end
end
