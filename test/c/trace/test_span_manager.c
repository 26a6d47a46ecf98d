#include "support.h"

#include "base/process.h"

#include <sys/wait.h>
#include <unistd.h>

TestSuite(span_manager, .init = start_manager, .fini = stop_manager);

#define ROOT "tasker.task.execution"
#define STEP "tasker.step.execution"

static tn_span_key key(const char *task_id, const char *step_id)
{
    return (tn_span_key){tn_text_of(task_id), tn_text_of(step_id)};
}

static void publish_custom(const char *name, const char *task_id, const char *step_id)
{
    tn_occurrence occurrence = custom_event(name, task_id, step_id);
    tn_span_manager_record(manager, &occurrence);
}

static void end_step_and_task(void)
{
    publish_step(TN_STEP_COMPLETED, "task-1", "step-1");
    publish_task(TN_TASK_COMPLETED, "task-1");
    tn_span_manager_release(manager, test_now.monotonic, true);
}

/* --- What it wants ------------------------------------------------------------------------------------- */

Test(span_manager, wants_the_events_that_begin_or_end_something_and_every_custom_one)
{
    static const tn_event_id wanted[] = {
        TN_TASK_INITIALIZE_REQUESTED,
        TN_TASK_START_REQUESTED,
        TN_TASK_COMPLETED,
        TN_TASK_FAILED,
        TN_TASK_CANCELLED,
        TN_TASK_RESOLVED_MANUALLY,
        TN_STEP_EXECUTION_REQUESTED,
        TN_STEP_BEFORE_HANDLE,
        TN_STEP_COMPLETED,
        TN_STEP_FAILED,
        TN_STEP_CANCELLED,
        TN_STEP_RESOLVED_MANUALLY,
        TN_STEP_RETRY_REQUESTED,
    };
    size_t count = 0;
    for (tn_event_id event = 0; event < TN_SYSTEM_EVENT_COUNT; event++) count += tn_span_manager_wants(event);
    cr_assert_eq(count, sizeof(wanted) / sizeof(*wanted));
    for (size_t i = 0; i < count; i++) cr_assert(tn_span_manager_wants(wanted[i]));
    cr_assert(tn_span_manager_wants(TN_SYSTEM_EVENT_COUNT));
    cr_assert(tn_span_manager_wants(TN_SYSTEM_EVENT_COUNT + 1000));
}

/* --- Open spans ---------------------------------------------------------------------------------------- */

Test(span_manager, finds_open_spans_only)
{
    tn_span_context context = {0};
    cr_assert_not(tn_span_manager_find(manager, key("task-1", "step-1"), &context));
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    cr_assert(tn_span_manager_find(manager, key("task-1", "step-1"), &context));
    cr_assert_not(tn_span_manager_find(manager, key("task-1", "step-2"), &context));
    cr_assert_not(tn_span_manager_find(manager, key("task-2", "step-1"), &context));
    cr_assert_not(tn_span_manager_find(manager, key(NULL, "step-1"), &context));
    cr_assert_not(tn_span_manager_find(manager, key(NULL, NULL), &context));

    end_step_and_task();
    cr_assert_not(tn_span_manager_find(manager, key("task-1", "step-1"), &context));
    cr_assert_not(tn_span_manager_find(manager, key("task-1", NULL), &context));
}

Test(span_manager, finds_the_ids_that_will_be_exported)
{
    tn_span_context root, step;
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    cr_assert(tn_span_manager_find(manager, key("task-1", NULL), &root));
    cr_assert(tn_span_manager_find(manager, key("task-1", "step-1"), &step));
    end_step_and_task();

    cr_assert(same_span_id(root.span_id, received_span(ROOT, 0)->id));
    cr_assert(same_trace_id(root.trace_id, received_span(ROOT, 0)->trace_id));
    cr_assert(same_span_id(step.span_id, received_span(STEP, 0)->id));
    cr_assert(same_trace_id(step.trace_id, received_span(STEP, 0)->trace_id));
}

