#include "export/otlp_metrics.h"

#include "export/otlp_resource.h"
#include "export/protobuf.h"

#include <math.h>

/* Field numbers of opentelemetry-proto: collector/metrics/v1, metrics/v1 and common/v1. */
enum { REQUEST_RESOURCE_METRICS = 1 };
enum { RESOURCE_METRICS_SCOPE_METRICS = 2 };
enum { SCOPE_METRICS_METRICS = 2 };
enum {
    METRIC_NAME = 1,
    METRIC_DESCRIPTION = 2,
    METRIC_UNIT = 3,
    METRIC_GAUGE = 5,
    METRIC_SUM = 7,
    METRIC_HISTOGRAM = 9,
    METRIC_EXPONENTIAL_HISTOGRAM = 10,
};
enum { DATA_POINTS = 1, TEMPORALITY = 2, SUM_IS_MONOTONIC = 3 };
enum { DELTA = 1, CUMULATIVE = 2 };
enum { POINT_START_TIME = 2, POINT_TIME = 3 }; /* the same in all kinds of points */
enum { NUMBER_AS_DOUBLE = 4, NUMBER_AS_INT = 6, NUMBER_ATTRIBUTES = 7 };
enum {
    HISTOGRAM_COUNT = 4,
    HISTOGRAM_SUM = 5,
    HISTOGRAM_BUCKETS = 6,
    HISTOGRAM_BOUNDS = 7,
    HISTOGRAM_EXEMPLARS = 8,
    HISTOGRAM_ATTRIBUTES = 9,
};
enum {
    EXPONENTIAL_ATTRIBUTES = 1,
    EXPONENTIAL_COUNT = 4,
    EXPONENTIAL_SUM = 5,
    EXPONENTIAL_SCALE = 6,
    EXPONENTIAL_ZERO_COUNT = 7,
    EXPONENTIAL_POSITIVE = 8,
    EXPONENTIAL_NEGATIVE = 9,
    EXPONENTIAL_EXEMPLARS = 11,
    EXPONENTIAL_MIN = 12,
    EXPONENTIAL_MAX = 13,
};
enum { BUCKETS_OFFSET = 1, BUCKETS_COUNTS = 2 };
enum { EXEMPLAR_TIME = 2, EXEMPLAR_VALUE = 3, EXEMPLAR_SPAN_ID = 4, EXEMPLAR_TRACE_ID = 5 };
enum { KEY_VALUE_KEY = 1, KEY_VALUE_VALUE = 2, ANY_VALUE_STRING = 1 };

#define MAX_COUNTS (TN_MAX_BOUNDS + 1)

typedef struct {
    tn_buffer *out;
    const tn_otlp_metrics_source *source;
    const tn_family *family;
    uint32_t field; /* of the metric's data */
    size_t points;
    size_t metric, data; /* opened with the first point */
} writer;

/* --- Points -------------------------------------------------------------------------------------------- */

static void put_attributes(tn_buffer *out, uint32_t field, tn_text labels)
{
    tn_label label;
    while (tn_labels_next(&labels, &label)) {
        size_t pair = tn_protobuf_open(out, field, 0), value;
        tn_protobuf_text(out, KEY_VALUE_KEY, label.name);
        value = tn_protobuf_open(out, KEY_VALUE_VALUE, 0);
        tn_protobuf_text(out, ANY_VALUE_STRING, label.value);
        tn_protobuf_close(out, value, 0);
        tn_protobuf_close(out, pair, 0);
    }
}

/* Units as UCUM has them. */
static tn_text unit_of(tn_text unit)
{
    static const struct {
        const char *prometheus, *ucum;
    } units[] = {{"seconds", "s"}, {"milliseconds", "ms"}, {"bytes", "By"}, {"ratio", "1"}};
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (tn_text_equal(unit, tn_text_of(units[i].prometheus))) return tn_text_of(units[i].ucum);
    }
    return unit;
}

/* A metric has no message until it has a point. */
static size_t open_point(writer *w)
{
    if (w->points++ == 0) {
        w->metric = tn_protobuf_open(w->out, SCOPE_METRICS_METRICS, 1000);
        tn_protobuf_text(w->out, METRIC_NAME, w->family->name);
        if (w->family->spec.help.size > 0) tn_protobuf_text(w->out, METRIC_DESCRIPTION, w->family->spec.help);
        if (w->family->spec.unit.size > 0) tn_protobuf_text(w->out, METRIC_UNIT, unit_of(w->family->spec.unit));
        w->data = tn_protobuf_open(w->out, w->field, 1000);
    }
    return tn_protobuf_open(w->out, DATA_POINTS, 0);
}

static void close_metric(writer *w)
{
    if (w->points == 0) return;
    bool is_sum = w->field == METRIC_SUM;
    if (w->field != METRIC_GAUGE) tn_protobuf_uint(w->out, TEMPORALITY, w->source->delta ? DELTA : CUMULATIVE);
    if (is_sum) tn_protobuf_uint(w->out, SUM_IS_MONOTONIC, true);
    tn_protobuf_close(w->out, w->data, 1000);
    tn_protobuf_close(w->out, w->metric, 1000);
}

