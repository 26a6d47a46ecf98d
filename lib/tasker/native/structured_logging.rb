# frozen_string_literal: true

require_relative 'log_line'

module Tasker
  module Native
    # Structured lines in the log of the application, for handlers and whatever else includes this. They are JSON, or
    # what +config.telemetry.log_format+ says, from +log_level+ on, filtered by +filter_parameters+; a line that is not
    # shown costs nothing: neither task nor step are asked for anything. None of the methods raises for what its
    # arguments do wrong.
    #
    # A line has timestamp, correlation_id, component, message, environment, tasker_version, process_id, thread_id,
    # request_id (where there is a +Current+ that has one), and then its context, which wins.
    module StructuredLogging
      MAX_BACKTRACE = 10
      private_constant :MAX_BACKTRACE

      # @param level [Symbol, String] :debug, :info, :warn, :error or :fatal; any other is taken for :info
      # @param message [String]
      # @param context [Hash]
      # @return [void]
      # @example
      #   log_structured(:info, 'Cart fetched', cart_id: 5, items: 3)
      def log_structured(level, message, **context)
        LogLine.structured(self, level) { { message: message, **context } }
      end

      # The id that ties the lines of this thread together. Made up at the first call, unless it was set.
      #
      # @return [String]
      def correlation_id
        LogLine.correlation_id
      end

      # @param id [String, nil] nil: the next line has a new one
      # @return [String, nil]
      def correlation_id=(id)
        LogLine.correlation_id = id
      end

      # Runs the block under this id, in this thread; then the one before is back.
      #
      # @param id [String, nil] nil: a new one
      # @yield
      # @return [Object] what the block returns
      def with_correlation_id(id)
        LogLine.with_correlation_id(id) { yield } # rubocop:disable Style/ExplicitBlockArgument
      end

      # @param task [#task_id, #name, #status]
      # @param event_type [Symbol, String] :started, :completed, ...
      # @param context [Hash]
      # @return [void] writes at level info
      def log_task_event(task, event_type, **context)
        LogLine.structured(self, :info) do
          { message: "Task #{event_type}", entity_type: 'task', entity_id: Answer.of(task, :task_id),
            entity_name: Answer.in_memory(task, :name), event_type: event_type,
            task_status: Answer.in_memory(task, :status), **context }
        end
      end

      # @param step [#workflow_step_id, #name, #status, #task]
      # @param event_type [Symbol, String]
      # @param duration [Numeric, nil] seconds: gives duration_ms and performance_category
      # @param context [Hash]
      # @return [void] writes at level info
      def log_step_event(step, event_type, duration: nil, **context)
        LogLine.structured(self, :info) do
          task = Answer.task_in_memory(step)
          { message: "Step #{event_type}", entity_type: 'step', entity_id: Answer.of(step, :workflow_step_id),
            entity_name: Answer.in_memory(step, :name), event_type: event_type,
            step_status: Answer.in_memory(step, :status),
            task_id: Answer.of(task, :task_id) || Answer.of(step, :task_id),
            task_name: Answer.in_memory(task, :name),
            **(duration ? LogLine.duration(duration) : {}), **context }
        end
      end

      # @param operation [String]
      # @param event_type [Symbol, String]
      # @param context [Hash]
      # @return [void] writes at level debug
      def log_orchestration_event(operation, event_type, **context)
        LogLine.structured(self, :debug) do
          { message: "Orchestration #{event_type}", entity_type: 'orchestration', operation: operation,
            event_type: event_type, **context }
        end
      end

      # @param operation [String]
      # @param duration [Numeric] seconds
      # @param context [Hash]
      # @return [void] writes at level warn above +slow_query_threshold_seconds+, else at level debug
      def log_performance_event(operation, duration, **context)
        slow = duration.is_a?(Numeric) && duration > Native.runtime.slow_from
        LogLine.structured(self, slow ? :warn : :debug) do
          { message: 'Performance measurement', entity_type: 'performance', operation: operation,
            **LogLine.duration(duration), is_slow: slow, **context }
        end
      end

      # @param exception [Exception]
      # @param context [Hash]
      # @param level [Symbol]
      # @return [void]
      def log_exception(exception, context: {}, level: :error)
        LogLine.structured(self, level) do
          { message: "Exception occurred: #{exception.class}", entity_type: 'exception',
            exception_class: exception.class.to_s, exception_message: Native.runtime.shown_message(exception),
            backtrace: Array(exception.backtrace).first(MAX_BACKTRACE), **context }
        end
      end
    end
  end
end