Test(span_manager, a_task_that_was_only_requested_has_no_span_yet)
{
    tn_span_context context;
    publish_task(TN_TASK_INITIALIZE_REQUESTED, "task-1");
    cr_assert_not(tn_span_manager_find(manager, key("task-1", NULL), &context));
    cr_assert(tn_span_manager_remove_task(manager, TN_TEXT("task-1")));
    cr_assert_eq(manager_stats().abandoned_roots, 0);
}

Test(span_manager, adds_events_and_attributes_to_open_spans)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    tn_moment paid = test_now;
    cr_assert(tn_span_manager_add_event(manager, key("task-1", "step-1"), TN_TEXT("paid"), paid,
                                        text_pairs("amount", "10", NULL)));
    cr_assert(tn_span_manager_set_attributes(manager, key("task-1", "step-1"), text_pairs("city", "London", NULL)));
    cr_assert(tn_span_manager_add_event(manager, key("task-1", NULL), TN_TEXT("noted"), test_now, TN_NO_PAIRS));
    end_step_and_task();

    const tn_span *step = received_span(STEP, 0);
    cr_assert(has_attribute(step, "city", "London"));
    cr_assert_not(has_attribute(step, "amount", "10"));
    cr_assert_eq(event_count(step, "paid"), 1);
    cr_assert_eq(nth_event(step, 0).time, paid.wall);
    cr_assert_eq(event_count(received_span(ROOT, 0), "noted"), 1);
}

Test(span_manager, adds_nothing_to_spans_that_are_not_open)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_task(TN_TASK_COMPLETED, "task-1");
    cr_assert_not(tn_span_manager_add_event(manager, key("task-1", NULL), TN_TEXT("late"), test_now, TN_NO_PAIRS));
    cr_assert_not(tn_span_manager_set_attributes(manager, key("task-1", NULL), text_pairs("late", "yes", NULL)));
    cr_assert_not(tn_span_manager_add_event(manager, key("task-1", "step-1"), TN_TEXT("never"), test_now, TN_NO_PAIRS));
    tn_span_manager_release(manager, test_now.monotonic, true);
    cr_assert_eq(event_count(received_span(ROOT, 0), "late"), 0);
    cr_assert_not(has_attribute(received_span(ROOT, 0), "late", "yes"));
}

/* --- Custom events ------------------------------------------------------------------------------------- */

Test(span_manager, a_custom_event_belongs_to_the_step_that_it_names)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    time_passes(TN_SECOND);
    publish_custom("order.paid", "task-1", "step-1");
    uint64_t time = test_now.wall;
    end_step_and_task();

    cr_assert_eq(event_count(received_span(STEP, 0), "order.paid"), 1);
    cr_assert_eq(nth_event(received_span(STEP, 0), 0).time, time);
    cr_assert_eq(event_count(received_span(ROOT, 0), "order.paid"), 0);
    cr_assert_not(has_attribute(received_span(STEP, 0), "event", "order.paid"), "its attributes are the event's own");
}

Test(span_manager, a_custom_event_belongs_to_the_task_when_its_step_is_not_open)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_custom("order.paid", "task-1", "step-2");
    publish_custom("order.packed", "task-1", NULL);
    end_step_and_task();
    cr_assert_eq(event_count(received_span(ROOT, 0), "order.paid"), 1);
    cr_assert_eq(event_count(received_span(ROOT, 0), "order.packed"), 1);
}

Test(span_manager, a_custom_event_of_nobody_makes_no_span)
{
    publish_custom("order.paid", NULL, NULL);
    publish_custom("order.paid", "task-1", NULL);
    publish_custom("order.paid", NULL, "step-1");
    cr_assert_eq(received_count(NULL), 0);
    cr_assert_eq(manager_stats().open_tasks + manager_stats().open_steps, 0);
}

Test(span_manager, holds_the_limits_of_its_configuration)
{
    manager_options.limits.events = 2;
    tn_span_manager_configure(manager, &manager_options);
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    for (int i = 0; i < 5; i++) publish_custom("order.paid", "task-1", "step-1");
    publish_step(TN_STEP_COMPLETED, "task-1", "step-1");

    const tn_span *step = received_span(STEP, 0);
    cr_assert_eq(record_count(step, TN_RECORD_EVENT), 2);
    cr_assert_eq(step->dropped_events, 4);
    cr_assert(has_attribute(step, "event", "step.completed"), "the attributes of the end stay");
}

