#include "support_export.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(pipeline, .fini = all_memory_is_back, .timeout = 20);

static fake_exporter fake;

static tn_pipeline *pipeline_with(uint64_t schedule_delay)
{
    return new_pipeline(options_with(schedule_delay), fake_init(&fake, "fake"));
}

/* Batches of one, so that the first span is under way and held, and those that follow stay in the queue. */
static tn_pipeline *busy_pipeline(size_t max_queue_size, size_t max_queue_bytes)
{
    tn_pipeline_options options = options_with(HOUR);
    options.max_export_batch_size = 1;
    options.max_queue_size = max_queue_size;
    options.max_queue_bytes = max_queue_bytes;
    tn_pipeline *pipeline = new_pipeline(options, fake_init(&fake, "fake"));
    fake_hold(&fake, true);
    push_spans(pipeline, 1);
    eventually(fake_entered(&fake) == 1);
    return pipeline;
}

static bool flush(tn_pipeline *pipeline, uint64_t milliseconds)
{
    return tn_pipeline_flush(pipeline, after_ms(milliseconds), NULL);
}

static void configure_with(tn_pipeline *pipeline, tn_pipeline_options options, tn_exporter *exporter)
{
    tn_pipeline_configure(pipeline, &options, &exporter, exporter ? 1 : 0);
}

static uint64_t dropped_for(tn_pipeline *pipeline, tn_drop reason)
{
    tn_pipeline_stats stats = stats_of(pipeline);
    (void)dropped_of(&stats);
    return stats.dropped[reason];
}

static void assert_accounts(tn_pipeline *pipeline, uint64_t accepted, uint64_t exported, uint64_t dropped)
{
    tn_pipeline_stats stats = stats_of(pipeline);
    cr_assert_eq(stats.accepted, accepted, "accepted: %lu", (unsigned long)stats.accepted);
    cr_assert_eq(stats.exported, exported, "exported: %lu", (unsigned long)stats.exported);
    cr_assert_eq(dropped_of(&stats), dropped, "dropped: %lu", (unsigned long)dropped_of(&stats));
}

/* --- Batches ------------------------------------------------------------------------------------------- */

Test(pipeline, exports_when_the_first_span_has_waited_for_the_delay)
{
    tn_pipeline *pipeline = pipeline_with(100 * TN_MILLISECOND);
    uint64_t start = tn_clock_monotonic();
    push_spans(pipeline, 3);
    eventually(fake_spans(&fake) == 3);
    cr_assert_geq(tn_clock_monotonic() - start, 100 * TN_MILLISECOND);
    cr_assert_eq(fake_batches(&fake), 1);
    eventually(stats_of(pipeline).exported == 3);
    assert_accounts(pipeline, 3, 3, 0);
    tn_pipeline_free(pipeline);
    cr_assert_eq(fake.freed, 1);
}

Test(pipeline, exports_at_once_when_a_batch_is_full)
{
    tn_pipeline_options options = options_with(HOUR);
    options.max_export_batch_size = 10;
    tn_pipeline *pipeline = new_pipeline(options, fake_init(&fake, "fake"));
    push_spans(pipeline, 9);
    sleep_ms(50);
    cr_assert_eq(fake_spans(&fake), 0);
    push_spans(pipeline, 1);
    eventually(fake_spans(&fake) == 10);
    tn_pipeline_free(pipeline);
}

Test(pipeline, a_batch_is_never_larger_than_allowed)
{
    tn_pipeline_options options = options_with(HOUR);
    options.max_export_batch_size = 10;
    tn_pipeline *pipeline = new_pipeline(options, fake_init(&fake, "fake"));
    push_spans(pipeline, 95);
    cr_assert(flush(pipeline, 5000));
    cr_assert_eq(fake_spans(&fake), 95);
    cr_assert_eq(fake.largest_batch, 10);
    tn_pipeline_free(pipeline);
}

Test(pipeline, a_batch_size_of_zero_is_one)
{
    tn_pipeline_options options = options_with(HOUR);
    options.max_export_batch_size = 0;
    tn_pipeline *pipeline = new_pipeline(options, fake_init(&fake, "fake"));
    push_spans(pipeline, 3);
    cr_assert(flush(pipeline, 5000));
    cr_assert_eq(fake.largest_batch, 1);
    tn_pipeline_free(pipeline);
}

/* --- A full queue -------------------------------------------------------------------------------------- */

