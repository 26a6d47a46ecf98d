#include "support_export.h"

#include <stdio.h>

TestSuite(pipeline_threads, .fini = all_memory_is_back, .timeout = 30);

enum { PUBLISHERS = 8, TASKS = 150, STEPS = 3 };

#define SPANS ((uint64_t)PUBLISHERS * TASKS * (STEPS + 1))

typedef struct {
    tn_pipeline *pipeline;
    tn_span_manager *manager;
    int number;
    const atomic_bool *enough; /* NULL: after so many TASKS */
    uint64_t ended;            /* spans */
} publishing;

static void run_task(const publishing *p, int n)
{
    char task_id[32];
    snprintf(task_id, sizeof(task_id), "t%d-%d", p->number, n);
    record_task(p->manager, TN_TASK_START_REQUESTED, task_id);
    for (int i = 0; i < STEPS; i++) {
        char step_id[16];
        snprintf(step_id, sizeof(step_id), "s%d", i);
        record_step(p->manager, TN_STEP_BEFORE_HANDLE, task_id, step_id);
        record_step(p->manager, TN_STEP_COMPLETED, task_id, step_id);
    }
    record_task(p->manager, TN_TASK_COMPLETED, task_id);
}

/* One that goes on until it is told must not fill all memory where the worker is slow, as under valgrind. */
static void await_room(const publishing *p)
{
    while (!*p->enough && stats_of(p->pipeline).queued > SPANS) sleep_ms(1);
}

static void *run_tasks(void *argument)
{
    publishing *p = argument;
    for (int i = 0; p->enough ? !*p->enough : i < TASKS; i++) {
        if (p->enough) await_room(p);
        run_task(p, i);
        p->ended += STEPS + 1;
    }
    return NULL;
}

typedef struct {
    tn_pipeline *pipeline;
    tn_span_manager *managers[2];
    publishing publishings[PUBLISHERS];
    pthread_t publishers[PUBLISHERS];
    atomic_bool endless, enough, over;
} crowd;

/* Eight threads that end spans of two managers. */
static void crowd_start(crowd *c, tn_pipeline *pipeline)
{
    c->pipeline = pipeline;
    for (int i = 0; i < 2; i++) c->managers[i] = new_manager(pipeline);
    for (int i = 0; i < PUBLISHERS; i++) {
        c->publishings[i] = (publishing){pipeline, c->managers[i % 2], i, c->endless ? &c->enough : NULL, 0};
        cr_assert_eq(pthread_create(&c->publishers[i], NULL, run_tasks, &c->publishings[i]), 0);
    }
}

/* Returns how many spans they ended. */
static uint64_t crowd_join(crowd *c)
{
    uint64_t ended = 0;
    c->enough = true;
    for (int i = 0; i < PUBLISHERS; i++) {
        pthread_join(c->publishers[i], NULL);
        ended += c->publishings[i].ended;
    }
    c->over = true;
    return ended;
}

static void crowd_free(crowd *c)
{
    for (int i = 0; i < 2; i++) free_manager(c->pipeline, c->managers[i]);
    tn_pipeline_free(c->pipeline);
}

/* Reads the accounts until it is over. Returns whether they were always right. */
static void *audit(void *argument)
{
    crowd *c = argument;
    tn_pipeline_stats before = {0};
    while (!c->over) {
        tn_pipeline_stats now;
        tn_pipeline_stats_read(c->pipeline, &now);
        uint64_t dropped = 0;
        for (int reason = 0; reason < TN_DROP_COUNT; reason++) {
            dropped += now.dropped[reason];
            if (now.dropped[reason] < before.dropped[reason]) return NULL;
        }
        bool grown = now.accepted >= before.accepted && now.exported >= before.exported;
        bool whole = now.accepted == now.exported + dropped + now.in_flight && now.in_flight <= now.accepted;
        if (!grown || !whole || now.queued > now.in_flight) return NULL;
        before = now;
    }
    return argument;
}

static void join_auditor(pthread_t auditor)
{
    void *right;
    pthread_join(auditor, &right);
    cr_assert(right, "the accounts did not add up");
}

