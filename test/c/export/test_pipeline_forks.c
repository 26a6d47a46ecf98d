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
    cr_assert_eq(tn_pipeline_watch_forks(pipeline), TN_OK);
}

static bool flush(uint64_t milliseconds)
{
    return tn_pipeline_flush(pipeline, after_ms(milliseconds), NULL);
}

/* Forks as the gem does: while the worker holds still. */
static pid_t fork_paused(int (*run)(void *argument), void *argument)
{
    tn_pipeline_pause(pipeline, after_ms(1000));
    pid_t child = start_child(run, argument);
    tn_pipeline_resume(pipeline);
    return child;
}

/* What a child says by its exit code; it must not fail an assertion, whose way out is the parent's. */
#define child_expects(condition)                                                          \
    do {                                                                                  \
        if (!(condition)) {                                                               \
            fprintf(stderr, "%s:%d: in the child: %s\n", __FILE__, __LINE__, #condition); \
            return 1;                                                                     \
        }                                                                                 \
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
    child_expects(tn_pipeline_shutdown(pipeline, after_ms(5000), TN_STOP_GRACE, NULL));
    child_expects(accounts_are(6, 6));
    return 0;
}

Test(pipeline_forks, a_child_has_accounts_and_a_worker_of_its_own)
{
    start(HOUR, fake_init(&fake, "fake"));
    push_spans(pipeline, 3);
    cr_assert_eq(child_result(fork_paused(live_as_a_child, NULL)), 0);
    cr_assert(accounts_are(3, 0));
    cr_assert(flush(5000));
    cr_assert(accounts_are(3, 3));
    cr_assert_eq(fake_spans(&fake), 3);
    cr_assert_eq(fake.resets, 0);
}

Test(pipeline_forks, a_fork_before_the_first_span_is_fine_too)
{
    start(HOUR, fake_init(&fake, "fake"));
    cr_assert_eq(child_result(fork_paused(live_as_a_child, NULL)), 0);
    push_spans(pipeline, 1);
    cr_assert(flush(5000));
}

Test(pipeline_forks, a_fork_in_the_middle_of_an_export_is_fine)
{
    start(HOUR, fake_init(&fake, "fake"));
    fake_hold(&fake, true);
    push_spans(pipeline, 3);
    cr_assert_not(flush(20));
    eventually(fake_entered(&fake) == 1);
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
    if (fewer > 0) child_expects(child_result(fork_paused(have_children, &fewer)) == 0);
    child_expects(flush(5000));
    child_expects(accounts_are(2, 2));
    return 0;
}

Test(pipeline_forks, children_of_children_are_fine)
{
    start(HOUR, fake_init(&fake, "fake"));
    push_spans(pipeline, 3);
    int generations = 3;
    cr_assert_eq(child_result(fork_paused(have_children, &generations)), 0);
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
    child_expects(tn_pipeline_shutdown(pipeline, after_ms(5000), TN_STOP_GRACE, NULL));
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
    cr_assert_eq(child_result(fork_paused(end_spans_of_the_parent, NULL)), 0);
    cr_assert(tn_pipeline_shutdown(pipeline, after_ms(5000), TN_STOP_GRACE, NULL));
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
    cr_assert_eq(child_result(fork_paused(read_the_log, NULL)), 0);
    tn_log_line line;
    cr_assert(tn_log_ring_take(tn_pipeline_log(pipeline), &line));
}

/* --- Among other threads ------------------------------------------------------------------------------- */

static atomic_bool over;
static pthread_mutex_t allocating = PTHREAD_MUTEX_INITIALIZER;
static tn_process process_before;

static void *reallocate(void *pointer, size_t size)
{
    pthread_mutex_lock(&allocating);
    void *result = process_before.reallocate(pointer, size);
    pthread_mutex_unlock(&allocating);
    return result;
}

static void release(void *pointer)
{
    pthread_mutex_lock(&allocating);
    process_before.release(pointer);
    pthread_mutex_unlock(&allocating);
}

static void stop_allocating(void)
{
    pthread_mutex_lock(&allocating);
}

static void allocate_again(void)
{
    pthread_mutex_unlock(&allocating);
}

/* Other threads may allocate while the test forks (see start_child). To be called before start: what was registered
 * first is done last before a fork. */
static void allow_forks_among_threads(void)
{
    process_before.reallocate = tn_this_process.reallocate;
    process_before.release = tn_this_process.release;
    tn_this_process.reallocate = reallocate;
    tn_this_process.release = release;
    pthread_atfork(stop_allocating, allocate_again, allocate_again);
}

static void *publish(void *number)
{
    for (int i = 0; !over; i++) {
        char task_id[32];
        snprintf(task_id, sizeof(task_id), "t%d-%d", *(int *)number, i);
        record_task(own_manager, TN_TASK_START_REQUESTED, task_id);
        record_step(own_manager, TN_STEP_BEFORE_HANDLE, task_id, "s");
        record_step(own_manager, TN_STEP_COMPLETED, task_id, "s");
        record_task(own_manager, TN_TASK_COMPLETED, task_id);
        if (i % 100 == 99) sleep_ms(1); /* under valgrind, threads take turns, and a fork waits for its own */
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
    child_expects(tn_pipeline_shutdown(pipeline, after_ms(5000), TN_STOP_GRACE, NULL));
    child_expects(accounts_are(10, 10));
    return 0;
}

enum { PUBLISHERS = 4, CHILDREN = 15 };

/* Forks while threads publish and the worker exports. */
static void fork_among_publishers(pid_t (*start_one)(int (*run)(void *argument), void *argument))
{
    pthread_t threads[PUBLISHERS];
    int numbers[PUBLISHERS];
    own_manager = new_manager(pipeline);
    for (int i = 0; i < PUBLISHERS; i++) {
        numbers[i] = i;
        cr_assert_eq(pthread_create(&threads[i], NULL, publish, &numbers[i]), 0);
    }
    eventually(stats_of(pipeline).exported > 0);
    sleep_ms(20);
    for (int i = 0; i < CHILDREN; i++) cr_assert_eq(child_result(start_one(publish_in_the_child, NULL)), 0);
    over = true;
    for (int i = 0; i < PUBLISHERS; i++) pthread_join(threads[i], NULL);

    (void)tn_pipeline_shutdown(pipeline, after_ms(5000), TN_STOP_GRACE, NULL);
    tn_pipeline_stats stats = stats_of(pipeline);
    (void)dropped_of(&stats);
    cr_assert_eq(stats.in_flight, 0);
}

Test(pipeline_forks, children_are_born_whole_among_threads_that_publish)
{
    allow_forks_among_threads();
    start(TN_MILLISECOND, fake_init(&fake, "fake"));
    fork_among_publishers(start_child);
    cr_assert_eq(fake_spans(&fake), stats_of(pipeline).exported);
}

Test(pipeline_forks, children_are_born_whole_while_spans_are_encoded)
{
    tn_exporter *exporter;
    tn_encoder_options encoding = test_encoding();
    allow_forks_among_threads();
    cr_assert_eq(tn_memory_exporter_new(&encoding, 256 * 1024, &exporter), TN_OK);
    start(TN_MILLISECOND, exporter);
    fork_among_publishers(start_child);
}

Test(pipeline_forks, a_pause_around_the_fork_is_the_parents_alone)
{
    allow_forks_among_threads();
    start(TN_MILLISECOND, fake_init(&fake, "fake"));
    fork_among_publishers(fork_paused);
}

static void *configure(void *second)
{
    tn_pipeline_options options = options_with(HOUR);
    tn_exporter *exporter = second;
    tn_pipeline_configure(pipeline, &options, &exporter, 1);
    return NULL;
}

static void *shut_down(void *unused)
{
    tn_pipeline_shutdown(pipeline, 0, TN_STOP_GRACE, NULL);
    return unused;
}

/* Forks while another thread waits, in this call, for a batch that does not come back. */
static void fork_during(void *(*call)(void *), void *argument, int (*run)(void *))
{
    pthread_t thread;
    start(HOUR, fake_init(&fake, "fake"));
    fake.held = fake.deaf = true;
    push_spans(pipeline, 1);
    cr_assert_not(flush(20));
    eventually(fake_entered(&fake) == 1);
    cr_assert_eq(pthread_create(&thread, NULL, call, argument), 0);
    sleep_ms(100);
    cr_assert_eq(child_result(start_child(run, NULL)), 0);
    fake_let_go(&fake);
    pthread_join(thread, NULL);
    cr_assert(flush(5000));
    cr_assert(accounts_are(1, 1));
}

Test(pipeline_forks, a_fork_while_another_thread_configures_is_fine)
{
    static fake_exporter second;
    fork_during(configure, fake_init(&second, "second"), live_as_a_child);
}

static int begin_anew(void *unused)
{
    (void)unused;
    static fake_exporter third;
    tn_pipeline_options options = options_with(HOUR);
    tn_exporter *exporter = fake_init(&third, "third");
    child_expects(accounts_are(0, 0));
    tn_pipeline_configure(pipeline, &options, &exporter, 1);
    push_spans(pipeline, 2);
    child_expects(tn_pipeline_shutdown(pipeline, after_ms(5000), TN_STOP_GRACE, NULL));
    child_expects(accounts_are(2, 2));
    return 0;
}

Test(pipeline_forks, a_fork_while_another_thread_shuts_down_is_fine)
{
    fork_during(shut_down, NULL, begin_anew);
}

/* --- For real ------------------------------------------------------------------------------------------ */

static tn_exporter *otlp_exporter(const test_server *server)
{
    tn_exporter *exporter;
    tn_otlp_exporter_options options = {
        .encoding = test_encoding(),
        .client.url = tn_text_of(server->url),
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
    child_expects(tn_pipeline_shutdown(pipeline, after_ms(5000), TN_STOP_GRACE, NULL));
    child_expects(accounts_are(2, 2));
    return 0;
}

Test(pipeline_forks, a_child_delivers_over_a_connection_of_its_own)
{
    test_server server = {.delay = 300};
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
    eventually(server.requests == 2);
    cr_assert_eq(child_result(fork_paused(deliver_in_the_child, NULL)), 0);
    cr_assert(flush(5000));
    cr_assert(accounts_are(2, 2), "the parent's request survives");
    cr_assert_eq(server.connections, 2);
    cr_assert_eq(server.requests, 3);
    cr_assert(tn_pipeline_shutdown(pipeline, after_ms(1000), TN_STOP_GRACE, NULL));
    server_stop(&server);
}
