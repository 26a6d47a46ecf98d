# frozen_string_literal: true

require_relative 'matcher'

module Tasker
  module Native
    module Testing
      # The matcher +have_published('step.completed').with(step_id: 5).times(1)+.
      class HavePublished
        include Matcher

        # @param event_name [String, Symbol]
        def initialize(event_name)
          @event_name = event_name.to_s
          @expected = {}
        end

        # @param payload [Hash] what the payload has, among others; values may be matchers
        # @return [self]
        def with(payload)
          @expected = payload
          self
        end

        # @param count [Integer] exactly so often
        # @return [self]
        def times(count)
          @count = count
          self
        end

        # @return [self]
        def once
          times(1)
        end

        # @api private
        # @param actual [Proc, Array<Event>, Testing]
        # @return [Boolean]
        def matches?(actual)
          @events = events_of(actual)
          found = named.count { |event| payload_matches?(event.payload) }
          @count ? found == @count : found.positive?
        end

        # @return [String]
        def description
          words = "have published #{@event_name}"
          words += " with #{formatted(surface_descriptions_in(@expected))}" if @expected.any?
          @count ? "#{words}, #{times_in_words(@count)}" : words
        end

        private

        def events_of(actual)
          return Testing.record_events(&actual) if actual.is_a?(Proc)

          actual == Testing ? Testing.published_events : actual.to_ary
        end

        def named
          @events.select { |event| event.id == @event_name }
        end

        def payload_matches?(payload)
          @expected.all? do |key, value|
            found = payload.fetch(key) { payload.fetch(key.to_s) { payload.fetch(key.to_s.to_sym) { next false } } }
            values_match?(value, found)
          end
        end

        def what_there_was
          return 'nothing was published' if @events.empty?
          return "only these were published: #{@events.map(&:id).uniq.join(', ')}" if named.empty?

          "it was published #{times_in_words(named.size)}:\n#{named.map { |event| "  #{shown(event)}" }.join("\n")}"
        end

        # Those keys that were asked for first.
        def shown(event)
          names = @expected.keys.map(&:to_s)
          asked, others = event.payload.partition { |key, _| names.include?(key.to_s) }
          formatted((asked + others).to_h)
        end

        def times_in_words(count)
          { 0 => 'never', 1 => 'once', 2 => 'twice' }.fetch(count) { "#{count} times" }
        end
      end
    end
  end
end