Test(pipeline_threads, the_accounts_add_up_at_every_moment)
{
    static fake_exporter fake;
    static crowd c;
    tn_pipeline_options options = options_with(TN_MILLISECOND);
    options.max_queue_size = 100;
    options.max_export_batch_size = 20;
    crowd_start(&c, new_pipeline(options, fake_init(&fake, "fake")));
    pthread_t auditor;
    cr_assert_eq(pthread_create(&auditor, NULL, audit, &c), 0);
    cr_assert_eq(crowd_join(&c), SPANS);
    join_auditor(auditor);

    cr_assert(tn_pipeline_flush(c.pipeline, after_ms(5000), NULL));
    tn_pipeline_stats stats = stats_of(c.pipeline);
    cr_assert_eq(stats.accepted, SPANS);
    cr_assert_eq(stats.in_flight, 0);
    cr_assert_eq(dropped_of(&stats), stats.dropped[TN_DROP_QUEUE_FULL]);
    cr_assert_eq(fake_spans(&fake), stats.exported);
    crowd_free(&c);
}

Test(pipeline_threads, flushing_and_pausing_meanwhile_loses_nothing)
{
    static fake_exporter fake;
    static crowd c;
    tn_pipeline_options options = options_with(HOUR);
    options.max_queue_size = SPANS;
    crowd_start(&c, new_pipeline(options, fake_init(&fake, "fake")));
    pthread_t auditor;
    cr_assert_eq(pthread_create(&auditor, NULL, audit, &c), 0);
    for (int i = 0; i < 20; i++) {
        cr_assert(tn_pipeline_flush(c.pipeline, after_ms(5000), NULL));
        tn_pipeline_pause(c.pipeline, after_ms(5000));
        tn_pipeline_resume(c.pipeline);
    }
    cr_assert_eq(crowd_join(&c), SPANS);
    join_auditor(auditor);
    cr_assert(tn_pipeline_shutdown(c.pipeline, after_ms(5000), TN_STOP_GRACE, NULL));
    cr_assert_eq(fake_spans(&fake), SPANS);
    crowd_free(&c);
}

Test(pipeline_threads, configuring_meanwhile_loses_nothing_and_uses_no_exporter_that_is_freed)
{
    enum { CHANGES = 100 };
    static fake_exporter fakes[CHANGES + 1];
    static crowd c = {.endless = true};
    tn_pipeline_options options = options_with(TN_MILLISECOND);
    options.max_queue_size = options.max_queue_bytes = SIZE_MAX;
    options.max_export_batch_size = 5;
    crowd_start(&c, new_pipeline(options, fake_init(&fakes[CHANGES], "fake")));
    pthread_t auditor;
    cr_assert_eq(pthread_create(&auditor, NULL, audit, &c), 0);
    for (int i = 0; i < CHANGES; i++) {
        tn_exporter *exporter = fake_init(&fakes[i], "fake");
        tn_pipeline_configure(c.pipeline, &options, &exporter, 1);
    }
    uint64_t ended = crowd_join(&c), spans = 0;
    join_auditor(auditor);
    cr_assert(tn_pipeline_shutdown(c.pipeline, after_ms(5000), TN_STOP_GRACE, NULL));
    crowd_free(&c);

    for (int i = 0; i <= CHANGES; i++) {
        cr_assert_eq(fakes[i].freed, 1);
        if (i != CHANGES - 1) cr_assert_eq(fakes[i].interrupts, 0, "there was no need");
        spans += fakes[i].spans;
    }
    cr_assert_eq(spans, ended);
}

enum { CHANGERS = 4, CHANGES_EACH = 8 };

static fake_exporter changed[CHANGERS][CHANGES_EACH];

static void *change(void *argument)
{
    const publishing *p = argument;
    tn_pipeline_options options = options_with(TN_MILLISECOND);
    for (int i = 0; i < CHANGES_EACH; i++) {
        tn_exporter *exporter = fake_init(&changed[p->number][i], "fake");
        tn_pipeline_configure(p->pipeline, &options, &exporter, 1);
        if (i % 3 == 0) tn_pipeline_shutdown(p->pipeline, after_ms(1), TN_STOP_GRACE, NULL);
        if (i % 3 == 1) tn_pipeline_flush(p->pipeline, after_ms(5), NULL);
    }
    return NULL;
}

