/* Sixteen threads share one span manager, its tasks and their steps: all kinds of events in no order, late attributes,
 * look-ups, removals, runs that others began, evictions, new settings, interruptions. Every span that was accepted is
 * handed over, once. */
#include "stress/stress.h"

#include "event/system_events.h"

enum { THREADS = 16, TASKS = 40, STEPS = 4 };

static tn_span_manager *manager;
static atomic_uint_fast64_t accepted, taken;

static void accept_one(void *self)
{
    (void)self;
    accepted++;
}

static tn_span_pool pool;

/* As the worker does it: what was taken comes back through the pool, to whoever opens spans next. */
static void deliver(void *self, tn_delivery *delivery)
{
    (void)self;
    check(delivery->lost == 0);
    accepted += delivery->ended.count;
    tn_span_list_append(&delivery->ended, &delivery->released);
    taken += delivery->ended.count;
    for (const tn_span *span = delivery->ended.first; span; span = span->next) check(span->end >= span->start);
    tn_span_list_recycle(&delivery->ended, &pool);
}

/* xorshift (Marsaglia, 2003). */
static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static tn_span_manager_options options_for(size_t max_open_spans)
{
    return (tn_span_manager_options){
        .trace_seed = TN_TEXT("stress"),
        .max_open_spans = max_open_spans,
        .max_age = 20 * TN_MILLISECOND,
        .limits = TN_SPAN_LIMITS_DEFAULT,
    };
}

static void look_at(const char *task_id, const char *step_id)
{
    tn_span_context context;
    tn_span_key key = {tn_text_of(task_id), tn_text_of(step_id)};
    tn_span_manager_find(manager, key, &context);
    tn_span_manager_add_event(manager, key, TN_TEXT("late"), tn_clock_now(), TN_NO_PAIRS);
    tn_span_manager_set_attributes(manager, key, TN_NO_PAIRS);
}

/* Of any run, begun by others a moment ago or not at all. */
static void know_of(const char *task_id, uint64_t random)
{
    tn_moment now = tn_clock_now();
    tn_task_history history = {
        .run = 1 + random % 3, .began = random & 4 ? now.wall - TN_SECOND : 0, .over = random & 8};
    tn_span_manager_know_task(manager, tn_text_of(task_id), history, now);
}

static void *work(void *number)
{
    uint64_t state = 88172645463325252u + (uint64_t)(long)number;
    while (!over) {
        char task_id[8], step_id[8];
        tn_event_id event = (tn_event_id)(next(&state) % (TN_SYSTEM_EVENT_COUNT + 2));
        snprintf(task_id, sizeof(task_id), "%u", (unsigned)(next(&state) % TASKS));
        snprintf(step_id, sizeof(step_id), "%u", (unsigned)(next(&state) % STEPS));
        switch (next(&state) % 64) {
        case 0: tn_span_manager_remove_task(manager, tn_text_of(task_id)); break;
        case 1: look_at(task_id, step_id); break;
        case 2: look_at(task_id, NULL); break;
        case 3: know_of(task_id, next(&state)); break;
        default: record(manager, event, task_id, next(&state) % 4 ? step_id : NULL);
        }
    }
    return NULL;
}

static void *tend(void *number)
{
    for (size_t i = 0; !over; i++, sleep_ms(1)) {
        tn_span_manager_release(manager, tn_clock_monotonic(), i % 3 == 0);
        if (i % 10 == 0) tn_span_manager_interrupt(manager, SIZE_MAX);
        tn_span_manager_options options = options_for(i % 7 ? 50 : 5);
        if (i % 20 == 0) tn_span_manager_configure(manager, &options);
    }
    return number;
}

static void *audit(void *number)
{
    while (!over) {
        tn_span_manager_stats stats;
        tn_span_manager_stats_read(manager, &stats);
        check(stats.open_tasks <= TASKS && stats.open_steps <= TASKS * STEPS);
    }
    return number;
}

int main(int argc, char **argv)
{
    tn_span_manager_options options = options_for(50);
    tn_span_pool_init(&pool, 100);
    manager = tn_span_manager_new(&options, (tn_span_sink){.accept = accept_one, .deliver = deliver, .pool = &pool});
    start_threads(THREADS, work);
    start_threads(1, tend);
    start_threads(1, audit);
    run_threads(argc, argv);

    tn_span_manager_free(manager);
    tn_span_pool_free(&pool);
    printf("%lu spans\n", (unsigned long)taken);
    check(taken > 0);
    check(accepted == taken);
    return 0;
}
