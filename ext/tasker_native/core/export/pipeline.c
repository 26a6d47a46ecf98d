#include "export/pipeline.h"

#include "base/clock.h"
#include "base/process.h"

#include <inttypes.h>
#include <signal.h>

#define LINGER_TICK (250 * TN_MILLISECOND)        /* how often roots that linger are looked after */
#define START_RETRY TN_SECOND                     /* after a thread could not be started */
#define LOG_INTERVAL (60 * TN_SECOND)             /* between two lines about the same kind of loss */
#define MAX_BATCH_BYTES ((size_t)4 * 1024 * 1024) /* in memory; what is sent is about as large before compression */
#define NEVER UINT64_MAX

#if defined(__has_feature)
#define TN_HAS_ASAN __has_feature(address_sanitizer) /* clang's way to say it */
#else
#define TN_HAS_ASAN 0
#endif

/* Blocks of spans that are kept for spans to come: as many as the usual queue and a batch have, and some more. */
#if defined(__SANITIZE_ADDRESS__) || TN_HAS_ASAN
#define POOL_CAPACITY 0 /* or nobody would see who uses a span that has left */
#else
#define POOL_CAPACITY 4096
#endif

/* What is exported together. Made when spans come, so that the worker takes one without counting under the lock. */
typedef struct batch {
    struct batch *next;
    tn_span_list spans;
} batch;

typedef struct {
    uint64_t logged;   /* when, monotonic; 0: never */
    uint64_t reported; /* how many losses the log knows of */
} loss_report;

/* How far the accounts have to come. Spans that are dropped before they are queued settle too, so their count alone
 * would let a flush end too early. */
typedef struct {
    uint64_t settled, left;
} flush_mark;

struct tn_pipeline {
    pthread_mutex_t lock; /* guards all below, down to the managers */
    pthread_cond_t work;  /* for the worker */
    pthread_cond_t done;  /* for those who wait for the worker */
    unsigned generation;
    tn_pipeline_options options;

    batch *first, *last;         /* the queue */
    size_t queued, queued_bytes; /* spans, and their tn_span_size */
    size_t exporting;            /* spans of the batch under way */
    uint64_t left;               /* spans that came through the queue and are settled */
    uint64_t batch_due;          /* monotonic */
    uint64_t accepted, exported;
    uint64_t spooled; /* on disk now */
    uint64_t adopted; /* of those that were spooled once: accepted from dead processes, beside `accepted` */
    uint64_t dropped[TN_DROP_COUNT];
    loss_report reports[TN_DROP_COUNT];

    tn_exporter *exporters[TN_MAX_EXPORTERS];
    tn_exporter_stats exporter_stats[TN_MAX_EXPORTERS];
    uint64_t remarked[TN_MAX_EXPORTERS]; /* when the log last heard of them, monotonic; 0: never */
    size_t exporter_count;

    pthread_t thread;
    uint64_t start_after; /* monotonic */
    flush_mark flush;     /* export at once until it is reached */
    bool running, stopping, closed;
    bool changing;  /* somebody stops the worker, and nobody else may start or stop it */
    bool abandoned; /* the running worker did not come back when it was told to, and is detached */
    bool hurrying;  /* the process ends: nothing is tried again that can be kept on disk */
    bool relieving; /* the worker was told that the queue is crowded */
    bool draining;  /* a request from disk is under way */
    bool sleeping;  /* until it is woken: there is nothing to do */
    bool pausing, paused;

    pthread_mutex_t managers_lock; /* taken before a manager's and before `lock` */
    tn_span_manager **managers;
    size_t manager_count, manager_capacity;

    tn_spool *spool;
    tn_span_pool pool;
    tn_span_metrics *metrics; /* NULL: nothing is measured */
    tn_log_ring log;
};

