#include "support.h"

#include <stdio.h>

TestSuite(span_manager_tasks, .init = start_manager, .fini = stop_manager);

#define ROOT "tasker.task.execution"
#define INITIALIZE "tasker.task.initialize"

static void release_all(void)
{
    tn_span_manager_release(manager, test_now.monotonic, true);
}

static const tn_span *only_root(void)
{
    release_all();
    cr_assert_eq(received_count(ROOT), 1);
    return received_span(ROOT, 0);
}

static tn_span_context context_of_task(const char *task_id)
{
    tn_span_context context = {0};
    cr_assert(tn_span_manager_find(manager, (tn_span_key){tn_text_of(task_id), TN_NO_TEXT}, &context));
    return context;
}

static bool is_open(const char *task_id)
{
    tn_span_context context;
    return tn_span_manager_find(manager, (tn_span_key){tn_text_of(task_id), TN_NO_TEXT}, &context);
}

/* --- Width and content --------------------------------------------------------------------------------- */

Test(span_manager_tasks, a_root_is_as_wide_as_the_task)
{
    tn_moment start = test_now;
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    time_passes(3 * TN_SECOND);
    publish_task(TN_TASK_COMPLETED, "task-1");

    const tn_span *root = only_root();
    cr_assert_eq(root->start, start.wall);
    cr_assert_eq(root->end, start.wall + 3 * TN_SECOND);
    cr_assert_eq(root->status, TN_STATUS_OK);
    cr_assert(tn_span_id_none(root->parent_id));
    cr_assert_eq(event_count(root, "task.started"), 1);
    cr_assert_eq(event_count(root, "task.completed"), 1);
    cr_assert_eq(nth_event(root, 1).time, root->end);
    cr_assert_eq(accepted_count(), 1);
}

Test(span_manager_tasks, a_root_s_width_does_not_depend_on_the_wall_clock)
{
    tn_moment start = test_now;
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    time_passes(3 * TN_SECOND);
    test_now.wall -= 3600 * TN_SECOND;
    publish_task(TN_TASK_COMPLETED, "task-1");
    cr_assert_eq(only_root()->start, start.wall);
    cr_assert_eq(only_root()->end, start.wall + 3 * TN_SECOND);
}

Test(span_manager_tasks, an_end_recorded_with_an_earlier_time_than_the_start_is_no_width)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    tn_occurrence end = task_event(TN_TASK_COMPLETED, "task-1");
    end.now.monotonic -= TN_MILLISECOND;
    end.now.wall -= TN_MILLISECOND;
    tn_span_manager_record(manager, &end);
    cr_assert_eq(only_root()->end, only_root()->start);
}

Test(span_manager_tasks, the_engine_s_three_starts_are_one_root_from_the_first)
{
    tn_moment start = test_now;
    for (int i = 0; i < 3; i++) {
        publish_task(TN_TASK_START_REQUESTED, "task-1");
        time_passes(TN_SECOND);
    }
    publish_task(TN_TASK_COMPLETED, "task-1");
    cr_assert_eq(only_root()->start, start.wall);
    cr_assert_eq(event_count(only_root(), "task.started"), 1);
    cr_assert_eq(manager_stats().open_tasks, 0);
}

Test(span_manager_tasks, a_root_carries_the_attributes_of_its_start_and_its_end)
{
    tn_occurrence start = task_event(TN_TASK_START_REQUESTED, "task-1");
    start.payload = text_pairs("task_name", "order", "status", "pending", NULL);
    tn_span_manager_record(manager, &start);
    tn_occurrence end = task_event(TN_TASK_COMPLETED, "task-1");
    end.payload = text_pairs("status", "complete", NULL);
    tn_span_manager_record(manager, &end);

    cr_assert(has_attribute(only_root(), "task_name", "order"));
    cr_assert(has_attribute(only_root(), "status", "complete"));
    tn_value value;
    cr_assert(find_value(nth_event(only_root(), 1).pairs, "status", &value));
}

Test(span_manager_tasks, a_failed_task_s_root_says_why)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    tn_occurrence end = task_event(TN_TASK_FAILED, "task-1");
    end.error_message = TN_TEXT("out of stock");
    end.error_type = TN_TEXT("OrderError");
    end.stacktrace = TN_TEXT("order.rb:1");
    tn_span_manager_record(manager, &end);

    const tn_span *root = only_root();
    cr_assert_eq(root->status, TN_STATUS_ERROR);
    assert_text(tn_span_status_message(root), "out of stock");
    cr_assert(has_attribute(root, "error", "out of stock"));
    cr_assert(has_attribute(root, "error.type", "OrderError"));
    cr_assert_eq(event_count(root, "exception"), 1);
}

