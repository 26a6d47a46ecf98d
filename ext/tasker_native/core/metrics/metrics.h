#ifndef TN_METRICS_METRICS_H
#define TN_METRICS_METRICS_H

#include "base/ids.h"
#include "base/process.h"
#include "metrics/snapshot.h"

#include <pthread.h>

/* The instruments of a process and their series.
 *
 * Recording takes no lock and no memory, from any thread; a series finds its place in the segment when it is first
 * recorded to in a process, so also in a forked child, which opens the directory for itself. What can't be shared (no
 * directory, a full disk, too many processes) is kept in memory of this process, and a remark says so. When somebody removes
 * the file, this process takes what it has counted to the new one with the next series, or when it is asked for segments.
 *
 * Instruments and series are made and looked up by one thread at a time. */
typedef struct tn_metrics tn_metrics;
typedef struct tn_instrument tn_instrument;
typedef struct tn_series tn_series;

#define TN_MAX_INSTRUMENTS 2000
#define TN_MAX_REMARK 256

typedef struct {
    tn_text directory;        /* empty: this process alone */
    size_t cardinality_limit; /* series of an instrument, besides the one for what is too much */
    bool exponential;         /* histograms are counted exponentially, too: see tn_metrics_collect */
} tn_metrics_options;

typedef struct {
    size_t instruments, series;
    uint64_t overflowed; /* look-ups that were given a series for what is too much */
    uint64_t damaged;    /* files that were set aside, and chunks of which a part could not be read */
    bool shared;
} tn_metrics_stats;

/* NULL when there is no memory. Nothing is shared yet. */
tn_metrics *tn_metrics_new(void);
void tn_metrics_free(tn_metrics *metrics);
tn_status tn_metrics_watch_forks(tn_metrics *metrics) TN_MUST_CHECK;

/* The segment is opened with the next series. Counts that were kept elsewhere stay there. TN_OK or TN_ERROR_MEMORY. No other
 * thread may record meanwhile, nor while tn_metrics_clear runs. */
tn_status tn_metrics_configure(tn_metrics *metrics, const tn_metrics_options *options) TN_MUST_CHECK;

/* This process' counts are gone, and series are no longer looked up; those that are still held count again from 0. */
void tn_metrics_clear(tn_metrics *metrics);

void tn_metrics_stats_read(tn_metrics *metrics, tn_metrics_stats *stats);

/* What there is to say to somebody, once: true when there was something. */
bool tn_metrics_take_remark(tn_metrics *metrics, char remark[TN_MAX_REMARK]);

/* The segments to read, kept: the shared one and what could not be shared. Each may be NULL. */
typedef struct {
    tn_segment *shared, *own;
} tn_metrics_segments;

tn_metrics_segments tn_metrics_keep_segments(tn_metrics *metrics);

/* Adds what this process itself has recorded so far: what it has inherited from a dead one is not in it, and histograms are
 * exponential, too, where they are counted so. Any thread. The texts are those of the segments, which are kept.
 * TN_OK or TN_ERROR_MEMORY. */
tn_status tn_metrics_collect(tn_metrics *metrics, tn_snapshot *snapshot, tn_metrics_segments *kept_out) TN_MUST_CHECK;

/* --- Instruments --------------------------------------------------------------------------------------- */

tn_instrument *tn_metrics_find(const tn_metrics *metrics, tn_text name);

/* A new one; there is none of this name. TN_OK; TN_ERROR_INVALID: not a name, or bounds that do not rise; TN_ERROR_LIMIT:
 * something is too long or too much; TN_ERROR_MEMORY. */
tn_status tn_metrics_add(tn_metrics *metrics, const tn_instrument_spec *spec, tn_instrument **out) TN_MUST_CHECK;

/* Whether another one has a sample of a name that this one would have, in some text format (x_total, x_count); its name. */
bool tn_metrics_collides(const tn_metrics *metrics, const tn_instrument_spec *spec, tn_text *other_out);

const tn_instrument_spec *tn_instrument_spec_of(const tn_instrument *instrument);

/* --- Series -------------------------------------------------------------------------------------------- */

/* By its labels in any order; NULL when there is none. They are compared as they are. */
tn_series *tn_instrument_find(const tn_instrument *instrument, const tn_label *labels, size_t count);

/* A series by labels in any order. Names and values are made fit first: names as Prometheus takes them, values valid UTF-8 of
 * a bounded size; an empty value is no label. Beyond the limit it is the one for what is too much.
 * TN_OK; TN_ERROR_LIMIT: too many labels; TN_ERROR_INVALID: two have the same name; TN_ERROR_MEMORY. */
tn_status tn_instrument_series(tn_instrument *instrument, const tn_label *labels, size_t count,
                               tn_series **out) TN_MUST_CHECK;

const tn_instrument *tn_series_instrument(const tn_series *series);
tn_text tn_series_labels(const tn_series *series); /* see tn_labels_next */

/* Whoever holds a series beyond a tn_metrics_clear keeps it. */
tn_series *tn_series_keep(tn_series *series);
void tn_series_release(tn_series *series);

/* Something of the caller's that belongs to it; NULL at first. */
void **tn_series_user(tn_series *series);

/* Calls visit for each series that can be looked up. */
void tn_metrics_each(const tn_metrics *metrics, void (*visit)(tn_series *series, void *argument), void *argument);

/* --- Recording ----------------------------------------------------------------------------------------- */

/* amount: finite and not negative, by the caller's promise. */
void tn_counter_add(tn_series *series, uint64_t amount);
void tn_counter_add_double(tn_series *series, double amount);

void tn_gauge_set(tn_series *series, double value);

/* The same for a gauge whose values are added up, so that nobody asks when it was set: that is noted the first time. */
void tn_gauge_set_part(tn_series *series, double value);
void tn_gauge_add(tn_series *series, double amount);

/* value: finite. */
void tn_histogram_observe(tn_series *series, double value);

/* The same, with the span it was measured in, and when (wall clock, nanoseconds). */
void tn_histogram_observe_in(tn_series *series, double value, const tn_trace_id *trace_id, const tn_span_id *span_id,
                             uint64_t time);

/* What this process has recorded, cell by cell as tn_cell_count says; 0 where another process had it before. */
void tn_series_read(tn_series *series, uint64_t *cells_out);

/* As if this process had never recorded to it. For tests: others see a counter go down. */
void tn_series_reset(tn_series *series);

#endif
