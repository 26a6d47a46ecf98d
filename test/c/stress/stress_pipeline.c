/* Eight threads end spans of two managers while others flush, configure, pause, read the accounts and the log: for
 * three seconds, as wildly as it goes. Made for ThreadSanitizer, which can't run inside Criterion. From the root:
 *
 *   gcc -std=c11 -D_GNU_SOURCE -g -O1 -pthread -fsanitize=thread -Iext/tasker_native/core \
 *       $(find ext/tasker_native/core -name '*.c') test/c/stress/stress_pipeline.c \
 *       $(pkg-config --cflags --libs libcurl msgpack zlib libxxhash) -o tmp/stress_pipeline && tmp/stress_pipeline
 *
 * Exits with 0 when the accounts added up at every moment and every span is accounted for. */
#include "export/pipeline.h"

#include "base/clock.h"
#include "event/system_events.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PUBLISHERS = 8, MANAGERS = 2, STEPS = 3 };

#define SECONDS 3
#define TASK_SPANS (STEPS + 1)

static tn_pipeline *pipeline;
static tn_span_manager *managers[MANAGERS];
static int console;
static atomic_bool over;
static atomic_uint_fast64_t ended, delivered;

static void check(bool holds, const char *what)
{
    if (holds) return;
    fprintf(stderr, "stress_pipeline: %s\n", what);
    _exit(1);
}

static uint64_t after_ms(uint64_t milliseconds)
{
    return tn_clock_monotonic() + milliseconds * TN_MILLISECOND;
}

static void sleep_ms(long milliseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = milliseconds * 1000000}, NULL);
}

/* --- Exporters ----------------------------------------------------------------------------------------- */

static void count_batch(tn_exporter *self, const tn_span_list *batch, uint64_t deadline, tn_export_result *result)
{
    (void)self;
    (void)deadline;
    *result = (tn_export_result){.exported = batch->count};
    delivered += batch->count;
}

static void free_exporter(tn_exporter *self)
{
    free(self);
}

static tn_exporter *new_counter(void)
{
    tn_exporter *exporter = malloc(sizeof(*exporter));
    *exporter = (tn_exporter){"counter", count_batch, NULL, NULL, free_exporter};
    return exporter;
}

/* What is exported first is counted; the others encode for real. */
static void configure(size_t max_queue_size)
{
    tn_exporter *exporters[3] = {new_counter()};
    tn_encoder_options encoding = {.prefix = TN_TEXT("tasker."), .attribute_limit = 128};
    tn_pipeline_options options = {
        .max_queue_size = max_queue_size,
        .max_queue_bytes = 1 << 24,
        .max_export_batch_size = 64,
        .schedule_delay = TN_MILLISECOND,
    };
    check(tn_memory_exporter_new(&encoding, 1 << 20, &exporters[1]) == TN_OK, "no memory");
    check(tn_console_exporter_new(&encoding, console, &exporters[2]) == TN_OK, "no memory");
    tn_pipeline_configure(pipeline, &options, exporters, 3);
}

/* --- Threads ------------------------------------------------------------------------------------------- */

static void record(tn_span_manager *manager, tn_event_id event, const char *task_id, const char *step_id)
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

static void *publish(void *argument)
{
    long number = (long)argument;
    tn_span_manager *manager = managers[number % MANAGERS];
    for (long i = 0; !over; i++) {
        char task_id[64], step_id[32];
        snprintf(task_id, sizeof(task_id), "%ld-%ld", number, i);
        record(manager, TN_TASK_START_REQUESTED, task_id, NULL);
        for (int step = 0; step < STEPS; step++) {
            snprintf(step_id, sizeof(step_id), "%d", step);
            record(manager, TN_STEP_BEFORE_HANDLE, task_id, step_id);
            record(manager, TN_STEP_COMPLETED, task_id, step_id);
        }
        record(manager, TN_TASK_COMPLETED, task_id, NULL);
        ended += TASK_SPANS;
    }
    return NULL;
}

static void *flush(void *unused)
{
    for (; !over; sleep_ms(5)) tn_pipeline_flush(pipeline, after_ms(200), NULL);
    return unused;
}

static void *change(void *unused)
{
    for (size_t i = 0; !over; i++, sleep_ms(20)) {
        configure(i % 2 ? 100 : 10000);
        if (i % 5 == 0) tn_pipeline_shutdown(pipeline, after_ms(5), NULL);
    }
    return unused;
}