Test(span_manager_tasks, each_kind_of_end_has_its_status)
{
    static const struct {
        tn_event_id event;
        tn_span_status status;
    } ends[] = {
        {TN_TASK_COMPLETED, TN_STATUS_OK},
        {TN_TASK_FAILED, TN_STATUS_ERROR},
        {TN_TASK_CANCELLED, TN_STATUS_UNSET},
        {TN_TASK_RESOLVED_MANUALLY, TN_STATUS_OK},
    };
    for (size_t i = 0; i < 4; i++) {
        char id[] = {(char)('a' + i), '\0'};
        publish_task(TN_TASK_START_REQUESTED, id);
        publish_task(ends[i].event, id);
    }
    release_all();
    for (size_t i = 0; i < 4; i++) cr_assert_eq(received_span(ROOT, i)->status, ends[i].status);
}

/* --- Ids ----------------------------------------------------------------------------------------------- */

Test(span_manager_tasks, ids_are_derived_so_that_every_process_finds_the_same)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_task(TN_TASK_COMPLETED, "task-1");
    uint64_t seed = tn_seed_of(TN_TEXT("test"));
    cr_assert(same_trace_id(only_root()->trace_id, tn_trace_id_derived(seed, TN_TEXT("task-1"))));
    cr_assert(same_span_id(only_root()->id, tn_span_id_derived(seed, TN_TEXT("task-1"))));
}

Test(span_manager_tasks, another_seed_gives_other_ids_from_now_on)
{
    publish_task(TN_TASK_START_REQUESTED, "before");
    tn_span_context before = context_of_task("before");
    manager_options.trace_seed = TN_TEXT("another");
    tn_span_manager_configure(manager, &manager_options);
    publish_task(TN_TASK_START_REQUESTED, "after");

    cr_assert(same_trace_id(context_of_task("before").trace_id, before.trace_id));
    cr_assert(same_trace_id(context_of_task("after").trace_id,
                            tn_trace_id_derived(tn_seed_of(TN_TEXT("another")), TN_TEXT("after"))));
}

Test(span_manager_tasks, an_event_without_a_task_s_id_is_nobody_s)
{
    publish_task(TN_TASK_START_REQUESTED, NULL);
    publish_task(TN_TASK_COMPLETED, NULL);
    publish_task(TN_TASK_FAILED, "");
    cr_assert_eq(manager_stats().open_tasks, 0);
    cr_assert_eq(accepted_count() + lost_count(), 0);
}

/* --- References ---------------------------------------------------------------------------------------- */

Test(span_manager_tasks, a_root_that_does_not_end_here_is_a_reference_of_which_nothing_is_exported)
{
    publish_task(TN_TASK_INITIALIZE_REQUESTED, "task-1");
    time_passes(TN_SECOND);
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    time_passes(TN_SECOND);
    release_all();
    tn_span_manager_interrupt(manager, SIZE_MAX);
    tn_span_manager_free(manager);
    manager = NULL;
    cr_assert_eq(received_count(NULL), 0);
    cr_assert_eq(accepted_count() + lost_count(), 0);
}

Test(span_manager_tasks, a_reference_can_be_found)
{
    cr_assert_not(is_open("task-1"));
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    cr_assert(is_open("task-1"));
    cr_assert_eq(manager_stats().open_tasks, 1);
    publish_task(TN_TASK_COMPLETED, "task-1");
    cr_assert_not(is_open("task-1"));
    cr_assert_eq(manager_stats().open_tasks, 0);
}

Test(span_manager_tasks, a_root_that_is_removed_counts_as_abandoned)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    cr_assert(tn_span_manager_remove_task(manager, TN_TEXT("task-1")));
    cr_assert_not(tn_span_manager_remove_task(manager, TN_TEXT("task-1")));
    cr_assert_not(is_open("task-1"));
    cr_assert_eq(manager_stats().abandoned_roots, 1);
    cr_assert_eq(accepted_count(), 0);
}

Test(span_manager_tasks, what_has_ended_or_never_was_cannot_be_removed)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_task(TN_TASK_COMPLETED, "task-1");
    cr_assert_not(tn_span_manager_remove_task(manager, TN_TEXT("task-1")));
    cr_assert_not(tn_span_manager_remove_task(manager, TN_TEXT("task-2")));
    cr_assert_not(tn_span_manager_remove_task(manager, TN_NO_TEXT));
    cr_assert_eq(manager_stats().abandoned_roots, 0);
    cr_assert_eq(received_count(NULL), 0, "it still lingers");
    cr_assert_not_null(only_root());
}

/* --- Lingering ----------------------------------------------------------------------------------------- */

Test(span_manager_tasks, an_ended_root_is_accepted_at_once_and_taken_after_a_second)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_task(TN_TASK_COMPLETED, "task-1");
    cr_assert_eq(accepted_count(), 1);

    time_passes(TN_LINGER - 1);
    tn_span_manager_release(manager, test_now.monotonic, false);
    cr_assert_eq(received_count(ROOT), 0);
    time_passes(1);
    tn_span_manager_release(manager, test_now.monotonic, false);
    cr_assert_eq(received_count(ROOT), 1);
    cr_assert_eq(accepted_count(), 1);
}

