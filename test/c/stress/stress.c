#include "stress/stress.h"

#include "event/system_events.h"

#define MAX_THREADS 64

void stress_check(bool holds, const char *what, const char *file, int line)
{
    if (holds) return;
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    _exit(1);
}

uint64_t after_ms(uint64_t milliseconds)
{
    return tn_clock_monotonic() + milliseconds * TN_MILLISECOND;
}

void sleep_ms(long milliseconds)
{
    nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000}, NULL);
}

/* --- Threads ------------------------------------------------------------------------------------------- */

atomic_bool over;

static pthread_t threads[MAX_THREADS];
static size_t thread_count;

void start_threads(long count, void *(*function)(void *))
{
    for (long i = 0; i < count; i++) {
        check(thread_count < MAX_THREADS);
        check(pthread_create(&threads[thread_count++], NULL, function, (void *)i) == 0);
    }
}

void run_threads(int argc, char **argv)
{
    sleep_ms(1000 * (argc > 1 ? atol(argv[1]) : 3));
    over = true;
    while (thread_count > 0) pthread_join(threads[--thread_count], NULL);
}

/* --- What goes through a pipeline ---------------------------------------------------------------------- */

atomic_uint_fast64_t delivered;

static void count_batch(tn_exporter *self, const tn_span_list *batch, uint64_t deadline, tn_export_result *result)
{
    (void)self;
    (void)deadline;
    *result = (tn_export_result){.exported = batch->count};
    delivered += batch->count;
}

static void free_counter(tn_exporter *self)
{
    free(self);
}

tn_exporter *new_counter(void)
{
    tn_exporter *exporter = malloc(sizeof(*exporter));
    *exporter = (tn_exporter){.name = "counter", .export_batch = count_batch, .free = free_counter};
    return exporter;
}

tn_exporter *new_memory(void)
{
    tn_exporter *exporter;
    tn_encoder_options encoding = {.prefix = TN_TEXT("tasker."), .attribute_limit = 128};
    check(tn_memory_exporter_new(&encoding, 1 << 20, &exporter) == TN_OK);
    return exporter;
}

tn_span_manager *add_manager(tn_pipeline *pipeline, size_t max_open_spans)
{
    tn_span_manager_options options = {
        .trace_seed = TN_TEXT("stress"),
        .max_open_spans = max_open_spans,
        .max_age = 3600 * TN_SECOND,
        .limits = TN_SPAN_LIMITS_DEFAULT,
    };
    tn_span_manager *manager = tn_span_manager_new(&options, tn_pipeline_sink(pipeline));
    check(manager && tn_pipeline_add_manager(pipeline, manager) == TN_OK);
    return manager;
}

void free_manager(tn_pipeline *pipeline, tn_span_manager *manager)
{
    tn_pipeline_remove_manager(pipeline, manager);
    tn_span_manager_free(manager);
}

void record(tn_span_manager *manager, tn_event_id event, const char *task_id, const char *step_id)
{
    tn_occurrence occurrence = {
        .event = event,
        .name = TN_TEXT("event"),
        .now = tn_clock_now(),
        .task_id = tn_text_of(task_id),
        .step_id = tn_text_of(step_id),
    };
    tn_span_manager_record(manager, &occurrence);
}

size_t record_task(tn_span_manager *manager, const char *task_id, int steps)
{
    record(manager, TN_TASK_START_REQUESTED, task_id, NULL);
    for (int step = 0; step < steps; step++) {
        char step_id[16];
        snprintf(step_id, sizeof(step_id), "%d", step);
        record(manager, TN_STEP_BEFORE_HANDLE, task_id, step_id);
        record(manager, TN_STEP_COMPLETED, task_id, step_id);
    }
    record(manager, TN_TASK_COMPLETED, task_id, NULL);
    return (size_t)steps + 1;
}

tn_pipeline_stats audited(tn_pipeline *pipeline)
{
    tn_pipeline_stats stats;
    tn_pipeline_stats_read(pipeline, &stats);
    uint64_t dropped = 0;
    for (int reason = 0; reason < TN_DROP_COUNT; reason++) dropped += stats.dropped[reason];
    check(stats.accepted == stats.exported + stats.spooled + dropped + stats.in_flight);
    check(stats.in_flight <= stats.accepted && stats.queued <= stats.in_flight);
    return stats;
}

/* --- Bystanders ------------------------------------------------------------------------------------------ */

static tn_pipeline *watched;

static void *flush(void *number)
{
    for (; !over; sleep_ms(5)) tn_pipeline_flush(watched, after_ms(200), NULL);
    return number;
}

static void *pause_and_resume(void *number)
{
    for (; !over; sleep_ms(10)) {
        tn_pipeline_pause(watched, after_ms(100));
        tn_pipeline_resume(watched);
    }
    return number;
}

static void *audit(void *number)
{
    while (!over) audited(watched);
    return number;
}

static void *read_what_it_says(void *number)
{
    while (!over) {
        tn_log_line line;
        tn_log_ring_wait(tn_pipeline_log(watched), after_ms(50));
        while (tn_log_ring_take(tn_pipeline_log(watched), &line)) continue;

        tn_buffer taken;
        if (tn_pipeline_take_memory(watched, &taken)) tn_buffer_free(&taken);
    }
    return number;
}

void start_bystanders(tn_pipeline *pipeline)
{
    watched = pipeline;
    start_threads(2, flush);
    start_threads(1, pause_and_resume);
    start_threads(1, audit);
    start_threads(1, read_what_it_says);
}