/* --- The sink ------------------------------------------------------------------------------------------ */

static size_t calls;

static void look_back(void *self)
{
    tn_span_manager_stats stats;
    tn_span_manager_stats_read(*(tn_span_manager **)self, &stats);
    calls++;
}

static size_t ended, lost;

static void deliver_and_look_back(void *self, tn_delivery *delivery)
{
    ended += delivery->ended.count;
    lost += delivery->lost;
    tn_span_list_free(&delivery->ended);
    look_back(self);
}

Test(span_manager, calls_its_sink_without_holding_its_lock)
{
    tn_span_manager *curious = NULL;
    tn_span_sink sink = {.self = &curious, .accept = look_back, .deliver = deliver_and_look_back};
    curious = tn_span_manager_new(&manager_options, sink);
    tn_occurrence end = step_event(TN_STEP_COMPLETED, "task-1", "step-1");
    tn_span_manager_record(curious, &end);
    cr_assert_eq(calls, 1);
    cr_assert_eq(ended, 1);

    no_memory();
    end = step_event(TN_STEP_COMPLETED, "task-1", "step-2");
    tn_span_manager_record(curious, &end);
    enough_memory();
    cr_assert_eq(calls, 2);
    cr_assert_eq(lost, 1);
    tn_span_manager_free(curious);
}

/* --- The manager itself -------------------------------------------------------------------------------- */

Test(span_manager, counts_what_is_open_and_how_much_memory_it_takes)
{
    tn_span_manager_stats empty = manager_stats();
    cr_assert_eq(empty.open_tasks + empty.open_steps + empty.abandoned_roots, 0);
    publish_task(TN_TASK_INITIALIZE_REQUESTED, "task-1");
    publish_task(TN_TASK_START_REQUESTED, "task-2");
    publish_step(TN_STEP_EXECUTION_REQUESTED, "task-2", "step-1");
    cr_assert_eq(manager_stats().open_tasks, 2);
    cr_assert_eq(manager_stats().open_steps, 1);
    cr_assert_gt(manager_stats().memory, empty.memory + 3 * sizeof(tn_span));
}

Test(span_manager, two_managers_know_nothing_of_each_other)
{
    tn_span_manager *other = tn_span_manager_new(&manager_options, recording_sink());
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    tn_span_context context;
    cr_assert_not(tn_span_manager_find(other, key("task-1", NULL), &context));
    tn_span_manager_free(other);
}

Test(span_manager, freeing_none_does_nothing)
{
    tn_span_manager_free(NULL);
}

Test(span_manager, that_cannot_be_made_is_NULL)
{
    for_each_failing_allocation {
        tn_span_manager *made = tn_span_manager_new(&manager_options, recording_sink());
        cr_assert_eq(made == NULL, allocation_failed());
        tn_span_manager_free(made);
    }
}

Test(span_manager, accounts_for_every_span_of_a_workflow_whichever_allocation_fails)
{
    tn_span_manager_free(manager);
    for_each_failing_allocation {
        enough_memory();
        start_manager();
        scarce_memory();
        publish_task(TN_TASK_INITIALIZE_REQUESTED, "task-1");
        time_passes(TN_SECOND);
        publish_task(TN_TASK_START_REQUESTED, "task-1");
        for (char step[] = "a"; step[0] <= 'd'; step[0]++) {
            publish_step(TN_STEP_EXECUTION_REQUESTED, "task-1", step);
            time_passes(TN_SECOND);
            publish_step(TN_STEP_BEFORE_HANDLE, "task-1", step);
            publish_custom("order.paid", "task-1", step);
            publish_step(step[0] == 'b' ? TN_STEP_FAILED : TN_STEP_COMPLETED, "task-1", step);
        }
        publish_step(TN_STEP_RETRY_REQUESTED, "task-1", "b");
        publish_task(TN_TASK_COMPLETED, "task-1");
        tn_span_manager_release(manager, test_now.monotonic, true);

        const size_t whole = 1 + 1 + 4 + 4 + 1; /* root, initialize, steps, queued, retry */
        size_t told = accepted_count() + lost_count();
        cr_assert_eq(accepted_count(), received_count(NULL));
        cr_assert(told == whole || (allocation_failed() && told == whole - 1), "%zu", told);
        for (size_t i = 0; i < received_count(NULL); i++) {
            cr_assert_leq(received_span(NULL, i)->start, received_span(NULL, i)->end);
        }
        enough_memory();
        tn_span_manager_free(manager);
        manager = NULL;
        forget_received();
    }
}