Test(span_manager_tasks, any_later_event_releases_roots_that_lingered)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_task(TN_TASK_COMPLETED, "task-1");
    time_passes(TN_LINGER);
    publish_task(TN_TASK_START_REQUESTED, "task-2");
    cr_assert_eq(received_count(ROOT), 1);
}

Test(span_manager_tasks, interruption_and_the_manager_s_end_release_roots_that_linger)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_task(TN_TASK_COMPLETED, "task-1");
    tn_span_manager_interrupt(manager, SIZE_MAX);
    cr_assert_eq(received_count(ROOT), 1);

    publish_task(TN_TASK_START_REQUESTED, "task-2");
    publish_task(TN_TASK_COMPLETED, "task-2");
    tn_span_manager_free(manager);
    manager = NULL;
    cr_assert_eq(received_count(ROOT), 2);
    cr_assert_eq(accepted_count(), 2);
}

Test(span_manager_tasks, a_richer_end_of_the_same_kind_enriches_the_root_whose_end_is_frozen)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    time_passes(3 * TN_SECOND);
    tn_moment end = test_now;
    publish_task(TN_TASK_COMPLETED, "task-1");

    time_passes(TN_SECOND / 2);
    tn_occurrence richer = task_event(TN_TASK_COMPLETED, "task-1");
    richer.payload = text_pairs("total_steps", "4", NULL);
    tn_span_manager_record(manager, &richer);

    cr_assert_eq(only_root()->end, end.wall);
    cr_assert(has_attribute(only_root(), "total_steps", "4"));
    cr_assert_eq(event_count(only_root(), "task.completed"), 1);
    cr_assert_eq(accepted_count(), 1);
}

Test(span_manager_tasks, an_end_of_another_kind_changes_nothing)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_task(TN_TASK_COMPLETED, "task-1");
    tn_occurrence other = task_event(TN_TASK_FAILED, "task-1");
    other.payload = text_pairs("late", "yes", NULL);
    tn_span_manager_record(manager, &other);

    cr_assert_eq(only_root()->status, TN_STATUS_OK);
    cr_assert_not(has_attribute(only_root(), "late", "yes"));
    cr_assert_eq(accepted_count(), 1);
}

Test(span_manager_tasks, repeats_of_an_end_are_absorbed_after_the_root_left)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_task(TN_TASK_COMPLETED, "task-1");
    time_passes(TN_LINGER);
    for (int i = 0; i < 3; i++) publish_task(TN_TASK_COMPLETED, "task-1");
    publish_task(TN_TASK_FAILED, "task-1");
    cr_assert_not_null(only_root());
    cr_assert_eq(accepted_count(), 1);
}

Test(span_manager_tasks, many_roots_may_linger_but_not_without_bound)
{
    manager_options.max_open_spans = 100000;
    tn_span_manager_configure(manager, &manager_options);
    char id[32];
    for (int i = 0; i < 11000; i++) {
        snprintf(id, sizeof(id), "task-%d", i);
        publish_task(TN_TASK_COMPLETED, id);
    }
    cr_assert_eq(accepted_count(), 11000);
    cr_assert_eq(received_count(ROOT), 1000);
    release_all();
    cr_assert_eq(received_count(ROOT), 11000);
}

Test(span_manager_tasks, tombstones_are_bounded)
{
    char id[32];
    for (int i = 0; i < TN_MAX_ENDED_TASKS + 10; i++) {
        snprintf(id, sizeof(id), "task-%d", i);
        publish_task(TN_TASK_COMPLETED, id);
        time_passes(TN_LINGER);
    }
    release_all();
    size_t roots = received_count(ROOT);
    publish_task(TN_TASK_COMPLETED, "task-10");
    cr_assert_eq(accepted_count(), roots, "it is remembered");
    publish_task(TN_TASK_COMPLETED, "task-9");
    cr_assert_eq(accepted_count(), roots + 1, "it was forgotten");
}

/* --- Back to pending, and waiting to start ------------------------------------------------------------- */

Test(span_manager_tasks, a_task_that_goes_back_to_pending_keeps_its_root)
{
    tn_moment start = test_now;
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    time_passes(TN_SECOND);
    publish_task(TN_TASK_INITIALIZE_REQUESTED, "task-1");
    time_passes(60 * TN_SECOND);
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    time_passes(TN_SECOND);
    publish_task(TN_TASK_COMPLETED, "task-1");

    cr_assert_eq(only_root()->start, start.wall);
    cr_assert_eq(only_root()->end, start.wall + 62 * TN_SECOND);
    cr_assert_eq(event_count(only_root(), "task.initialize_requested"), 1);
    cr_assert_eq(received_count(INITIALIZE), 0);
}

