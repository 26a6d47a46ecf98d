#ifndef TN_METRICS_SNAPSHOT_H
#define TN_METRICS_SNAPSHOT_H

#include "base/arena.h"
#include "base/ids.h"
#include "base/index.h"
#include "metrics/slab.h"

/* What all processes have recorded, at about one moment: families of series, sorted. Its texts are the segments', which
 * have to stay. Nothing that stands in a segment is trusted: what is no record is counted and left out.
 *
 * Where processes do not agree: of two instruments with one name and different types, or with samples of the same name, the
 * one that comes later in the order of names is called NAME_TYPE; histograms with different buckets have those that all of
 * them have, so that each count is right. One thread. */
typedef struct {
    tn_trace_id trace_id;
    tn_span_id span_id;
    double value;
    uint64_t time; /* wall clock, nanoseconds; 0: none */
} tn_exemplar;

typedef struct {
    tn_text labels;         /* see tn_labels_next */
    uint64_t integer;       /* of a counter: the sum of both is its value */
    double number;          /* of a counter or gauge; the sum of a histogram */
    uint64_t time;          /* of a gauge: when it was set last */
    uint64_t *counts;       /* of a histogram: in each bucket, not cumulative; bound_count + 1 */
    tn_exemplar *exemplars; /* as many, or NULL */
    /* Of one process alone: */
    uint64_t since;              /* when it began to count: wall clock, nanoseconds */
    tn_exponential *exponential; /* of a histogram, or NULL; with a beginning of its own */
    uint64_t exponential_since;
} tn_snapshot_series;

typedef struct {
    tn_instrument_spec spec; /* bounds: those that all have */
    tn_text name;            /* spec.name, or another one where that is taken */
    tn_snapshot_series **series;
    size_t series_count;
    tn_index by_labels; /* until it is finished */
} tn_family;

typedef struct {
    tn_family **families;
    size_t family_count;
    uint64_t damaged; /* chunks of which a part could not be read, and cells that can't be right */
    tn_arena arena;
    tn_index by_spec;
} tn_snapshot;

void tn_snapshot_init(tn_snapshot *snapshot);
void tn_snapshot_free(tn_snapshot *snapshot);

/* Adds what is in a segment. TN_OK or TN_ERROR_MEMORY. */
tn_status tn_snapshot_add(tn_snapshot *snapshot, tn_segment *segment) TN_MUST_CHECK;

/* Adds what this process itself has recorded in its slab, since a moment (wall clock, nanoseconds). TN_OK or
 * TN_ERROR_MEMORY. */
tn_status tn_snapshot_add_slab(tn_snapshot *snapshot, const tn_slab *slab, uint64_t since) TN_MUST_CHECK;

/* Sorts it, and settles the names. After the last segment. */
tn_status tn_snapshot_finish(tn_snapshot *snapshot) TN_MUST_CHECK;

/* In one that is finished; NULL when there is none. */
const tn_snapshot_series *tn_snapshot_find(const tn_snapshot *snapshot, const tn_family *family, tn_text labels);

/* The value of a counter or gauge. */
static inline double tn_snapshot_value(const tn_snapshot_series *series)
{
    return (double)series->integer + series->number;
}

/* How many were observed. */
static inline uint64_t tn_snapshot_count(const tn_family *family, const tn_snapshot_series *series)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= family->spec.bound_count; i++) count += series->counts[i];
    return count;
}

#endif