static void init_locks(tn_pipeline *self)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&self->lock, NULL);
    pthread_mutex_init(&self->managers_lock, NULL);
    pthread_cond_init(&self->work, &attributes);
    pthread_cond_init(&self->done, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void free_queue(tn_pipeline *self)
{
    for (batch *next; self->first; self->first = next) {
        next = self->first->next;
        tn_span_list_free(&self->first->spans);
        tn_free(self->first);
    }
    self->last = NULL;
    self->queued = self->queued_bytes = 0;
}

/* The child of a fork has neither the parent's worker nor its spans. */
static void become_child(tn_pipeline *self)
{
    self->generation = tn_process_generation();
    free_queue(self);
    self->exporting = 0;
    self->accepted = self->exported = self->left = self->start_after = 0;
    self->spooled = self->adopted = 0;
    tn_spool_reset_in_child(self->spool);
    self->flush = (flush_mark){0};
    memset(self->dropped, 0, sizeof(self->dropped));
    memset(self->reports, 0, sizeof(self->reports));
    self->running = self->stopping = self->changing = self->abandoned = false;
    self->hurrying = self->relieving = self->draining = false;
    self->sleeping = self->pausing = self->paused = false;
    for (size_t i = 0; i < self->exporter_count; i++) {
        tn_exporter *exporter = self->exporters[i];
        if (exporter->reset_in_child) exporter->reset_in_child(exporter);
        self->exporter_stats[i].exported = self->exporter_stats[i].dropped = 0;
    }
}

static void enter(tn_pipeline *self)
{
    pthread_mutex_lock(&self->lock);
    if (self->generation != tn_process_generation()) become_child(self);
}

static void leave(tn_pipeline *self)
{
    pthread_mutex_unlock(&self->lock);
}

static uint64_t count_dropped(const tn_pipeline *self)
{
    uint64_t dropped = 0;
    for (int reason = 0; reason < TN_DROP_COUNT; reason++) dropped += self->dropped[reason];
    return dropped;
}

/* Of `accepted`: what was adopted is not in it. */
static uint64_t count_settled(const tn_pipeline *self)
{
    return self->exported + self->spooled + count_dropped(self) - self->adopted;
}

/* --- The worker ---------------------------------------------------------------------------------------- */

static void wait_for_work(tn_pipeline *self, uint64_t until)
{
    if (until == NEVER) {
        self->sleeping = true;
        pthread_cond_wait(&self->work, &self->lock);
        self->sleeping = false;
    } else {
        struct timespec time = tn_clock_timespec(until);
        pthread_cond_timedwait(&self->work, &self->lock, &time);
    }
}

static void pause_if_asked(tn_pipeline *self)
{
    while (self->pausing && !self->stopping) {
        self->paused = true;
        pthread_cond_broadcast(&self->done);
        pthread_cond_wait(&self->work, &self->lock);
    }
    self->paused = false;
}

static bool has_reached(const tn_pipeline *self, flush_mark mark)
{
    return count_settled(self) >= mark.settled && self->left >= mark.left;
}

static bool is_flushing(const tn_pipeline *self)
{
    return !has_reached(self, self->flush);
}

static bool is_batch_due(const tn_pipeline *self, uint64_t now)
{
    if (!self->first) return false;
    bool full = self->first->spans.count >= self->options.max_export_batch_size;
    return full || now >= self->batch_due || is_flushing(self);
}

/* Spans that have ended, but are not queued: roots that linger. */
static bool has_lingering(const tn_pipeline *self)
{
    return self->accepted - count_settled(self) > self->queued + self->exporting;
}

static uint64_t next_wake(const tn_pipeline *self, uint64_t now)
{
    bool lingering = has_lingering(self);
    if (!self->first) return lingering ? now + LINGER_TICK : NEVER;

    uint64_t look = now + (lingering ? LINGER_TICK : TN_LINGER); /* nobody wakes it for a root that begins to linger */
    return look < self->batch_due ? look : self->batch_due;
}

static void release_roots(tn_pipeline *self, bool all)
{
    pthread_mutex_lock(&self->managers_lock);
    uint64_t now = tn_clock_monotonic();
    for (size_t i = 0; i < self->manager_count; i++) tn_span_manager_release(self->managers[i], now, all);
    pthread_mutex_unlock(&self->managers_lock);
}

static batch *take_batch(tn_pipeline *self)
{
    batch *taken = self->first;
    self->first = taken->next;
    if (!self->first) self->last = NULL;
    self->queued -= taken->spans.count;
    self->queued_bytes -= taken->spans.bytes;
    self->exporting += taken->spans.count;
    return taken;
}

/* A kind of loss is logged at once when it is new, then once a minute with what came since, and at the end (NEVER). */
static void report_losses(tn_pipeline *self, uint64_t now, tn_drop reason, const char *message, const char *hint)
{
    loss_report *report = &self->reports[reason];
    uint64_t lost = self->dropped[reason] - report->reported;
    if (lost == 0 || (report->logged && now < report->logged + LOG_INTERVAL)) return;

    report->logged = now;
    report->reported = self->dropped[reason];
    tn_log_ring_write(&self->log, TN_LOG_WARN, "%" PRIu64 " span%s lost (%s)%s%s. Next: %s. (Told once a minute.)",
                      lost, lost == 1 ? " was" : "s were", tn_drop_name(reason), message[0] ? ": " : "", message,
                      hint ? hint : tn_drop_hint(reason));
}

static void settle(tn_pipeline *self, size_t exporter, const tn_export_result *result)
{
    uint64_t left_disk = result->delivered;
    for (int reason = 0; reason < TN_DROP_COUNT; reason++) left_disk += result->changes.dropped[reason];
    self->exporter_stats[exporter].exported += result->exported + result->delivered;
    self->exporter_stats[exporter].dropped += result->dropped + left_disk - result->delivered;
    if (exporter > 0) return;

    self->exported += result->exported + result->delivered;
    self->dropped[result->reason] += result->dropped;
    for (int reason = 0; reason < TN_DROP_COUNT; reason++) self->dropped[reason] += result->changes.dropped[reason];
    self->adopted += result->changes.adopted;
    self->spooled += result->spooled + result->changes.adopted - left_disk;
}

/* What an exporter says beside the losses of the accounts is logged once a minute too. */
static void log_remark(tn_pipeline *self, size_t exporter, const char *name, const tn_export_result *result)
{
    uint64_t now = tn_clock_monotonic(), *remarked = &self->remarked[exporter];
    if (*remarked && now < *remarked + LOG_INTERVAL) return;

    *remarked = now;
    if (result->dropped > 0) {
        tn_log_ring_write(&self->log, TN_LOG_WARN, "exporter :%s lost %zu spans: %s", name, result->dropped,
                          result->message);
    } else {
        const char *hint = result->hint ? result->hint : "";
        tn_log_ring_write(&self->log, TN_LOG_WARN, "%s%s%s", result->message, hint[0] ? ". Next: " : "", hint);
    }
}

static void log_result(tn_pipeline *self, size_t exporter, const char *name, const tn_export_result *result)
{
    for (int reason = 0; reason < TN_DROP_COUNT && exporter == 0; reason++) {
        if (result->changes.dropped[reason]) report_losses(self, tn_clock_monotonic(), (tn_drop)reason, "", NULL);
    }
    if (exporter == 0 && result->dropped > 0) {
        report_losses(self, tn_clock_monotonic(), result->reason, result->message, result->hint);
    } else if (result->dropped > 0 || result->message[0]) {
        log_remark(self, exporter, name, result);
    }
}

/* Under the lock: the batch has left, and its memory goes back without it. */
static void finish_batch(tn_pipeline *self, batch *batch, tn_exporter *const *exporters,
                         const tn_export_result *results, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        settle(self, i, &results[i]);
        log_result(self, i, exporters[i]->name, &results[i]);
    }
    self->exporting -= batch->spans.count;
    self->left += batch->spans.count;
    pthread_cond_broadcast(&self->done);
    leave(self);

    tn_span_list_recycle(&batch->spans, &self->pool);
    tn_free(batch);
    pthread_mutex_lock(&self->lock);
}