Test(span_manager_tasks, the_wait_for_the_start_is_a_span_below_the_root)
{
    tn_moment requested = test_now;
    publish_task(TN_TASK_INITIALIZE_REQUESTED, "task-1");
    time_passes(TN_SECOND);
    publish_task(TN_TASK_INITIALIZE_REQUESTED, "task-1");
    time_passes(TN_SECOND);
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    cr_assert_eq(received_count(INITIALIZE), 0, "the root may be a reference");
    publish_task(TN_TASK_COMPLETED, "task-1");

    const tn_span *wait = received_span(INITIALIZE, 0);
    cr_assert_eq(received_count(INITIALIZE), 1);
    cr_assert_eq(wait->start, requested.wall);
    cr_assert_eq(wait->end, requested.wall + 2 * TN_SECOND);
    cr_assert(same_trace_id(wait->trace_id, only_root()->trace_id));
    cr_assert(same_span_id(wait->parent_id, only_root()->id));
    cr_assert_eq(accepted_count(), 2);
}

Test(span_manager_tasks, a_short_wait_is_not_worth_a_span)
{
    publish_task(TN_TASK_INITIALIZE_REQUESTED, "task-1");
    time_passes(TN_QUEUED_MINIMUM - 1);
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_task(TN_TASK_COMPLETED, "task-1");
    release_all();
    cr_assert_eq(received_count(NULL), 1);
}

/* --- Another run --------------------------------------------------------------------------------------- */

static void run_task(const char *task_id)
{
    publish_task(TN_TASK_INITIALIZE_REQUESTED, task_id);
    time_passes(TN_SECOND / 10);
    publish_task(TN_TASK_START_REQUESTED, task_id);
    time_passes(TN_SECOND);
    publish_task(TN_TASK_COMPLETED, task_id);
    time_passes(TN_LINGER);
}

static int64_t run_of(const tn_span *root)
{
    tn_value value;
    return find_attribute(root, "tasker.run", &value) ? value.as.integer : 1;
}

Test(span_manager_tasks, another_run_has_a_root_of_its_own_that_links_to_the_first)
{
    for (int i = 0; i < 3; i++) run_task("task-1");
    release_all();
    cr_assert_eq(received_count(ROOT), 3);

    const tn_span *first = received_span(ROOT, 0);
    cr_assert_eq(run_of(first), 1);
    cr_assert_eq(record_count(first, TN_RECORD_LINK), 0);
    for (size_t i = 1; i < 3; i++) {
        const tn_span *again = received_span(ROOT, i);
        cr_assert_eq(run_of(again), (int64_t)i + 1);
        cr_assert(same_trace_id(again->trace_id, first->trace_id));
        cr_assert_not(same_span_id(again->id, received_span(ROOT, i - 1)->id));
        cr_assert_eq(record_count(again, TN_RECORD_LINK), 1);
        cr_assert(same_span_id(nth_link(again, 0).linked_span_id, first->id));
        cr_assert(same_trace_id(nth_link(again, 0).linked_trace_id, first->trace_id));
        cr_assert_eq(again->end - again->start, TN_SECOND);
    }
    cr_assert_eq(received_count(INITIALIZE), 1, "of the first run");
}

Test(span_manager_tasks, another_run_that_begins_while_the_root_lingers_releases_it)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_task(TN_TASK_COMPLETED, "task-1");
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    cr_assert_eq(received_count(ROOT), 1);
    cr_assert(is_open("task-1"));
    time_passes(TN_SECOND);
    publish_task(TN_TASK_FAILED, "task-1");
    release_all();
    cr_assert_eq(received_count(ROOT), 2);
    cr_assert_eq(received_span(ROOT, 1)->status, TN_STATUS_ERROR);
    cr_assert_eq(accepted_count(), 2);
}

Test(span_manager_tasks, steps_of_another_run_are_below_its_root)
{
    run_task("task-1");
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    tn_span_context again = context_of_task("task-1");
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    publish_step(TN_STEP_COMPLETED, "task-1", "step-1");

    const tn_span *step = received_span("tasker.step.execution", 0);
    cr_assert(same_trace_id(step->trace_id, again.trace_id));
    cr_assert(same_span_id(step->parent_id, again.span_id));
}

Test(span_manager_tasks, another_run_that_is_given_up_leaves_the_first_id_to_the_first)
{
    run_task("task-1");
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    cr_assert(tn_span_manager_remove_task(manager, TN_TEXT("task-1")));
    cr_assert_eq(manager_stats().abandoned_roots, 1);
    cr_assert_eq(manager_stats().open_tasks, 0);
    publish_task(TN_TASK_COMPLETED, "task-1");
    run_task("task-1");
    release_all();

    cr_assert_eq(received_count(ROOT), 2);
    cr_assert_not(same_span_id(received_span(ROOT, 0)->id, received_span(ROOT, 1)->id));
    cr_assert_eq(run_of(received_span(ROOT, 1)), 3);
}

/* --- Runs that others have seen ------------------------------------------------------------------------ */