static void *pause_and_resume(void *unused)
{
    for (; !over; sleep_ms(10)) {
        tn_pipeline_pause(pipeline, after_ms(100));
        tn_pipeline_resume(pipeline);
    }
    return unused;
}

static void *audit(void *unused)
{
    while (!over) {
        tn_pipeline_stats stats;
        tn_pipeline_stats_read(pipeline, &stats);
        uint64_t dropped = 0;
        for (int reason = 0; reason < TN_DROP_COUNT; reason++) dropped += stats.dropped[reason];
        check(stats.accepted == stats.exported + dropped + stats.in_flight, "the accounts don't add up");
        check(stats.in_flight <= stats.accepted && stats.queued <= stats.in_flight, "more was settled than accepted");
    }
    return unused;
}

static void *read_what_it_says(void *unused)
{
    while (!over) {
        tn_log_line line;
        tn_log_ring_wait(tn_pipeline_log(pipeline), after_ms(50));
        while (tn_log_ring_take(tn_pipeline_log(pipeline), &line)) continue;

        tn_buffer taken;
        if (tn_pipeline_take_memory(pipeline, &taken)) tn_buffer_free(&taken);
    }
    return unused;
}

static void *come_and_go(void *unused)
{
    tn_span_manager_options options = {.max_open_spans = 10, .max_age = TN_SECOND, .limits = TN_SPAN_LIMITS_DEFAULT};
    for (; !over; sleep_ms(1)) {
        tn_span_manager *manager = tn_span_manager_new(&options, tn_pipeline_sink(pipeline));
        check(manager && tn_pipeline_add_manager(pipeline, manager) == TN_OK, "no memory");
        record(manager, TN_TASK_START_REQUESTED, "t", NULL);
        record(manager, TN_TASK_COMPLETED, "t", NULL);
        ended += 1;
        tn_pipeline_remove_manager(pipeline, manager);
        tn_span_manager_free(manager);
    }
    return unused;
}

static void start_all(pthread_t *threads, size_t *count)
{
    void *(*const others[])(void *) = {flush,      flush, change, change, pause_and_resume, audit, read_what_it_says,
                                       come_and_go};
    for (long i = 0; i < PUBLISHERS; i++) pthread_create(&threads[(*count)++], NULL, publish, (void *)i);
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        pthread_create(&threads[(*count)++], NULL, others[i], NULL);
    }
}

int main(void)
{
    tn_pipeline_options options = {1, 1, 1, TN_SECOND};
    tn_span_manager_options of_manager = {
        .trace_seed = TN_TEXT("stress"),
        .max_open_spans = 1000,
        .max_age = 3600 * TN_SECOND,
        .limits = TN_SPAN_LIMITS_DEFAULT,
    };
    console = open("/dev/null", O_WRONLY);
    pipeline = tn_pipeline_new(&options);
    for (int i = 0; i < MANAGERS; i++) {
        managers[i] = tn_span_manager_new(&of_manager, tn_pipeline_sink(pipeline));
        check(tn_pipeline_add_manager(pipeline, managers[i]) == TN_OK, "no memory");
    }
    configure(10000);

    size_t count = 0;
    pthread_t threads[PUBLISHERS + 16];
    start_all(threads, &count);
    sleep(SECONDS);
    over = true;
    for (size_t i = 0; i < count; i++) pthread_join(threads[i], NULL);

    tn_pipeline_shutdown(pipeline, after_ms(5000), NULL);
    tn_pipeline_stats stats;
    tn_pipeline_stats_read(pipeline, &stats);
    printf("%lu spans: %lu exported, %lu lost on purpose\n", (unsigned long)stats.accepted,
           (unsigned long)stats.exported, (unsigned long)(stats.accepted - stats.exported));
    check(stats.in_flight == 0, "spans are in flight after the end");
    check(stats.accepted == ended, "a span is not accounted for");
    check(stats.exported == delivered, "a span was exported twice, or was not, but counted");

    for (int i = 0; i < MANAGERS; i++) {
        tn_pipeline_remove_manager(pipeline, managers[i]);
        tn_span_manager_free(managers[i]);
    }
    tn_pipeline_free(pipeline);
    close(console);
    return 0;
}