/* Other exporters come, which may deliver what this one could not. */
static bool is_wanted_back(const tn_pipeline *self, const tn_export_result *results, size_t count)
{
    return self->stopping && !self->closed && !self->abandoned && count == 1 && results[0].unsent &&
           results[0].dropped > 0;
}

static void put_back(tn_pipeline *self, batch *batch)
{
    self->exporting -= batch->spans.count;
    self->queued += batch->spans.count;
    self->queued_bytes += batch->spans.bytes;
    batch->next = self->first;
    self->first = batch;
    if (!self->last) self->last = batch;
}

/* Works on copies: when it takes too long, configure goes on without it. */
static void export_batch(tn_pipeline *self)
{
    batch *batch = take_batch(self);
    tn_export_result results[TN_MAX_EXPORTERS];
    tn_exporter *exporters[TN_MAX_EXPORTERS];
    size_t count = self->exporter_count;
    memcpy(exporters, self->exporters, sizeof(exporters));
    leave(self);

    for (size_t i = 0; i < count; i++) exporters[i]->export_batch(exporters[i], &batch->spans, NEVER, &results[i]);

    pthread_mutex_lock(&self->lock);
    self->batch_due = tn_clock_monotonic() + self->options.schedule_delay;
    if (is_wanted_back(self, results, count)) {
        put_back(self, batch);
    } else {
        finish_batch(self, batch, exporters, results, count);
    }
}

/* Whether there is a spool, and no exporter has to wait for somebody else to be rid of a batch. */
static bool can_spool(const tn_pipeline *self)
{
    if (!tn_spool_is_on(self->spool)) return false;
    bool any = false, all = true;
    for (size_t i = 0; i < self->exporter_count; i++) {
        const tn_exporter *exporter = self->exporters[i];
        any |= exporter->spool_batch != NULL;
        all &= exporter->spool_batch || !exporter->wake;
    }
    return any && all;
}