static void know_task(const char *task_id, tn_task_history history)
{
    tn_span_manager_know_task(manager, tn_text_of(task_id), history, test_now);
}

Test(span_manager_tasks, a_run_that_others_began_is_as_wide_as_it_was)
{
    uint64_t began = test_now.wall - 3600 * TN_SECOND; /* before the machine did: its clock stands at less */
    know_task("task-1", (tn_task_history){.run = 1, .began = began});
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    time_passes(TN_SECOND);
    publish_task(TN_TASK_COMPLETED, "task-1");

    cr_assert_eq(only_root()->start, began);
    cr_assert_eq(only_root()->end, test_now.wall);
    cr_assert(
        same_span_id(only_root()->id, tn_span_id_derived(tn_seed_of(manager_options.trace_seed), TN_TEXT("task-1"))));
}

Test(span_manager_tasks, the_end_of_a_run_that_others_began_is_as_wide_as_it_was)
{
    uint64_t began = test_now.wall - 5 * TN_SECOND;
    know_task("task-1", (tn_task_history){.run = 1, .began = began});
    tn_occurrence end = task_event(TN_TASK_CANCELLED, "task-1");
    end.started_at = test_now.wall - 60 * TN_SECOND; /* when the task was made */
    tn_span_manager_record(manager, &end);
    cr_assert_eq(only_root()->start, began);
    cr_assert_eq(only_root()->end, test_now.wall);
}

Test(span_manager_tasks, a_run_that_will_begin_is_as_wide_as_any)
{
    tn_moment start = test_now;
    know_task("task-1", (tn_task_history){.run = 1, .began = start.wall + TN_SECOND}); /* another host's clock */
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    time_passes(3 * TN_SECOND);
    publish_task(TN_TASK_COMPLETED, "task-1");
    cr_assert_eq(only_root()->start, start.wall);
    cr_assert_eq(only_root()->end, test_now.wall);
}

Test(span_manager_tasks, a_later_run_has_the_same_root_in_every_process_and_links_to_the_first)
{
    tn_span_context seen[2];
    for (int process = 0; process < 2; process++) {
        stop_manager();
        start_manager();
        know_task("task-1", (tn_task_history){.run = 3});
        publish_task(TN_TASK_START_REQUESTED, "task-1");
        seen[process] = context_of_task("task-1");
        publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
        publish_step(TN_STEP_COMPLETED, "task-1", "step-1");
        cr_assert(same_span_id(received_span("tasker.step.execution", 0)->parent_id, seen[process].span_id));
    }
    time_passes(TN_SECOND);
    publish_task(TN_TASK_COMPLETED, "task-1");

    const tn_span *root = only_root();
    tn_span_id first = tn_span_id_derived(tn_seed_of(manager_options.trace_seed), TN_TEXT("task-1"));
    cr_assert(same_span_id(seen[0].span_id, seen[1].span_id) && same_trace_id(seen[0].trace_id, seen[1].trace_id));
    cr_assert(same_span_id(root->id, seen[0].span_id));
    cr_assert_not(same_span_id(root->id, first));
    cr_assert_eq(run_of(root), 3);
    cr_assert(same_span_id(nth_link(root, 0).linked_span_id, first));
    cr_assert_eq(root->end - root->start, TN_SECOND);
}

Test(span_manager_tasks, a_run_whose_end_others_have_told_is_not_told_again)
{
    publish_task(TN_TASK_START_REQUESTED, "created here");
    know_task("created here", (tn_task_history){.run = 1, .over = true});
    know_task("not seen", (tn_task_history){.run = 2, .over = true});
    publish_task(TN_TASK_RESOLVED_MANUALLY, "created here");
    publish_task(TN_TASK_RESOLVED_MANUALLY, "not seen");
    release_all();

    cr_assert_eq(received_count(NULL), 0);
    cr_assert_eq(accepted_count(), 0);
    cr_assert_eq(manager_stats().open_tasks, 0);
    cr_assert_eq(manager_stats().abandoned_roots, 1);

    publish_task(TN_TASK_START_REQUESTED, "not seen"); /* and yet it runs again */
    publish_task(TN_TASK_COMPLETED, "not seen");
    cr_assert_eq(run_of(only_root()), 3);
}

Test(span_manager_tasks, a_root_of_a_run_that_others_have_ended_is_given_up_for_the_next)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    know_task("task-1", (tn_task_history){.run = 2});
    cr_assert_not(is_open("task-1"));
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_task(TN_TASK_COMPLETED, "task-1");
    cr_assert_eq(run_of(only_root()), 2);
    cr_assert_eq(manager_stats().abandoned_roots, 1);
    cr_assert_eq(accepted_count(), 1);
}