Test(pipeline, drops_and_counts_what_a_full_queue_can_not_take)
{
    tn_pipeline *pipeline = busy_pipeline(3, 1 << 20);
    push_spans(pipeline, 5);
    tn_pipeline_stats stats = stats_of(pipeline);
    cr_assert_eq(stats.queued, 3);
    cr_assert_eq(stats.in_flight, 4);
    cr_assert_eq(stats.dropped[TN_DROP_QUEUE_FULL], 2);
    fake_let_go(&fake);
    cr_assert(flush(pipeline, 5000));
    assert_accounts(pipeline, 6, 4, 2);
    tn_pipeline_free(pipeline);
}

Test(pipeline, a_queue_is_also_full_when_its_bytes_are_too_many)
{
    tn_span *span = new_span("tasker.step.execution");
    size_t size = tn_span_size(span);
    tn_span_free(span);

    tn_pipeline *pipeline = busy_pipeline(1000, 3 * size + size / 2);
    push_spans(pipeline, 5);
    tn_pipeline_stats stats = stats_of(pipeline);
    cr_assert_eq(stats.queued, 3);
    cr_assert_eq(stats.queued_bytes, 3 * size);
    cr_assert_eq(stats.dropped[TN_DROP_QUEUE_FULL], 2);
    fake_let_go(&fake);
    cr_assert(flush(pipeline, 5000));
    cr_assert_eq(stats_of(pipeline).queued_bytes, 0);
    tn_pipeline_free(pipeline);
}

Test(pipeline, counts_spans_that_never_came_to_be)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    tn_pipeline_sink(pipeline).deliver(pipeline, &(tn_delivery){.lost = 2});
    cr_assert_eq(dropped_for(pipeline, TN_DROP_MEMORY), 2);
    assert_accounts(pipeline, 2, 0, 2);
    tn_pipeline_free(pipeline);
}

/* --- Flush --------------------------------------------------------------------------------------------- */

Test(pipeline, flush_exports_at_once_and_is_true)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    cr_assert(flush(pipeline, 0), "nothing is in flight");
    push_spans(pipeline, 700);
    uint64_t start = tn_clock_monotonic();
    cr_assert(flush(pipeline, 5000));
    cr_assert_lt(tn_clock_monotonic() - start, 2 * TN_SECOND);
    assert_accounts(pipeline, 700, 700, 0);
    tn_pipeline_free(pipeline);
}

Test(pipeline, flush_is_true_when_spans_were_refused)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    fake.fails = true;
    push_spans(pipeline, 7);
    cr_assert(flush(pipeline, 5000));
    assert_accounts(pipeline, 7, 0, 7);
    cr_assert_eq(dropped_for(pipeline, TN_DROP_UNREACHABLE), 7);
    tn_pipeline_free(pipeline);
}

Test(pipeline, flush_is_false_at_the_deadline)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    fake_hold(&fake, true);
    push_spans(pipeline, 1);
    uint64_t start = tn_clock_monotonic();
    cr_assert_not(flush(pipeline, 100));
    uint64_t waited = tn_clock_monotonic() - start;
    cr_assert(waited >= 100 * TN_MILLISECOND && waited < 2 * TN_SECOND);
    fake_let_go(&fake);
    cr_assert(flush(pipeline, 5000));
    tn_pipeline_free(pipeline);
}

static void *flush_true(void *pipeline)
{
    return (void *)(uintptr_t)flush(pipeline, 5000);
}

Test(pipeline, flush_is_not_fooled_by_spans_that_come_later_and_are_dropped)
{
    tn_pipeline *pipeline = busy_pipeline(2, 1 << 20);
    push_spans(pipeline, 2);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, flush_true, pipeline), 0);
    sleep_ms(50);
    push_spans(pipeline, 10);
    cr_assert_not(flush(pipeline, 50), "three spans are still in flight");
    fake_let_go(&fake);
    void *flushed;
    pthread_join(thread, &flushed);
    cr_assert(flushed);
    assert_accounts(pipeline, 13, 3, 10);
    tn_pipeline_free(pipeline);
}

typedef struct {
    tn_pipeline *pipeline;
    atomic_bool cancelled;
    bool result;
} cancellable;

static void *flush_cancellably(void *argument)
{
    cancellable *c = argument;
    c->result = tn_pipeline_flush(c->pipeline, after_ms(10000), &c->cancelled);
    return NULL;
}

Test(pipeline, flush_can_be_cancelled)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    fake_hold(&fake, true);
    push_spans(pipeline, 1);
    cancellable c = {.pipeline = pipeline};
    pthread_t thread;
    uint64_t start = tn_clock_monotonic();
    cr_assert_eq(pthread_create(&thread, NULL, flush_cancellably, &c), 0);
    sleep_ms(50);
    atomic_store(&c.cancelled, true);
    tn_pipeline_wake(pipeline);
    pthread_join(thread, NULL);
    cr_assert_not(c.result);
    cr_assert_lt(tn_clock_monotonic() - start, 2 * TN_SECOND);
    fake_let_go(&fake);
    tn_pipeline_free(pipeline);
}

