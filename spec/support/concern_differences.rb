# frozen_string_literal: true

# By call of {ConcernCalls}: what we publish otherwise than tasker-engine does, on purpose: its defects, and what there
# is beyond it.
CONCERN_DIFFERENCES = {
  'publish_step_failed, with its error' => { exception_class: 'ArgumentError' }, # not always StandardError
  'publish_step_completed, end of an earlier attempt' => { execution_duration: 0.0 }, # not less than nothing
  # Under its common name, too.
  'publish_task_completed, all steps complete' => { execution_duration: 11.235 },
  'publish_task_completed, as the finalizer does' => { execution_duration: 11.235 },
  # The caller's context wins everywhere, over a method's own arguments, too.
  'publish_task_enqueue, with context' => { task_context: 'own' },
  'publish_no_viable_steps, context against argument' => { task_id: 8 },
  'publish_step_backoff, context against argument' => { step_name: 'own' },
  'publish_step_failed, context against argument' => { error_message: 'own', exception_class: 'ArgumentError' },
  'publish_task_reenqueue_requested, context against argument' => { task_name: 'own', timestamp: 'own' }
}.freeze