Test(pipeline_threads, several_may_configure_and_shut_down_at_once)
{
    static fake_exporter fake;
    static crowd c = {.endless = true};
    crowd_start(&c, new_pipeline(options_with(TN_MILLISECOND), fake_init(&fake, "fake")));
    pthread_t changers[CHANGERS];
    publishing changes[CHANGERS];
    for (int i = 0; i < CHANGERS; i++) {
        changes[i] = (publishing){.pipeline = c.pipeline, .number = i};
        cr_assert_eq(pthread_create(&changers[i], NULL, change, &changes[i]), 0);
    }
    for (int i = 0; i < CHANGERS; i++) pthread_join(changers[i], NULL);
    uint64_t ended = crowd_join(&c);
    (void)tn_pipeline_shutdown(c.pipeline, after_ms(5000), TN_STOP_GRACE, NULL);

    tn_pipeline_stats stats = stats_of(c.pipeline);
    (void)dropped_of(&stats);
    cr_assert_eq(stats.in_flight, 0);
    cr_assert_geq(stats.accepted, ended, "more: a step that was interrupted, forgotten, and ended after all");
    crowd_free(&c);
    uint64_t spans = fake.spans;
    for (int i = 0; i < CHANGERS; i++) {
        for (int j = 0; j < CHANGES_EACH; j++) {
            cr_assert_eq(changed[i][j].freed, 1);
            spans += changed[i][j].spans;
        }
    }
    cr_assert_eq(spans, stats.exported);
}

static void *come_and_go(void *argument)
{
    const publishing *p = argument;
    for (int i = 0; i < 100; i++) {
        publishing own = *p;
        own.manager = new_manager(p->pipeline);
        run_task(&own, i);
        free_manager(p->pipeline, own.manager);
    }
    return NULL;
}

Test(pipeline_threads, managers_may_come_and_go)
{
    static fake_exporter fake;
    tn_pipeline *pipeline = new_pipeline(options_with(TN_MILLISECOND), fake_init(&fake, "fake"));
    pthread_t threads[4];
    publishing publishings[4];
    for (int i = 0; i < 4; i++) {
        publishings[i] = (publishing){.pipeline = pipeline, .number = i};
        cr_assert_eq(pthread_create(&threads[i], NULL, come_and_go, &publishings[i]), 0);
    }
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    cr_assert(tn_pipeline_shutdown(pipeline, after_ms(5000), TN_STOP_GRACE, NULL));
    cr_assert_eq(fake_spans(&fake), 4 * 100 * (STEPS + 1));
    tn_pipeline_free(pipeline);
}

static atomic_uint accepted, taken, early;

static void accept_slowly(void *unused)
{
    (void)unused;
    sleep_ms(50);
    accepted++;
}

static void deliver_early(void *unused, tn_delivery *delivery)
{
    (void)unused;
    if (accepted == 0) early++;
    taken += (unsigned)delivery->released.count;
    tn_span_list_free(&delivery->released);
}

static void *release_all(void *slow)
{
    for (int i = 0; i < 100 && taken == 0; i++, sleep_ms(1)) tn_span_manager_release(slow, 0, true);
    return NULL;
}

/* Else the accounts would have more settled than accepted for a moment. */
Test(pipeline_threads, a_root_is_counted_before_another_thread_can_deliver_it)
{
    tn_span_manager_options options = {.max_open_spans = 10, .max_age = HOUR, .limits = TN_SPAN_LIMITS_DEFAULT};
    tn_span_manager *slow = tn_span_manager_new(&options,
                                                (tn_span_sink){.accept = accept_slowly, .deliver = deliver_early});
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, release_all, slow), 0);
    record_task(slow, TN_TASK_COMPLETED, "t1");
    pthread_join(thread, NULL);
    cr_assert_eq(taken, 1);
    cr_assert_eq(early, 0);
    tn_span_manager_free(slow);
}