/* --- Shutdown ------------------------------------------------------------------------------------------ */

static bool shut_down(tn_pipeline *pipeline, uint64_t milliseconds)
{
    return tn_pipeline_shutdown(pipeline, after_ms(milliseconds), TN_STOP_GRACE, NULL);
}

Test(pipeline, shutdown_delivers_the_rest_and_is_true)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    push_spans(pipeline, 3);
    cr_assert(shut_down(pipeline, 5000));
    assert_accounts(pipeline, 3, 3, 0);
    cr_assert(shut_down(pipeline, 5000), "as often as one likes");
    tn_pipeline_free(pipeline);
}

Test(pipeline, spans_after_shutdown_are_counted)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    push_spans(pipeline, 1);
    cr_assert(shut_down(pipeline, 5000));
    push_spans(pipeline, 2);
    cr_assert_eq(dropped_for(pipeline, TN_DROP_SHUTDOWN), 2);
    assert_accounts(pipeline, 3, 1, 2);
    cr_assert(flush(pipeline, 0));
    cr_assert_not(shut_down(pipeline, 0), "they were lost");
    tn_pipeline_free(pipeline);
}

Test(pipeline, shutdown_is_false_when_a_span_was_lost_at_any_time)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    tn_pipeline_sink(pipeline).deliver(pipeline, &(tn_delivery){.lost = 1});
    push_spans(pipeline, 1);
    cr_assert_not(shut_down(pipeline, 5000));
    assert_accounts(pipeline, 2, 1, 1);
    tn_pipeline_free(pipeline);
}

Test(pipeline, shutdown_interrupts_at_the_deadline_and_drops_the_rest)
{
    tn_pipeline *pipeline = busy_pipeline(100, 1 << 20);
    fake.reason = TN_DROP_DEADLINE;
    push_spans(pipeline, 4);
    uint64_t start = tn_clock_monotonic();
    cr_assert_not(shut_down(pipeline, 100));
    cr_assert_lt(tn_clock_monotonic() - start, 2 * TN_SECOND);
    cr_assert_eq(fake.interrupts, 1);
    cr_assert_eq(dropped_for(pipeline, TN_DROP_DEADLINE), 5);
    assert_accounts(pipeline, 5, 0, 5);
    tn_pipeline_free(pipeline);
}

Test(pipeline, shutdown_is_bounded_and_false_when_an_exporter_does_not_come_back)
{
    tn_pipeline *pipeline = busy_pipeline(100, 1 << 20);
    fake.deaf = true;
    uint64_t start = tn_clock_monotonic();
    cr_assert_not(shut_down(pipeline, 100), "one span is still in flight");
    cr_assert_lt(tn_clock_monotonic() - start, 4 * TN_SECOND);
    assert_accounts(pipeline, 1, 0, 0);
    cr_assert_not(shut_down(pipeline, 0), "again");

    fake_let_go(&fake);
    eventually(stats_of(pipeline).in_flight == 0);
    assert_accounts(pipeline, 1, 1, 0);
    cr_assert(shut_down(pipeline, 0), "it arrived after all");
    tn_pipeline_free(pipeline);
}

Test(pipeline, configure_gives_up_an_exporter_that_does_not_come_back)
{
    static fake_exporter second;
    tn_pipeline *pipeline = busy_pipeline(100, 1 << 20);
    fake.deaf = true;
    push_spans(pipeline, 2);
    configure_with(pipeline, options_with(HOUR), fake_init(&second, "second"));
    cr_assert_eq(fake.freed, 0, "its thread still uses it");

    fake_let_go(&fake);
    eventually(stats_of(pipeline).exported == 1);
    cr_assert_eq(fake_spans(&second), 0, "what the first one had is not exported twice");
    eventually(flush(pipeline, 10));
    cr_assert_eq(fake_spans(&second), 2);
    assert_accounts(pipeline, 3, 3, 0);
    tn_pipeline_free(pipeline);
    cr_assert_eq(second.freed, 1);
}

static tn_text taken_text(tn_pipeline *pipeline, tn_buffer *taken)
{
    cr_assert(tn_pipeline_take_memory(pipeline, taken));
    return tn_buffer_text(taken);
}

static tn_exporter *new_memory_exporter(void)
{
    tn_exporter *exporter;
    tn_encoder_options encoding = test_encoding();
    cr_assert_eq(tn_memory_exporter_new(&encoding, 1 << 20, &exporter), TN_OK);
    return exporter;
}

