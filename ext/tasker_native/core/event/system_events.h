#ifndef TN_EVENT_SYSTEM_EVENTS_H
#define TN_EVENT_SYSTEM_EVENTS_H

/* The events that Tasker itself publishes. This table is their only source: ids, names, Ruby's constants, the catalog
 * (Tasker::Events.catalog) and docs/events.md come from it. To add an event, add an entry and run `rake docs:events`;
 * keys that no other event has need a type and an example in lib/tasker/native/payload_fields.rb.
 *
 * F(X, id, Ruby module below Tasker, name, description, payload, fired by)
 *
 * Ruby's constant is the upcased tail of the name. The payload is "kind:event_type key key?='example' ...": a kind
 * (step, task, orchestration) stands for the keys that all of its events have, a key with a question mark may be
 * missing. Who fires it is a list with commas. */

/* clang-format off */
#define TN_SYSTEM_EVENT_TABLE(F, X)                                                                                    \
    F(X, TN_TASK_INITIALIZE_REQUESTED, "Constants::TaskEvents", "task.initialize_requested",                           \
      "A task was created, or waits to run again.", "task:pending_transition reason?='Task set to pending'",           \
      "EventPublisher#publish_task_pending_transition, TaskStateMachine (tasker-engine)")                              \
    F(X, TN_TASK_START_REQUESTED, "Constants::TaskEvents", "task.start_requested",                                     \
      "A task begins to run: its root span starts here.", "task:started task_context?",                                \
      "EventPublisher#publish_task_started, TaskStateMachine (tasker-engine)")                                         \
    F(X, TN_TASK_COMPLETED, "Constants::TaskEvents", "task.completed",                                                 \
      "All steps of a task are through: its root span ends well.", "task:completed",                                   \
      "EventPublisher#publish_task_completed, TaskStateMachine (tasker-engine)")                                       \
    F(X, TN_TASK_FAILED, "Constants::TaskEvents", "task.failed", "A task ended because steps of it failed for good.",  \
      "task:failed error_message?='Task execution failed' error_steps? error_step_results?",                           \
      "EventPublisher#publish_task_failed, TaskStateMachine (tasker-engine)")                                          \
    F(X, TN_TASK_RETRY_REQUESTED, "Constants::TaskEvents", "task.retry_requested",                                     \
      "A task that had failed is to run again.", "task:retry retry_reason?='Task retry requested'",                    \
      "EventPublisher#publish_task_retry_requested, TaskStateMachine (tasker-engine)")                                 \
    F(X, TN_TASK_CANCELLED, "Constants::TaskEvents", "task.cancelled", "Somebody cancelled a task.",                   \
      "task:cancelled from_state? to_state? transitioned_at?",                                                         \
      "EventPublisher#publish_task_event, TaskStateMachine (tasker-engine)")                                           \
    F(X, TN_TASK_RESOLVED_MANUALLY, "Constants::TaskEvents", "task.resolved_manually",                                 \
      "Somebody settled a failed task by hand.", "task:resolved_manually from_state? to_state? transitioned_at?",      \
      "EventPublisher#publish_task_event, TaskStateMachine (tasker-engine)")                                           \
    F(X, TN_TASK_BEFORE_TRANSITION, "Constants::TaskEvents", "task.before_transition",                                 \
      "The state of a task is about to change.", "task_id from_state? to_state transition_event? timestamp",           \
      "TaskStateMachine (tasker-engine)")                                                                              \
    F(X, TN_STEP_INITIALIZE_REQUESTED, "Constants::StepEvents", "step.initialize_requested",                           \
      "A step was created, or waits to run again.",                                                                    \
      "step:initialize_requested from_state? to_state? transitioned_at?",                                              \
      "EventPublisher#publish_step_event, StepStateMachine (tasker-engine)")                                           \
    F(X, TN_STEP_EXECUTION_REQUESTED, "Constants::StepEvents", "step.execution_requested",                             \
      "A step is to run now: its span opens here.", "step:started step_inputs? step_dependencies",                     \
      "StepHandler::Base, StepHandler::Api, EventPublisher#publish_step_started, StepStateMachine (tasker-engine)")    \
    F(X, TN_STEP_BEFORE_HANDLE, "Constants::StepEvents", "step.before_handle",                                         \
      "The handler of a step is about to be called: the width of its span counts from here.", "step:before_handle",    \
      "StepHandler::Base, StepHandler::Api, EventPublisher#publish_step_before_handle")                                \
    F(X, TN_STEP_HANDLE, "Constants::StepEvents", "step.handle",                                                       \
      "The handler of a step runs. For handlers that tell it themselves.", "step:handle",                              \
      "EventPublisher#publish_step_event")                                                                             \
    F(X, TN_STEP_COMPLETED, "Constants::StepEvents", "step.completed", "A step ended well.",                           \
      "step:completed execution_duration step_results?",                                                               \
      "StepHandler::Base, StepHandler::Api, EventPublisher#publish_step_completed, StepStateMachine (tasker-engine)")  \
    F(X, TN_STEP_FAILED, "Constants::StepEvents", "step.failed", "An attempt of a step failed.",                       \
      "step:failed error_message='payment provider timed out' error_class?='Timeout::Error' "                          \
      "exception_class='Timeout::Error' backtrace? execution_duration? step_results?",                                 \
      "StepHandler::Base, StepHandler::Api, EventPublisher#publish_step_failed, StepStateMachine (tasker-engine)")     \
    F(X, TN_STEP_RETRY_REQUESTED, "Constants::StepEvents", "step.retry_requested",                                     \
      "A step that had failed is to be tried again.",                                                                  \
      "step:retry previous_attempts? retry_reason='Step execution failed' backoff_strategy?",                          \
      "EventPublisher#publish_step_retry_requested, StepStateMachine (tasker-engine)")                                 \
    F(X, TN_STEP_CANCELLED, "Constants::StepEvents", "step.cancelled", "Somebody cancelled a step.",                   \
      "step:cancelled cancellation_reason?='Step cancelled'",                                                          \
      "EventPublisher#publish_step_cancelled, StepStateMachine (tasker-engine)")                                       \
    F(X, TN_STEP_RESOLVED_MANUALLY, "Constants::StepEvents", "step.resolved_manually",                                 \
      "Somebody settled a failed step by hand.", "step:resolved_manually from_state? to_state? transitioned_at?",      \
      "EventPublisher#publish_step_event, StepStateMachine (tasker-engine)")                                           \
    F(X, TN_STEP_BEFORE_TRANSITION, "Constants::StepEvents", "step.before_transition",                                 \
      "The state of a step is about to change.", "step:before_transition from_state? to_state? transitioned_at?",      \
      "EventPublisher#publish_step_event")                                                                             \
    F(X, TN_WORKFLOW_TASK_STARTED, "Constants::WorkflowEvents", "workflow.task_started",                               \
      "The coordinator took a task up.", "orchestration:task_started task_id",                                         \
      "EventPublisher#publish_workflow_task_started")                                                                  \
    F(X, TN_WORKFLOW_TASK_COMPLETED, "Constants::WorkflowEvents", "workflow.task_completed",                           \
      "The coordinator is through with a task that completed.", "orchestration:task_completed task_id",                \
      "EventPublisher#publish_workflow_event")                                                                         \
    F(X, TN_WORKFLOW_TASK_FAILED, "Constants::WorkflowEvents", "workflow.task_failed",                                 \
      "The coordinator is through with a task that failed.",                                                           \
      "orchestration:task_failed task_id error_message?='Task execution failed'",                                      \
      "EventPublisher#publish_workflow_event")                                                                         \
    F(X, TN_WORKFLOW_STEP_COMPLETED, "Constants::WorkflowEvents", "workflow.step_completed",                           \
      "The coordinator saw a step complete.", "orchestration:step_completed task_id step_id",                          \
      "EventPublisher#publish_workflow_step_completed")                                                                \
    F(X, TN_WORKFLOW_STEP_FAILED, "Constants::WorkflowEvents", "workflow.step_failed",                                 \
      "The coordinator saw a step fail.",                                                                              \
      "orchestration:step_failed task_id step_id error_message?='payment provider timed out'",                         \
      "EventPublisher#publish_workflow_event")                                                                         \
    F(X, TN_WORKFLOW_VIABLE_STEPS_DISCOVERED, "Constants::WorkflowEvents", "workflow.viable_steps_discovered",         \
      "Steps were found that can run now.",                                                                            \
      "orchestration:viable_steps_discovered task_id step_ids processing_mode step_count",                             \
      "EventPublisher#publish_viable_steps_discovered")                                                                \
    F(X, TN_WORKFLOW_NO_VIABLE_STEPS, "Constants::WorkflowEvents", "workflow.no_viable_steps",                         \
      "No step of a task can run now.",                                                                                \
      "orchestration:no_viable_steps task_id reason='No steps ready for execution'",                                   \
      "EventPublisher#publish_no_viable_steps")                                                                        \
    F(X, TN_WORKFLOW_ORCHESTRATION_REQUESTED, "Constants::WorkflowEvents", "workflow.orchestration_requested",         \
      "Somebody wants a task to be looked at.", "orchestration:orchestration_requested task_id",                       \
      "EventPublisher#publish_workflow_event")                                                                         \
    F(X, TN_WORKFLOW_TASK_FINALIZATION_STARTED, "Constants::WorkflowEvents", "workflow.task_finalization_started",     \
      "After its steps ran, it is being decided what becomes of a task.",                                              \
      "orchestration:task_finalization_started task_id processed_steps_count",                                         \
      "EventPublisher#publish_task_finalization_started")                                                              \
    F(X, TN_WORKFLOW_TASK_FINALIZATION_COMPLETED, "Constants::WorkflowEvents",                                         \
      "workflow.task_finalization_completed", "What becomes of a task is decided: final_status tells.",                \
      "orchestration:task_finalization_completed task_id processed_steps_count final_status?",                         \
      "EventPublisher#publish_task_finalization_completed")                                                            \
    F(X, TN_WORKFLOW_TASK_REENQUEUE_STARTED, "Constants::WorkflowEvents", "workflow.task_reenqueue_started",           \
      "A task is being put back into the queue.",                                                                      \
      "orchestration:task_reenqueue_started task_id task_name reason='Task reenqueue started' current_status?",        \
      "EventPublisher#publish_task_reenqueue_started")                                                                 \
    F(X, TN_WORKFLOW_TASK_REENQUEUE_REQUESTED, "Constants::WorkflowEvents", "workflow.task_reenqueue_requested",       \
      "A task was put back into the queue.",                                                                           \
      "orchestration:task_reenqueue_requested task_id task_name reason='Task reenqueue requested'",                    \
      "EventPublisher#publish_task_reenqueue_requested")                                                               \
    F(X, TN_WORKFLOW_TASK_REENQUEUE_FAILED, "Constants::WorkflowEvents", "workflow.task_reenqueue_failed",             \
      "A task could not be put back into the queue.",                                                                  \
      "orchestration:task_reenqueue_failed task_id task_name reason='Task reenqueue failed' error='Connection "        \
      "refused'", "EventPublisher#publish_task_reenqueue_failed")                                                      \
    F(X, TN_WORKFLOW_TASK_REENQUEUE_DELAYED, "Constants::WorkflowEvents", "workflow.task_reenqueue_delayed",           \
      "A task will be put back into the queue later.",                                                                 \
      "orchestration:task_reenqueue_delayed task_id task_name reason='Task reenqueue delayed' delay_seconds "          \
      "scheduled_for", "EventPublisher#publish_task_reenqueue_delayed")                                                \
    F(X, TN_WORKFLOW_TASK_STATE_UNCLEAR, "Constants::WorkflowEvents", "workflow.task_state_unclear",                   \
      "It could not be told what state a task is in.",                                                                 \
      "orchestration:task_state_unclear task_id task_name reason='Task in unclear state'",                             \
      "EventPublisher#publish_workflow_state_unclear")                                                                 \
    F(X, TN_WORKFLOW_STEP_EXECUTION_FAILED, "Constants::WorkflowEvents", "workflow.step_execution_failed",             \
      "A step could not be run, before or after its handler.",                                                         \
      "orchestration:step_execution_failed task_id step_id error_message?='database is locked'",                       \
      "EventPublisher#publish_workflow_event")                                                                         \
    F(X, TN_WORKFLOW_VIABLE_STEPS_BATCH_READY, "Constants::WorkflowEvents", "workflow.viable_steps_batch_ready",       \
      "Steps that can run together are ready.", "orchestration:viable_steps_batch_ready task_id step_ids",             \
      "EventPublisher#publish_workflow_event")                                                                         \
    F(X, TN_WORKFLOW_STEPS_EXECUTION_STARTED, "Constants::WorkflowEvents", "workflow.steps_execution_started",         \
      "Steps of a task begin to run together.",                                                                        \
      "orchestration:steps_execution_started task_id task_name step_count processing_mode",                            \
      "EventPublisher#publish_steps_execution_started")                                                                \
    F(X, TN_WORKFLOW_STEPS_EXECUTION_COMPLETED, "Constants::WorkflowEvents", "workflow.steps_execution_completed",     \
      "Steps that ran together are through.",                                                                          \
      "orchestration:steps_execution_completed task_id task_name processed_count successful_count",                    \
      "EventPublisher#publish_steps_execution_completed")                                                              \
    F(X, TN_OBSERVABILITY_TASK_HANDLE, "Constants::ObservabilityEvents::Task", "observability.task.handle",            \
      "A job took a task up. For applications that measure it.", "task:handle", "EventPublisher#publish_task_event")   \
    F(X, TN_OBSERVABILITY_TASK_ENQUEUE, "Constants::ObservabilityEvents::Task", "observability.task.enqueue",          \
      "A task was put into the queue.", "task:enqueue task_context?", "EventPublisher#publish_task_enqueue")           \
    F(X, TN_OBSERVABILITY_TASK_FINALIZE, "Constants::ObservabilityEvents::Task", "observability.task.finalize",        \
      "A task was finalized. For applications that measure it.", "task:finalize",                                      \
      "EventPublisher#publish_task_event")                                                                             \
    F(X, TN_OBSERVABILITY_STEP_HANDLE, "Constants::ObservabilityEvents::Step", "observability.step.handle",            \
      "A handler was called. For applications that measure it.", "step:handle", "EventPublisher#publish_step_event")   \
    F(X, TN_OBSERVABILITY_STEP_FIND_VIABLE, "Constants::ObservabilityEvents::Step", "observability.step.find_viable",  \
      "It was looked for steps that can run. For applications that measure it.", "step:find_viable",                   \
      "EventPublisher#publish_step_event")                                                                             \
    F(X, TN_OBSERVABILITY_STEP_BACKOFF, "Constants::ObservabilityEvents::Step", "observability.step.backoff",          \
      "A step has to wait before it is tried again.", "step:backoff backoff_seconds backoff_type",                     \
      "StepHandler::Api, EventPublisher#publish_step_backoff")                                                         \
    F(X, TN_OBSERVABILITY_STEP_SKIP, "Constants::ObservabilityEvents::Step", "observability.step.skip",                \
      "A step was left out.", "step:skip reason?='already shipped'", "EventPublisher#publish_step_event")              \
    F(X, TN_OBSERVABILITY_STEP_MAX_RETRIES_REACHED, "Constants::ObservabilityEvents::Step",                            \
      "observability.step.max_retries_reached", "A step failed as often as it may.", "step:max_retries_reached",       \
      "EventPublisher#publish_step_event")                                                                             \
    F(X, TN_EXPORT_CACHE_SYNCED, "Telemetry::Events::ExportEvents", "tasker.telemetry.cache_synced",                   \
      "Metrics were written to Rails' cache.", "strategy? metrics_count duration_ms success timestamp",                \
      "ExportCoordinator (tasker-engine)")                                                                             \
    F(X, TN_EXPORT_REQUESTED, "Telemetry::Events::ExportEvents", "tasker.telemetry.export_requested",                  \
      "An export of metrics was asked for.", "export_id format options? timestamp",                                    \
      "ExportCoordinator (tasker-engine)")                                                                             \
    F(X, TN_EXPORT_COMPLETED, "Telemetry::Events::ExportEvents", "tasker.telemetry.export_completed",                  \
      "An export of metrics is done.", "export_id format metrics_count duration_ms timestamp",                         \
      "ExportCoordinator (tasker-engine)")                                                                             \
    F(X, TN_EXPORT_FAILED, "Telemetry::Events::ExportEvents", "tasker.telemetry.export_failed",                        \
      "An export of metrics failed.", "export_id format error='Connection refused' timestamp",                         \
      "ExportCoordinator (tasker-engine)")                                                                             \
    F(X, TN_EXPORT_PLUGIN_REGISTERED, "Telemetry::Events::ExportEvents", "tasker.telemetry.plugin_registered",         \
      "A plugin for exports was registered.", "plugin_name plugin_class options? timestamp",                           \
      "ExportCoordinator (tasker-engine)")                                                                             \
    F(X, TN_EXPORT_PLUGIN_UNREGISTERED, "Telemetry::Events::ExportEvents", "tasker.telemetry.plugin_unregistered",     \
      "A plugin for exports was taken away.", "plugin_name plugin_class timestamp",                                    \
      "ExportCoordinator (tasker-engine)")                                                                             \
    F(X, TN_TEST_EVENT, "Constants::TestEvents", "test.event", "For test suites.", "timestamp", "")                    \
    F(X, TN_TEST_SLOW, "Constants::TestEvents", "slow.event", "For test suites: one whose listener takes long.",       \
      "timestamp", "")                                                                                                 \
    F(X, TN_TEST_CUSTOM, "Constants::TestEvents", "custom.event", "For test suites: one of an application's own.",     \
      "timestamp", "")                                                                                                 \
    F(X, TN_TEST_DOT_EVENT, "Constants::TestEvents", "Test.Event", "For test suites: one whose name has capitals.",    \
      "timestamp", "")
/* clang-format on */

/* TN_SYSTEM_EVENTS(X): X(id, module, name) for those who need no more than that. */
#define TN_SYSTEM_EVENT_NAMED(X, id, module, name, description, payload, fired_by) X(id, module, name)
#define TN_SYSTEM_EVENTS(X) TN_SYSTEM_EVENT_TABLE(TN_SYSTEM_EVENT_NAMED, X)

#define TN_SYSTEM_EVENT_ENUM(id, module, name) id,
enum { TN_SYSTEM_EVENTS(TN_SYSTEM_EVENT_ENUM) TN_SYSTEM_EVENT_COUNT };
#undef TN_SYSTEM_EVENT_ENUM

#endif
