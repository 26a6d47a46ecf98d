#include "metrics/metrics.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_CELLS (TN_MAX_BOUNDS + 2)
#define LARGE_AMOUNT (UINT64_C(1) << 32) /* as a Float: so that no sum of Integers wraps around */
#define NEVER_ATTACHED 0

struct tn_metrics {
    pthread_mutex_t lock; /* of all but what series point to */
    atomic_uint epoch;    /* series that were attached in another one have to find their place again */
    tn_buffer directory;
    size_t cardinality_limit;
    bool exponential;
    unsigned generation; /* of the process that opened these */
    uint64_t since;      /* when that process began to count: wall clock, nanoseconds */
    bool shared_is_open, own_is_open, gave_up;
    tn_slab shared, own;
    tn_table instruments;
    size_t series_count;
    uint64_t overflowed, damaged;
    char remark[TN_MAX_REMARK];
    tn_cell nowhere[MAX_CELLS]; /* for what has no place at all */
};

struct tn_instrument {
    tn_table_node node;
    tn_metrics *metrics;
    unsigned references; /* by the registry, and by each series */
    tn_instrument_spec spec;
    tn_table series;
    tn_series *overflow; /* NULL: not needed yet */
};

struct tn_series {
    tn_table_node node;
    tn_instrument *instrument; /* kept */
    unsigned references;
    _Atomic unsigned epoch; /* in which `cells` was found */
    tn_cell *_Atomic cells;
    tn_cell *_Atomic exemplars;               /* NULL: not asked for yet, as long as it is attached */
    tn_slab_exponential *_Atomic exponential; /* NULL: not wanted */
    tn_slab *slab;                            /* of `place` */
    tn_slab_series *place;
    void *user;
    size_t label_count;
    tn_label *labels; /* sorted; point into `text` */
    tn_buffer text;   /* see tn_labels_next */
};

/* --- Life ---------------------------------------------------------------------------------------------- */

static void enter(tn_metrics *self)
{
    pthread_mutex_lock(&self->lock);
}

static void leave(tn_metrics *self)
{
    pthread_mutex_unlock(&self->lock);
}

tn_metrics *tn_metrics_new(void)
{
    tn_metrics *self = tn_alloc_zeroed(sizeof(*self));
    if (!self) return NULL;

    pthread_mutex_init(&self->lock, NULL);
    atomic_init(&self->epoch, NEVER_ATTACHED + 1);
    tn_buffer_init(&self->directory, 4096);
    tn_table_init(&self->instruments);
    self->cardinality_limit = 2000;
    self->since = tn_clock_wall();
    return self;
}

static void close_slabs(tn_metrics *self)
{
    if (self->shared_is_open) tn_slab_close(&self->shared);
    if (self->own_is_open) tn_slab_close(&self->own);
    self->shared_is_open = self->own_is_open = self->gave_up = false;
    atomic_fetch_add(&self->epoch, 1);
}

static void release_instrument(tn_instrument *instrument)
{
    if (--instrument->references > 0) return;
    tn_table_free(&instrument->series);
    tn_free(instrument);
}

void tn_series_release(tn_series *series)
{
    if (!series || --series->references > 0) return;
    release_instrument(series->instrument);
    tn_buffer_free(&series->text);
    tn_free(series->labels);
    tn_free(series);
}

tn_series *tn_series_keep(tn_series *series)
{
    series->references++;
    return series;
}

static void forget_series(tn_instrument *instrument)
{
    for (size_t b = 0; b < instrument->series.bucket_count; b++) {
        for (tn_table_node *node = instrument->series.buckets[b], *next; node; node = next) {
            next = node->next;
            tn_series_release(TN_CONTAINER(node, tn_series, node));
        }
    }
    tn_table_free(&instrument->series);
    tn_table_init(&instrument->series);
    tn_series_release(instrument->overflow);
    instrument->overflow = NULL;
}

static void forget_instruments(tn_metrics *self)
{
    for (size_t b = 0; b < self->instruments.bucket_count; b++) {
        for (tn_table_node *node = self->instruments.buckets[b], *next; node; node = next) {
            next = node->next;
            tn_instrument *instrument = TN_CONTAINER(node, tn_instrument, node);
            forget_series(instrument);
            release_instrument(instrument);
        }
    }
    tn_table_free(&self->instruments);
    tn_table_init(&self->instruments);
    self->series_count = 0;
}