Test(pipeline, shutdown_ends_open_steps_with_an_event)
{
    tn_pipeline *pipeline = new_pipeline(options_with(HOUR), new_memory_exporter());
    tn_span_manager *manager = new_manager(pipeline);
    record_step(manager, TN_STEP_BEFORE_HANDLE, "t1", "s1");
    cr_assert(shut_down(pipeline, 5000));
    assert_accounts(pipeline, 1, 1, 0);

    tn_buffer taken;
    cr_assert(contains(taken_text(pipeline, &taken), "\"name\":\"tasker.span.interrupted\""));
    tn_buffer_free(&taken);
    free_manager(pipeline, manager);
    tn_pipeline_free(pipeline);
}

/* --- Configure ----------------------------------------------------------------------------------------- */

Test(pipeline, without_exporters_every_span_is_accepted_and_dropped)
{
    tn_pipeline_options options = options_with(HOUR);
    tn_pipeline *pipeline = tn_pipeline_new(&options);
    push_spans(pipeline, 2);
    assert_accounts(pipeline, 2, 0, 2);

    configure_with(pipeline, options_with(HOUR), NULL);
    push_spans(pipeline, 2);
    cr_assert(flush(pipeline, 1000));
    assert_accounts(pipeline, 4, 0, 4);
    cr_assert_eq(dropped_for(pipeline, TN_DROP_SHUTDOWN), 4);
    tn_pipeline_free(pipeline);
}

Test(pipeline, what_is_queued_when_the_last_exporter_goes_is_dropped)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    push_spans(pipeline, 3);
    configure_with(pipeline, options_with(HOUR), NULL);
    cr_assert(flush(pipeline, 1000));
    assert_accounts(pipeline, 3, 0, 3);
    cr_assert_eq(fake.freed, 1);
    tn_pipeline_free(pipeline);
}

Test(pipeline, what_is_queued_goes_to_the_new_exporters)
{
    static fake_exporter second;
    tn_pipeline *pipeline = pipeline_with(HOUR);
    push_spans(pipeline, 3);
    configure_with(pipeline, options_with(10 * TN_MILLISECOND), fake_init(&second, "second"));
    cr_assert_eq(fake.freed, 1);
    cr_assert_eq(fake.spans, 0);
    cr_assert(flush(pipeline, 5000));
    cr_assert_eq(fake_spans(&second), 3);
    assert_accounts(pipeline, 3, 3, 0);
    tn_pipeline_free(pipeline);
    cr_assert_eq(second.freed, 1);
}

Test(pipeline, a_new_delay_counts_for_what_is_queued_already)
{
    static fake_exporter second;
    tn_pipeline *pipeline = pipeline_with(HOUR);
    push_spans(pipeline, 3);
    configure_with(pipeline, options_with(10 * TN_MILLISECOND), fake_init(&second, "second"));
    eventually(fake_spans(&second) == 3);
    tn_pipeline_free(pipeline);
}

Test(pipeline, configure_waits_for_a_batch_that_is_under_way)
{
    static fake_exporter second;
    tn_pipeline *pipeline = busy_pipeline(100, 1 << 20);
    fake.interrupts = 0;
    configure_with(pipeline, options_with(HOUR), fake_init(&second, "second"));
    cr_assert_eq(fake.interrupts, 1, "bounded, though");
    cr_assert_eq(fake.freed, 1);
    assert_accounts(pipeline, 1, 0, 1);
    tn_pipeline_free(pipeline);
}

Test(pipeline, configure_opens_what_was_shut_down)
{
    static fake_exporter second;
    tn_pipeline *pipeline = pipeline_with(HOUR);
    cr_assert(shut_down(pipeline, 0));
    configure_with(pipeline, options_with(HOUR), fake_init(&second, "second"));
    push_spans(pipeline, 2);
    cr_assert(flush(pipeline, 5000));
    assert_accounts(pipeline, 2, 2, 0);
    tn_pipeline_free(pipeline);
}

/* --- Several exporters --------------------------------------------------------------------------------- */

Test(pipeline, every_exporter_gets_every_span_and_the_accounts_follow_the_first)
{
    static fake_exporter fakes[3];
    tn_exporter *exporters[3];
    for (int i = 0; i < 3; i++) exporters[i] = fake_init(&fakes[i], (const char *[]){"a", "b", "c"}[i]);
    fakes[1].fails = true;
    tn_pipeline_options options = options_with(HOUR);
    tn_pipeline *pipeline = tn_pipeline_new(&options);
    tn_pipeline_configure(pipeline, &options, exporters, 3);
    push_spans(pipeline, 5);
    cr_assert(flush(pipeline, 5000));

    for (int i = 0; i < 3; i++) cr_assert_eq(fake_spans(&fakes[i]), 5);
    assert_accounts(pipeline, 5, 5, 0);
    tn_pipeline_stats stats = stats_of(pipeline);
    cr_assert_eq(stats.exporter_count, 3);
    cr_assert_str_eq(stats.exporters[0].name, "a");
    cr_assert_eq(stats.exporters[0].exported, 5);
    cr_assert_eq(stats.exporters[1].exported, 0);
    cr_assert_eq(stats.exporters[1].dropped, 5);
    cr_assert_eq(stats.exporters[2].exported, 5);
    cr_assert(shut_down(pipeline, 5000), "the first lost nothing");
    tn_pipeline_free(pipeline);
    for (int i = 0; i < 3; i++) cr_assert_eq(fakes[i].freed, 1);
}