/* The oldest batch goes to disk, or to where nobody has to be waited for. */
static void spool_batch(tn_pipeline *self, tn_drop reason)
{
    batch *batch = take_batch(self);
    tn_export_result results[TN_MAX_EXPORTERS];
    tn_exporter *exporters[TN_MAX_EXPORTERS];
    size_t count = self->exporter_count;
    memcpy(exporters, self->exporters, sizeof(exporters));
    leave(self);

    for (size_t i = 0; i < count; i++) {
        if (exporters[i]->spool_batch) {
            exporters[i]->spool_batch(exporters[i], &batch->spans, reason, &results[i]);
        } else {
            exporters[i]->export_batch(exporters[i], &batch->spans, NEVER, &results[i]);
        }
    }
    pthread_mutex_lock(&self->lock);
    finish_batch(self, batch, exporters, results, count);
}

static bool is_crowded(const tn_pipeline *self)
{
    return self->queued > self->options.max_queue_size / 4 * 3 ||
           self->queued_bytes > self->options.max_queue_bytes / 4 * 3;
}

/* While an exporter waits, what would not find room soon goes to disk. */
static void relieve(tn_pipeline *self)
{
    while (self->first && is_crowded(self) && !self->stopping && can_spool(self)) {
        spool_batch(self, TN_DROP_QUEUE_FULL);
    }
    self->relieving = false;
}

static bool checkpoint(void *pipeline, bool may_pause)
{
    tn_pipeline *self = pipeline;
    pthread_mutex_lock(&self->lock);
    if (may_pause) pause_if_asked(self);
    relieve(self);
    bool hurrying = self->hurrying;
    pthread_mutex_unlock(&self->lock);
    return hurrying;
}

/* --- The disk ------------------------------------------------------------------------------------------ */

/* When something on disk is worth a try; NEVER while spans come faster than they leave. */
static uint64_t drain_due(const tn_pipeline *self)
{
    uint64_t due = NEVER;
    for (size_t i = 0; i < self->exporter_count; i++) {
        const tn_exporter *exporter = self->exporters[i];
        uint64_t its = exporter->drain_due && !self->hurrying ? exporter->drain_due(exporter) : NEVER;
        if (its < due) due = its;
    }
    return self->queued > self->options.max_queue_size / 2 ? NEVER : due;
}

/* One request of each exporter that has some. */
static void drain(tn_pipeline *self, uint64_t now)
{
    for (size_t i = 0; i < self->exporter_count && !self->stopping; i++) {
        tn_exporter *exporter = self->exporters[i];
        if (!exporter->drain || exporter->drain_due(exporter) > now) continue;

        tn_export_result result;
        self->draining = true;
        leave(self);
        exporter->drain(exporter, NEVER, &result);
        pthread_mutex_lock(&self->lock);
        self->draining = false;
        settle(self, i, &result);
        log_result(self, i, exporter->name, &result);
    }
}

static void sync_spool(tn_pipeline *self)
{
    leave(self);
    tn_spool_sync(self->spool);
    pthread_mutex_lock(&self->lock);
}

/* What is left when the process ends. */
static void spool_queue(tn_pipeline *self)
{
    while (self->first && can_spool(self)) spool_batch(self, TN_DROP_DEADLINE);
    sync_spool(self);
}

static void report_publishers_losses(tn_pipeline *self, uint64_t now)
{
    report_losses(self, now, TN_DROP_QUEUE_FULL, "", NULL);
    report_losses(self, now, TN_DROP_MEMORY, "", NULL);
}

static void *work(void *pipeline)
{
    tn_pipeline *self = pipeline;
#ifdef __linux__
    pthread_setname_np(pthread_self(), "tasker-export");
#endif
    pthread_mutex_lock(&self->lock);
    while (!self->stopping) {
        uint64_t now = tn_clock_monotonic();
        pause_if_asked(self);
        report_publishers_losses(self, now);
        bool exported = is_batch_due(self, now);
        if (exported) export_batch(self);
        if (drain_due(self) <= now && !self->stopping) {
            drain(self, now);
            continue;
        }
        if (exported) continue;
        if (has_lingering(self)) {
            bool all = is_flushing(self);
            leave(self);
            release_roots(self, all);
            pthread_mutex_lock(&self->lock);
            if (is_batch_due(self, now) || self->stopping || self->pausing) continue;
        }
        sync_spool(self);
        if (is_batch_due(self, now) || self->stopping || self->pausing) continue; /* meanwhile */
        uint64_t wake = next_wake(self, now), due = drain_due(self);
        wait_for_work(self, wake < due ? wake : due);
    }
    if (self->closed) spool_queue(self); /* here, so that nobody has to wait longer for a disk than he wants to */
    self->running = false;
    pthread_cond_broadcast(&self->done);
    leave(self);
    return NULL;
}

