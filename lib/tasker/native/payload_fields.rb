# frozen_string_literal: true

module Tasker
  module Native
    # What the keys of payloads are: the type of each, and an example. The table of events
    # (ext/tasker_native/core/event/system_events.h) says which event has which.
    #
    # @api private
    module PayloadFields
      # The keys that all events of a kind have; those with a question mark where the step or task tells them.
      KINDS = {
        'step' => 'task_id step_id step_name started_at? completed_at? attempt_number retry_limit? ' \
                  'event_type timestamp',
        'task' => 'task_id task_name started_at? completed_at? task_type event_type timestamp ' \
                  'total_execution_duration? current_execution_duration? execution_duration? ' \
                  'total_steps? completed_steps? failed_steps? pending_steps?',
        'orchestration' => 'event_type orchestration_event timestamp'
      }.freeze

      STARTED_AT = '2026-01-02T03:04:05Z'
      ENDED_AT = '2026-01-02T03:04:08Z'
      private_constant :STARTED_AT, :ENDED_AT

      # key => [type, example]; see {PayloadSchema} for types
      ALL = {
        attempt_number: ['Integer', 1],
        backoff_seconds: ['Integer | Float', 4],
        backoff_strategy: %w[String exponential],
        backoff_type: %w[String exponential],
        backtrace: ['Array<String>', ["app/tasks/order_process/process_payment.rb:12:in `process'"]],
        cancellation_reason: ['String', 'Step cancelled'],
        completed_at: ['Time', ENDED_AT],
        completed_steps: ['Integer', 2],
        current_execution_duration: ['Float', 3.128],
        current_status: %w[String in_progress],
        delay_seconds: ['Integer | Float', 30],
        duration_ms: ['Integer | Float', 12.5],
        error: %w[String],
        error_class: %w[String],
        error_message: %w[String],
        error_step_results: ['Array | Hash', [{ step_id: 21, error: 'payment provider timed out' }]],
        error_steps: ['Array', ['process_payment']],
        event_type: %w[String],
        exception_class: %w[String],
        execution_duration: ['Float', 2.718],
        export_id: %w[String 5f0d1c6a],
        failed_steps: ['Integer', 0],
        final_status: %w[String complete],
        format: %w[String prometheus],
        from_state: %w[String in_progress],
        metrics_count: ['Integer', 42],
        options: ['Hash', { replace: false }],
        orchestration_event: ['Boolean', true],
        pending_steps: ['Integer', 2],
        plugin_class: %w[String OrderMetricsExporter],
        plugin_name: %w[String order_metrics],
        previous_attempts: ['Integer', 0],
        processed_count: ['Integer', 2],
        processed_steps_count: ['Integer', 2],
        processing_mode: %w[String concurrent],
        reason: %w[String],
        retry_limit: ['Integer', 3],
        retry_reason: %w[String],
        scheduled_for: ['Time', Time.utc(2026, 1, 2, 3, 4, 38)],
        started_at: ['Time', STARTED_AT],
        step_count: ['Integer', 2],
        step_dependencies: ['Array<String>', ['validate_products']],
        step_id: ['Integer | String', 21],
        step_ids: ['Array', [21, 22]],
        step_inputs: ['Hash', { cart_id: 5 }],
        step_name: %w[String process_payment],
        step_results: ['Object', { payment_id: 'pay_1' }],
        strategy: %w[String distributed_atomic],
        success: ['Boolean', true],
        successful_count: ['Integer', 2],
        task_context: ['Object', { cart_id: 5 }],
        task_id: ['Integer | String', 7],
        task_name: %w[String order_process],
        task_type: %w[String Task],
        timestamp: ['Time', ENDED_AT],
        to_state: %w[String complete],
        total_execution_duration: ['Float', nil],
        total_steps: ['Integer', 4],
        transition_event: %w[String task.completed],
        transitioned_at: ['Time', Time.utc(2026, 1, 2, 3, 4, 8)]
      }.freeze

      # What differs from that for events of a type.
      BY_EVENT_TYPE = {
        'task:completed' => { total_execution_duration: 3.128, current_execution_duration: nil,
                              execution_duration: 3.128, completed_steps: 4, pending_steps: 0 },
        'task:failed' => { completed_at: nil, completed_steps: 3, failed_steps: 1, pending_steps: 0 },
        'task:cancelled' => { completed_at: nil, to_state: 'cancelled' },
        'task:resolved_manually' => { completed_at: nil, from_state: 'error', to_state: 'resolved_manually',
                                      completed_steps: 3, failed_steps: 1, pending_steps: 0 },
        'task' => { completed_at: nil },
        'step:started' => { started_at: nil, completed_at: nil },
        'step:before_handle' => { completed_at: nil },
        'step:handle' => { completed_at: nil },
        'step:retry' => { previous_attempts: 0 },
        'step:initialize_requested' => { started_at: nil, completed_at: nil, from_state: nil, to_state: 'pending' },
        'step:resolved_manually' => { from_state: 'error', to_state: 'resolved_manually' },
        'step:max_retries_reached' => { attempt_number: 3 }
      }.freeze
    end
  end
end
