/* Eight threads end spans of two managers while others flush, configure, shut down, pause, read the accounts and the
 * log, and make managers that come and go. Every span is accounted for in the end. */
#include "stress/stress.h"

#include "event/system_events.h"

#include <fcntl.h>

enum { PUBLISHERS = 8, MANAGERS = 2, STEPS = 3 };

static tn_pipeline *pipeline;
static tn_span_manager *managers[MANAGERS];
static int console;
static atomic_uint_fast64_t ended;

/* What is exported first is counted; the others encode for real. */
static void configure(size_t max_queue_size)
{
    tn_exporter *exporters[3] = {new_counter(), new_memory()};
    tn_encoder_options encoding = {.prefix = TN_TEXT("tasker."), .attribute_limit = 128};
    tn_pipeline_options options = {
        .max_queue_size = max_queue_size,
        .max_queue_bytes = 1 << 24,
        .max_export_batch_size = 64,
        .schedule_delay = TN_MILLISECOND,
    };
    check(tn_console_exporter_new(&encoding, console, &exporters[2]) == TN_OK);
    tn_pipeline_configure(pipeline, &options, exporters, 3);
}

static void *publish(void *number)
{
    long self = (long)number;
    for (long i = 0; !over; i++) {
        char task_id[64];
        snprintf(task_id, sizeof(task_id), "%ld-%ld", self, i);
        ended += record_task(managers[self % MANAGERS], task_id, STEPS);
    }
    return NULL;
}

static void *change(void *number)
{
    for (size_t i = 0; !over; i++, sleep_ms(20)) {
        configure(i % 2 ? 100 : 10000);
        if (i % 5 == 0) tn_pipeline_shutdown(pipeline, after_ms(5), TN_STOP_GRACE, NULL);
    }
    return number;
}

static void *come_and_go(void *number)
{
    for (; !over; sleep_ms(1)) {
        tn_span_manager *manager = add_manager(pipeline, 10);
        ended += record_task(manager, "t", 0);
        free_manager(pipeline, manager);
    }
    return number;
}

int main(int argc, char **argv)
{
    console = open("/dev/null", O_WRONLY);
    pipeline = tn_pipeline_new(&(tn_pipeline_options){
        .max_queue_size = 1, .max_queue_bytes = 1, .max_export_batch_size = 1, .schedule_delay = TN_SECOND});
    for (int i = 0; i < MANAGERS; i++) managers[i] = add_manager(pipeline, 1000);
    configure(10000);

    start_threads(PUBLISHERS, publish);
    start_threads(2, change);
    start_threads(1, come_and_go);
    start_bystanders(pipeline);
    run_threads(argc, argv);

    tn_pipeline_shutdown(pipeline, after_ms(5000), TN_STOP_GRACE, NULL);
    tn_pipeline_stats stats = audited(pipeline);
    printf("%lu spans: %lu exported, %lu lost on purpose\n", (unsigned long)stats.accepted,
           (unsigned long)stats.exported, (unsigned long)(stats.accepted - stats.exported));
    check(stats.in_flight == 0);
    check(stats.accepted == ended);
    check(stats.exported == delivered);

    for (int i = 0; i < MANAGERS; i++) free_manager(pipeline, managers[i]);
    tn_pipeline_free(pipeline);
    close(console);
    return 0;
}