/* Signals are the host application's: this thread takes none. */
static int start_thread(pthread_t *thread, tn_pipeline *self)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, NULL, work, self);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static void start_worker(tn_pipeline *self)
{
    if (self->running || self->closed || self->changing) return;

    uint64_t now = tn_clock_monotonic();
    if (now < self->start_after) return;

    self->stopping = self->abandoned = false;
    int error = start_thread(&self->thread, self);
    self->running = error == 0;
    if (error == 0) return;

    self->start_after = now + START_RETRY;
    tn_log_ring_write(&self->log, TN_LOG_ERROR, "the export thread can't be started: %s", strerror(error));
}

/* --- Coming in ----------------------------------------------------------------------------------------- */

/* Once is enough: it looks after everything when it is awake. */
static void wake_worker(tn_pipeline *self)
{
    self->sleeping = false;
    pthread_cond_signal(&self->work);
}

static void accept(void *pipeline)
{
    tn_pipeline *self = pipeline;
    enter(self);
    self->accepted++;
    start_worker(self);
    if (self->sleeping) wake_worker(self);
    leave(self);
}

static bool has_room(const tn_pipeline *self, const tn_span *span)
{
    return self->queued < self->options.max_queue_size &&
           self->queued_bytes + tn_span_size(span) <= self->options.max_queue_bytes;
}

/* The last batch, while it is not full; else a new one. A larger batch is better than none. */
static batch *batch_for_one_more(tn_pipeline *self)
{
    batch *last = self->last;
    bool has_room = last && last->spans.count < self->options.max_export_batch_size;
    if (has_room && last->spans.bytes < MAX_BATCH_BYTES) return last;

    batch *added = tn_alloc_zeroed(sizeof(*added));
    if (!added) return last;

    if (last) {
        last->next = added;
    } else {
        self->first = added;
        self->batch_due = tn_clock_monotonic() + self->options.schedule_delay;
    }
    return self->last = added;
}

/* Spans that are not wanted any more, or have no room, are counted and put into `refused`. */
static void enqueue(tn_pipeline *self, tn_span_list *spans, tn_span_list *refused)
{
    for (tn_span *span; (span = tn_span_list_take(spans));) {
        tn_drop reason = self->closed ? TN_DROP_SHUTDOWN : TN_DROP_QUEUE_FULL;
        batch *batch = NULL;
        if (!self->closed && has_room(self, span)) {
            reason = TN_DROP_MEMORY;
            batch = batch_for_one_more(self);
        }
        if (!batch) {
            self->dropped[reason]++;
            tn_span_list_add(refused, span);
            continue;
        }
        tn_span_list_add(&batch->spans, span);
        self->queued++;
        self->queued_bytes += tn_span_size(span);
    }
}

/* Wherever it waits. */
static void call_worker(tn_pipeline *self)
{
    self->relieving = true;
    for (size_t i = 0; i < self->exporter_count; i++) {
        if (self->exporters[i]->wake) self->exporters[i]->wake(self->exporters[i]);
    }
}

static void measure(tn_pipeline *self, const tn_span_list *spans)
{
    for (const tn_span *span = spans->first; span && self->metrics; span = span->next)
        tn_span_metrics_record(self->metrics, span);
}

static void deliver(void *pipeline, tn_delivery *delivery)
{
    tn_pipeline *self = pipeline;
    measure(self, &delivery->ended);
    measure(self, &delivery->released);
    tn_span_list refused = {0};
    enter(self);
    self->accepted += delivery->ended.count + delivery->lost;
    self->dropped[TN_DROP_MEMORY] += delivery->lost;
    start_worker(self);
    bool was_empty = !self->first;
    enqueue(self, &delivery->ended, &refused);
    enqueue(self, &delivery->released, &refused);

    bool full = self->last && self->last->spans.count >= self->options.max_export_batch_size;
    bool begins = was_empty && self->first; /* it may wait for roots that linger, which is longer */
    if (full || begins || self->sleeping || is_flushing(self)) wake_worker(self);
    bool waits = self->exporting > 0 || self->draining;
    if (waits && !self->relieving && is_crowded(self)) call_worker(self);
    if (refused.count > 0) {
        report_publishers_losses(self, tn_clock_monotonic());
        pthread_cond_broadcast(&self->done);
    }
    leave(self);

    tn_span_list_recycle(&refused, &self->pool);
}

void tn_pipeline_measure(tn_pipeline *self, tn_span_metrics *metrics)
{
    self->metrics = metrics;
}

static void count_steps(void *pipeline, int64_t change)
{
    tn_pipeline *self = pipeline;
    if (self->metrics) tn_span_metrics_count_steps(self->metrics, change);
}

tn_span_sink tn_pipeline_sink(tn_pipeline *self)
{
    return (tn_span_sink){
        .self = self, .accept = accept, .deliver = deliver, .count_steps = count_steps, .pool = &self->pool};
}