void tn_metrics_free(tn_metrics *self)
{
    if (!self) return;
    tn_process_remove_fork_hooks(self);
    forget_instruments(self);
    close_slabs(self);
    tn_buffer_free(&self->directory);
    pthread_mutex_destroy(&self->lock);
    tn_free(self);
}

tn_status tn_metrics_configure(tn_metrics *self, const tn_metrics_options *options)
{
    enter(self);
    self->cardinality_limit = options->cardinality_limit;
    if (self->exponential != options->exponential) atomic_fetch_add(&self->epoch, 1);
    self->exponential = options->exponential;
    tn_status status = TN_OK;
    if (!tn_text_equal(tn_buffer_text(&self->directory), options->directory)) {
        close_slabs(self);
        self->since = tn_clock_wall();
        tn_buffer_clear(&self->directory);
        status = tn_buffer_append_text(&self->directory, options->directory);
    }
    leave(self);
    return status;
}

/* Only this process writes to them, so nobody else finds them changed. */
static void empty_slab(tn_slab *slab)
{
    tn_segment *segment = slab->segment;
    for (unsigned chunk = 0; chunk < tn_segment_chunk_count(segment); chunk++) {
        if (tn_segment_slab_of(segment, chunk) == tn_segment_own_slab(segment))
            atomic_store(&tn_segment_chunk(segment, chunk)->used, 0);
    }
}

void tn_metrics_clear(tn_metrics *self)
{
    enter(self);
    forget_instruments(self);
    if (self->generation == tn_process_generation()) {
        if (self->shared_is_open) empty_slab(&self->shared);
        if (self->own_is_open) empty_slab(&self->own);
    }
    close_slabs(self);
    self->since = tn_clock_wall();
    self->overflowed = self->damaged = 0;
    leave(self);
}

void tn_metrics_stats_read(tn_metrics *self, tn_metrics_stats *stats)
{
    enter(self);
    *stats = (tn_metrics_stats){
        .instruments = self->instruments.count,
        .series = self->series_count,
        .overflowed = self->overflowed,
        .damaged = self->damaged,
        .shared = self->shared_is_open && self->generation == tn_process_generation(),
    };
    leave(self);
}

static void remark(tn_metrics *self, const char *what, const char *why)
{
    snprintf(self->remark, sizeof(self->remark), "%s%s%s", what, why[0] ? ": " : "", why);
}

bool tn_metrics_take_remark(tn_metrics *self, char text[TN_MAX_REMARK])
{
    enter(self);
    bool any = self->remark[0];
    memcpy(text, self->remark, sizeof(self->remark));
    self->remark[0] = '\0';
    leave(self);
    return any;
}

/* --- Segments ------------------------------------------------------------------------------------------ */

static bool open_slab(tn_metrics *self, tn_slab *slab, tn_segment *segment)
{
    if (!segment) return false;
    tn_status status = tn_slab_open(slab, segment);
    self->damaged += tn_segment_was_replaced(segment) + (status == TN_OK ? slab->damaged : 0);
    if (tn_segment_was_replaced(segment)) remark(self, "the file of metrics could not be used, and was set aside", "");
    tn_segment_free(segment);
    return status == TN_OK;
}

static void open_shared(tn_metrics *self)
{
    tn_segment *segment = NULL;
    tn_status status = tn_segment_open(tn_buffer_text(&self->directory), &segment);
    int error = errno;
    if (status == TN_OK) self->shared_is_open = open_slab(self, &self->shared, segment);
    if (self->shared_is_open) return;
    remark(self, "metrics are those of this process alone, for tel.metrics_directory can't be used",
           status == TN_ERROR_SYSTEM ? strerror(error) : tn_status_text(status == TN_OK ? TN_ERROR_MEMORY : status));
}

static bool open_own(tn_metrics *self)
{
    if (!self->own_is_open) self->own_is_open = open_slab(self, &self->own, tn_segment_new_private());
    return self->own_is_open;
}