/* --- Forks --------------------------------------------------------------------------------------------- */

static void lock(void *self)
{
    tn_span_manager_lock(self);
}

static void unlock(void *self)
{
    tn_span_manager_unlock(self);
}

static void reset_lock(void *self)
{
    tn_span_manager_reset_lock(self);
}

static pid_t fork_whole(void)
{
    tn_process_watch_forks();
    cr_assert_eq(tn_process_add_fork_hooks((tn_fork_hooks){manager, lock, unlock, reset_lock}), TN_OK);
    return fork();
}

#define CHECK(condition)                             \
    do {                                             \
        if (!(condition)) _exit(__LINE__ % 255 + 1); \
    } while (0)

static void check_child(void)
{
    forget_received();
    tn_span_manager_release(manager, test_now.monotonic, true);
    CHECK(received_count(NULL) == 0); /* the parent's root lingers in the parent */

    tn_span_manager_stats stats = manager_stats();
    CHECK(stats.open_tasks == 0 && stats.open_steps == 0 && stats.abandoned_roots == 0);
    tn_span_context context;
    CHECK(!tn_span_manager_find(manager, key("task-1", NULL), &context));
    CHECK(!tn_span_manager_find(manager, key("task-1", "step-1"), &context));
    tn_span_manager_interrupt(manager, SIZE_MAX);
    CHECK(received_count(NULL) == 0);

    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    time_passes(TN_SECOND);
    publish_step(TN_STEP_COMPLETED, "task-1", "step-1");
    CHECK(received_count(STEP) == 1);
    CHECK(received_span(STEP, 0)->end - received_span(STEP, 0)->start == TN_SECOND);
    CHECK(same_span_id(received_span(STEP, 0)->parent_id,
                       tn_span_id_derived(tn_seed_of(TN_TEXT("test")), TN_TEXT("task-1"))));

    tn_span_manager_free(manager);
    forget_received();
    CHECK(live_allocations() == 0); /* what it inherited, too */
    _exit(0);
}

static void open_something(void)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    publish_task(TN_TASK_START_REQUESTED, "abandoned");
    tn_span_manager_remove_task(manager, TN_TEXT("abandoned"));
    publish_task(TN_TASK_COMPLETED, "lingering");
    publish_step(TN_STEP_COMPLETED, "task-1", "ended");
}

Test(span_manager, a_child_finds_it_empty_and_the_parent_goes_on)
{
    open_something();
    forget_received();
    pid_t child = fork_whole();
    if (child == 0) check_child();

    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 0, "the check of the child near line %d failed", WEXITSTATUS(status));

    cr_assert_eq(manager_stats().open_tasks, 1);
    cr_assert_eq(manager_stats().open_steps, 1);
    end_step_and_task();
    cr_assert_eq(received_count(STEP), 1);
    cr_assert_eq(received_count(ROOT), 2);
}

Test(span_manager, spans_of_parent_and_child_never_share_an_id)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork_whole();
    publish_step(TN_STEP_COMPLETED, "task-1", "step-1");
    tn_span_id ours = received_span(STEP, 0)->id, theirs;
    if (child == 0) _exit(write(ends[1], &ours, sizeof(ours)) == sizeof(ours) ? 0 : 1);

    cr_assert_eq(read(ends[0], &theirs, sizeof(theirs)), sizeof(theirs));
    cr_assert_eq(waitpid(child, NULL, 0), child);
    cr_assert_not(same_span_id(ours, theirs));
}

Test(span_manager, freed_in_a_child_before_any_use_hands_out_nothing_of_the_parent_s)
{
    open_something();
    forget_received();
    pid_t child = fork_whole();
    if (child == 0) {
        tn_span_manager_free(manager);
        CHECK(received_count(NULL) == 0 && accepted_count() == 0);
        CHECK(live_allocations() == 0);
        _exit(0);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
