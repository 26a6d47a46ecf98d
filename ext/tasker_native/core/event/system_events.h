#ifndef TN_EVENT_SYSTEM_EVENTS_H
#define TN_EVENT_SYSTEM_EVENTS_H

/* The events that Tasker itself publishes. This list is their only source: ids, names and Ruby's
 * constants come from it. To add an event, add a line.
 *
 * X(id, Ruby module below Tasker, name); Ruby's constant is the upcased tail of the name. */

/* clang-format off */
#define TN_SYSTEM_EVENTS(X)                                                                                                        \
    X(TN_TASK_INITIALIZE_REQUESTED, "Constants::TaskEvents", "task.initialize_requested")                                          \
    X(TN_TASK_START_REQUESTED,      "Constants::TaskEvents", "task.start_requested")                                               \
    X(TN_TASK_COMPLETED,            "Constants::TaskEvents", "task.completed")                                                     \
    X(TN_TASK_FAILED,               "Constants::TaskEvents", "task.failed")                                                        \
    X(TN_TASK_RETRY_REQUESTED,      "Constants::TaskEvents", "task.retry_requested")                                               \
    X(TN_TASK_CANCELLED,            "Constants::TaskEvents", "task.cancelled")                                                     \
    X(TN_TASK_RESOLVED_MANUALLY,    "Constants::TaskEvents", "task.resolved_manually")                                             \
    X(TN_TASK_BEFORE_TRANSITION,    "Constants::TaskEvents", "task.before_transition")                                             \
    X(TN_STEP_INITIALIZE_REQUESTED, "Constants::StepEvents", "step.initialize_requested")                                          \
    X(TN_STEP_EXECUTION_REQUESTED,  "Constants::StepEvents", "step.execution_requested")                                           \
    X(TN_STEP_BEFORE_HANDLE,        "Constants::StepEvents", "step.before_handle")                                                 \
    X(TN_STEP_HANDLE,               "Constants::StepEvents", "step.handle")                                                        \
    X(TN_STEP_COMPLETED,            "Constants::StepEvents", "step.completed")                                                     \
    X(TN_STEP_FAILED,               "Constants::StepEvents", "step.failed")                                                        \
    X(TN_STEP_RETRY_REQUESTED,      "Constants::StepEvents", "step.retry_requested")                                               \
    X(TN_STEP_CANCELLED,            "Constants::StepEvents", "step.cancelled")                                                     \
    X(TN_STEP_RESOLVED_MANUALLY,    "Constants::StepEvents", "step.resolved_manually")                                             \
    X(TN_STEP_BEFORE_TRANSITION,    "Constants::StepEvents", "step.before_transition")                                             \
    X(TN_WORKFLOW_TASK_STARTED,                "Constants::WorkflowEvents", "workflow.task_started")                               \
    X(TN_WORKFLOW_TASK_COMPLETED,              "Constants::WorkflowEvents", "workflow.task_completed")                             \
    X(TN_WORKFLOW_TASK_FAILED,                 "Constants::WorkflowEvents", "workflow.task_failed")                                \
    X(TN_WORKFLOW_STEP_COMPLETED,              "Constants::WorkflowEvents", "workflow.step_completed")                             \
    X(TN_WORKFLOW_STEP_FAILED,                 "Constants::WorkflowEvents", "workflow.step_failed")                                \
    X(TN_WORKFLOW_VIABLE_STEPS_DISCOVERED,     "Constants::WorkflowEvents", "workflow.viable_steps_discovered")                    \
    X(TN_WORKFLOW_NO_VIABLE_STEPS,             "Constants::WorkflowEvents", "workflow.no_viable_steps")                            \
    X(TN_WORKFLOW_ORCHESTRATION_REQUESTED,     "Constants::WorkflowEvents", "workflow.orchestration_requested")                    \
    X(TN_WORKFLOW_TASK_FINALIZATION_STARTED,   "Constants::WorkflowEvents", "workflow.task_finalization_started")                  \
    X(TN_WORKFLOW_TASK_FINALIZATION_COMPLETED, "Constants::WorkflowEvents", "workflow.task_finalization_completed")                \
    X(TN_WORKFLOW_TASK_REENQUEUE_STARTED,      "Constants::WorkflowEvents", "workflow.task_reenqueue_started")                     \
    X(TN_WORKFLOW_TASK_REENQUEUE_REQUESTED,    "Constants::WorkflowEvents", "workflow.task_reenqueue_requested")                   \
    X(TN_WORKFLOW_TASK_REENQUEUE_FAILED,       "Constants::WorkflowEvents", "workflow.task_reenqueue_failed")                      \
    X(TN_WORKFLOW_TASK_REENQUEUE_DELAYED,      "Constants::WorkflowEvents", "workflow.task_reenqueue_delayed")                     \
    X(TN_WORKFLOW_TASK_STATE_UNCLEAR,          "Constants::WorkflowEvents", "workflow.task_state_unclear")                         \
    X(TN_WORKFLOW_STEP_EXECUTION_FAILED,       "Constants::WorkflowEvents", "workflow.step_execution_failed")                      \
    X(TN_WORKFLOW_VIABLE_STEPS_BATCH_READY,    "Constants::WorkflowEvents", "workflow.viable_steps_batch_ready")                   \
    X(TN_WORKFLOW_STEPS_EXECUTION_STARTED,     "Constants::WorkflowEvents", "workflow.steps_execution_started")                    \
    X(TN_WORKFLOW_STEPS_EXECUTION_COMPLETED,   "Constants::WorkflowEvents", "workflow.steps_execution_completed")                  \
    X(TN_OBSERVABILITY_TASK_HANDLE,              "Constants::ObservabilityEvents::Task", "observability.task.handle")              \
    X(TN_OBSERVABILITY_TASK_ENQUEUE,             "Constants::ObservabilityEvents::Task", "observability.task.enqueue")             \
    X(TN_OBSERVABILITY_TASK_FINALIZE,            "Constants::ObservabilityEvents::Task", "observability.task.finalize")            \
    X(TN_OBSERVABILITY_STEP_HANDLE,              "Constants::ObservabilityEvents::Step", "observability.step.handle")              \
    X(TN_OBSERVABILITY_STEP_FIND_VIABLE,         "Constants::ObservabilityEvents::Step", "observability.step.find_viable")         \
    X(TN_OBSERVABILITY_STEP_BACKOFF,             "Constants::ObservabilityEvents::Step", "observability.step.backoff")             \
    X(TN_OBSERVABILITY_STEP_SKIP,                "Constants::ObservabilityEvents::Step", "observability.step.skip")                \
    X(TN_OBSERVABILITY_STEP_MAX_RETRIES_REACHED, "Constants::ObservabilityEvents::Step", "observability.step.max_retries_reached") \
    X(TN_EXPORT_CACHE_SYNCED,        "Telemetry::Events::ExportEvents", "tasker.telemetry.cache_synced")                           \
    X(TN_EXPORT_REQUESTED,           "Telemetry::Events::ExportEvents", "tasker.telemetry.export_requested")                       \
    X(TN_EXPORT_COMPLETED,           "Telemetry::Events::ExportEvents", "tasker.telemetry.export_completed")                       \
    X(TN_EXPORT_FAILED,              "Telemetry::Events::ExportEvents", "tasker.telemetry.export_failed")                          \
    X(TN_EXPORT_PLUGIN_REGISTERED,   "Telemetry::Events::ExportEvents", "tasker.telemetry.plugin_registered")                      \
    X(TN_EXPORT_PLUGIN_UNREGISTERED, "Telemetry::Events::ExportEvents", "tasker.telemetry.plugin_unregistered")                    \
    X(TN_TEST_EVENT,     "Constants::TestEvents", "test.event")                                                                    \
    X(TN_TEST_SLOW,      "Constants::TestEvents", "slow.event")                                                                    \
    X(TN_TEST_CUSTOM,    "Constants::TestEvents", "custom.event")                                                                  \
    X(TN_TEST_DOT_EVENT, "Constants::TestEvents", "Test.Event")
/* clang-format on */

#define TN_SYSTEM_EVENT_ENUM(id, module, name) id,
enum { TN_SYSTEM_EVENTS(TN_SYSTEM_EVENT_ENUM) TN_SYSTEM_EVENT_COUNT };
#undef TN_SYSTEM_EVENT_ENUM

#endif
