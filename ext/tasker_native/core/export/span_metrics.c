#include "export/span_metrics.h"

#include "base/process.h"

#include <pthread.h>
#include <stdatomic.h>

static const double seconds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

#define COUNTER(metric, text) .type = TN_COUNTER, .name = {metric, sizeof(metric) - 1}, .help = {text, sizeof(text) - 1}
#define SECONDS(metric, text)                                                                     \
    .type = TN_HISTOGRAM, .name = {metric, sizeof(metric) - 1}, .help = {text, sizeof(text) - 1}, \
    .unit = {"seconds", 7}, .bounds = seconds, .bound_count = sizeof(seconds) / sizeof(*seconds)

enum {
    TASK_COMPLETED, /* in the order of tn_span_status: see ended */
    TASK_FAILED,
    TASK_CANCELLED,
    TASK_DURATION,
    STEP_COMPLETED,
    STEP_FAILED,
    STEP_CANCELLED,
    STEP_DURATION,
    STEP_ERRORS,
    STEP_RETRIES,
    STEP_QUEUE,
    STEPS_IN_FLIGHT,
    INSTRUMENTS
};

static const tn_instrument_spec specs[INSTRUMENTS] = {
    [TASK_COMPLETED] = {COUNTER("task_completed_total", "Tasks that completed.")},
    [TASK_FAILED] = {COUNTER("task_failed_total", "Tasks that failed.")},
    [TASK_CANCELLED] = {COUNTER("task_cancelled_total", "Tasks that somebody cancelled.")},
    [TASK_DURATION] = {SECONDS("task_duration_seconds", "From the start of a task to its end.")},
    [STEP_COMPLETED] = {COUNTER("step_completed_total", "Attempts of steps that completed.")},
    [STEP_FAILED] = {COUNTER("step_failed_total", "Attempts of steps that failed.")},
    [STEP_CANCELLED] = {COUNTER("step_cancelled_total",
                                "Steps that somebody cancelled, or that were left without an end.")},
    [STEP_DURATION] = {SECONDS("step_duration_seconds", "How long an attempt of a step took.")},
    [STEP_ERRORS] = {COUNTER("step_errors_total", "Attempts of steps that failed, by what was raised.")},
    [STEP_RETRIES] = {COUNTER("step_retries_total", "Attempts of steps that follow a failed one.")},
    [STEP_QUEUE] = {SECONDS("step_queue_seconds", "How long a step that could run has waited for it.")},
    [STEPS_IN_FLIGHT] = {.type = TN_GAUGE,
                         .name = {"steps_in_flight", 15},
                         .help = {"Attempts of steps that go on.", 29}},
};

#define END_SLOTS 256

/* How a task or step of some names ended: its series. Borrowed from the registry. */
typedef struct {
    uint64_t hash;
    tn_buffer step_name, task_name;
    tn_series *counter, *histogram; /* NULL: there was no memory */
} end_slot;

struct tn_span_metrics {
    atomic_bool on;
    pthread_mutex_t lock; /* of the instruments: recording needs none, looking up does */
    tn_metrics *metrics;
    tn_instrument *instruments[INSTRUMENTS]; /* NULL: not needed yet */
    end_slot ends[END_SLOTS];
    int64_t open_steps;   /* in this process */
    tn_series *in_flight; /* says so; NULL: not needed yet */
    unsigned generation;  /* of it */
};

/* --- Life ---------------------------------------------------------------------------------------------- */

tn_span_metrics *tn_span_metrics_new(void)
{
    tn_span_metrics *self = tn_alloc_zeroed(sizeof(*self));
    if (!self) return NULL;
    pthread_mutex_init(&self->lock, NULL);
    self->generation = tn_process_generation();
    self->metrics = tn_metrics_new();
    if (self->metrics) return self;
    tn_span_metrics_free(self);
    return NULL;
}

static void forget_end(end_slot *slot)
{
    tn_buffer_free(&slot->step_name);
    tn_buffer_free(&slot->task_name);
    slot->counter = slot->histogram = NULL;
}

static void forget_ends(tn_span_metrics *self)
{
    for (size_t i = 0; i < END_SLOTS; i++) forget_end(&self->ends[i]);
}

void tn_span_metrics_free(tn_span_metrics *self)
{
    if (!self) return;
    tn_process_remove_fork_hooks(self);
    forget_ends(self);
    tn_metrics_free(self->metrics);
    pthread_mutex_destroy(&self->lock);
    tn_free(self);
}

void tn_span_metrics_switch(tn_span_metrics *self, bool on)
{
    atomic_store(&self->on, on);
}