Test(pipeline, when_only_the_first_fails_its_drops_are_the_accounts)
{
    static fake_exporter second;
    tn_exporter *exporters[] = {fake_init(&fake, "a"), fake_init(&second, "b")};
    fake.fails = true;
    tn_pipeline_options options = options_with(HOUR);
    tn_pipeline *pipeline = tn_pipeline_new(&options);
    tn_pipeline_configure(pipeline, &options, exporters, 2);
    push_spans(pipeline, 5);
    cr_assert_not(shut_down(pipeline, 5000));
    assert_accounts(pipeline, 5, 0, 5);
    cr_assert_eq(stats_of(pipeline).exporters[1].exported, 5);
    tn_pipeline_free(pipeline);
}

/* --- The log ------------------------------------------------------------------------------------------- */

static size_t line_count(tn_pipeline *pipeline, const char *part)
{
    size_t count = 0;
    tn_log_line line;
    while (tn_log_ring_take(tn_pipeline_log(pipeline), &line)) count += contains(tn_text_of(line.text), part);
    return count;
}

static void push_batches(tn_pipeline *pipeline, int count)
{
    for (int i = 0; i < count; i++) {
        push_spans(pipeline, 2);
        cr_assert(flush(pipeline, 5000));
    }
}

Test(pipeline, tells_a_kind_of_loss_at_once_and_then_once_a_minute)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    fake.fails = true;
    fake.message = "POST http://collector: refused";
    push_spans(pipeline, 2);
    cr_assert(flush(pipeline, 5000));
    tn_log_line line;
    cr_assert(tn_log_ring_take(tn_pipeline_log(pipeline), &line));
    cr_assert_eq(line.level, TN_LOG_WARN);
    cr_assert_str_eq(line.text, "2 spans were lost (unreachable): POST http://collector: refused. Next: start a "
                                "collector there (4318 is HTTP, 4317 is gRPC), or set tel.otlp_endpoint. "
                                "(Told once a minute.)");
    push_batches(pipeline, 20);
    cr_assert_eq(line_count(pipeline, ""), 0);

    fake.reason = TN_DROP_REJECTED;
    push_batches(pipeline, 20);
    cr_assert_eq(line_count(pipeline, "2 spans were lost (rejected)"), 1);
    tn_pipeline_free(pipeline);
}

Test(pipeline, tells_of_a_full_queue)
{
    tn_pipeline *pipeline = busy_pipeline(1, 1 << 20);
    push_spans(pipeline, 2);
    cr_assert_eq(line_count(pipeline, "1 span was lost (queue_full). Next: "), 1, "although the worker is busy");
    fake_let_go(&fake);
    cr_assert(flush(pipeline, 5000));
    push_spans(pipeline, 1);
    cr_assert(flush(pipeline, 5000));
    cr_assert_eq(line_count(pipeline, "queue_full"), 0);
    tn_pipeline_free(pipeline);
}

Test(pipeline, tells_what_a_collector_remarks_once_a_minute)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    fake.message = "the collector says: slow down";
    push_batches(pipeline, 20);
    cr_assert_eq(line_count(pipeline, "the collector says: slow down"), 1);
    tn_pipeline_free(pipeline);
}

Test(pipeline, tells_of_a_further_exporters_losses_once_a_minute)
{
    static fake_exporter second;
    tn_exporter *exporters[] = {fake_init(&fake, "otlp"), fake_init(&second, "file")};
    second.fails = true;
    second.message = "/var/log/traces: No space left on device";
    tn_pipeline_options options = options_with(HOUR);
    tn_pipeline *pipeline = tn_pipeline_new(&options);
    tn_pipeline_configure(pipeline, &options, exporters, 2);
    push_batches(pipeline, 20);
    cr_assert_eq(line_count(pipeline, "No space left on device"), 1);
    cr_assert_eq(line_count(pipeline, ""), 0);
    tn_pipeline_free(pipeline);
}

