# frozen_string_literal: true

require_relative 'publishing'

module Tasker
  module Native
    # The methods by which handlers and models publish events. None of them raises for a failing listener or for what
    # step, task or context do wrong: that is logged as +Error publishing event NAME: MESSAGE+ and counted. What stands
    # in +context+ is added to the payload and wins over what would be there. Where nobody wants to know of an event,
    # its payload is not built, and nothing is asked of step and task. docs/events.md has the payloads.
    #
    # @example
    #   class ShipOrder < Tasker::StepHandler::Base
    #     def process(task, _sequence, step)
    #       parcels = Warehouse.ship(task.context['order_id'])
    #       publish_custom_event('order.shipped', order_id: task.context['order_id'], parcels: parcels.size)
    #       { parcels: parcels.map(&:number) }
    #     end
    #   end
    module EventPublisher
      # Publishes step.execution_requested.
      #
      # @param step [#workflow_step_id, #name] an ActiveRecord step, or anything that answers a part of its methods
      # @param context [Hash]
      # @return [void]
      def publish_step_started(step, **context)
        Publishing.step(self, 'step.execution_requested', :started, step, nil, context)
      end

      # Publishes step.before_handle: the step's span starts here.
      #
      # @param (see #publish_step_started)
      # @return [void]
      def publish_step_before_handle(step, **context)
        Publishing.step(self, 'step.before_handle', :before_handle, step, nil, context)
      end

      # Publishes step.completed.
      #
      # @param (see #publish_step_started)
      # @return [void]
      # @example
      #   publish_step_completed(step, operation_count: 42)
      def publish_step_completed(step, **context)
        Publishing.step(self, 'step.completed', :completed, step, nil, context)
      end

      # Publishes step.failed with error_message, error_class, exception_class and backtrace (10 lines; the span has
      # more).
      #
      # @param step [#workflow_step_id, #name]
      # @param error [Exception, String, nil] a String gives the message only
      # @param context [Hash]
      # @return [void]
      # @example
      #   begin
      #     charge(order)
      #   rescue PaymentError => e
      #     publish_step_failed(step, error: e, order_id: order.id)
      #     raise
      #   end
      def publish_step_failed(step, error: nil, **context)
        Publishing.step(self, 'step.failed', :failed, step, error, context)
      end

      # Publishes step.retry_requested.
      #
      # @param step [#workflow_step_id, #name]
      # @param retry_reason [String]
      # @param context [Hash]
      # @return [void]
      def publish_step_retry_requested(step, retry_reason: 'Step execution failed', **context)
        Publishing.step(self, 'step.retry_requested', :retry, step, nil, { retry_reason: retry_reason, **context })
      end

      # Publishes step.cancelled.
      #
      # @param step [#workflow_step_id, #name]
      # @param cancellation_reason [String]
      # @param context [Hash]
      # @return [void]
      def publish_step_cancelled(step, cancellation_reason: 'Step cancelled', **context)
        Publishing.step(self, 'step.cancelled', :cancelled, step, nil,
                        { cancellation_reason: cancellation_reason, **context })
      end

      # Publishes observability.step.backoff: the step waits before it is tried again.
      #
      # @param step [#workflow_step_id, #name]
      # @param backoff_seconds [Numeric]
      # @param backoff_type [String] 'exponential', 'server_requested', ...
      # @param context [Hash]
      # @return [void]
      def publish_step_backoff(step, backoff_seconds:, backoff_type: 'exponential', **context)
        Publishing.step(self, 'observability.step.backoff', :backoff, step, nil,
                        { backoff_seconds: backoff_seconds, backoff_type: backoff_type, **context })
      end

      # Publishes what the hint says, or the state of the step: step.execution_requested, step.completed, step.failed,
      # step.retry_requested or step.cancelled. An unknown hint is logged, and nothing is published.
      #
      # @param step [#workflow_step_id, #name, #status]
      # @param context_hint [Symbol, String, nil] :started, :execution_requested, :completed, :success, :failed,
      #   :failure, :error, :retry, :retry_requested or :cancelled; nil: see {#infer_step_event_type_from_state}
      # @param context [Hash] goes on to the method that publishes
      # @return [void]
      def publish_step_event_for_context(step, context_hint: nil, **context)
        hint = context_hint || infer_step_event_type_from_state(step)
        method = METHODS_BY_HINT[hint.to_s.to_sym]
        return public_send(method, step, **context) if method

        Native.logger.warn("Unknown step event context: #{hint}. Known ones: #{METHODS_BY_HINT.keys.join(', ')}")
        nil
      end

      # @param step [#status]
      # @return [Symbol] :started, :completed, :failed or :cancelled; :started for any other state
      def infer_step_event_type_from_state(step)
        TYPES_BY_STATUS.fetch(step.status.to_s, :started)
      rescue *ISOLATED_ERRORS
        :started
      end

      # Publishes task.start_requested: the task's root span starts here.
      #
      # @param task [#task_id, #name]
      # @param context [Hash]
      # @return [void]
      # @example
      #   publish_task_started(task, execution_mode: 'async')
      def publish_task_started(task, **context)
        Publishing.task(self, 'task.start_requested', :started, task, context)
      end

      # Publishes task.completed.
      #
      # @param (see #publish_task_started)
      # @return [void]
      def publish_task_completed(task, **context)
        Publishing.task(self, 'task.completed', :completed, task, context)
      end

      # Publishes task.failed.
      #
      # @param task [#task_id, #name]
      # @param error_message [String]
      # @param error_steps [Array]
      # @param context [Hash]
      # @return [void]
      # @example
      #   publish_task_failed(task, error_message: 'Out of stock', error_steps: ['ship_order'])
      def publish_task_failed(task, error_message: 'Task execution failed', error_steps: [], **context)
        Publishing.task(self, 'task.failed', :failed, task,
                        { error_message: error_message, error_steps: error_steps, **context })
      end

      # Publishes task.retry_requested.
      #
      # @param task [#task_id, #name]
      # @param retry_reason [String]
      # @param context [Hash]
      # @return [void]
      def publish_task_retry_requested(task, retry_reason: 'Task retry requested', **context)
        Publishing.task(self, 'task.retry_requested', :retry, task, { retry_reason: retry_reason, **context })
      end

      # Publishes task.initialize_requested for a task that waits again.
      #
      # @param task [#task_id, #name]
      # @param reason [String]
      # @param context [Hash]
      # @return [void]
      def publish_task_pending_transition(task, reason: 'Task set to pending', **context)
        Publishing.task(self, 'task.initialize_requested', :pending_transition, task, { reason: reason, **context })
      end

      # Publishes observability.task.enqueue, with the task's context as task_context.
      #
      # @param (see #publish_task_started)
      # @return [void]
      def publish_task_enqueue(task, **context)
        Publishing.task(self, 'observability.task.enqueue', :enqueue, task, context)
      end

      # Publishes workflow.task_started.
      #
      # @param task_id [Object]
      # @param context [Hash]
      # @return [void]
      def publish_workflow_task_started(task_id, **context)
        Publishing.orchestration(self, 'workflow.task_started', context) { { task_id: task_id } }
      end

      # Publishes workflow.step_completed.
      #
      # @param task_id [Object]
      # @param step_id [Object]
      # @param context [Hash]
      # @return [void]
      def publish_workflow_step_completed(task_id, step_id, **context)
        Publishing.orchestration(self, 'workflow.step_completed', context) { { task_id: task_id, step_id: step_id } }
      end

      # Publishes workflow.viable_steps_discovered, with the number of steps as step_count.
      #
      # @param task_id [Object]
      # @param step_ids [Array]
      # @param processing_mode [String]
      # @param context [Hash]
      # @return [void]
      # @example
      #   publish_viable_steps_discovered(task.task_id, [21, 22])
      def publish_viable_steps_discovered(task_id, step_ids, processing_mode: 'concurrent', **context)
        Publishing.orchestration(self, 'workflow.viable_steps_discovered', context) do
          { task_id: task_id, step_ids: step_ids, processing_mode: processing_mode, step_count: step_ids.size }
        end
      end

      # Publishes workflow.no_viable_steps.
      #
      # @param task_id [Object]
      # @param reason [String]
      # @param context [Hash]
      # @return [void]
      def publish_no_viable_steps(task_id, reason: 'No steps ready for execution', **context)
        Publishing.orchestration(self, 'workflow.no_viable_steps', context) { { task_id: task_id, reason: reason } }
      end

      # Publishes workflow.task_finalization_started.
      #
      # @param task [#task_id]
      # @param processed_steps_count [Integer]
      # @param context [Hash]
      # @return [void]
      def publish_task_finalization_started(task, processed_steps_count: 0, **context)
        Publishing.orchestration(self, 'workflow.task_finalization_started', context, task, %i[task_id]) do
          { processed_steps_count: processed_steps_count }
        end
      end

      # Publishes workflow.task_finalization_completed, with the task's status as final_status.
      #
      # @param task [#task_id, #status]
      # @param processed_steps_count [Integer]
      # @param context [Hash]
      # @return [void]
      def publish_task_finalization_completed(task, processed_steps_count: 0, **context)
        Publishing.orchestration(self, 'workflow.task_finalization_completed', context, task,
                                 %i[task_id final_status]) do
          { processed_steps_count: processed_steps_count }
        end
      end

      # Publishes workflow.task_state_unclear.
      #
      # @param task [#task_id, #name]
      # @param reason [String]
      # @param context [Hash]
      # @return [void]
      def publish_workflow_state_unclear(task, reason: 'Task in unclear state', **context)
        Publishing.orchestration(self, 'workflow.task_state_unclear', context, task) { { reason: reason } }
      end

      # Publishes workflow.task_reenqueue_started, with the task's status as current_status.
      #
      # @param task [#task_id, #name, #status]
      # @param reason [String]
      # @param context [Hash]
      # @return [void]
      def publish_task_reenqueue_started(task, reason: 'Task reenqueue started', **context)
        Publishing.orchestration(self, 'workflow.task_reenqueue_started', context, task,
                                 %i[task_id task_name current_status]) { { reason: reason, timestamp: Native.now } }
      end

      # Publishes workflow.task_reenqueue_requested.
      #
      # @param task [#task_id, #name]
      # @param reason [String]
      # @param context [Hash]
      # @return [void]
      def publish_task_reenqueue_requested(task, reason: 'Task reenqueue requested', **context)
        Publishing.orchestration(self, 'workflow.task_reenqueue_requested', context, task) do
          { reason: reason, timestamp: Native.now }
        end
      end

      # Publishes workflow.task_reenqueue_failed.
      #
      # @param task [#task_id, #name]
      # @param reason [String]
      # @param error [String]
      # @param context [Hash]
      # @return [void]
      def publish_task_reenqueue_failed(task, reason: 'Task reenqueue failed', error: 'Unknown error', **context)
        Publishing.orchestration(self, 'workflow.task_reenqueue_failed', context, task) do
          { reason: reason, error: error, timestamp: Native.now }
        end
      end

      # Publishes workflow.task_reenqueue_delayed, with the time when the task is due as scheduled_for.
      #
      # @param task [#task_id, #name]
      # @param delay_seconds [Numeric]
      # @param reason [String]
      # @param context [Hash]
      # @return [void]
      def publish_task_reenqueue_delayed(task, delay_seconds:, reason: 'Task reenqueue delayed', **context)
        Publishing.orchestration(self, 'workflow.task_reenqueue_delayed', context, task) do
          now = Native.now
          { reason: reason, delay_seconds: delay_seconds, scheduled_for: now + delay_seconds, timestamp: now }
        end
      end

      # Publishes workflow.steps_execution_started.
      #
      # @param task [#task_id, #name]
      # @param step_count [Integer]
      # @param processing_mode [String]
      # @param context [Hash]
      # @return [void]
      def publish_steps_execution_started(task, step_count:, processing_mode: 'concurrent', **context)
        Publishing.orchestration(self, 'workflow.steps_execution_started', context, task) do
          { step_count: step_count, processing_mode: processing_mode }
        end
      end

      # Publishes workflow.steps_execution_completed.
      #
      # @param task [#task_id, #name]
      # @param processed_count [Integer]
      # @param successful_count [Integer]
      # @param context [Hash]
      # @return [void]
      def publish_steps_execution_completed(task, processed_count:, successful_count:, **context)
        Publishing.orchestration(self, 'workflow.steps_execution_completed', context, task) do
          { processed_count: processed_count, successful_count: successful_count }
        end
      end

      # Publishes one of the application's own events, with the event_type 'custom' and the time of now, whatever the
      # payload has there. It need not be registered; see {Catalog#register_custom_event}.
      #
      # @param event_name [String] 'order.shipped'
      # @param payload [Hash]
      # @return [void]
      # @example
      #   publish_custom_event('order.shipped', order_id: 5, parcels: 2)
      def publish_custom_event(event_name, payload = {})
        payload = { **payload, event_type: 'custom', timestamp: Native.now } if payload.is_a?(Hash)
        Publishing.rescuing(event_name) { |publisher| publisher.publish_by(self, event_name, payload, nil) }
      end

      # Publishes any event with the payload of a step.
      #
      # @deprecated The methods above say what they publish. This one is for events that have none, and for code that
      #   was written for older versions of Tasker.
      # @param event_name [String]
      # @param step [#workflow_step_id, #name]
      # @param metadata [Hash] the same as the context
      # @param event_type [Symbol, String, nil] nil: as the catalog has it, else the last part of the name
      # @param error [Exception, String, nil] for an event_type of :failed
      # @param context [Hash]
      # @return [void]
      # @example
      #   publish_step_event('step.resolved_manually', step, resolved_by: 'support')
      def publish_step_event(event_name, step, metadata = {}, event_type: nil, error: nil, **context)
        Publishing.rescuing(event_name) do |publisher|
          type = event_type || Publishing.event_type_of(event_name)
          publisher.publish_step(self, event_name, type.to_sym, step, error, { **metadata, **context })
        end
      end

      # Publishes any event with the payload of a task.
      #
      # @deprecated As {#publish_step_event}.
      # @param event_name [String]
      # @param task [#task_id, #name]
      # @param metadata [Hash] the same as the context
      # @param event_type [Symbol, String, nil] nil: as the catalog has it, else the last part of the name
      # @param context [Hash]
      # @return [void]
      # @example
      #   publish_task_event('task.cancelled', task, cancelled_by: 'support')
      def publish_task_event(event_name, task, metadata = {}, event_type: nil, **context)
        Publishing.rescuing(event_name) do
          type = event_type || Publishing.event_type_of(event_name)
          Publishing.of_task(self, event_name, type.to_sym, task, { **metadata, **context })
        end
      end

      # Publishes any event with the payload of orchestration.
      #
      # @deprecated As {#publish_step_event}.
      # @param event_name [String]
      # @param metadata [Hash] the same as the context
      # @param context [Hash]
      # @return [void]
      # @example
      #   publish_workflow_event('workflow.orchestration_requested', task_id: task.task_id)
      def publish_workflow_event(event_name, metadata = {}, **context)
        Publishing.orchestration(self, event_name, context) { metadata }
      end

      METHODS_BY_HINT = {
        started: :publish_step_started, execution_requested: :publish_step_started,
        completed: :publish_step_completed, success: :publish_step_completed,
        failed: :publish_step_failed, failure: :publish_step_failed, error: :publish_step_failed,
        retry: :publish_step_retry_requested, retry_requested: :publish_step_retry_requested,
        cancelled: :publish_step_cancelled
      }.freeze
      TYPES_BY_STATUS = { 'in_progress' => :started, 'complete' => :completed, 'error' => :failed,
                          'cancelled' => :cancelled }.freeze
      private_constant :METHODS_BY_HINT, :TYPES_BY_STATUS

      private

      # @!visibility protected

      # Publishes any event. A name that nobody has registered becomes a custom event at its first use; while a handler
      # runs, custom events become events of its step's span.
      #
      # @param event_name [String, Symbol]
      # @param payload [Hash]
      # @return [void]
      # @example
      #   publish_event('order.validation_started', order_id: 5)
      def publish_event(event_name, payload = {})
        Publishing.rescuing(event_name) { |publisher| publisher.publish(event_name, payload) }
      end

      # The same; before that the block writes to the log. What it raises stays here.
      #
      # @param event_name [String, Symbol]
      # @param payload [Hash]
      # @return [void]
      def publish_event_with_logging(event_name, payload = {})
        begin
          yield if block_given?
        rescue *ISOLATED_ERRORS => e
          Native.logger.warn("The log line of #{event_name} failed: #{Native.runtime.shown_message(e)}")
        end
        publish_event(event_name, payload)
      end

      # @!visibility private

      # @see EventPayloadBuilder#build_step_payload
      def build_step_payload(step, event_type, context = {})
        EventPayloadBuilder.build_step_payload(step, event_type: event_type, additional_context: context)
      end

      # @see EventPayloadBuilder#build_task_payload
      def build_task_payload(task, event_type, context = {})
        EventPayloadBuilder.build_task_payload(task, event_type: event_type, additional_context: context)
      end

      # @see EventPayloadBuilder#build_orchestration_payload
      def build_orchestration_payload(event_type, context = {})
        EventPayloadBuilder.build_orchestration_payload(event_type: event_type, context: context)
      end

      # @return [Float, nil] seconds from the step's attempt to its end, else from its creation to its last change
      def extract_duration_from_step(step)
        EventPayloadBuilder.step_duration(step)
      end
    end
  end
end