Test(span_manager_tasks, what_is_known_of_a_run_that_is_open_here_changes_nothing)
{
    tn_moment start = test_now;
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    know_task("task-1", (tn_task_history){.run = 1, .began = start.wall + TN_MILLISECOND});
    know_task("task-1", (tn_task_history){.run = 0});
    know_task("", (tn_task_history){.run = 5});
    time_passes(TN_SECOND);
    publish_task(TN_TASK_COMPLETED, "task-1");
    cr_assert_eq(only_root()->start, start.wall);
    cr_assert_eq(only_root()->end, test_now.wall);
}

Test(span_manager_tasks, a_root_that_lingers_leaves_when_the_next_run_is_known)
{
    run_task("task-1");
    publish_task(TN_TASK_START_REQUESTED, "task-2");
    publish_task(TN_TASK_FAILED, "task-2");
    know_task("task-2", (tn_task_history){.run = 2});
    cr_assert_eq(received_count(ROOT), 2);
    cr_assert_eq(accepted_count(), received_count(NULL));
}

Test(span_manager_tasks, a_run_that_is_known_has_not_waited_since_the_first_was_asked_for)
{
    run_task("task-1");
    know_task("task-1", (tn_task_history){.run = 2});
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_task(TN_TASK_COMPLETED, "task-1");
    release_all();
    cr_assert_eq(received_count(ROOT), 2);
    cr_assert_eq(received_count(INITIALIZE), 1, "of the first run");
}

Test(span_manager_tasks, a_run_that_will_begin_in_centuries_begins_now)
{
    tn_moment start = test_now;
    know_task("task-1", (tn_task_history){.run = 1, .began = UINT64_MAX});
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    time_passes(TN_SECOND);
    publish_task(TN_TASK_COMPLETED, "task-1");
    cr_assert_eq(only_root()->start, start.wall);
    cr_assert_eq(only_root()->end, test_now.wall);
}

Test(span_manager_tasks, a_run_that_was_given_up_for_its_age_goes_on_when_it_is_known_to)
{
    manager_options.max_age = 60 * TN_SECOND;
    tn_span_manager_configure(manager, &manager_options);
    uint64_t began = test_now.wall;
    know_task("task-1", (tn_task_history){.run = 2});
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    tn_span_id root_id = context_of_task("task-1").span_id;
    time_passes(61 * TN_SECOND);
    publish_task(TN_TASK_START_REQUESTED, "task-2");
    cr_assert_not(is_open("task-1"));

    know_task("task-1", (tn_task_history){.run = 2, .began = began});
    publish_task(TN_TASK_COMPLETED, "task-1");
    cr_assert_eq(run_of(only_root()), 2);
    cr_assert(same_span_id(only_root()->id, root_id));
    cr_assert_eq(only_root()->end - only_root()->start, 61 * TN_SECOND);

    know_task("task-1", (tn_task_history){.run = 2, .began = began}); /* read before the end was written */
    publish_task(TN_TASK_COMPLETED, "task-1");
    release_all();
    cr_assert_eq(received_count(ROOT), 1);
}

Test(span_manager_tasks, a_run_that_was_given_up_is_not_told_once_it_is_over)
{
    know_task("task-1", (tn_task_history){.run = 2});
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    cr_assert(tn_span_manager_remove_task(manager, TN_TEXT("task-1")));
    know_task("task-1", (tn_task_history){.run = 2, .over = true});
    publish_task(TN_TASK_COMPLETED, "task-1");
    release_all();
    cr_assert_eq(received_count(ROOT), 0);
}

/* Of run 1 and 2, and every third one is over. */
static void know_many_tasks(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%u", i);
        know_task(id, (tn_task_history){.run = 1 + i % 2, .over = i % 3 == 0});
        cr_assert_leq(manager_stats().open_tasks, manager_options.max_open_spans);
    }
}

Test(span_manager_tasks, what_is_known_of_many_tasks_is_bounded)
{
    manager_options.max_open_spans = 10;
    tn_span_manager_configure(manager, &manager_options);
    know_many_tasks(3 * TN_MAX_ENDED_TASKS);
    size_t memory = manager_stats().memory;
    know_many_tasks(6 * TN_MAX_ENDED_TASKS);
    cr_assert_leq(manager_stats().memory, memory);
    cr_assert_eq(manager_stats().abandoned_roots, 0, "none had begun");
}

/* --- Roots of other processes -------------------------------------------------------------------------- */

Test(span_manager_tasks, a_root_that_another_process_began_starts_when_the_payload_says)
{
    tn_occurrence end = task_event(TN_TASK_COMPLETED, "task-1");
    end.started_at = test_now.wall - 90 * TN_SECOND;
    end.duration = 5 * TN_SECOND;
    tn_span_manager_record(manager, &end);

    cr_assert_eq(only_root()->start, test_now.wall - 90 * TN_SECOND);
    cr_assert_eq(only_root()->end, test_now.wall);
    cr_assert(same_span_id(only_root()->id, tn_span_id_derived(tn_seed_of(TN_TEXT("test")), TN_TEXT("task-1"))));
    cr_assert_eq(accepted_count(), 1);
}