/* Deltas begin where the last request ended, or the series began. */
static void put_times(writer *w, uint64_t since)
{
    uint64_t start = w->source->delta && w->source->last_time > since ? w->source->last_time : since;
    tn_protobuf_fixed64(w->out, POINT_START_TIME, start < w->source->time ? start : w->source->time);
    tn_protobuf_fixed64(w->out, POINT_TIME, w->source->time);
}

static const tn_snapshot_series *before_of(const writer *w, const tn_snapshot_series *series)
{
    return w->source->delta && w->source->before ? tn_snapshot_find(w->source->before, w->family, series->labels)
                                                 : NULL;
}

/* --- Numbers ------------------------------------------------------------------------------------------- */

static void put_sum(writer *w, const tn_snapshot_series *series)
{
    const tn_snapshot_series *before = before_of(w, series);
    bool went_on = before && before->integer <= series->integer && before->number <= series->number;
    uint64_t integer = series->integer - (went_on ? before->integer : 0);
    double number = series->number - (went_on ? before->number : 0);
    if (w->source->delta && integer == 0 && number == 0) return;

    size_t point = open_point(w);
    put_times(w, series->since);
    if (number == 0) {
        tn_protobuf_fixed64(w->out, NUMBER_AS_INT, integer);
    } else {
        tn_protobuf_double(w->out, NUMBER_AS_DOUBLE, (double)integer + number);
    }
    put_attributes(w->out, NUMBER_ATTRIBUTES, series->labels);
    tn_protobuf_close(w->out, point, 0);
}

static void put_gauge(writer *w, const tn_snapshot_series *series)
{
    size_t point = open_point(w);
    tn_protobuf_fixed64(w->out, POINT_TIME, w->source->time);
    tn_protobuf_double(w->out, NUMBER_AS_DOUBLE, series->number);
    put_attributes(w->out, NUMBER_ATTRIBUTES, series->labels);
    tn_protobuf_close(w->out, point, 0);
}

/* --- Histograms ---------------------------------------------------------------------------------------- */

static void put_exemplars(writer *w, uint32_t field, const tn_snapshot_series *series)
{
    for (size_t i = 0; series->exemplars && i <= w->family->spec.bound_count; i++) {
        const tn_exemplar *exemplar = &series->exemplars[i];
        if (exemplar->time <= w->source->last_time || exemplar->time < series->since) continue;
        size_t opened = tn_protobuf_open(w->out, field, 0);
        tn_protobuf_fixed64(w->out, EXEMPLAR_TIME, exemplar->time);
        tn_protobuf_double(w->out, EXEMPLAR_VALUE, exemplar->value);
        tn_protobuf_bytes(w->out, EXEMPLAR_SPAN_ID, exemplar->span_id.bytes, sizeof(exemplar->span_id.bytes));
        tn_protobuf_bytes(w->out, EXEMPLAR_TRACE_ID, exemplar->trace_id.bytes, sizeof(exemplar->trace_id.bytes));
        tn_protobuf_close(w->out, opened, 0);
    }
}

static void put_packed(tn_buffer *out, uint32_t field, const uint64_t *words, size_t count)
{
    tn_protobuf_message(out, field, count * sizeof(*words));
    if (tn_buffer_reserve(out, count * sizeof(*words)) != TN_OK) return;
    uint8_t *at = out->bytes + out->size;
    for (size_t i = 0; i < count; i++) {
        for (int byte = 0; byte < 8; byte++) *at++ = (uint8_t)(words[i] >> (8 * byte));
    }
    tn_buffer_advance(out, count * sizeof(*words));
}

static void put_bounds(tn_buffer *out, const tn_instrument_spec *spec)
{
    uint64_t words[TN_MAX_BOUNDS];
    for (size_t i = 0; i < spec->bound_count; i++) words[i] = tn_cell_of_double(spec->bounds[i]);
    if (spec->bound_count > 0) put_packed(out, HISTOGRAM_BOUNDS, words, spec->bound_count);
}

/* What came since the last request: false when a count has gone down, so that it is another series. */
static bool subtract(uint64_t *counts, const uint64_t *before, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (before[i] > counts[i]) return false;
    }
    for (size_t i = 0; i < count; i++) counts[i] -= before[i];
    return true;
}

static void put_histogram(writer *w, const tn_snapshot_series *series)
{
    const tn_instrument_spec *spec = &w->family->spec;
    const tn_snapshot_series *before = before_of(w, series);
    uint64_t counts[MAX_COUNTS], total = 0;
    size_t buckets = spec->bound_count + 1;
    memcpy(counts, series->counts, buckets * sizeof(*counts));
    bool went_on = before && subtract(counts, before->counts, buckets);
    for (size_t i = 0; i < buckets; i++) total += counts[i];
    if (w->source->delta && total == 0) return;

    size_t point = open_point(w);
    put_times(w, series->since);
    tn_protobuf_fixed64(w->out, HISTOGRAM_COUNT, total);
    tn_protobuf_double(w->out, HISTOGRAM_SUM, series->number - (went_on ? before->number : 0));
    put_packed(w->out, HISTOGRAM_BUCKETS, counts, buckets);
    put_bounds(w->out, spec);
    put_exemplars(w, HISTOGRAM_EXEMPLARS, series);
    put_attributes(w->out, HISTOGRAM_ATTRIBUTES, series->labels);
    tn_protobuf_close(w->out, point, 0);
}