tn_status tn_span_metrics_configure(tn_span_metrics *self, const tn_metrics_options *options)
{
    pthread_mutex_lock(&self->lock);
    tn_status status = tn_metrics_configure(self->metrics, options);
    pthread_mutex_unlock(&self->lock);
    return status;
}

void tn_span_metrics_clear(tn_span_metrics *self)
{
    pthread_mutex_lock(&self->lock);
    memset(self->instruments, 0, sizeof(self->instruments));
    self->in_flight = NULL;
    forget_ends(self);
    tn_metrics_clear(self->metrics);
    pthread_mutex_unlock(&self->lock);
}

tn_metrics_segments tn_span_metrics_keep_segments(tn_span_metrics *self)
{
    pthread_mutex_lock(&self->lock);
    tn_metrics_segments segments = tn_metrics_keep_segments(self->metrics);
    pthread_mutex_unlock(&self->lock);
    return segments;
}

tn_status tn_span_metrics_collect(tn_span_metrics *self, tn_snapshot *snapshot, tn_metrics_segments *kept)
{
    return tn_metrics_collect(self->metrics, snapshot, kept);
}

bool tn_span_metrics_take_remark(tn_span_metrics *self, char remark[TN_MAX_REMARK])
{
    return tn_metrics_take_remark(self->metrics, remark);
}

/* --- What a span says ---------------------------------------------------------------------------------- */

enum { STEP_NAME, TASK_NAME, ERROR_TYPE, WORDS };

static const tn_text keys[WORDS] = {{"step_name", 9}, {"task_name", 9}, {"error.type", 10}};

typedef struct {
    tn_text of[WORDS]; /* empty: it does not say */
} words;

/* Of a key that stands twice, the later one counts. */
static words words_of(const tn_span *span)
{
    words found = {0};
    size_t wanted = span->status == TN_STATUS_ERROR ? WORDS : ERROR_TYPE;
    tn_journal_reader reader = tn_span_read(span);
    tn_record record;
    while (tn_journal_next(&reader, &record)) {
        if (!(record.kind & TN_RECORD_ATTRIBUTES)) continue;
        tn_payload_reader pairs = tn_payload_read(record.pairs.bytes, record.pairs.size);
        tn_text text;
        for (int word; (word = tn_payload_find_string(&pairs, keys, wanted, &text)) >= 0;) found.of[word] = text;
    }
    return found;
}

static double duration_of(const tn_span *span)
{
    return span->end > span->start ? (double)(span->end - span->start) / 1e9 : 0;
}

/* --- Series -------------------------------------------------------------------------------------------- */

/* Labels without a value are none. */
typedef struct {
    tn_label all[WORDS];
    size_t count;
} label_list;

static void add_label(label_list *labels, tn_text name, tn_text value)
{
    if (value.size > 0) labels->all[labels->count++] = (tn_label){name, value};
}

static label_list names_of(const words *found)
{
    label_list labels = {.count = 0};
    add_label(&labels, keys[STEP_NAME], found->of[STEP_NAME]);
    add_label(&labels, keys[TASK_NAME], found->of[TASK_NAME]);
    return labels;
}

static tn_series *series_of(tn_span_metrics *self, int number, const label_list *labels)
{
    if (!self->instruments[number] &&
        tn_metrics_add(self->metrics, &specs[number], &self->instruments[number]) != TN_OK)
        return NULL;

    tn_series *series = tn_instrument_find(self->instruments[number], labels->all, labels->count);
    if (series) return series;
    return tn_instrument_series(self->instruments[number], labels->all, labels->count, &series) == TN_OK ? series
                                                                                                         : NULL;
}

static void count(tn_span_metrics *self, int number, const label_list *labels)
{
    tn_series *series = series_of(self, number, labels);
    if (series) tn_counter_add(series, 1);
}

static void measure(tn_series *series, const tn_span *span)
{
    if (series) tn_histogram_observe_in(series, duration_of(span), &span->trace_id, &span->id, span->end);
}

/* --- Ends ---------------------------------------------------------------------------------------------- */

static const struct {
    int offset; /* from the instrument of what completed */
    tn_text status;
} ends[] = {
    [TN_STATUS_UNSET] = {TASK_CANCELLED - TASK_COMPLETED, {"cancelled", 9}},
    [TN_STATUS_OK] = {0, {"completed", 9}},
    [TN_STATUS_ERROR] = {TASK_FAILED - TASK_COMPLETED, {"failed", 6}},
};

/* The two series of an end, found once: names are few. Those that are not remembered are looked up each time. */
static bool is_remembered(const end_slot *slot, uint64_t hash, const words *found)
{
    return slot->hash == hash && slot->counter &&
           tn_text_equal(tn_buffer_text(&slot->step_name), found->of[STEP_NAME]) &&
           tn_text_equal(tn_buffer_text(&slot->task_name), found->of[TASK_NAME]);
}

