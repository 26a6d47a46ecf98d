# frozen_string_literal: true

module Tasker
  module Native
    # Where an event goes: an entry of {EventRouter}. It does not change.
    class EventMapping
      # Where events may go.
      BACKENDS = %i[trace metrics logs].freeze
      # For who reads the mapping; telemetry treats all alike.
      PRIORITIES = %i[low normal high critical].freeze

      # @return [String]
      attr_reader :event_name
      # @return [Array<Symbol>] of {BACKENDS}
      attr_reader :backends
      # @return [Boolean]
      attr_reader :enabled
      # @return [Float] the part of the events that is wanted, 0.0 to 1.0
      attr_reader :sampling_rate
      # @return [Symbol] of {PRIORITIES}
      attr_reader :priority
      # @return [Hash]
      attr_reader :metadata

      # @param event_name [String, Symbol]
      # @param backends [Array<Symbol>]
      # @param enabled [Boolean]
      # @param sampling_rate [Numeric]
      # @param priority [Symbol]
      # @param metadata [Hash]
      # @raise [ArgumentError] for anything else
      def initialize(event_name:, backends: [:trace], enabled: true, sampling_rate: 1.0, priority: :normal,
                     metadata: {})
        @event_name = event_name.to_s.freeze
        @backends = Array(backends).map(&:to_sym).uniq.freeze
        @enabled = enabled ? true : false
        @sampling_rate = sampling_rate
        @priority = priority
        @metadata = metadata.to_h.dup.freeze
        check
        @sampling_rate = sampling_rate.to_f
        freeze
      end

      # @return [Boolean]
      def routes_to_traces? = backends.include?(:trace)

      # @return [Boolean]
      def routes_to_metrics? = backends.include?(:metrics)

      # @return [Boolean]
      def routes_to_logs? = backends.include?(:logs)

      # Rolls the dice: to be asked once for each event.
      #
      # @return [Boolean]
      def should_sample?
        sampling_rate >= 1.0 || Random.rand < sampling_rate
      end

      # @return [Boolean] whether this event is wanted: see {#should_sample?}
      def active?
        enabled && should_sample?
      end

      # @return [String] for people
      def description
        "#{event_name} → #{backends.join(', ')} (#{(sampling_rate * 100).round(1)}% sampled)"
      end

      private

      def check
        raise ArgumentError, 'an event needs a name' if event_name.strip.empty?

        expect_that(backends.any? && (backends - BACKENDS).empty?, "its backends are some of #{BACKENDS}", backends)
        expect_that(rate?(sampling_rate), 'its sampling_rate is a number from 0.0 to 1.0', sampling_rate)
        expect_that(PRIORITIES.include?(priority), "its priority is one of #{PRIORITIES}", priority)
      end

      def rate?(value)
        value.is_a?(Numeric) && value.real? && value.between?(0, 1)
      end

      def expect_that(holds, rule, value)
        raise ArgumentError, "the mapping of #{event_name}: #{rule}, not #{value.inspect}" unless holds
      end
    end
  end
end
