#include "export/periodic_reader.h"

#include "base/process.h"
#include "export/gzip.h"
#include "export/otlp_metrics.h"

#include <pthread.h>
#include <signal.h>

#define LOG_INTERVAL (600 * TN_SECOND) /* between two lines about what could not be sent */

/* What the values were at a moment, and where their texts are. */
typedef struct {
    tn_snapshot snapshot;
    tn_metrics_segments segments[2];
    uint64_t time; /* wall clock, nanoseconds; 0: never */
} collection;

/* What the thread works with; it alone, as long as it runs. */
typedef struct {
    tn_metrics *metrics;
    tn_span_metrics *spans;
    tn_log_ring *log;
    tn_otlp_client client;
    tn_encoder encoder;
    tn_gzip *gzip; /* NULL: no compression */
    uint64_t timeout, interval;
    bool delta;
    tn_buffer request, compressed;
    collection delivered; /* the last that was, for deltas */
    uint64_t last_time;   /* of the last that was delivered; 0: none */
    uint64_t logged;      /* monotonic; 0: never */
    atomic_bool hurries;  /* the process ends: one try is enough */
} sender;

typedef struct {
    bool sent, delivered;
    size_t points, rejected;
} outcome;

struct tn_periodic_reader {
    pthread_mutex_t lock; /* of all below, but not of what a sender works with */
    pthread_cond_t work;  /* for the thread */
    pthread_cond_t done;  /* for those who wait for it */
    unsigned generation;
    tn_metrics *metrics;
    tn_span_metrics *spans;
    tn_log_ring *log;
    sender *sender; /* NULL: nothing is sent */
    pthread_t thread;
    bool running, stopping, sending;
    uint64_t wanted, finished; /* requests out of turn */
    tn_periodic_reader_stats stats;
};

/* --- Collecting ---------------------------------------------------------------------------------------- */

static void free_collection(collection *self)
{
    tn_snapshot_free(&self->snapshot);
    for (size_t i = 0; i < 2; i++) {
        tn_segment_free(self->segments[i].shared);
        tn_segment_free(self->segments[i].own);
    }
    *self = (collection){.time = 0};
}

static tn_status collect(const sender *self, collection *out)
{
    *out = (collection){.time = tn_clock_wall()};
    tn_snapshot_init(&out->snapshot);
    tn_status status = tn_metrics_collect(self->metrics, &out->snapshot, &out->segments[0]);
    if (status == TN_OK && self->spans)
        status = tn_span_metrics_collect(self->spans, &out->snapshot, &out->segments[1]);
    return status == TN_OK ? tn_snapshot_finish(&out->snapshot) : status;
}

static tn_status encode(sender *self, const collection *now, size_t *points_out, tn_text *body_out)
{
    tn_otlp_metrics_source source = {
        .now = &now->snapshot,
        .before = self->delivered.time ? &self->delivered.snapshot : NULL,
        .delta = self->delta,
        .time = now->time,
        .last_time = self->last_time,
    };
    tn_buffer_clear(&self->request);
    tn_status status = tn_otlp_metrics(&self->request, &self->encoder, &source, points_out);
    *body_out = tn_buffer_text(&self->request);
    if (status != TN_OK || !self->gzip || *points_out == 0) return status;

    tn_buffer_clear(&self->compressed);
    status = tn_gzip_compress(self->gzip, *body_out, &self->compressed);
    *body_out = tn_buffer_text(&self->compressed);
    return status;
}

/* Within the client, while it waits, and between two tries. */
static bool hurries(void *argument, bool may_pause)
{
    const sender *self = argument;
    (void)may_pause;
    return atomic_load(&self->hurries);
}

/* --- Sending ------------------------------------------------------------------------------------------- */

static void tell(sender *self, const char *what, const char *hint)
{
    uint64_t now = tn_clock_monotonic();
    if (self->logged && now < self->logged + LOG_INTERVAL) return;
    self->logged = now;
    tn_log_ring_write(
        self->log, TN_LOG_WARN,
        "metrics were not sent: %s. Next: %s. What they count is sent again with the next ones. (Told every "
        "ten minutes.)",
        what, hint);
}

static void tell_attempt(sender *self, const tn_otlp_attempt *made)
{
    bool takes_none = made->status == 404 || made->status == 405 || made->status == 501;
    const char *hint = made->hint;
    if (!hint) hint = takes_none ? "if it takes no metrics, set tel.metrics_exporter = :none" : NULL;
    tell(self, made->message, hint ? hint : tn_drop_hint(made->reason));
}

static bool post(sender *self, tn_text body, size_t points, outcome *out)
{
    uint64_t now = tn_clock_monotonic();
    tn_backoff_begin(&self->client.backoff);
    if (self->client.backoff.not_before > now) return false; /* it has asked to be left alone */

    tn_otlp_request request = {.body = body, .gzip = self->gzip != NULL, .count = points};
    tn_otlp_attempt made = tn_otlp_client_post_until(&self->client, &request, now + self->timeout);
    out->sent = true;
    out->delivered = made.fate == TN_OTLP_DELIVERED;
    out->points = points;
    out->rejected = made.rejected;
    if (!out->delivered) tell_attempt(self, &made);
    if (out->delivered && made.message[0]) tell(self, made.message, tn_drop_hint(TN_DROP_REJECTED));
    return out->delivered;
}

