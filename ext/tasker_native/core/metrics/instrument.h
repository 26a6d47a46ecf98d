#ifndef TN_METRICS_INSTRUMENT_H
#define TN_METRICS_INSTRUMENT_H

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* What all series of a name have in common. */
typedef enum { TN_COUNTER = 1, TN_GAUGE, TN_HISTOGRAM } tn_metric_type;

/* What the values of several processes make together. Counters and histograms are always a sum. */
typedef enum { TN_COMBINE_SUM, TN_COMBINE_MIN, TN_COMBINE_MAX, TN_COMBINE_LATEST } tn_combine;

#define TN_MAX_BOUNDS 128
#define TN_MAX_LABELS 32
#define TN_MAX_METRIC_NAME 200 /* bytes */
#define TN_MAX_UNIT 63
#define TN_MAX_HELP 1024
#define TN_MAX_LABEL_NAME 128
#define TN_MAX_LABEL_VALUE 1024

typedef struct {
    tn_text name; /* as Prometheus takes it: [a-zA-Z_:][a-zA-Z0-9_:]* */
    tn_text unit, help;
    tn_metric_type type;
    tn_combine combine;   /* gauges */
    const double *bounds; /* histograms: upper ones, inclusive, rising, finite; above the last is one more bucket */
    size_t bound_count;
} tn_instrument_spec;

/* The words of memory that a series has.
 *
 *   counter    0: the sum of Integers; 1: that of Floats, a double
 *   gauge      0: a double; 1: when it was set (wall clock, nanoseconds), 0: never
 *   histogram  0 to bound_count: how many were in each bucket; the last: their sum, a double */
static inline size_t tn_cell_count(const tn_instrument_spec *spec)
{
    return spec->type == TN_HISTOGRAM ? spec->bound_count + 2 : 2;
}

/* Whether such a word is a double. */
static inline bool tn_cell_is_double(const tn_instrument_spec *spec, size_t cell)
{
    if (spec->type == TN_HISTOGRAM) return cell == spec->bound_count + 1;
    return cell == (spec->type == TN_COUNTER ? 1 : 0);
}

/* The latest measurement of each bucket whose trace is known: TN_EXEMPLAR_CELLS words each, the last one first set to 0 and at
 * the end to when it was (wall clock, nanoseconds); 0: none. */
enum {
    TN_EXEMPLAR_TRACE, /* two words */
    TN_EXEMPLAR_SPAN = 2,
    TN_EXEMPLAR_VALUE, /* a double */
    TN_EXEMPLAR_TIME,
    TN_EXEMPLAR_CELLS
};

static inline size_t tn_exemplar_cell_count(const tn_instrument_spec *spec)
{
    return spec->type == TN_HISTOGRAM ? (spec->bound_count + 1) * TN_EXEMPLAR_CELLS : TN_EXEMPLAR_CELLS;
}

const char *tn_metric_type_name(tn_metric_type type);

/* The same in all that is said of it. */
bool tn_same_instrument(const tn_instrument_spec *a, const tn_instrument_spec *b);

/* The family's name in OpenMetrics: without the _total of a counter. */
tn_text tn_family_name(tn_metric_type type, tn_text name);

/* What stands behind the family's name in the names of its samples, in some text format; ends with NULL. */
const char *const *tn_sample_ends(tn_metric_type type);

/* Whether both have a sample of the same name in some text format: x_total, x_count. */
bool tn_instruments_collide(tn_metric_type type, tn_text name, tn_metric_type other_type, tn_text other_name);

/* Words of memory as numbers. */
static inline double tn_double_of_cell(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline uint64_t tn_cell_of_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

typedef struct {
    tn_text name, value;
} tn_label;

#endif