Test(pipeline, tells_what_ran_out_of_time_at_shutdown)
{
    tn_pipeline *pipeline = busy_pipeline(100, 1 << 20);
    push_spans(pipeline, 4);
    cr_assert_not(shut_down(pipeline, 10));
    cr_assert_eq(line_count(pipeline, "4 spans were lost (deadline): time ran out at shutdown"), 1);
    tn_pipeline_free(pipeline);
}

/* --- The worker ---------------------------------------------------------------------------------------- */

/* Of this process. */
static size_t thread_count(const char *name)
{
    size_t count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; (task = readdir(tasks));) {
        char path[300];
        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
        char comm[32] = "";
        FILE *file = fopen(path, "r");
        if (file && fgets(comm, sizeof(comm), file)) count += strncmp(comm, name, strlen(name)) == 0;
        if (file) fclose(file);
    }
    closedir(tasks);
    return count;
}

Test(pipeline, the_worker_starts_with_the_first_span_and_ends_with_shutdown)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    cr_assert(flush(pipeline, 0));
    cr_assert_eq(thread_count("tasker-export"), 0);
    push_spans(pipeline, 1);
    eventually(thread_count("tasker-export") == 1);
    cr_assert(shut_down(pipeline, 5000));
    eventually(thread_count("tasker-export") == 0);
    push_spans(pipeline, 1);
    sleep_ms(20);
    cr_assert_eq(thread_count("tasker-export"), 0);
    tn_pipeline_free(pipeline);
}

/* --- Roots that linger --------------------------------------------------------------------------------- */

static void end_a_task(tn_span_manager *manager, const char *task_id)
{
    record_task(manager, TN_TASK_START_REQUESTED, task_id);
    record_task(manager, TN_TASK_COMPLETED, task_id);
}

Test(pipeline, a_root_that_lingers_is_exported_without_a_further_event)
{
    tn_pipeline *pipeline = pipeline_with(10 * TN_MILLISECOND);
    tn_span_manager *manager = new_manager(pipeline);
    uint64_t start = tn_clock_monotonic();
    end_a_task(manager, "t1");
    cr_assert_eq(stats_of(pipeline).in_flight, 1);
    eventually(fake_spans(&fake) == 1);
    uint64_t lingered = tn_clock_monotonic() - start;
    cr_assert(lingered >= TN_LINGER && lingered < 4 * TN_SECOND, "%lu ns", (unsigned long)lingered);
    free_manager(pipeline, manager);
    tn_pipeline_free(pipeline);
}

Test(pipeline, a_root_lingers_no_longer_because_other_spans_wait_for_their_batch)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    tn_span_manager *manager = new_manager(pipeline);
    push_spans(pipeline, 1);
    sleep_ms(50);
    uint64_t start = tn_clock_monotonic();
    end_a_task(manager, "t1");
    eventually(stats_of(pipeline).queued == 2);
    cr_assert_lt(tn_clock_monotonic() - start, 3 * TN_SECOND);
    free_manager(pipeline, manager);
    tn_pipeline_free(pipeline);
}

Test(pipeline, a_root_that_lingers_survives_configure)
{
    static fake_exporter second;
    tn_pipeline *pipeline = pipeline_with(10 * TN_MILLISECOND);
    tn_span_manager *manager = new_manager(pipeline);
    end_a_task(manager, "t1");
    configure_with(pipeline, options_with(10 * TN_MILLISECOND), fake_init(&second, "second"));
    eventually(fake_spans(&second) == 1);
    free_manager(pipeline, manager);
    tn_pipeline_free(pipeline);
}

Test(pipeline, flush_and_shutdown_release_roots_that_linger)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    tn_span_manager *manager = new_manager(pipeline);
    uint64_t start = tn_clock_monotonic();
    end_a_task(manager, "t1");
    cr_assert(flush(pipeline, 5000));
    assert_accounts(pipeline, 1, 1, 0);
    end_a_task(manager, "t2");
    cr_assert(shut_down(pipeline, 5000));
    assert_accounts(pipeline, 2, 2, 0);
    cr_assert_lt(tn_clock_monotonic() - start, TN_LINGER);
    free_manager(pipeline, manager);
    tn_pipeline_free(pipeline);
}

Test(pipeline, serves_many_managers_until_they_are_removed)
{
    enum { MANAGERS = 20 };
    tn_pipeline *pipeline = pipeline_with(HOUR);
    tn_span_manager *managers[MANAGERS];
    for (int i = 0; i < MANAGERS; i++) managers[i] = new_manager(pipeline);
    for (int i = 0; i < MANAGERS; i++) end_a_task(managers[i], "t1");
    cr_assert(flush(pipeline, 5000));
    assert_accounts(pipeline, MANAGERS, MANAGERS, 0);

    for (int i = 0; i < MANAGERS; i += 2) free_manager(pipeline, managers[i]);
    for (int i = 1; i < MANAGERS; i += 2) end_a_task(managers[i], "t2");
    cr_assert(flush(pipeline, 5000));
    assert_accounts(pipeline, MANAGERS + MANAGERS / 2, MANAGERS + MANAGERS / 2, 0);
    for (int i = 1; i < MANAGERS; i += 2) free_manager(pipeline, managers[i]);
    tn_pipeline_free(pipeline);
}

