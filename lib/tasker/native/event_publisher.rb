# frozen_string_literal: true

module Tasker
  module Native
    # The methods by which handlers and models publish events. None of them raises for a failing listener or for what
    # step, task or context do wrong: that is logged as +Error publishing event NAME: MESSAGE+ and counted. What stands
    # in +context+ is added to the payload and wins over what would be there.
    module EventPublisher
      # Publishes step.execution_requested.
      #
      # @param step [#workflow_step_id, #name] an ActiveRecord step, or anything that answers a part of its methods
      # @param context [Hash]
      # @return [void]
      def publish_step_started(step, **context)
        publish_step('step.execution_requested', :started, step, nil, context)
      end

      # Publishes step.before_handle: the step's span starts here.
      #
      # @param (see #publish_step_started)
      # @return [void]
      def publish_step_before_handle(step, **context)
        publish_step('step.before_handle', :before_handle, step, nil, context)
      end

      # Publishes step.completed.
      #
      # @param (see #publish_step_started)
      # @return [void]
      # @example
      #   publish_step_completed(step, operation_count: 42)
      def publish_step_completed(step, **context)
        publish_step('step.completed', :completed, step, nil, context)
      end

      # Publishes step.failed with error_message, error_class, exception_class and backtrace (10 lines; the span has
      # more).
      #
      # @param step [#workflow_step_id, #name]
      # @param error [Exception, nil]
      # @param context [Hash]
      # @return [void]
      def publish_step_failed(step, error: nil, **context)
        publish_step('step.failed', :failed, step, error, context)
      end

      # Publishes step.retry_requested.
      #
      # @param step [#workflow_step_id, #name]
      # @param retry_reason [String]
      # @param context [Hash]
      # @return [void]
      def publish_step_retry_requested(step, retry_reason: 'Step execution failed', **context)
        publish_step('step.retry_requested', :retry, step, nil, { retry_reason: retry_reason, **context })
      end

      # Publishes step.cancelled.
      #
      # @param step [#workflow_step_id, #name]
      # @param cancellation_reason [String]
      # @param context [Hash]
      # @return [void]
      def publish_step_cancelled(step, cancellation_reason: 'Step cancelled', **context)
        publish_step('step.cancelled', :cancelled, step, nil, { cancellation_reason: cancellation_reason, **context })
      end

      # Publishes task.start_requested: the task's root span starts here.
      #
      # @param task [#task_id, #name]
      # @param context [Hash]
      # @return [void]
      def publish_task_started(task, **context)
        publish_task('task.start_requested', :started, task, context)
      end

      # Publishes task.completed.
      #
      # @param (see #publish_task_started)
      # @return [void]
      def publish_task_completed(task, **context)
        publish_task('task.completed', :completed, task, context)
      end

      # Publishes task.failed.
      #
      # @param task [#task_id, #name]
      # @param error_message [String]
      # @param error_steps [Array]
      # @param context [Hash]
      # @return [void]
      def publish_task_failed(task, error_message: 'Task execution failed', error_steps: [], **context)
        publish_task('task.failed', :failed, task,
                     { error_message: error_message, error_steps: error_steps, **context })
      end

      # Publishes task.retry_requested.
      #
      # @param task [#task_id, #name]
      # @param retry_reason [String]
      # @param context [Hash]
      # @return [void]
      def publish_task_retry_requested(task, retry_reason: 'Task retry requested', **context)
        publish_task('task.retry_requested', :retry_requested, task, { retry_reason: retry_reason, **context })
      end

      # Publishes task.initialize_requested for a task that waits again.
      #
      # @param task [#task_id, #name]
      # @param reason [String]
      # @param context [Hash]
      # @return [void]
      def publish_task_pending_transition(task, reason: 'Task set to pending', **context)
        publish_task('task.initialize_requested', :initialize_requested, task, { reason: reason, **context })
      end

      private

      # Publishes any event. A name that nobody has registered becomes a custom event at its first use; while a handler
      # runs, custom events become events of its step's span.
      def publish_event(event_name, payload = {})
        publisher = Tasker::Events::Publisher.instance
        publisher.register_event(event_name) unless publisher.registered?(event_name)
        publisher.publish(event_name, payload)
        nil
      rescue TooManyEventsError => e
        Native.runtime.warn_of_too_many_events(event_name, e)
      rescue *ISOLATED_ERRORS => e
        Native.report_publishing_error(event_name, e)
      end

      def publish_step(event_name, event_type, step, error, context)
        Tasker::Events::Publisher.instance.publish_step(event_name, event_type, step, error, context)
      rescue *ISOLATED_ERRORS => e
        Native.report_publishing_error(event_name, e)
      end

      def publish_task(event_name, event_type, task, context)
        publisher = Tasker::Events::Publisher.instance
        wanted = publisher.wanted?(event_name)
        publisher.publish(event_name, wanted ? build_task_payload(task, event_type, context) : {})
      rescue *ISOLATED_ERRORS => e
        Native.report_publishing_error(event_name, e)
      end

      def build_step_payload(step, event_type, context = {})
        EventPayloadBuilder.build_step_payload(step, event_type: event_type, additional_context: context)
      end

      def build_task_payload(task, event_type, context = {})
        EventPayloadBuilder.build_task_payload(task, event_type: event_type, additional_context: context)
      end
    end
  end
end
