/* Threads publish, flush and shut down while another one forks again and again. Each child has empty accounts, can
 * publish and flush within a bound, and leaves; the parent loses nothing by it. */
#include "stress/stress.h"

#include <sys/wait.h>

enum { PUBLISHERS = 4, STEPS = 2 };

static tn_pipeline *pipeline;
static tn_span_manager *manager;
static atomic_uint_fast64_t ended, children;

static void configure(void)
{
    tn_exporter *exporters[] = {new_counter(), new_memory()};
    tn_pipeline_options options = {
        .max_queue_size = 100000,
        .max_queue_bytes = 1 << 28,
        .max_export_batch_size = 64,
        .schedule_delay = TN_MILLISECOND,
    };
    tn_pipeline_configure(pipeline, &options, exporters, 2);
}

static void *publish(void *number)
{
    for (long i = 0; !over; i++) {
        char task_id[64];
        snprintf(task_id, sizeof(task_id), "%ld-%ld", (long)number, i);
        ended += record_task(manager, task_id, STEPS);
    }
    return NULL;
}

static void *flush(void *number)
{
    for (; !over; sleep_ms(3)) tn_pipeline_flush(pipeline, after_ms(100), NULL);
    return number;
}

static void *read_log(void *number)
{
    tn_log_line line;
    while (!over) {
        tn_log_ring_wait(tn_pipeline_log(pipeline), after_ms(20));
        while (tn_log_ring_take(tn_pipeline_log(pipeline), &line)) continue;
        tn_buffer taken;
        if (tn_pipeline_take_memory(pipeline, &taken)) tn_buffer_free(&taken);
    }
    return number;
}

/* What the child does with what it has inherited. It exits as a forked process of Ruby's does: at once. */
static void be_a_child(void)
{
    alarm(20);
    check(audited(pipeline).accepted == 0);
    record_task(manager, "child", STEPS);
    bool flushed = tn_pipeline_flush(pipeline, after_ms(15000), NULL);
    tn_pipeline_stats stats = audited(pipeline);
    check(flushed && stats.exported == STEPS + 1 && stats.in_flight == 0);
    _exit(0);
}

static void *fork_often(void *number)
{
    for (bool paused = true; !over; paused = !paused, sleep_ms(20)) {
        if (paused) tn_pipeline_pause(pipeline, after_ms(50)); /* as Process._fork does; a raw fork does not */
        pid_t child = fork();
        check(child >= 0);
        if (child == 0) be_a_child();
        if (paused) tn_pipeline_resume(pipeline);

        int status;
        check(waitpid(child, &status, 0) == child);
        check(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        children++;
    }
    return number;
}

int main(int argc, char **argv)
{
    pipeline = tn_pipeline_new(&(tn_pipeline_options){
        .max_queue_size = 1, .max_queue_bytes = 1, .max_export_batch_size = 1, .schedule_delay = TN_SECOND});
    if (tn_pipeline_watch_forks(pipeline) != TN_OK) return 1;
    manager = add_manager(pipeline, 1000);
    configure();

    start_threads(PUBLISHERS, publish);
    start_threads(1, flush);
    start_threads(1, read_log);
    start_threads(1, fork_often);
    run_threads(argc, argv);

    tn_pipeline_shutdown(pipeline, after_ms(5000), TN_STOP_GRACE, NULL);
    tn_pipeline_stats stats = audited(pipeline);
    printf("%lu spans, %lu children\n", (unsigned long)stats.accepted, (unsigned long)children);
    check(children > 0);
    check(stats.in_flight == 0 && stats.accepted == ended && stats.exported == delivered);
    free_manager(pipeline, manager);
    tn_pipeline_free(pipeline);
    return 0;
}