/* --- Pause --------------------------------------------------------------------------------------------- */

Test(pipeline, a_paused_worker_exports_nothing_until_it_resumes)
{
    tn_pipeline *pipeline = pipeline_with(10 * TN_MILLISECOND);
    push_spans(pipeline, 1);
    eventually(fake_spans(&fake) == 1);
    tn_pipeline_pause(pipeline, after_ms(5000));
    push_spans(pipeline, 1);
    cr_assert_not(flush(pipeline, 100));
    cr_assert_eq(fake_spans(&fake), 1);
    tn_pipeline_resume(pipeline);
    cr_assert(flush(pipeline, 5000));
    cr_assert_eq(fake_spans(&fake), 2);
    tn_pipeline_free(pipeline);
}

Test(pipeline, pause_is_bounded_by_its_deadline)
{
    tn_pipeline *pipeline = busy_pipeline(100, 1 << 20);
    uint64_t start = tn_clock_monotonic();
    tn_pipeline_pause(pipeline, after_ms(100));
    uint64_t waited = tn_clock_monotonic() - start;
    cr_assert(waited >= 100 * TN_MILLISECOND && waited < 2 * TN_SECOND);
    tn_pipeline_resume(pipeline);
    fake_let_go(&fake);
    cr_assert(flush(pipeline, 5000));
    tn_pipeline_free(pipeline);
}

Test(pipeline, pause_does_not_wait_when_there_is_no_worker)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    uint64_t start = tn_clock_monotonic();
    tn_pipeline_pause(pipeline, after_ms(5000));
    cr_assert_lt(tn_clock_monotonic() - start, TN_SECOND);
    push_spans(pipeline, 1);
    cr_assert_not(flush(pipeline, 50), "a worker that starts now is paused too");
    tn_pipeline_resume(pipeline);
    cr_assert(flush(pipeline, 5000));
    tn_pipeline_free(pipeline);
}

Test(pipeline, an_exporter_that_goes_to_the_checkpoint_can_be_paused_in_its_work)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    fake.checkpoint = tn_pipeline_checkpoint(pipeline);
    fake.checks = fake.held = true;
    push_spans(pipeline, 1);
    cr_assert_not(flush(pipeline, 50));
    uint64_t start = tn_clock_monotonic();
    tn_pipeline_pause(pipeline, after_ms(5000));
    cr_assert_lt(tn_clock_monotonic() - start, 2 * TN_SECOND);
    fake_let_go(&fake);
    cr_assert_not(flush(pipeline, 100), "it stays at the checkpoint");
    tn_pipeline_resume(pipeline);
    cr_assert(flush(pipeline, 5000));
    tn_pipeline_free(pipeline);
}

Test(pipeline, a_paused_worker_can_be_shut_down)
{
    tn_pipeline *pipeline = pipeline_with(10 * TN_MILLISECOND);
    push_spans(pipeline, 1);
    tn_pipeline_pause(pipeline, after_ms(5000));
    push_spans(pipeline, 1);
    uint64_t start = tn_clock_monotonic();
    (void)shut_down(pipeline, 50);
    cr_assert_lt(tn_clock_monotonic() - start, TN_SECOND);
    tn_pipeline_free(pipeline);
}

/* The worker looks after a root that lingers without holding the pipeline's lock: a pause must not pass unseen. */
Test(pipeline, pause_is_prompt_while_roots_linger)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    tn_span_manager *manager = new_manager(pipeline);
    int slow = 0;
    for (int i = 0; i < 3000; i++) {
        char task_id[16];
        snprintf(task_id, sizeof(task_id), "t%d", i);
        end_a_task(manager, task_id);
        uint64_t start = tn_clock_monotonic();
        tn_pipeline_pause(pipeline, after_ms(5000));
        slow += tn_clock_monotonic() - start > 150 * TN_MILLISECOND;
        tn_pipeline_resume(pipeline);
    }
    cr_assert_lt(slow, 3);
    free_manager(pipeline, manager);
    tn_pipeline_free(pipeline);
}

/* --- What it keeps ------------------------------------------------------------------------------------- */