/* What was delivered is what the next deltas begin from. */
static void remember(sender *self, collection *now)
{
    self->last_time = now->time;
    if (!self->delta) return;
    free_collection(&self->delivered);
    self->delivered = *now;
    *now = (collection){.time = 0};
    tn_snapshot_init(&now->snapshot);
}

static outcome send_once(sender *self)
{
    outcome out = {.sent = false};
    collection now;
    size_t points = 0;
    tn_text body;
    tn_status status = collect(self, &now);
    if (status == TN_OK) status = encode(self, &now, &points, &body);
    if (status != TN_OK) {
        out.sent = true;
        tell(self, tn_status_text(status), "lower tel.metrics_cardinality_limit");
    } else if (points > 0 && post(self, body, points, &out)) {
        remember(self, &now);
    }
    free_collection(&now);
    return out;
}

/* --- The thread ---------------------------------------------------------------------------------------- */

static void count(tn_periodic_reader *self, const outcome *out)
{
    if (!out->sent) return;
    if (!out->delivered) {
        self->stats.failed++;
        return;
    }
    self->stats.requests++;
    self->stats.points += out->points - out->rejected;
    self->stats.rejected += out->rejected;
}

static void *work(void *argument)
{
    tn_periodic_reader *self = argument;
#ifdef __linux__
    pthread_setname_np(pthread_self(), "tasker-metrics");
#endif
    pthread_mutex_lock(&self->lock);
    uint64_t due = tn_clock_monotonic() + self->sender->interval;
    for (;;) {
        bool wanted = self->wanted > self->finished;
        if (self->stopping && !wanted) break;
        if (!wanted && tn_clock_monotonic() < due) {
            struct timespec until = tn_clock_timespec(due);
            pthread_cond_timedwait(&self->work, &self->lock, &until);
            continue;
        }
        uint64_t serves = self->wanted;
        self->sending = true;
        pthread_mutex_unlock(&self->lock);
        outcome out = send_once(self->sender);
        pthread_mutex_lock(&self->lock);
        self->sending = false;
        count(self, &out);
        if (serves > self->finished) self->finished = serves;
        due = tn_clock_monotonic() + self->sender->interval;
        pthread_cond_broadcast(&self->done);
    }
    self->running = false;
    pthread_cond_broadcast(&self->done);
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

/* Signals are the host application's: this thread takes none. */
static tn_status start(tn_periodic_reader *self)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    self->running = pthread_create(&self->thread, NULL, work, self) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return self->running ? TN_OK : TN_ERROR_SYSTEM;
}

/* --- Life ---------------------------------------------------------------------------------------------- */

static void free_sender(sender *self)
{
    if (!self) return;
    tn_otlp_client_free(&self->client);
    tn_encoder_free(&self->encoder);
    tn_gzip_free(self->gzip);
    tn_buffer_free(&self->request);
    tn_buffer_free(&self->compressed);
    free_collection(&self->delivered);
    tn_free(self);
}

static tn_status new_sender(const tn_periodic_reader *of, const tn_periodic_reader_options *options, sender **out)
{
    sender *self = tn_alloc_zeroed(sizeof(*self));
    if (!self) return TN_ERROR_MEMORY;
    self->metrics = of->metrics;
    self->spans = of->spans;
    self->log = of->log;
    self->timeout = options->timeout;
    self->interval = options->interval;
    self->delta = options->delta;
    tn_buffer_init(&self->request, TN_MAX_REQUEST);
    tn_buffer_init(&self->compressed, TN_MAX_REQUEST);
    tn_snapshot_init(&self->delivered.snapshot);
    if (options->gzip) self->gzip = tn_gzip_new();
    tn_otlp_client_options client = options->client;
    client.checkpoint = hurries;
    client.checkpoint_self = self;
    tn_status status = options->gzip && !self->gzip ? TN_ERROR_MEMORY : TN_OK;
    if (status == TN_OK) status = tn_encoder_init(&self->encoder, &options->encoding);
    if (status == TN_OK) status = tn_otlp_client_init(&self->client, &client);
    if (status != TN_OK) {
        free_sender(self);
        return status;
    }
    *out = self;
    return TN_OK;
}

/* The child of a fork has neither the parent's thread nor its connection. What that thread may have been in the middle of is
 * given up, not freed. */
static void become_child(tn_periodic_reader *self)
{
    self->generation = tn_process_generation();
    if (self->sender) {
        tn_otlp_client_reset_in_child(&self->sender->client);
        if (!self->sending) free_sender(self->sender);
    }
    self->sender = NULL;
    self->running = self->stopping = self->sending = false;
    self->wanted = self->finished = 0;
    self->stats = (tn_periodic_reader_stats){0};
}