static uint64_t zigzag(int32_t number)
{
    return (uint32_t)number << 1 ^ (uint32_t)(number < 0 ? -1 : 0);
}

static void put_buckets(tn_buffer *out, uint32_t field, const tn_exponential_buckets *buckets)
{
    uint32_t first = 0, end = buckets->size;
    while (first < end && buckets->counts[first] == 0) first++;
    while (end > first && buckets->counts[end - 1] == 0) end--;
    if (first == end) return;

    size_t size = 0, opened = tn_protobuf_open(out, field, 0);
    tn_protobuf_uint(out, BUCKETS_OFFSET, zigzag(buckets->offset + (int32_t)first));
    for (uint32_t i = first; i < end; i++) size += tn_protobuf_varint_size(buckets->counts[i]);
    tn_protobuf_message(out, BUCKETS_COUNTS, size);
    for (uint32_t i = first; i < end; i++) tn_protobuf_varint(out, buckets->counts[i]);
    tn_protobuf_close(out, opened, 0);
}

static void put_exponential(writer *w, const tn_snapshot_series *series)
{
    tn_exponential point = *series->exponential;
    const tn_snapshot_series *before = before_of(w, series);
    if (before && before->exponential) tn_exponential_subtract(&point, before->exponential);
    if (point.count == 0) return;

    size_t opened = open_point(w);
    put_times(w, series->exponential_since);
    tn_protobuf_fixed64(w->out, EXPONENTIAL_COUNT, point.count);
    tn_protobuf_double(w->out, EXPONENTIAL_SUM, point.sum);
    tn_protobuf_uint(w->out, EXPONENTIAL_SCALE, zigzag(point.scale));
    tn_protobuf_fixed64(w->out, EXPONENTIAL_ZERO_COUNT, point.zero_count);
    put_buckets(w->out, EXPONENTIAL_POSITIVE, &point.positive);
    put_buckets(w->out, EXPONENTIAL_NEGATIVE, &point.negative);
    put_exemplars(w, EXPONENTIAL_EXEMPLARS, series);
    if (!w->source->delta) { /* they are of all that was ever measured */
        tn_protobuf_double(w->out, EXPONENTIAL_MIN, point.min);
        tn_protobuf_double(w->out, EXPONENTIAL_MAX, point.max);
    }
    put_attributes(w->out, EXPONENTIAL_ATTRIBUTES, series->labels);
    tn_protobuf_close(w->out, opened, 0);
}

/* --- Families ------------------------------------------------------------------------------------------ */

static size_t put_metric(tn_buffer *out, const tn_otlp_metrics_source *source, const tn_family *family, uint32_t field,
                         void (*put)(writer *, const tn_snapshot_series *), bool exponential)
{
    writer w = {.out = out, .source = source, .family = family, .field = field};
    for (size_t i = 0; i < family->series_count; i++) {
        bool has_one = family->series[i]->exponential != NULL;
        if (has_one == exponential) put(&w, family->series[i]);
    }
    close_metric(&w);
    return w.points;
}

static size_t put_family(tn_buffer *out, const tn_otlp_metrics_source *source, const tn_family *family)
{
    switch (family->spec.type) {
    case TN_COUNTER: return put_metric(out, source, family, METRIC_SUM, put_sum, false);
    case TN_GAUGE: return put_metric(out, source, family, METRIC_GAUGE, put_gauge, false);
    case TN_HISTOGRAM: break;
    }
    return put_metric(out, source, family, METRIC_EXPONENTIAL_HISTOGRAM, put_exponential, true) +
           put_metric(out, source, family, METRIC_HISTOGRAM, put_histogram, false);
}

tn_status tn_otlp_metrics(tn_buffer *out, tn_encoder *encoder, const tn_otlp_metrics_source *source, size_t *points_out)
{
    size_t begin = out->size, points = 0;
    size_t resource_metrics = tn_protobuf_open(out, REQUEST_RESOURCE_METRICS, 100000);
    tn_otlp_put_resource(out, encoder);
    size_t scope_metrics = tn_protobuf_open(out, RESOURCE_METRICS_SCOPE_METRICS, 100000);
    tn_otlp_put_scope(out, encoder);
    for (size_t i = 0; i < source->now->family_count; i++) points += put_family(out, source, source->now->families[i]);
    tn_protobuf_close(out, scope_metrics, 100000);
    tn_protobuf_close(out, resource_metrics, 100000);
    if (points == 0) tn_buffer_truncate(out, begin);
    *points_out = points;
    return out->status;
}