/* Somebody has removed the file, or set it aside: what this process has counted goes to the new one. */
static void follow_file(tn_metrics *self)
{
    tn_slab old = self->shared;
    self->shared_is_open = false;
    atomic_fetch_add(&self->epoch, 1);
    open_shared(self);
    self->gave_up = !self->shared_is_open;
    tn_slab *target = self->shared_is_open ? &self->shared : open_own(self) ? &self->own : NULL;
    if (!target || tn_slab_move(&old, target) != TN_OK)
        remark(self, "some metrics are lost, for tel.metrics_directory was removed", "");
    tn_slab_close(&old);
}

static void open_slabs(tn_metrics *self)
{
    if (self->generation != tn_process_generation()) {
        close_slabs(self); /* they are the parent's */
        self->generation = tn_process_generation();
    }
    if (self->shared_is_open && !tn_segment_is_current(self->shared.segment)) follow_file(self);
    bool wants_to_share = self->directory.size > 0 && !self->gave_up;
    if (wants_to_share && !self->shared_is_open) {
        open_shared(self);
        self->gave_up = !self->shared_is_open;
    }
    if (!self->shared_is_open) open_own(self);
}

tn_metrics_segments tn_metrics_keep_segments(tn_metrics *self)
{
    enter(self);
    open_slabs(self);
    tn_metrics_segments segments = {
        .shared = self->shared_is_open ? tn_segment_keep(self->shared.segment) : NULL,
        .own = self->own_is_open ? tn_segment_keep(self->own.segment) : NULL,
    };
    leave(self);
    return segments;
}

tn_status tn_metrics_collect(tn_metrics *self, tn_snapshot *snapshot, tn_metrics_segments *kept)
{
    tn_status status = TN_OK;
    *kept = (tn_metrics_segments){NULL, NULL};
    enter(self);
    if (self->generation == tn_process_generation()) {
        if (self->shared_is_open) {
            kept->shared = tn_segment_keep(self->shared.segment);
            status = tn_snapshot_add_slab(snapshot, &self->shared, self->since);
        }
        if (self->own_is_open && status == TN_OK) {
            kept->own = tn_segment_keep(self->own.segment);
            status = tn_snapshot_add_slab(snapshot, &self->own, self->since);
        }
    }
    leave(self);
    return status;
}

/* --- Finding a place ----------------------------------------------------------------------------------- */

static tn_status find_place(tn_metrics *self, tn_slab *slab, tn_series *series)
{
    tn_slab_instrument *instrument;
    tn_status status = tn_slab_instrument_of(slab, &series->instrument->spec, &instrument);
    if (status != TN_OK) return status;
    status = tn_slab_series_of(slab, instrument, tn_buffer_text(&series->text), self->cardinality_limit,
                               &series->place);
    if (status == TN_OK) series->slab = slab;
    return status;
}

static bool find_own_place(tn_metrics *self, tn_series *series)
{
    return open_own(self) && find_place(self, &self->own, series) == TN_OK;
}

static tn_cell *attach_locked(tn_metrics *self, tn_series *series)
{
    open_slabs(self);
    series->place = NULL;
    if (self->shared_is_open) {
        tn_status status = find_place(self, &self->shared, series);
        if (status != TN_OK)
            remark(self, "some metrics are those of this process alone, for tel.metrics_directory is full",
                   tn_status_text(status));
    }
    if (!series->place && !find_own_place(self, series)) {
        remark(self, "some metrics are lost", tn_status_text(TN_ERROR_MEMORY));
        return self->nowhere;
    }
    bool wanted = self->exponential && series->instrument->spec.type == TN_HISTOGRAM && !series->place->exponential;
    if (wanted && tn_slab_add_exponential(series->place) != TN_OK)
        remark(self, "some metrics are lost", tn_status_text(TN_ERROR_MEMORY));
    return series->place->cells;
}

static inline bool is_attached(tn_series *series)
{
    unsigned epoch = atomic_load_explicit(&series->instrument->metrics->epoch, memory_order_relaxed);
    return atomic_load_explicit(&series->epoch, memory_order_acquire) == epoch;
}

