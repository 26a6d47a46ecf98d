#include "support_export.h"

#include "base/process.h"
#include "export/http_client.h"

#include <stdio.h>
#include <unistd.h>

static fake_exporter fake;
static tn_pipeline *pipeline;
static tn_span_manager *own_manager;

static void tear_down(void)
{
    if (own_manager) free_manager(pipeline, own_manager);
    tn_pipeline_free(pipeline);
    all_memory_is_back();
}

TestSuite(pipeline_forks, .fini = tear_down, .timeout = 30);

static void start(uint64_t schedule_delay, tn_exporter *exporter)
{
    pipeline = new_pipeline(options_with(schedule_delay), exporter);
    tn_pipeline_watch_forks(pipeline);
}

static bool flush(uint64_t milliseconds)
{
    return tn_pipeline_flush(pipeline, after_ms(milliseconds), NULL);
}

/* What a child says by its exit code; it must not fail an assertion, whose way out is the parent's. */
#define child_expects(condition)                                                                             \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: in the child: %s\n", __FILE__, __LINE__, #condition);                    \
            return 1;                                                                                        \
        }                                                                                                    \
    } while (0)

static bool accounts_are(uint64_t accepted, uint64_t exported)
{
    tn_pipeline_stats stats = stats_of(pipeline);
    return stats.accepted == accepted && stats.exported == exported && stats.in_flight == accepted - exported;
}

/* Accounts empty, a worker of its own, its own spans delivered, nothing of the parent's. */
static int live_as_a_child(void *unused)
{
    (void)unused;
    child_expects(accounts_are(0, 0));
    child_expects(stats_of(pipeline).queued == 0);
    push_spans(pipeline, 5);
    child_expects(accounts_are(5, 0));
    child_expects(flush(5000));
    child_expects(accounts_are(5, 5));
    child_expects(fake_spans(&fake) == 5);
    child_expects(fake.resets == 1);
    push_spans(pipeline, 1);
    child_expects(tn_pipeline_shutdown(pipeline, after_ms(5000), NULL));
    child_expects(accounts_are(6, 6));
    return 0;
}

Test(pipeline_forks, a_child_has_accounts_and_a_worker_of_its_own)
{
    start(HOUR, fake_init(&fake, "fake"));
    push_spans(pipeline, 3);
    cr_assert_eq(child_result(start_child(live_as_a_child, NULL)), 0);
    cr_assert(accounts_are(3, 0));
    cr_assert(flush(5000));
    cr_assert(accounts_are(3, 3));
    cr_assert_eq(fake_spans(&fake), 3);
    cr_assert_eq(fake.resets, 0);
}

Test(pipeline_forks, a_fork_before_the_first_span_is_fine_too)
{
    start(HOUR, fake_init(&fake, "fake"));
    cr_assert_eq(child_result(start_child(live_as_a_child, NULL)), 0);
    push_spans(pipeline, 1);
    cr_assert(flush(5000));
}

Test(pipeline_forks, a_fork_in_the_middle_of_an_export_is_fine)
{
    start(HOUR, fake_init(&fake, "fake"));
    fake_hold(&fake, true);
    push_spans(pipeline, 3);
    cr_assert_not(flush(20));
    push_spans(pipeline, 2);
    cr_assert_eq(child_result(start_child(live_as_a_child, NULL)), 0);
    fake_let_go(&fake);
    cr_assert(flush(5000));
    cr_assert(accounts_are(5, 5));
}

static int have_children(void *generations)
{
    int fewer = *(int *)generations - 1;
    child_expects(accounts_are(0, 0));
    push_spans(pipeline, 2);
    if (fewer > 0) child_expects(child_result(start_child(have_children, &fewer)) == 0);
    child_expects(flush(5000));
    child_expects(accounts_are(2, 2));
    return 0;
}

Test(pipeline_forks, children_of_children_are_fine)
{
    start(HOUR, fake_init(&fake, "fake"));
    push_spans(pipeline, 3);
    int generations = 3;
    cr_assert_eq(child_result(start_child(have_children, &generations)), 0);
    cr_assert(flush(5000));
    cr_assert(accounts_are(3, 3));
}

