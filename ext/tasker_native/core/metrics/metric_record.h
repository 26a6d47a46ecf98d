#ifndef TN_METRICS_METRIC_RECORD_H
#define TN_METRICS_METRIC_RECORD_H

#include "base/buffer.h"
#include "metrics/instrument.h"
#include "metrics/segment.h"

/* What stands in the chunks of a segment: an instrument, then series of it, then where a series has exemplars those.
 * Everything but the cells stays as it was written, and has a checksum; cells are changed by single stores. */
typedef enum { TN_METRIC_INSTRUMENT = 1, TN_METRIC_SERIES, TN_METRIC_EXEMPLARS } tn_metric_record_kind;

typedef _Atomic uint64_t tn_cell;

/* Where a record is in its segment. 0: nowhere. */
typedef uint32_t tn_position;

typedef struct {
    tn_metric_record_kind kind;
    tn_position position;
    tn_position of;          /* a series' instrument, exemplars' series */
    tn_instrument_spec spec; /* of an instrument; points into the segment */
    tn_text labels;          /* of a series, see tn_labels_next */
    tn_cell *cells;
    size_t cell_count;
} tn_metric_record;

/* The records of a chunk, from the first to the last that is whole. */
typedef struct {
    tn_segment *segment;
    unsigned chunk;
    uint32_t at, end; /* bytes from the chunk's first record */
    bool damaged;     /* it ended early: what follows is no record */
} tn_metric_reader;

void tn_metric_reader_init(tn_metric_reader *reader, tn_segment *segment, unsigned chunk);
bool tn_metric_record_next(tn_metric_reader *reader, tn_metric_record *record_out);

/* Writes a record at the end of a chunk of the own slab: nothing of it is there before all of it is. `record` says what,
 * and is then as tn_metric_record_next would give it; its cells begin at 0. TN_ERROR_FULL when the chunk has no room;
 * TN_ERROR_INVALID for what nobody could read. */
tn_status tn_metric_record_write(tn_segment *segment, unsigned chunk, tn_metric_record *record) TN_MUST_CHECK;

/* Labels in a row: each is the sizes of its name and value (16 bits each, the lower byte first) and both. They are sorted by
 * name, so that the same labels are the same bytes. */
tn_status tn_labels_append(tn_buffer *labels, tn_label label);
bool tn_labels_next(tn_text *rest, tn_label *label_out);

#endif