static void enter(tn_periodic_reader *self)
{
    pthread_mutex_lock(&self->lock);
    if (self->generation != tn_process_generation()) become_child(self);
}

static void leave(tn_periodic_reader *self)
{
    pthread_mutex_unlock(&self->lock);
}

static void init_locks(tn_periodic_reader *self)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->work, &attributes);
    pthread_cond_init(&self->done, &attributes);
    pthread_condattr_destroy(&attributes);
}

tn_periodic_reader *tn_periodic_reader_new(tn_metrics *metrics, tn_span_metrics *spans, tn_log_ring *log)
{
    tn_periodic_reader *self = tn_alloc_zeroed(sizeof(*self));
    if (!self) return NULL;
    init_locks(self);
    self->generation = tn_process_generation();
    self->metrics = metrics;
    self->spans = spans;
    self->log = log;
    return self;
}

/* Under the lock, which it gives back meanwhile. */
static void drop_sender(tn_periodic_reader *self)
{
    while (self->stopping) pthread_cond_wait(&self->done, &self->lock); /* somebody else does it */
    if (!self->sender) return;

    self->stopping = true;
    self->finished = self->wanted; /* nobody waits for it any more */
    tn_otlp_client_interrupt(&self->sender->client);
    pthread_cond_signal(&self->work);
    leave(self);
    pthread_join(self->thread, NULL);
    pthread_mutex_lock(&self->lock);
    self->stopping = false;
    free_sender(self->sender);
    self->sender = NULL;
    pthread_cond_broadcast(&self->done);
}

void tn_periodic_reader_free(tn_periodic_reader *self)
{
    if (!self) return;
    tn_process_remove_fork_hooks(self);
    enter(self);
    drop_sender(self);
    leave(self);
    pthread_mutex_destroy(&self->lock);
    pthread_cond_destroy(&self->work);
    pthread_cond_destroy(&self->done);
    tn_free(self);
}

tn_status tn_periodic_reader_configure(tn_periodic_reader *self, const tn_periodic_reader_options *options)
{
    enter(self);
    drop_sender(self);
    tn_status status = options ? new_sender(self, options, &self->sender) : TN_OK;
    if (status == TN_OK && options) status = start(self);
    if (status != TN_OK) { /* and there is no thread */
        free_sender(self->sender);
        self->sender = NULL;
    }
    leave(self);
    return status;
}

/* --- Asking -------------------------------------------------------------------------------------------- */

static bool wait_for(tn_periodic_reader *self, uint64_t wish, uint64_t deadline, const atomic_bool *cancelled)
{
    while (self->running && self->finished < wish) {
        if (tn_clock_monotonic() >= deadline || (cancelled && atomic_load(cancelled))) return false;
        struct timespec until = tn_clock_timespec(deadline);
        pthread_cond_timedwait(&self->done, &self->lock, &until);
    }
    return true;
}

bool tn_periodic_reader_flush(tn_periodic_reader *self, uint64_t deadline, const atomic_bool *cancelled)
{
    enter(self);
    bool came_back = true;
    if (self->running && !self->stopping) {
        uint64_t wish = ++self->wanted;
        pthread_cond_signal(&self->work);
        came_back = wait_for(self, wish, deadline, cancelled);
    }
    leave(self);
    return came_back;
}

void tn_periodic_reader_wake(tn_periodic_reader *self)
{
    enter(self);
    pthread_cond_broadcast(&self->done);
    leave(self);
}

bool tn_periodic_reader_shutdown(tn_periodic_reader *self, uint64_t deadline, const atomic_bool *cancelled)
{
    enter(self);
    if (self->running) {
        atomic_store(&self->sender->hurries, true);
        tn_otlp_client_wake(&self->sender->client);
    }
    leave(self);
    bool came_back = tn_periodic_reader_flush(self, deadline, cancelled);
    if (cancelled && atomic_load(cancelled)) return false;
    enter(self);
    drop_sender(self);
    leave(self);
    return came_back;
}

void tn_periodic_reader_stats_read(tn_periodic_reader *self, tn_periodic_reader_stats *stats)
{
    enter(self);
    *stats = self->stats;
    stats->running = self->running;
    leave(self);
}

/* --- Forks --------------------------------------------------------------------------------------------- */

static void before_fork(void *self)
{
    pthread_mutex_lock(&((tn_periodic_reader *)self)->lock);
}

static void after_fork_in_parent(void *self)
{
    pthread_mutex_unlock(&((tn_periodic_reader *)self)->lock);
}

static void after_fork_in_child(void *self)
{
    init_locks(self);
}

tn_status tn_periodic_reader_watch_forks(tn_periodic_reader *self)
{
    tn_process_watch_forks();
    return tn_process_add_fork_hooks((tn_fork_hooks){self, before_fork, after_fork_in_parent, after_fork_in_child});
}