tn_status tn_pipeline_add_manager(tn_pipeline *self, tn_span_manager *manager)
{
    tn_status status = TN_OK;
    pthread_mutex_lock(&self->managers_lock);
    if (self->manager_count == self->manager_capacity) {
        size_t capacity = self->manager_capacity ? self->manager_capacity * 2 : 8;
        tn_span_manager **managers = tn_realloc(self->managers, capacity * sizeof(*managers));
        if (managers) {
            self->managers = managers;
            self->manager_capacity = capacity;
        } else {
            status = TN_ERROR_MEMORY;
        }
    }
    if (status == TN_OK) self->managers[self->manager_count++] = manager;
    pthread_mutex_unlock(&self->managers_lock);
    return status;
}

void tn_pipeline_remove_manager(tn_pipeline *self, tn_span_manager *manager)
{
    pthread_mutex_lock(&self->managers_lock);
    for (size_t i = 0; i < self->manager_count; i++) {
        if (self->managers[i] == manager) self->managers[i] = self->managers[--self->manager_count];
    }
    pthread_mutex_unlock(&self->managers_lock);
}

/* --- Coming to an end ---------------------------------------------------------------------------------- */

static void wait_for_done(tn_pipeline *self, uint64_t deadline)
{
    struct timespec until = tn_clock_timespec(deadline);
    pthread_cond_timedwait(&self->done, &self->lock, &until);
}

static bool is_cancelled(const atomic_bool *cancelled)
{
    return cancelled && atomic_load(cancelled);
}

void tn_pipeline_start(tn_pipeline *self)
{
    enter(self);
    start_worker(self);
    leave(self);
}

bool tn_pipeline_flush(tn_pipeline *self, uint64_t deadline, const atomic_bool *cancelled)
{
    release_roots(self, true);

    enter(self);
    flush_mark mark = {self->accepted, self->left + self->exporting + self->queued};
    if (!has_reached(self, mark)) start_worker(self);
    self->flush = mark;
    pthread_cond_signal(&self->work);
    while (!has_reached(self, mark) && tn_clock_monotonic() < deadline && !is_cancelled(cancelled)) {
        wait_for_done(self, deadline);
    }
    bool reached = has_reached(self, mark);
    leave(self);
    return reached;
}

void tn_pipeline_wake(tn_pipeline *self)
{
    pthread_mutex_lock(&self->lock);
    pthread_cond_broadcast(&self->done);
    pthread_mutex_unlock(&self->lock);
}

/* Between these two, this thread alone stops the worker, and nobody starts it. */
static void begin_change(tn_pipeline *self)
{
    while (self->changing) pthread_cond_wait(&self->done, &self->lock);
    self->changing = true;
}

static void end_change(tn_pipeline *self)
{
    self->changing = false;
    pthread_cond_broadcast(&self->done);
}

static void interrupt_exporters(tn_pipeline *self)
{
    for (size_t i = 0; i < self->exporter_count; i++) {
        if (self->exporters[i]->interrupt) self->exporters[i]->interrupt(self->exporters[i]);
    }
}

/* Lets a batch that is under way come back by itself until the deadline, then makes it. true: the worker is gone.
 * Within a change. */
static bool stop_worker(tn_pipeline *self, uint64_t deadline, uint64_t grace)
{
    if (!self->running) return true;

    self->stopping = true;
    self->pausing = false;
    pthread_cond_broadcast(&self->work);
    while (self->running && tn_clock_monotonic() < deadline) wait_for_done(self, deadline);

    if (self->running) interrupt_exporters(self);
    uint64_t last = tn_clock_monotonic() + grace;
    while (self->running && tn_clock_monotonic() < last) wait_for_done(self, last);

    if (self->abandoned) return !self->running;
    pthread_t thread = self->thread;
    if (self->running) {
        self->abandoned = true;
        pthread_detach(thread);
        return false;
    }
    leave(self); /* it has said that it is done; it may still be leaving the lock */
    pthread_join(thread, NULL);
    pthread_mutex_lock(&self->lock);
    return true;
}

static void set_options(tn_pipeline *self, const tn_pipeline_options *options)
{
    self->options = *options;
    if (self->options.max_export_batch_size == 0) self->options.max_export_batch_size = 1;
    self->batch_due = tn_clock_monotonic() + options->schedule_delay;
}

static void set_exporters(tn_pipeline *self, tn_exporter **exporters, size_t count)
{
    self->exporter_count = count;
    for (size_t i = 0; i < count; i++) {
        self->exporters[i] = exporters[i];
        self->exporter_stats[i] = (tn_exporter_stats){.name = exporters[i]->name};
    }
    memset(self->remarked, 0, sizeof(self->remarked));
    memset(self->reports, 0, sizeof(self->reports));
    for (int reason = 0; reason < TN_DROP_COUNT; reason++) self->reports[reason].reported = self->dropped[reason];
}