Test(span_manager_tasks, an_adopted_root_without_a_start_is_as_wide_as_its_duration)
{
    tn_occurrence end = task_event(TN_TASK_COMPLETED, "task-1");
    end.duration = 5 * TN_SECOND;
    tn_span_manager_record(manager, &end);
    cr_assert_eq(only_root()->start, test_now.wall - 5 * TN_SECOND);
    cr_assert_eq(only_root()->end, test_now.wall);
}

Test(span_manager_tasks, an_adopted_root_of_which_nothing_is_known_has_no_width)
{
    publish_task(TN_TASK_COMPLETED, "task-1");
    cr_assert_eq(only_root()->start, test_now.wall);
    cr_assert_eq(only_root()->end, test_now.wall);
}

Test(span_manager_tasks, an_adopted_root_never_ends_before_it_starts)
{
    tn_occurrence future = task_event(TN_TASK_COMPLETED, "task-1");
    future.started_at = test_now.wall + 90 * TN_SECOND;
    tn_span_manager_record(manager, &future);
    tn_occurrence ages = task_event(TN_TASK_COMPLETED, "task-2");
    ages.duration = tn_clock_duration(1e30);
    tn_span_manager_record(manager, &ages);

    release_all();
    for (size_t i = 0; i < 2; i++) {
        cr_assert_leq(received_span(ROOT, i)->start, received_span(ROOT, i)->end);
        cr_assert_eq(received_span(ROOT, i)->end, test_now.wall);
    }
}

Test(span_manager_tasks, an_adopted_root_lingers_is_enriched_and_absorbs_as_any)
{
    for (int i = 0; i < 3; i++) publish_task(TN_TASK_COMPLETED, "task-1");
    cr_assert_eq(accepted_count(), 1);
    cr_assert_eq(received_count(ROOT), 0);
    time_passes(TN_LINGER);
    publish_task(TN_TASK_COMPLETED, "task-1");
    cr_assert_not_null(only_root());
    cr_assert_eq(accepted_count(), 1);
}

Test(span_manager_tasks, a_task_requested_here_that_ran_elsewhere_is_adopted_without_a_wait)
{
    publish_task(TN_TASK_INITIALIZE_REQUESTED, "task-1");
    time_passes(60 * TN_SECOND);
    tn_occurrence end = task_event(TN_TASK_COMPLETED, "task-1");
    end.started_at = test_now.wall - TN_SECOND;
    tn_span_manager_record(manager, &end);
    cr_assert_eq(only_root()->start, test_now.wall - TN_SECOND);
    cr_assert_eq(received_count(INITIALIZE), 0);
    cr_assert_eq(manager_stats().open_tasks, 0);
}

/* --- A status of the caller's choice ------------------------------------------------------------------- */

Test(span_manager_tasks, finish_task_ends_a_root_with_any_status)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    time_passes(TN_SECOND);
    tn_occurrence end = task_event(TN_TASK_COMPLETED, "task-1");
    end.error_message = TN_TEXT("judged otherwise");
    tn_span_manager_finish_task(manager, &end, TN_STATUS_ERROR);

    cr_assert_eq(only_root()->status, TN_STATUS_ERROR);
    assert_text(tn_span_status_message(only_root()), "judged otherwise");
    cr_assert_eq(only_root()->end - only_root()->start, TN_SECOND);
}

Test(span_manager_tasks, finish_task_without_an_id_does_nothing)
{
    tn_occurrence end = task_event(TN_TASK_COMPLETED, NULL);
    tn_span_manager_finish_task(manager, &end, TN_STATUS_OK);
    cr_assert_eq(accepted_count() + lost_count(), 0);
}

/* --- Eviction ------------------------------------------------------------------------------------------ */

static void allow_open_spans(size_t count)
{
    manager_options.max_open_spans = count;
    tn_span_manager_configure(manager, &manager_options);
}

Test(span_manager_tasks, the_oldest_reference_goes_when_there_are_too_many)
{
    allow_open_spans(3);
    publish_task(TN_TASK_START_REQUESTED, "a");
    publish_task(TN_TASK_START_REQUESTED, "b");
    publish_task(TN_TASK_START_REQUESTED, "c");
    publish_task(TN_TASK_START_REQUESTED, "d");
    cr_assert_not(is_open("a"));
    cr_assert(is_open("b") && is_open("c") && is_open("d"));
    cr_assert_eq(manager_stats().open_tasks, 3);
    cr_assert_eq(manager_stats().abandoned_roots, 1);
    cr_assert_eq(accepted_count() + lost_count(), 0);
}

Test(span_manager_tasks, a_request_that_never_starts_goes_uncounted)
{
    allow_open_spans(1);
    publish_task(TN_TASK_INITIALIZE_REQUESTED, "a");
    publish_task(TN_TASK_INITIALIZE_REQUESTED, "b");
    cr_assert_eq(manager_stats().open_tasks, 1);
    cr_assert_eq(manager_stats().abandoned_roots, 0);
}