static __attribute__((noinline)) tn_cell *attach(tn_series *series)
{
    tn_metrics *metrics = series->instrument->metrics;
    enter(metrics);
    if (is_attached(series)) { /* another thread was faster */
        leave(metrics);
        return atomic_load_explicit(&series->cells, memory_order_relaxed);
    }
    tn_cell *cells = attach_locked(metrics, series);
    atomic_store_explicit(&series->cells, cells, memory_order_relaxed);
    atomic_store_explicit(&series->exemplars, series->place ? series->place->exemplars : NULL, memory_order_relaxed);
    tn_slab_exponential *exponential = series->place && metrics->exponential ? series->place->exponential : NULL;
    atomic_store_explicit(&series->exponential, exponential, memory_order_relaxed);
    atomic_store_explicit(&series->epoch, atomic_load(&metrics->epoch), memory_order_release);
    leave(metrics);
    return cells;
}

static inline tn_cell *cells_of(tn_series *series)
{
    return is_attached(series) ? atomic_load_explicit(&series->cells, memory_order_relaxed) : attach(series);
}

/* --- Instruments --------------------------------------------------------------------------------------- */

static bool has_name(const tn_table_node *node, const void *name)
{
    return tn_text_equal(TN_CONTAINER(node, tn_instrument, node)->spec.name, *(const tn_text *)name);
}