static void drop_queue(tn_pipeline *self, tn_drop reason)
{
    self->dropped[reason] += self->queued;
    self->left += self->queued;
    free_queue(self);
}

void tn_pipeline_configure(tn_pipeline *self, const tn_pipeline_options *options, tn_exporter **exporters, size_t count)
{
    tn_exporter *old[TN_MAX_EXPORTERS];
    enter(self);
    begin_change(self);
    bool stopped = stop_worker(self, tn_clock_monotonic() + TN_STOP_GRACE, TN_STOP_GRACE);
    size_t old_count = stopped ? self->exporter_count : 0; /* else its thread still uses them: they are lost */
    memcpy(old, self->exporters, sizeof(old));

    set_options(self, options);
    bool can_keep = stopped && tn_spool_configure(self->spool, &options->spool) == TN_OK;
    if (stopped && !can_keep)
        tn_log_ring_write(&self->log, TN_LOG_ERROR, "the spool can't be used: its path is too long");
    set_exporters(self, exporters, count);
    self->hurrying = false;
    self->closed = count == 0;
    if (self->closed) drop_queue(self, TN_DROP_SHUTDOWN);
    end_change(self);
    if (self->accepted > count_settled(self) || self->spooled > 0) start_worker(self);
    leave(self);

    for (size_t i = 0; i < old_count; i++) old[i]->free(old[i]);
}

static size_t room_in_queue(tn_pipeline *self)
{
    enter(self);
    size_t size = self->options.max_queue_size, room = size > self->queued ? size - self->queued : 0;
    leave(self);
    return room;
}

/* At most about `limit` of them. Returns how many steps are still open. */
static size_t interrupt_steps(tn_pipeline *self, size_t limit)
{
    size_t left = 0;
    pthread_mutex_lock(&self->managers_lock);
    size_t each = self->manager_count ? limit / self->manager_count : 0;
    for (size_t i = 0; i < self->manager_count; i++) {
        left += tn_span_manager_interrupt(self->managers[i], each > 0 ? each : 1);
    }
    pthread_mutex_unlock(&self->managers_lock);
    return left;
}

/* As many at once as the queue takes: more would be lost. What is left at the deadline is counted as lost. */
static void end_steps(tn_pipeline *self, uint64_t deadline, const atomic_bool *cancelled)
{
    while (tn_pipeline_flush(self, deadline, cancelled) && interrupt_steps(self, room_in_queue(self)) > 0) {}
    interrupt_steps(self, SIZE_MAX);
}

static void hurry(tn_pipeline *self)
{
    enter(self);
    self->hurrying = true;
    if (self->running) call_worker(self);
    leave(self);
}

bool tn_pipeline_shutdown(tn_pipeline *self, uint64_t deadline, uint64_t grace, const atomic_bool *cancelled)
{
    hurry(self);
    end_steps(self, deadline, cancelled);
    tn_pipeline_flush(self, deadline, cancelled);

    enter(self);
    begin_change(self);
    self->closed = true;
    if (stop_worker(self, 0, grace)) spool_queue(self); /* there may have been no worker */
    drop_queue(self, TN_DROP_DEADLINE);
    end_change(self);
    report_losses(self, NEVER, TN_DROP_DEADLINE, "time ran out at shutdown", NULL);
    for (int reason = 0; reason < TN_DROP_COUNT; reason++) report_losses(self, NEVER, (tn_drop)reason, "", NULL);
    bool lossless = count_dropped(self) == 0 && count_settled(self) == self->accepted;
    leave(self);
    return lossless;
}

void tn_pipeline_stats_read(tn_pipeline *self, tn_pipeline_stats *stats)
{
    enter(self);
    *stats = (tn_pipeline_stats){
        .accepted = self->accepted + self->adopted,
        .exported = self->exported,
        .spooled = self->spooled,
        .in_flight = self->accepted - count_settled(self),
        .queued = self->queued,
        .queued_bytes = self->queued_bytes,
        .exporter_count = self->exporter_count,
    };
    tn_spool_stats_read(self->spool, &stats->spool);
    memcpy(stats->dropped, self->dropped, sizeof(stats->dropped));
    memcpy(stats->exporters, self->exporter_stats, sizeof(stats->exporters));
    leave(self);
}

