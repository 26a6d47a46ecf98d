# frozen_string_literal: true

module Tasker
  module Native
    # An open span of a task or a step. It is looked up anew at each use, so keeping one does no harm: once the span has
    # ended, adding to it does nothing. Names and values are filtered and bounded like payloads. Any thread.
    class Span
      # @return [String] 32 hexadecimal digits
      attr_reader :trace_id

      # @return [String] 16 hexadecimal digits
      attr_reader :span_id

      # @api private
      # @param manager [SpanManager]
      # @param task_id [Object]
      # @param step_id [Object, nil] nil: the task's root
      # @return [Span, nil] nil when no such span is open
      def self.find(manager, task_id, step_id)
        context = manager.find(task_id, step_id)
        context && new(manager, task_id, step_id, context)
      end

      # @api private
      # @param manager [SpanManager]
      # @param task_id [Object]
      # @param step_id [Object, nil]
      # @param context [Array(String, String)] trace id and span id
      def initialize(manager, task_id, step_id, context)
        @manager = manager
        @task_id = task_id
        @step_id = step_id
        @trace_id, @span_id = context
      end

      # @return [Boolean] whether the span is still open
      def recording?
        @manager.find(@task_id, @step_id) == [trace_id, span_id]
      end

      # @param name [String]
      # @param attributes [Hash]
      # @return [self]
      def add_event(name, attributes = {})
        @manager.add_event(@task_id, @step_id, text(name), attributes) if recording?
        self
      end

      # @param name [String] used as it is, without the service's name in front
      # @param value [Object]
      # @return [self]
      def set_attribute(name, value)
        @manager.set_attributes(@task_id, @step_id, { name => value }) if recording?
        self
      end

      # Adds an event +exception+ with the error's class, message and backtrace.
      #
      # @param error [Exception]
      # @return [self]
      def record_exception(error)
        add_event('exception',
                  'exception.type' => error.class.name,
                  'exception.message' => Runtime.message_of(error),
                  'exception.stacktrace' => error.backtrace&.join("\n"))
      end

      # @return [String]
      def inspect
        "#<#{self.class} trace_id=#{trace_id} span_id=#{span_id}>"
      end

      private

      def text(name)
        name.to_s.encode(Encoding::UTF_8, invalid: :replace, undef: :replace).scrub
      end
    end
  end
end
