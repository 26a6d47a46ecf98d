#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(span_manager_threads, .init = start_manager, .fini = stop_manager);

#define STEP "tasker.step.execution"

enum { THREADS = 8, STEPS = 200 };

typedef struct {
    unsigned number;
    pthread_t thread;
} worker;

static void record(tn_event_id event, const char *task_id, const char *step_id)
{
    tn_occurrence occurrence = step_event(event, task_id, step_id);
    occurrence.now = tn_clock_now();
    tn_span_manager_record(manager, &occurrence);
}

static void run_threads(void *(*work)(void *))
{
    worker workers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].number = i;
        cr_assert_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) cr_assert_eq(pthread_join(workers[i].thread, NULL), 0);
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(tn_span_id));
}

/* Every span once, none before its start, each accepted. */
static void assert_consistent(void)
{
    size_t count = received_count(NULL), at = 0;
    cr_assert_eq(accepted_count(), count);
    cr_assert_eq(lost_count(), 0);

    tn_span_id *ids = calloc(count, sizeof(*ids));
    for (const tn_span *span = count ? received_span(NULL, 0) : NULL; span; span = span->next) {
        cr_assert_leq(span->start, span->end);
        cr_assert_lt(span->end - span->start, 60 * TN_SECOND);
        ids[at++] = span->id;
    }
    qsort(ids, count, sizeof(*ids), compare_ids);
    for (size_t i = 1; i < count; i++) cr_assert_not(same_span_id(ids[i - 1], ids[i]));
    free(ids);
}

/* --- Steps of its own ---------------------------------------------------------------------------------- */

static void *attempt_own_steps(void *argument)
{
    const worker *self = argument;
    for (int i = 0; i < STEPS; i++) {
        char task_id[16], step_id[16];
        snprintf(task_id, sizeof(task_id), "task-%d", i % 5);
        snprintf(step_id, sizeof(step_id), "%u.%d", self->number, i);
        for (int repeat = 0; repeat < 3; repeat++) record(TN_STEP_EXECUTION_REQUESTED, task_id, step_id);
        record(TN_STEP_BEFORE_HANDLE, task_id, step_id);
        for (int repeat = 0; repeat < 3; repeat++) record(TN_STEP_COMPLETED, task_id, step_id);
    }
    return NULL;
}

Test(span_manager_threads, that_record_steps_of_their_own_get_each_span_once)
{
    run_threads(attempt_own_steps);
    cr_assert_eq(received_count(STEP), THREADS * STEPS);
    cr_assert_eq(manager_stats().open_steps, 0);
    assert_consistent();
}

/* --- The same steps ------------------------------------------------------------------------------------ */

static void *end_all_steps(void *argument)
{
    const worker *self = argument;
    for (unsigned i = 0; i < STEPS; i++) {
        char step_id[16];
        snprintf(step_id, sizeof(step_id), "%u", (i * 7 + self->number * 13) % STEPS);
        record(TN_STEP_COMPLETED, "task-1", step_id);
    }
    return NULL;
}

Test(span_manager_threads, that_all_end_the_same_open_steps_get_each_span_once)
{
    for (int i = 0; i < STEPS; i++) {
        char step_id[16];
        snprintf(step_id, sizeof(step_id), "%d", i);
        record(TN_STEP_BEFORE_HANDLE, "task-1", step_id);
    }
    run_threads(end_all_steps);
    cr_assert_eq(received_count(STEP), STEPS);
    assert_consistent();
}

Test(span_manager_threads, that_all_end_the_same_unopened_steps_get_each_span_once)
{
    run_threads(end_all_steps);
    cr_assert_eq(received_count(STEP), STEPS);
    assert_consistent();
}

/* --- Everything at once -------------------------------------------------------------------------------- */

static void *do_anything(void *argument)
{
    static const tn_event_id events[] = {
        TN_TASK_INITIALIZE_REQUESTED, TN_TASK_START_REQUESTED, TN_TASK_COMPLETED, TN_TASK_FAILED,
        TN_STEP_EXECUTION_REQUESTED,  TN_STEP_BEFORE_HANDLE,   TN_STEP_COMPLETED, TN_STEP_FAILED,
        TN_STEP_RETRY_REQUESTED,      TN_SYSTEM_EVENT_COUNT,
    };
    unsigned chance = ((worker *)argument)->number;
    for (int i = 0; i < 3000; i++) {
        char task_id[16], step_id[16];
        snprintf(task_id, sizeof(task_id), "task-%d", rand_r(&chance) % 5);
        snprintf(step_id, sizeof(step_id), "step-%d", rand_r(&chance) % 5);
        tn_span_key key = {tn_text_of(task_id), tn_text_of(step_id)};
        tn_span_context context;
        tn_span_manager_stats stats;
        tn_event_id event = events[rand_r(&chance) % 10];
        tn_occurrence occurrence = event < TN_SYSTEM_EVENT_COUNT ? step_event(event, task_id, step_id)
                                                                 : custom_event("order.paid", task_id, step_id);
        occurrence.now = tn_clock_now();
        tn_span_manager_record(manager, &occurrence);
        switch (rand_r(&chance) % 12) {
        case 0: tn_span_manager_find(manager, key, &context); break;
        case 1: tn_span_manager_add_event(manager, key, TN_TEXT("noted"), occurrence.now, TN_NO_PAIRS); break;
        case 2: tn_span_manager_set_attributes(manager, key, text_pairs("a", "1", NULL)); break;
        case 3: tn_span_manager_stats_read(manager, &stats); break;
        case 4: tn_span_manager_release(manager, occurrence.now.monotonic, true); break;
        case 5: tn_span_manager_remove_task(manager, key.task_id); break;
        case 6: tn_span_manager_interrupt(manager, SIZE_MAX); break;
        case 7: tn_span_manager_configure(manager, &manager_options); break;
        }
    }
    return NULL;
}

Test(span_manager_threads, that_do_anything_at_once_leave_it_consistent)
{
    manager_options.max_open_spans = 3;
    tn_span_manager_configure(manager, &manager_options);
    run_threads(do_anything);
    tn_span_manager_interrupt(manager, SIZE_MAX);
    cr_assert_gt(received_count(STEP), 0);
    cr_assert_leq(manager_stats().open_tasks, 3);
    assert_consistent();
}