Test(pipeline, gives_out_what_the_memory_exporter_keeps)
{
    tn_pipeline *pipeline = new_pipeline(options_with(HOUR), new_memory_exporter());
    push_spans(pipeline, 2);
    cr_assert(flush(pipeline, 5000));
    tn_buffer taken;
    cr_assert_eq(count_of(taken_text(pipeline, &taken), "\"traceId\""), 2);
    tn_buffer_free(&taken);

    configure_with(pipeline, options_with(HOUR), fake_init(&fake, "fake"));
    cr_assert_not(tn_pipeline_take_memory(pipeline, &taken));
    tn_pipeline_free(pipeline);
}

Test(pipeline, its_accounts_can_begin_anew)
{
    tn_pipeline *pipeline = pipeline_with(HOUR);
    fake.fails = true;
    push_spans(pipeline, 2);
    cr_assert(flush(pipeline, 5000));
    tn_pipeline_clear(pipeline);
    assert_accounts(pipeline, 0, 0, 0);
    cr_assert_eq(stats_of(pipeline).exporters[0].dropped, 0);
    fake.fails = false;
    push_spans(pipeline, 3);
    cr_assert(flush(pipeline, 5000));
    assert_accounts(pipeline, 3, 3, 0);
    cr_assert(shut_down(pipeline, 0), "what was lost before is forgotten");
    tn_pipeline_free(pipeline);
}

Test(pipeline, clear_keeps_account_of_what_is_under_way)
{
    tn_pipeline *pipeline = busy_pipeline(3, 1 << 20);
    push_spans(pipeline, 2);
    uint64_t under_way = stats_of(pipeline).in_flight;
    cr_assert_gt(under_way, 2);
    tn_pipeline_clear(pipeline);
    cr_assert_eq(stats_of(pipeline).in_flight, under_way);
    fake_let_go(&fake);
    cr_assert(flush(pipeline, 5000));
    assert_accounts(pipeline, under_way, under_way, 0);
    tn_pipeline_free(pipeline);
}

Test(pipeline, free_drops_what_is_queued_and_frees_its_exporters)
{
    tn_pipeline *pipeline = busy_pipeline(100, 1 << 20);
    push_spans(pipeline, 10);
    uint64_t start = tn_clock_monotonic();
    tn_pipeline_free(pipeline);
    cr_assert_lt(tn_clock_monotonic() - start, TN_SECOND);
    cr_assert_eq(fake.freed, 1);
    tn_pipeline_free(NULL);
}

Test(pipeline, that_cannot_allocate_says_so)
{
    for_each_failing_allocation {
        tn_pipeline_options options = options_with(HOUR);
        tn_pipeline *pipeline = tn_pipeline_new(&options);
        cr_assert_eq(pipeline == NULL, allocation_failed());
        if (!pipeline) continue;

        enough_memory();
        tn_span_manager_options of_manager = {.max_open_spans = 10, .limits = TN_SPAN_LIMITS_DEFAULT};
        tn_span_manager *manager = tn_span_manager_new(&of_manager, tn_pipeline_sink(pipeline));
        scarce_memory();
        for (int i = 0; i < 20; i++) {
            bool failed_before = allocation_failed();
            tn_status status = tn_pipeline_add_manager(pipeline, manager);
            bool failed = allocation_failed() && !failed_before;
            cr_assert_eq(status, failed ? TN_ERROR_MEMORY : TN_OK);
        }
        tn_pipeline_remove_manager(pipeline, manager);
        tn_pipeline_free(pipeline);
        tn_span_manager_free(manager);
    }
}

Test(pipeline, accounts_for_every_span_when_memory_runs_out)
{
    for_each_failing_allocation {
        enough_memory();
        tn_pipeline *pipeline = pipeline_with(HOUR);
        tn_span_manager *manager = new_manager(pipeline);
        scarce_memory();
        record_task(manager, TN_TASK_START_REQUESTED, "t1");
        for (int i = 0; i < 3; i++) {
            char step_id[16];
            snprintf(step_id, sizeof(step_id), "s%d", i);
            record_step(manager, TN_STEP_BEFORE_HANDLE, "t1", step_id);
            record_step(manager, TN_STEP_COMPLETED, "t1", step_id);
        }
        record_task(manager, TN_TASK_COMPLETED, "t1");
        cr_assert(flush(pipeline, 5000));

        tn_pipeline_stats stats = stats_of(pipeline);
        cr_assert_eq(stats.accepted, 4);
        cr_assert_eq(dropped_of(&stats), stats.dropped[TN_DROP_MEMORY]);
        cr_assert_leq(stats.dropped[TN_DROP_MEMORY], allocation_failed() ? 1 : 0);
        cr_assert_eq(fake_spans(&fake), stats.exported);
        tn_pipeline_free(pipeline);
        tn_span_manager_free(manager);
    }
}
