#ifndef TN_METRICS_SLAB_H
#define TN_METRICS_SLAB_H

#include "base/table.h"
#include "metrics/exponential.h"
#include "metrics/metric_record.h"

#include <pthread.h>

/* This process' part of a segment: what is in it can be found, and more be added. What a dead process has left in it goes
 * on to count; gauges begin anew. One thread at a time. */
typedef struct {
    tn_table_node node;
    tn_position position;
    tn_instrument_spec spec; /* points into the segment */
    size_t series_count;     /* without that for what is too much */
} tn_slab_instrument;

/* The same measurements in an exponential histogram, in memory of this process: who shares a segment does not need it. */
typedef struct {
    pthread_mutex_t lock;
    uint64_t since; /* wall clock, nanoseconds */
    tn_exponential all;
} tn_slab_exponential;

typedef struct {
    tn_table_node node;
    const tn_slab_instrument *instrument;
    tn_position position;
    tn_text labels; /* points into the segment */
    tn_cell *cells, *exemplars;
    uint64_t *inherited;              /* what the cells were when it was taken over; NULL: it is new */
    tn_slab_exponential *exponential; /* NULL: nobody wants it */
} tn_slab_series;

typedef struct {
    tn_segment *segment; /* kept */
    unsigned chunk;      /* that is written to; TN_MAX_CHUNKS: none yet */
    tn_table instruments, series;
    size_t damaged; /* chunks, when it was taken over */
} tn_slab;

/* Takes over what the segment's own slab holds. TN_OK or TN_ERROR_MEMORY; then there is nothing to close. */
tn_status tn_slab_open(tn_slab *slab, tn_segment *segment) TN_MUST_CHECK;
void tn_slab_close(tn_slab *slab);

/* Labels that stand for all that are too many. */
extern const tn_text tn_overflow_labels;

/* The one that is there, or a new one. TN_OK; TN_ERROR_MEMORY; TN_ERROR_FULL, TN_ERROR_SYSTEM as tn_segment_add_chunk. */
tn_status tn_slab_instrument_of(tn_slab *slab, const tn_instrument_spec *spec, tn_slab_instrument **out) TN_MUST_CHECK;

/* The same for a series, of which there may be `limit` and the one for what is too much, which is given beyond it. */
tn_status tn_slab_series_of(tn_slab *slab, tn_slab_instrument *instrument, tn_text labels, size_t limit,
                            tn_slab_series **out) TN_MUST_CHECK;

/* Adds all that is in a slab to another one, what it has inherited too. What has no place there is lost: TN_ERROR_MEMORY,
 * TN_ERROR_FULL, TN_ERROR_SYSTEM; the rest is added. */
tn_status tn_slab_move(tn_slab *from, tn_slab *to) TN_MUST_CHECK;

/* An exponential histogram beside the cells, from now on. TN_OK or TN_ERROR_MEMORY. */
tn_status tn_slab_add_exponential(tn_slab_series *series) TN_MUST_CHECK;

/* Room for a series' exemplars, in series->exemplars from then on. As above. */
tn_status tn_slab_add_exemplars(tn_slab *slab, tn_slab_series *series) TN_MUST_CHECK;

#endif