static int end_spans_of_the_parent(void *unused)
{
    (void)unused;
    tn_span_manager_stats stats;
    tn_span_manager_stats_read(own_manager, &stats);
    child_expects(stats.open_tasks == 0 && stats.open_steps == 0);
    child_expects(accounts_are(0, 0));
    record_step(own_manager, TN_STEP_BEFORE_HANDLE, "t9", "s9");
    record_step(own_manager, TN_STEP_COMPLETED, "t9", "s9");
    child_expects(tn_pipeline_shutdown(pipeline, after_ms(5000), NULL));
    child_expects(accounts_are(1, 1));
    return 0;
}

Test(pipeline_forks, open_steps_and_roots_that_linger_are_the_parents)
{
    start(HOUR, fake_init(&fake, "fake"));
    own_manager = new_manager(pipeline);
    record_task(own_manager, TN_TASK_START_REQUESTED, "t1");
    record_step(own_manager, TN_STEP_BEFORE_HANDLE, "t1", "s1");
    record_task(own_manager, TN_TASK_START_REQUESTED, "t2");
    record_task(own_manager, TN_TASK_COMPLETED, "t2");
    cr_assert_eq(child_result(start_child(end_spans_of_the_parent, NULL)), 0);
    cr_assert(tn_pipeline_shutdown(pipeline, after_ms(5000), NULL));
    cr_assert(accounts_are(2, 2));
}

static int read_the_log(void *unused)
{
    (void)unused;
    tn_log_line line;
    child_expects(!tn_log_ring_take(tn_pipeline_log(pipeline), &line));
    push_spans(pipeline, 1);
    child_expects(flush(5000));
    child_expects(tn_log_ring_take(tn_pipeline_log(pipeline), &line));
    child_expects(contains(tn_text_of(line.text), "1 span was lost (unreachable)"));
    return 0;
}

Test(pipeline_forks, a_child_does_not_repeat_what_the_parent_said_and_says_what_it_lost)
{
    start(HOUR, fake_init(&fake, "fake"));
    fake.fails = true;
    push_spans(pipeline, 2);
    cr_assert(flush(5000));
    cr_assert_eq(child_result(start_child(read_the_log, NULL)), 0);
    tn_log_line line;
    cr_assert(tn_log_ring_take(tn_pipeline_log(pipeline), &line));
}

static atomic_bool over;

static void *publish(void *number)
{
    for (int i = 0; !over; i++) {
        char task_id[32];
        snprintf(task_id, sizeof(task_id), "t%d-%d", *(int *)number, i);
        record_task(own_manager, TN_TASK_START_REQUESTED, task_id);
        record_step(own_manager, TN_STEP_BEFORE_HANDLE, task_id, "s");
        record_step(own_manager, TN_STEP_COMPLETED, task_id, "s");
        record_task(own_manager, TN_TASK_COMPLETED, task_id);
    }
    return NULL;
}

static int publish_in_the_child(void *unused)
{
    (void)unused;
    child_expects(accounts_are(0, 0));
    for (int i = 0; i < 10; i++) {
        record_step(own_manager, TN_STEP_BEFORE_HANDLE, "t", "s");
        record_step(own_manager, TN_STEP_COMPLETED, "t", "s");
    }
    child_expects(tn_pipeline_shutdown(pipeline, after_ms(5000), NULL));
    tn_pipeline_stats stats = stats_of(pipeline);
    child_expects(stats.in_flight == 0 && stats.accepted == stats.exported && stats.accepted >= 1);
    return 0;
}

/* Forks while four threads publish; each child lives on its own. */
static void fork_among_publishers(bool pausing)
{
    pthread_t threads[4];
    int numbers[4];
    own_manager = new_manager(pipeline);
    for (int i = 0; i < 4; i++) {
        numbers[i] = i;
        cr_assert_eq(pthread_create(&threads[i], NULL, publish, &numbers[i]), 0);
    }
    for (int i = 0; i < 12; i++) {
        if (pausing) tn_pipeline_pause(pipeline, after_ms(1000));
        pid_t child = start_child(publish_in_the_child, NULL);
        if (pausing) tn_pipeline_resume(pipeline);
        cr_assert_eq(child_result(child), 0);
    }
    over = true;
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    (void)tn_pipeline_shutdown(pipeline, after_ms(5000), NULL);
    tn_pipeline_stats stats = stats_of(pipeline);
    cr_assert_eq(dropped_of(&stats), stats.dropped[TN_DROP_QUEUE_FULL]);
    cr_assert_eq(stats.in_flight, 0);
}

Test(pipeline_forks, children_are_born_whole_among_threads_that_publish)
{
    start(TN_MILLISECOND, fake_init(&fake, "fake"));
    fork_among_publishers(false);
    cr_assert_eq(fake_spans(&fake), stats_of(pipeline).exported);
}