static void remember_end(end_slot *slot, uint64_t hash, const words *found)
{
    slot->hash = hash;
    tn_buffer_init(&slot->step_name, TN_MAX_LABEL_VALUE);
    tn_buffer_init(&slot->task_name, TN_MAX_LABEL_VALUE);
    tn_status status = tn_buffer_append_text(&slot->step_name, found->of[STEP_NAME]);
    if (tn_buffer_append_text(&slot->task_name, found->of[TASK_NAME]) != TN_OK || status != TN_OK) forget_end(slot);
}

static end_slot *end_of(tn_span_metrics *self, int completed, int duration, tn_span_status status, const words *found)
{
    uint64_t hash = tn_hash_pair(found->of[STEP_NAME], found->of[TASK_NAME]).first + (uint64_t)completed * 4 + status;
    end_slot *slot = &self->ends[hash % END_SLOTS];
    if (is_remembered(slot, hash, found)) return slot;

    forget_end(slot);
    label_list labels = names_of(found);
    slot->counter = series_of(self, completed + ends[status].offset, &labels);
    add_label(&labels, TN_TEXT("status"), ends[status].status);
    slot->histogram = series_of(self, duration, &labels);
    if (slot->counter && slot->histogram) remember_end(slot, hash, found);
    return slot;
}

static void record_end(tn_span_metrics *self, int completed, int duration, const tn_span *span)
{
    words found = words_of(span);
    end_slot *slot = end_of(self, completed, duration, span->status, &found);
    if (slot->counter) tn_counter_add(slot->counter, 1);
    measure(slot->histogram, span);
    if (completed != STEP_COMPLETED || span->status != TN_STATUS_ERROR) return;
    label_list errors = names_of(&found);
    add_label(&errors, TN_TEXT("error_type"), found.of[ERROR_TYPE]);
    count(self, STEP_ERRORS, &errors);
}

static void record_other(tn_span_metrics *self, const tn_span *span, tn_text name)
{
    bool retry = tn_text_equal(name, TN_TEXT("tasker.step.retry"));
    if (!retry && !tn_text_equal(name, TN_TEXT("tasker.step.queued"))) return;
    words found = words_of(span);
    label_list labels = names_of(&found);
    if (retry) {
        count(self, STEP_RETRIES, &labels);
    } else {
        measure(series_of(self, STEP_QUEUE, &labels), span);
    }
}

void tn_span_metrics_record(tn_span_metrics *self, const tn_span *span)
{
    if (!atomic_load_explicit(&self->on, memory_order_relaxed)) return;
    tn_text name = tn_span_name(span);
    pthread_mutex_lock(&self->lock);
    if (tn_text_equal(name, TN_TEXT("tasker.step.execution"))) {
        record_end(self, STEP_COMPLETED, STEP_DURATION, span);
    } else if (tn_text_equal(name, TN_TEXT("tasker.task.execution"))) {
        record_end(self, TASK_COMPLETED, TASK_DURATION, span);
    } else {
        record_other(self, span, name);
    }
    pthread_mutex_unlock(&self->lock);
}

void tn_span_metrics_count_steps(tn_span_metrics *self, int64_t change)
{
    pthread_mutex_lock(&self->lock);
    if (self->generation != tn_process_generation()) self->open_steps = 0;
    self->generation = tn_process_generation();
    self->open_steps += change;
    if (atomic_load_explicit(&self->on, memory_order_relaxed)) {
        if (!self->in_flight) self->in_flight = series_of(self, STEPS_IN_FLIGHT, &(label_list){.count = 0});
        if (self->in_flight) tn_gauge_set_part(self->in_flight, (double)self->open_steps);
    }
    pthread_mutex_unlock(&self->lock);
}

/* --- Forks --------------------------------------------------------------------------------------------- */

static void before_fork(void *self)
{
    pthread_mutex_lock(&((tn_span_metrics *)self)->lock);
}

static void after_fork_in_parent(void *self)
{
    pthread_mutex_unlock(&((tn_span_metrics *)self)->lock);
}

static void after_fork_in_child(void *self)
{
    pthread_mutex_init(&((tn_span_metrics *)self)->lock, NULL);
}

/* Its own lock is taken before that of the metrics inside of it. */
tn_status tn_span_metrics_watch_forks(tn_span_metrics *self)
{
    tn_status status = tn_metrics_watch_forks(self->metrics);
    if (status != TN_OK) return status;
    return tn_process_add_fork_hooks((tn_fork_hooks){self, before_fork, after_fork_in_parent, after_fork_in_child});
}