void tn_pipeline_clear(tn_pipeline *self)
{
    pthread_mutex_lock(&self->managers_lock);
    for (size_t i = 0; i < self->manager_count; i++) tn_span_manager_clear(self->managers[i]);
    pthread_mutex_unlock(&self->managers_lock);

    enter(self);
    self->accepted = self->queued + self->exporting; /* will settle yet */
    self->exported = self->flush.settled = 0;
    if (!tn_spool_is_on(self->spool)) self->spooled = 0; /* others have them */
    self->adopted = self->spooled;                       /* still on disk */
    memset(self->dropped, 0, sizeof(self->dropped));
    memset(self->reports, 0, sizeof(self->reports));
    memset(self->remarked, 0, sizeof(self->remarked));
    for (size_t i = 0; i < self->exporter_count; i++) {
        self->exporter_stats[i].exported = self->exporter_stats[i].dropped = 0;
    }
    leave(self);
}

bool tn_pipeline_take_memory(tn_pipeline *self, tn_buffer *out)
{
    bool found = false;
    enter(self);
    for (size_t i = 0; i < self->exporter_count && !found; i++) {
        found = tn_exporter_is_memory(self->exporters[i]);
        if (found) tn_memory_exporter_take(self->exporters[i], out);
    }
    leave(self);
    return found;
}

/* --- Life and forks ------------------------------------------------------------------------------------ */

tn_pipeline *tn_pipeline_new(const tn_pipeline_options *options)
{
    tn_pipeline *self = tn_alloc_zeroed(sizeof(*self));
    tn_spool *spool = self ? tn_spool_new(&tn_spool_real_system) : NULL;
    if (!spool) {
        tn_free(self);
        return NULL;
    }
    self->spool = spool;
    init_locks(self);
    tn_log_ring_init(&self->log);
    tn_span_pool_init(&self->pool, POOL_CAPACITY);
    self->generation = tn_process_generation();
    set_options(self, options);
    self->closed = true;
    return self;
}

static bool has_worker(tn_pipeline *self)
{
    enter(self);
    bool running = self->running;
    leave(self);
    return running;
}

void tn_pipeline_free(tn_pipeline *self)
{
    if (!self) return;

    tn_pipeline_shutdown(self, 0, TN_STOP_GRACE, NULL);
    tn_process_remove_fork_hooks(self);
    if (has_worker(self)) return; /* one that does not come back still uses all of this: it is lost */

    for (size_t i = 0; i < self->exporter_count; i++) self->exporters[i]->free(self->exporters[i]);
    tn_spool_free(self->spool);
    tn_free(self->managers);
    tn_span_pool_free(&self->pool);
    tn_log_ring_destroy(&self->log);
    pthread_cond_destroy(&self->work);
    pthread_cond_destroy(&self->done);
    pthread_mutex_destroy(&self->managers_lock);
    pthread_mutex_destroy(&self->lock);
    tn_free(self);
}

static void lock_all(void *pipeline)
{
    tn_pipeline *self = pipeline;
    pthread_mutex_lock(&self->managers_lock);
    for (size_t i = 0; i < self->manager_count; i++) tn_span_manager_lock(self->managers[i]);
    pthread_mutex_lock(&self->lock);
    pthread_mutex_lock(&self->log.lock);
}

static void unlock_all(void *pipeline)
{
    tn_pipeline *self = pipeline;
    pthread_mutex_unlock(&self->log.lock);
    pthread_mutex_unlock(&self->lock);
    for (size_t i = 0; i < self->manager_count; i++) tn_span_manager_unlock(self->managers[i]);
    pthread_mutex_unlock(&self->managers_lock);
}

static void renew_locks(void *pipeline)
{
    tn_pipeline *self = pipeline;
    for (size_t i = 0; i < self->manager_count; i++) tn_span_manager_reset_lock(self->managers[i]);
    init_locks(self);
    tn_log_ring_init(&self->log);
}

tn_status tn_pipeline_watch_forks(tn_pipeline *self)
{
    tn_process_watch_forks();
    return tn_process_add_fork_hooks((tn_fork_hooks){self, lock_all, unlock_all, renew_locks});
}

void tn_pipeline_pause(tn_pipeline *self, uint64_t deadline)
{
    enter(self);
    self->pausing = true;
    pthread_cond_broadcast(&self->work);
    while (self->running && !self->paused && tn_clock_monotonic() < deadline) wait_for_done(self, deadline);
    leave(self);
}

void tn_pipeline_resume(tn_pipeline *self)
{
    enter(self);
    self->pausing = false;
    pthread_cond_broadcast(&self->work);
    leave(self);
}

tn_spool *tn_pipeline_spool(tn_pipeline *self)
{
    return self->spool;
}

tn_log_ring *tn_pipeline_log(tn_pipeline *self)
{
    return &self->log;
}

tn_checkpoint tn_pipeline_checkpoint(tn_pipeline *self)
{
    return (tn_checkpoint){checkpoint, self};
}