Test(span_manager_tasks, an_adopted_root_takes_nobody_s_place)
{
    allow_open_spans(1);
    publish_task(TN_TASK_START_REQUESTED, "mine");
    publish_task(TN_TASK_COMPLETED, "another's");
    cr_assert(is_open("mine"));
    cr_assert_eq(manager_stats().abandoned_roots, 0);
}

Test(span_manager_tasks, runs_that_begin_again_count_as_any)
{
    allow_open_spans(2);
    for (char id[] = "a"; id[0] <= 'e'; id[0]++) run_task(id);
    for (char id[] = "a"; id[0] <= 'e'; id[0]++) publish_task(TN_TASK_START_REQUESTED, id);
    cr_assert_eq(manager_stats().open_tasks, 2);
    cr_assert(is_open("d") && is_open("e"));
}

Test(span_manager_tasks, a_lower_limit_is_reached_step_by_step)
{
    char id[] = "a";
    for (; id[0] <= 'j'; id[0]++) publish_task(TN_TASK_START_REQUESTED, id);
    allow_open_spans(2);
    for (int i = 0; i < 10; i++) publish_task(TN_TASK_START_REQUESTED, "j");
    cr_assert_eq(manager_stats().open_tasks, 2);
    cr_assert_eq(manager_stats().abandoned_roots, 8);
}

Test(span_manager_tasks, a_reference_goes_when_it_is_too_old)
{
    manager_options.max_age = 60 * TN_SECOND;
    tn_span_manager_configure(manager, &manager_options);
    publish_task(TN_TASK_START_REQUESTED, "old");
    time_passes(30 * TN_SECOND);
    publish_task(TN_TASK_START_REQUESTED, "young");
    time_passes(30 * TN_SECOND + 1);
    publish_task(TN_TASK_RETRY_REQUESTED, "any event");
    cr_assert_not(is_open("old"));
    cr_assert(is_open("young"));
    cr_assert_eq(manager_stats().abandoned_roots, 1);
}

Test(span_manager_tasks, an_event_recorded_late_makes_nothing_look_old)
{
    tn_occurrence late = task_event(TN_TASK_START_REQUESTED, "late");
    time_passes(1);
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    tn_span_manager_record(manager, &late);
    cr_assert(is_open("task-1") && is_open("late"));
    cr_assert_eq(manager_stats().abandoned_roots, 0);
}

/* --- No memory ----------------------------------------------------------------------------------------- */

Test(span_manager_tasks, without_memory_a_root_is_lost_once_counted_and_the_manager_goes_on)
{
    tn_span_manager_free(manager);
    for_each_failing_allocation {
        enough_memory();
        start_manager();
        scarce_memory();
        run_task("task-1");
        release_all();
        cr_assert_eq(accepted_count(), received_count(NULL));
        cr_assert_geq(accepted_count() + lost_count(), 1);
        cr_assert_leq(accepted_count() + lost_count(), 2);

        enough_memory();
        run_task("task-2");
        release_all();
        const tn_span *root = received_span(ROOT, received_count(ROOT) - 1);
        cr_assert_eq(root->end - root->start, TN_SECOND);
        tn_span_manager_free(manager);
        manager = NULL;
        forget_received();
    }
}

Test(span_manager_tasks, without_memory_what_is_known_of_a_task_may_be_forgotten_and_nothing_is_lost_uncounted)
{
    tn_span_manager_free(manager);
    for_each_failing_allocation {
        enough_memory();
        start_manager();
        scarce_memory();
        know_task("task-1", (tn_task_history){.run = 2, .began = test_now.wall - TN_SECOND});
        publish_task(TN_TASK_START_REQUESTED, "task-1");
        know_task("task-1", (tn_task_history){.run = 2});
        publish_task(TN_TASK_COMPLETED, "task-1");
        know_task("task-1", (tn_task_history){.run = 3, .over = true});
        publish_task(TN_TASK_COMPLETED, "task-1");
        cr_assert_eq(accepted_count(), received_count(NULL));
        cr_assert_geq(accepted_count() + lost_count(), 1);
        cr_assert_leq(accepted_count() + lost_count(), 2);

        enough_memory();
        tn_span_manager_free(manager);
        manager = NULL;
        forget_received();
    }
}

Test(span_manager_tasks, without_memory_another_run_is_lost_and_counted)
{
    run_task("task-1");
    release_all();
    no_memory();
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    time_passes(TN_SECOND);
    publish_task(TN_TASK_COMPLETED, "task-1");
    publish_task(TN_TASK_COMPLETED, "task-1");
    enough_memory();
    release_all();
    cr_assert_eq(lost_count(), 1);
    cr_assert_eq(received_count(ROOT), 1);

    run_task("task-1");
    release_all();
    cr_assert_eq(received_count(ROOT), 2);
}