tn_instrument *tn_metrics_find(const tn_metrics *self, tn_text name)
{
    tn_table_node *node = tn_table_find(&self->instruments, tn_hash(name), has_name, &name);
    return node ? TN_CONTAINER(node, tn_instrument, node) : NULL;
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static tn_status check(const tn_instrument_spec *spec)
{
    if (spec->name.size > TN_MAX_METRIC_NAME || spec->unit.size > TN_MAX_UNIT || spec->help.size > TN_MAX_HELP)
        return TN_ERROR_LIMIT;
    if (spec->bound_count > TN_MAX_BOUNDS) return TN_ERROR_LIMIT;
    if (spec->bound_count > 0 && spec->type != TN_HISTOGRAM) return TN_ERROR_INVALID;
    for (size_t i = 0; i < spec->name.size; i++) {
        char c = spec->name.bytes[i];
        if (!letter(c) && c != ':' && (i == 0 || !digit(c))) return TN_ERROR_INVALID;
    }
    for (size_t i = 0; i < spec->bound_count; i++) {
        if (!isfinite(spec->bounds[i]) || (i > 0 && spec->bounds[i] <= spec->bounds[i - 1])) return TN_ERROR_INVALID;
    }
    return spec->name.size > 0 ? TN_OK : TN_ERROR_INVALID;
}

static tn_text copy_text(char **at, tn_text text)
{
    char *copy = *at;
    if (text.size > 0) memcpy(copy, text.bytes, text.size);
    *at += text.size;
    return (tn_text){copy, text.size};
}

/* With its texts and bounds behind it. */
static tn_instrument *new_instrument(tn_metrics *self, const tn_instrument_spec *spec)
{
    size_t bounds = spec->bound_count * sizeof(double);
    tn_instrument *instrument = tn_alloc_zeroed(sizeof(*instrument) + bounds + spec->name.size + spec->unit.size +
                                                spec->help.size);
    if (!instrument) return NULL;

    instrument->metrics = self;
    instrument->references = 1;
    tn_table_init(&instrument->series);
    double *kept = (double *)(void *)(instrument + 1);
    char *at = (char *)kept + bounds;
    if (bounds > 0) memcpy(kept, spec->bounds, bounds);
    instrument->spec = (tn_instrument_spec){
        .type = spec->type,
        .combine = spec->combine,
        .bounds = kept,
        .bound_count = spec->bound_count,
        .name = copy_text(&at, spec->name),
        .unit = copy_text(&at, spec->unit),
        .help = copy_text(&at, spec->help),
    };
    return instrument;
}

tn_status tn_metrics_add(tn_metrics *self, const tn_instrument_spec *spec, tn_instrument **out)
{
    tn_status status = check(spec);
    if (status != TN_OK) return status;
    if (self->instruments.count >= TN_MAX_INSTRUMENTS) return TN_ERROR_LIMIT;
    tn_instrument *instrument = new_instrument(self, spec);
    if (!instrument) return TN_ERROR_MEMORY;

    status = tn_table_add(&self->instruments, &instrument->node, tn_hash(instrument->spec.name));
    if (status == TN_OK) {
        *out = instrument;
    } else {
        tn_free(instrument);
    }
    return status;
}

const tn_instrument_spec *tn_instrument_spec_of(const tn_instrument *instrument)
{
    return &instrument->spec;
}

bool tn_metrics_collides(const tn_metrics *self, const tn_instrument_spec *spec, tn_text *other_out)
{
    for (size_t b = 0; b < self->instruments.bucket_count; b++) {
        for (tn_table_node *node = self->instruments.buckets[b]; node; node = node->next) {
            const tn_instrument_spec *other = &TN_CONTAINER(node, tn_instrument, node)->spec;
            if (tn_text_equal(other->name, spec->name) ||
                !tn_instruments_collide(spec->type, spec->name, other->type, other->name))
                continue;
            *other_out = other->name;
            return true;
        }
    }
    return false;
}

/* --- Labels -------------------------------------------------------------------------------------------- */

/* The same in any order. Names are the same few in all series of an instrument: their ends tell them apart. */
static uint64_t hash_labels(const tn_label *labels, size_t count)
{
    uint64_t sum = count;
    for (size_t i = 0; i < count; i++) {
        tn_text name = labels[i].name;
        uint64_t mark = name.size > 0
                            ? name.size << 16 | (uint8_t)name.bytes[0] << 8 | (uint8_t)name.bytes[name.size - 1]
                            : 0;
        sum += tn_hash(labels[i].value) * (2 * mark + 1);
    }
    return sum;
}

typedef struct {
    const tn_label *labels;
    size_t count;
} label_set;

static bool has_label(const tn_series *series, const tn_label *label)
{
    for (size_t i = 0; i < series->label_count; i++) {
        if (tn_text_equal(series->labels[i].name, label->name))
            return tn_text_equal(series->labels[i].value, label->value);
    }
    return false;
}

static bool has_labels(const tn_table_node *node, const void *wanted)
{
    const tn_series *series = TN_CONTAINER(node, tn_series, node);
    const label_set *set = wanted;
    if (series->label_count != set->count) return false;
    for (size_t i = 0; i < set->count; i++) {
        if (!has_label(series, &set->labels[i])) return false;
    }
    return true;
}

tn_series *tn_instrument_find(const tn_instrument *instrument, const tn_label *labels, size_t count)
{
    label_set set = {labels, count};
    tn_table_node *node = tn_table_find(&instrument->series, hash_labels(labels, count), has_labels, &set);
    return node ? TN_CONTAINER(node, tn_series, node) : NULL;
}

static bool is_reserved(const tn_instrument *instrument, tn_text name)
{
    return instrument->spec.type == TN_HISTOGRAM && tn_text_equal(name, TN_TEXT("le"));
}

/* As Prometheus takes it, and not one of its own: those begin with two underscores. */
static tn_text fit_name(const tn_instrument *instrument, tn_buffer *out, tn_text name)
{
    size_t start = out->size;
    name = tn_utf8_cut(name, TN_MAX_LABEL_NAME);
    for (size_t i = 0; i < name.size; i++) {
        if (((uint8_t)name.bytes[i] & 0xC0) == 0x80) continue; /* one _ for a character */
        char c = letter(name.bytes[i]) || digit(name.bytes[i]) ? name.bytes[i] : '_';
        bool reserved = c == '_' && out->size == start + 1 && out->bytes[start] == '_';
        if (out->size == start && digit(c)) tn_buffer_append_byte(out, '_');
        if (!reserved) tn_buffer_append_byte(out, (uint8_t)c);
    }
    if (out->size == start) tn_buffer_append_byte(out, '_');
    if (is_reserved(instrument, (tn_text){(const char *)out->bytes + start, out->size - start})) {
        tn_buffer_truncate(out, start);
        tn_buffer_append_text(out, TN_TEXT("exported_le"));
    }
    return out->status == TN_OK ? (tn_text){(const char *)out->bytes + start, out->size - start} : TN_NO_TEXT;
}

static int by_name(const void *a, const void *b)
{
    tn_text left = ((const tn_label *)a)->name, right = ((const tn_label *)b)->name;
    int order = memcmp(left.bytes, right.bytes, left.size < right.size ? left.size : right.size);
    return order ? order : (left.size > right.size) - (left.size < right.size);
}

typedef struct {
    tn_label labels[TN_MAX_LABELS];
    size_t count;
    tn_buffer text; /* what they point to */
} fit_labels;

static tn_status fit(const tn_instrument *instrument, const tn_label *labels, size_t count, fit_labels *out)
{
    /* Nothing moves once there is room for all of it. */
    size_t room = 0;
    for (size_t i = 0; i < count; i++) room += TN_MAX_LABEL_NAME + 16 + 3 * TN_MAX_LABEL_VALUE;
    if (room > 0 && tn_buffer_reserve(&out->text, room) != TN_OK) return TN_ERROR_MEMORY;

    for (size_t i = 0; i < count; i++) {
        if (labels[i].value.size == 0) continue;
        tn_label *label = &out->labels[out->count++];
        label->name = fit_name(instrument, &out->text, labels[i].name);
        size_t start = out->text.size;
        tn_utf8_append(&out->text, tn_utf8_cut(labels[i].value, TN_MAX_LABEL_VALUE));
        label->value = tn_utf8_cut((tn_text){(const char *)out->text.bytes + start, out->text.size - start},
                                   TN_MAX_LABEL_VALUE);
    }
    qsort(out->labels, out->count, sizeof(*out->labels), by_name);
    for (size_t i = 1; i < out->count; i++) {
        if (by_name(&out->labels[i - 1], &out->labels[i]) == 0) return TN_ERROR_INVALID;
    }
    return out->text.status;
}

/* --- Series -------------------------------------------------------------------------------------------- */

static void point_at_labels(tn_series *series)
{
    tn_text rest = tn_buffer_text(&series->text);
    while (series->label_count < TN_MAX_LABELS && tn_labels_next(&rest, &series->labels[series->label_count]))
        series->label_count++;
}

static tn_series *new_series(tn_instrument *instrument, const tn_label *labels, size_t count)
{
    tn_series *series = tn_alloc_zeroed(sizeof(*series));
    if (!series) return NULL;
    series->references = 1;
    series->instrument = instrument;
    instrument->references++;
    atomic_init(&series->epoch, NEVER_ATTACHED);
    tn_buffer_init(&series->text, UINT16_MAX);
    for (size_t i = 0; i < count; i++) tn_labels_append(&series->text, labels[i]);
    series->labels = tn_alloc_zeroed((count + 1) * sizeof(*series->labels));
    if (series->text.status != TN_OK || !series->labels) {
        tn_series_release(series);
        return NULL;
    }
    point_at_labels(series);
    return series;
}

static tn_status overflow_of(tn_instrument *instrument, tn_series **out)
{
    tn_text rest = tn_overflow_labels;
    tn_label label;
    instrument->metrics->overflowed++;
    if (!instrument->overflow && tn_labels_next(&rest, &label))
        instrument->overflow = new_series(instrument, &label, 1);
    *out = instrument->overflow;
    return *out ? TN_OK : TN_ERROR_MEMORY;
}

static bool is_overflow(const tn_series *series)
{
    return series->place && tn_text_equal(series->place->labels, tn_overflow_labels) &&
           !tn_text_equal(tn_buffer_text(&series->text), tn_overflow_labels);
}

static tn_status add_series(tn_instrument *instrument, const tn_label *labels, size_t count, tn_series **out)
{
    tn_series *series = new_series(instrument, labels, count);
    if (!series) return TN_ERROR_MEMORY;
    attach(series);
    if (is_overflow(series)) {
        tn_series_release(series);
        return overflow_of(instrument, out);
    }
    tn_status status = tn_table_add(&instrument->series, &series->node, hash_labels(labels, count));
    if (status != TN_OK) {
        tn_series_release(series);
        return status;
    }
    instrument->metrics->series_count++;
    *out = series;
    return TN_OK;
}

tn_status tn_instrument_series(tn_instrument *instrument, const tn_label *labels, size_t count, tn_series **out)
{
    if (count > TN_MAX_LABELS) return TN_ERROR_LIMIT;
    fit_labels fitting = {.count = 0};
    tn_buffer_init(&fitting.text, TN_MAX_LABELS * (TN_MAX_LABEL_NAME + 16 + 3 * TN_MAX_LABEL_VALUE));
    tn_status status = fit(instrument, labels, count, &fitting);
    if (status == TN_OK) {
        *out = tn_instrument_find(instrument, fitting.labels, fitting.count);
        if (!*out) status = add_series(instrument, fitting.labels, fitting.count, out);
    }
    tn_buffer_free(&fitting.text);
    return status;
}

const tn_instrument *tn_series_instrument(const tn_series *series)
{
    return series->instrument;
}

tn_text tn_series_labels(const tn_series *series)
{
    return tn_buffer_text(&series->text);
}

void **tn_series_user(tn_series *series)
{
    return &series->user;
}

static void each_series(const tn_instrument *instrument, void (*visit)(tn_series *, void *), void *argument)
{
    for (size_t b = 0; b < instrument->series.bucket_count; b++) {
        for (tn_table_node *node = instrument->series.buckets[b]; node; node = node->next)
            visit(TN_CONTAINER(node, tn_series, node), argument);
    }
    if (instrument->overflow) visit(instrument->overflow, argument);
}

void tn_metrics_each(const tn_metrics *self, void (*visit)(tn_series *, void *), void *argument)
{
    for (size_t b = 0; b < self->instruments.bucket_count; b++) {
        for (tn_table_node *node = self->instruments.buckets[b]; node; node = node->next)
            each_series(TN_CONTAINER(node, tn_instrument, node), visit, argument);
    }
}

/* --- Recording ----------------------------------------------------------------------------------------- */

static void add_double(tn_cell *cell, double amount)
{
    uint64_t before = atomic_load_explicit(cell, memory_order_relaxed), after;
    do after = tn_cell_of_double(tn_double_of_cell(before) + amount);
    while (!atomic_compare_exchange_weak_explicit(cell, &before, after, memory_order_relaxed, memory_order_relaxed));
}

void tn_counter_add(tn_series *series, uint64_t amount)
{
    tn_cell *cells = cells_of(series);
    if (amount < LARGE_AMOUNT) {
        atomic_fetch_add_explicit(&cells[0], amount, memory_order_relaxed);
    } else {
        add_double(&cells[1], (double)amount);
    }
}

void tn_counter_add_double(tn_series *series, double amount)
{
    add_double(&cells_of(series)[1], amount);
}

void tn_gauge_set(tn_series *series, double value)
{
    tn_cell *cells = cells_of(series);
    atomic_store_explicit(&cells[0], tn_cell_of_double(value), memory_order_relaxed);
    atomic_store_explicit(&cells[1], tn_clock_wall(), memory_order_release);
}

void tn_gauge_set_part(tn_series *series, double value)
{
    tn_cell *cells = cells_of(series);
    atomic_store_explicit(&cells[0], tn_cell_of_double(value), memory_order_relaxed);
    if (atomic_load_explicit(&cells[1], memory_order_relaxed) == 0)
        atomic_store_explicit(&cells[1], tn_clock_wall(), memory_order_release);
}

void tn_gauge_add(tn_series *series, double amount)
{
    tn_cell *cells = cells_of(series);
    add_double(&cells[0], amount);
    atomic_store_explicit(&cells[1], tn_clock_wall(), memory_order_release);
}

static size_t bucket_of(const tn_instrument_spec *spec, double value)
{
    size_t low = 0, high = spec->bound_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (value <= spec->bounds[middle]) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static __attribute__((noinline)) void observe_exponential(tn_slab_exponential *exponential, double value)
{
    pthread_mutex_lock(&exponential->lock);
    tn_exponential_observe(&exponential->all, value);
    pthread_mutex_unlock(&exponential->lock);
}

static size_t observe(tn_series *series, double value)
{
    const tn_instrument_spec *spec = &series->instrument->spec;
    tn_cell *cells = cells_of(series);
    size_t bucket = bucket_of(spec, value);
    atomic_fetch_add_explicit(&cells[bucket], 1, memory_order_relaxed);
    add_double(&cells[spec->bound_count + 1], value);
    tn_slab_exponential *exponential = atomic_load_explicit(&series->exponential, memory_order_relaxed);
    if (exponential) observe_exponential(exponential, value);
    return bucket;
}

void tn_histogram_observe(tn_series *series, double value)
{
    observe(series, value);
}

static __attribute__((noinline)) tn_cell *add_exemplars(tn_series *series)
{
    tn_metrics *metrics = series->instrument->metrics;
    tn_cell *exemplars = NULL;
    enter(metrics);
    if (is_attached(series) && series->place) {
        bool there = series->place->exemplars || tn_slab_add_exemplars(series->slab, series->place) == TN_OK;
        exemplars = there ? series->place->exemplars : NULL; /* then do without */
        atomic_store_explicit(&series->exemplars, exemplars, memory_order_release);
    }
    leave(metrics);
    return exemplars;
}

void tn_histogram_observe_in(tn_series *series, double value, const tn_trace_id *trace_id, const tn_span_id *span_id,
                             uint64_t time)
{
    size_t bucket = observe(series, value);
    tn_cell *exemplar = atomic_load_explicit(&series->exemplars, memory_order_acquire);
    if (!exemplar) exemplar = add_exemplars(series);
    if (!exemplar) return;

    uint64_t words[3];
    memcpy(words, trace_id->bytes, 16);
    memcpy(words + 2, span_id->bytes, 8);
    exemplar += bucket * TN_EXEMPLAR_CELLS;
    atomic_store_explicit(&exemplar[TN_EXEMPLAR_TIME], 0, memory_order_seq_cst);
    for (size_t i = 0; i < 3; i++) atomic_store_explicit(&exemplar[i], words[i], memory_order_release);
    atomic_store_explicit(&exemplar[TN_EXEMPLAR_VALUE], tn_cell_of_double(value), memory_order_release);
    atomic_store_explicit(&exemplar[TN_EXEMPLAR_TIME], time, memory_order_release);
}

void tn_series_read(tn_series *series, uint64_t *out)
{
    const tn_instrument_spec *spec = &series->instrument->spec;
    tn_cell *cells = cells_of(series);
    const uint64_t *inherited = series->place ? series->place->inherited : NULL;
    for (size_t i = 0; i < tn_cell_count(spec); i++) {
        out[i] = atomic_load_explicit(&cells[i], memory_order_relaxed);
        if (!inherited || spec->type == TN_GAUGE) continue;
        out[i] = tn_cell_is_double(spec, i)
                     ? tn_cell_of_double(tn_double_of_cell(out[i]) - tn_double_of_cell(inherited[i]))
                     : out[i] - inherited[i];
    }
}

void tn_series_reset(tn_series *series)
{
    const tn_instrument_spec *spec = &series->instrument->spec;
    tn_cell *cells = cells_of(series);
    const uint64_t *inherited = series->place ? series->place->inherited : NULL;
    for (size_t i = 0; i < tn_cell_count(spec); i++)
        atomic_store_explicit(&cells[i], inherited ? inherited[i] : 0, memory_order_relaxed);
    tn_slab_exponential *exponential = atomic_load_explicit(&series->exponential, memory_order_relaxed);
    if (!exponential) return;
    pthread_mutex_lock(&exponential->lock);
    tn_exponential_init(&exponential->all);
    pthread_mutex_unlock(&exponential->lock);
}

/* --- Forks --------------------------------------------------------------------------------------------- */

static void before_fork(void *self)
{
    enter(self);
}

static void after_fork_in_parent(void *self)
{
    leave(self);
}

/* What the parent had open is closed when the child first needs its own. */
static void after_fork_in_child(void *metrics)
{
    tn_metrics *self = metrics;
    pthread_mutex_init(&self->lock, NULL);
    self->since = tn_clock_wall();
    atomic_fetch_add(&self->epoch, 1);
}

tn_status tn_metrics_watch_forks(tn_metrics *self)
{
    tn_process_watch_forks();
    return tn_process_add_fork_hooks((tn_fork_hooks){self, before_fork, after_fork_in_parent, after_fork_in_child});
}
