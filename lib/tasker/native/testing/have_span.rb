# frozen_string_literal: true

require_relative 'matcher'

module Tasker
  module Native
    module Testing
      # The matcher +have_span('tasker.step.execution').under('tasker.task.execution').with(step_name: 'pay')+.
      class HaveSpan
        include Matcher

        # @param name [String, Symbol]
        def initialize(name)
          @name = name.to_s
          @attributes = {}
        end

        # @param parent [String, SpanData] the parent's name, or the parent
        # @return [self]
        def under(parent)
          @parent = parent
          self
        end

        # @param attributes [Hash] what the span has, among others; names with or without the service's in front, values
        #   may be matchers
        # @return [self]
        def with(attributes)
          @attributes = attributes
          self
        end

        # @param status [String, Symbol] 'OK', 'ERROR' or 'UNSET'
        # @return [self]
        def with_status(status)
          @status = status.to_s.upcase
          self
        end

        # @api private
        # @param actual [Proc, Array<SpanData>, Testing]
        # @return [Boolean]
        def matches?(actual)
          @spans = spans_of(actual)
          @spans.any? { |span| span_matches?(span) }
        end

        # @return [String]
        def description
          words = "have a span #{@name}"
          words += " under #{@parent.is_a?(String) ? @parent : "#{@parent.name} #{@parent.span_id}"}" if @parent
          words += " with the status #{@status}" if @status
          words += " with #{formatted(surface_descriptions_in(@attributes))}" if @attributes.any?
          words
        end

        private

        # Parents may have ended before the block, so that all spans are looked through for them.
        def spans_of(actual)
          return actual == Testing ? Testing.finished_spans : actual.to_ary unless actual.is_a?(Proc)

          before = Testing.finished_spans.size
          actual.call
          @all = Testing.finished_spans
          @all.drop(before)
        end

        def span_matches?(span)
          span.name == @name && (@parent.nil? || parent_matches?(span)) && (@status.nil? || span.status == @status) &&
            @attributes.all? { |name, value| values_match?(value, span.attribute(name.to_s)) }
        end

        def parent_matches?(span)
          return span.parent_id == @parent.span_id unless @parent.is_a?(String)

          parent_of(span)&.name == @parent
        end

        def parent_of(span)
          (@all || @spans).find { |other| other.span_id == span.parent_id && other.trace_id == span.trace_id }
        end

        def what_there_was
          return 'no span has ended' if @spans.empty?

          "these spans have ended:\n#{@spans.map { |span| "  #{shown(span)}" }.join("\n")}"
        end

        def shown(span)
          words = "#{span.name} #{span.status}"
          words += " under #{parent_of(span)&.name || "#{span.parent_id}, which has not ended"}" if span.parent_id
          words += " with #{formatted(span.attributes)}" if span.name == @name && @attributes.any?
          words
        end
      end
    end
  end
end