static tn_exporter *memory_exporter(void)
{
    tn_exporter *exporter;
    tn_encoder_options encoding = test_encoding();
    cr_assert_eq(tn_memory_exporter_new(&encoding, 256 * 1024, &exporter), TN_OK);
    return exporter;
}

Test(pipeline_forks, children_are_born_whole_while_spans_are_encoded)
{
    start(TN_MILLISECOND, memory_exporter());
    pthread_t thread;
    int number = 0;
    own_manager = new_manager(pipeline);
    cr_assert_eq(pthread_create(&thread, NULL, publish, &number), 0);
    for (int i = 0; i < 20; i++) cr_assert_eq(child_result(start_child(publish_in_the_child, NULL)), 0);
    over = true;
    pthread_join(thread, NULL);
}

Test(pipeline_forks, a_pause_around_the_fork_is_the_parents_alone)
{
    start(TN_MILLISECOND, fake_init(&fake, "fake"));
    fork_among_publishers(true);
}

static void *configure_and_shut_down(void *unused)
{
    (void)unused;
    static fake_exporter fakes[2];
    for (int i = 0; !over; i++) {
        tn_pipeline_options options = options_with(TN_MILLISECOND);
        tn_exporter *exporter = fake_init(&fakes[i % 2], "fake");
        tn_pipeline_configure(pipeline, &options, &exporter, 1);
        push_spans(pipeline, 1);
        if (i % 2) tn_pipeline_shutdown(pipeline, after_ms(1), NULL);
    }
    return NULL;
}

static int account_in_the_child(void *unused)
{
    (void)unused;
    push_spans(pipeline, 3);
    (void)tn_pipeline_shutdown(pipeline, after_ms(5000), NULL);
    tn_pipeline_stats stats = stats_of(pipeline);
    child_expects(stats.accepted == 3 && stats.in_flight == 0);
    child_expects(stats.exported + stats.dropped[TN_DROP_SHUTDOWN] == 3);
    return 0;
}

Test(pipeline_forks, children_are_born_whole_while_others_configure_and_shut_down)
{
    start(TN_MILLISECOND, fake_init(&fake, "fake"));
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, configure_and_shut_down, NULL), 0);
    for (int i = 0; i < 30; i++) cr_assert_eq(child_result(start_child(account_in_the_child, NULL)), 0);
    over = true;
    pthread_join(thread, NULL);
}

static tn_exporter *otlp_exporter(const test_server *server)
{
    tn_exporter *exporter;
    tn_otlp_exporter_options options = {
        .encoding = test_encoding(),
        .url = tn_text_of(server->url),
        .gzip = true,
        .timeout = 5 * TN_SECOND,
        .checkpoint = tn_pipeline_checkpoint(pipeline),
    };
    cr_assert_eq(tn_otlp_exporter_new(&options, &exporter), TN_OK);
    return exporter;
}

static int deliver_in_the_child(void *unused)
{
    (void)unused;
    child_expects(accounts_are(0, 0));
    push_spans(pipeline, 2);
    child_expects(tn_pipeline_shutdown(pipeline, after_ms(5000), NULL));
    child_expects(accounts_are(2, 2));
    return 0;
}

Test(pipeline_forks, a_child_delivers_over_a_connection_of_its_own)
{
    test_server server = {.delay = 100};
    server_start(&server);
    tn_http_global_init();
    start(HOUR, fake_init(&fake, "fake"));
    tn_pipeline_options options = options_with(HOUR);
    tn_exporter *exporter = otlp_exporter(&server);
    tn_pipeline_configure(pipeline, &options, &exporter, 1);

    push_spans(pipeline, 1);
    cr_assert(flush(5000));
    push_spans(pipeline, 1);
    cr_assert_not(flush(20), "the request is under way");
    tn_pipeline_pause(pipeline, after_ms(1000));
    pid_t child = start_child(deliver_in_the_child, NULL);
    tn_pipeline_resume(pipeline);
    cr_assert_eq(child_result(child), 0);
    cr_assert(flush(5000));
    cr_assert(accounts_are(2, 2), "the parent's request survives");
    cr_assert_eq(server.connections, 2);
    cr_assert_eq(server.requests, 3);
    cr_assert(tn_pipeline_shutdown(pipeline, after_ms(1000), NULL));
    server_stop(&server);
}
