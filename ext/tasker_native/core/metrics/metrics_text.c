#include "metrics/metrics_text.h"

#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* --- Numbers ------------------------------------------------------------------------------------------- */

void tn_put_number(tn_buffer *out, double value)
{
    if (value == floor(value) && fabs(value) < 9007199254740992.0) {
        tn_json_integer(out, (int64_t)value);
    } else {
        tn_json_double(out, value);
    }
}

/* Counters are exact beyond what a double can be. */
static void put_count(tn_buffer *out, const tn_snapshot_series *series)
{
    if (series->number == 0) {
        tn_json_unsigned(out, series->integer);
    } else {
        tn_put_number(out, tn_snapshot_value(series));
    }
}

static void put_value(tn_buffer *out, const tn_family *family, const tn_snapshot_series *series)
{
    if (family->spec.type == TN_COUNTER) {
        put_count(out, series);
    } else {
        tn_put_number(out, series->number);
    }
}

void tn_put_bound(tn_buffer *out, double bound)
{
    char text[40];
    int digits = 0;
    do snprintf(text, sizeof(text), "%.*e", digits, bound);
    while (strtod(text, NULL) != bound && ++digits < 17);
    for (char *at = text; *at; at++) {
        if (*at == ',') *at = '.'; /* a locale of the host application */
    }
    int exponent = atoi(strchr(text, 'e') + 1);
    if (exponent >= 6 || exponent < -4) {
        tn_buffer_append_text(out, tn_text_of(text));
        return;
    }
    int decimals = digits > exponent ? digits - exponent : 1;
    snprintf(text, sizeof(text), "%.*f", decimals, bound);
    for (char *at = text; *at; at++) {
        if (*at == ',') *at = '.';
    }
    tn_buffer_append_text(out, tn_text_of(text));
}

/* --- Prometheus and OpenMetrics ------------------------------------------------------------------------ */

static void put_escaped(tn_buffer *out, tn_text text, bool quotes)
{
    for (size_t i = 0, start = 0; i <= text.size; i++) {
        bool special = i < text.size &&
                       (text.bytes[i] == '\\' || text.bytes[i] == '\n' || (quotes && text.bytes[i] == '"'));
        if (i < text.size && !special) continue;
        tn_buffer_append(out, text.bytes + start, i - start);
        if (!special) break;
        tn_buffer_append_byte(out, '\\');
        tn_buffer_append_byte(out, text.bytes[i] == '\n' ? 'n' : (uint8_t)text.bytes[i]);
        start = i + 1;
    }
}

void tn_put_label_value(tn_buffer *out, tn_text value)
{
    tn_buffer_append_byte(out, '"');
    put_escaped(out, value, true);
    tn_buffer_append_byte(out, '"');
}

/* "" or {a="b",le="1.0"}; le: empty for none. */
static void put_labels(tn_buffer *out, tn_text labels, tn_text le)
{
    tn_label label;
    bool any = false;
    while (tn_labels_next(&labels, &label)) {
        tn_buffer_append_byte(out, any ? ',' : '{');
        tn_buffer_append_text(out, label.name);
        tn_buffer_append_byte(out, '=');
        tn_put_label_value(out, label.value);
        any = true;
    }
    if (le.size > 0) {
        tn_buffer_append_text(out, any ? TN_TEXT(",le=") : TN_TEXT("{le="));
        tn_put_label_value(out, le);
        any = true;
    }
    if (any) tn_buffer_append_byte(out, '}');
}

static void put_sample_name(tn_buffer *out, tn_text name, const char *end, tn_text labels, tn_text le)
{
    tn_buffer_append_text(out, name);
    tn_buffer_append_text(out, tn_text_of(end));
    put_labels(out, labels, le);
    tn_buffer_append_byte(out, ' ');
}

/* The bounds of a family as text, once for all of its series. */
typedef struct {
    char bytes[TN_MAX_BOUNDS + 1][32];
    size_t count;
} bound_texts;

static void fill_bound_texts(bound_texts *texts, const tn_instrument_spec *spec)
{
    texts->count = 0;
    for (size_t i = 0; i < spec->bound_count; i++) {
        char storage[32];
        tn_buffer one;
        tn_buffer_init_on(&one, storage, sizeof(storage), sizeof(storage));
        tn_put_bound(&one, spec->bounds[i]);
        snprintf(texts->bytes[texts->count++], 32, "%.*s", (int)one.size, storage);
    }
    snprintf(texts->bytes[texts->count++], 32, "+Inf");
}

static void put_exemplar(tn_buffer *out, const tn_exemplar *exemplar)
{
    char trace[32], span[16];
    tn_hex(trace, exemplar->trace_id.bytes, sizeof(exemplar->trace_id.bytes));
    tn_hex(span, exemplar->span_id.bytes, sizeof(exemplar->span_id.bytes));
    tn_buffer_printf(out, " # {trace_id=\"%.32s\",span_id=\"%.16s\"} ", trace, span);
    tn_put_number(out, exemplar->value);
    tn_buffer_printf(out, " %llu.%03llu", (unsigned long long)(exemplar->time / 1000000000),
                     (unsigned long long)(exemplar->time / 1000000 % 1000));
}

static void put_histogram(tn_buffer *out, const tn_family *family, const tn_snapshot_series *series,
                          const bound_texts *texts, bool openmetrics)
{
    uint64_t count = 0;
    for (size_t i = 0; i < texts->count; i++) {
        count += series->counts[i];
        put_sample_name(out, family->name, "_bucket", series->labels, tn_text_of(texts->bytes[i]));
        tn_json_unsigned(out, count);
        if (openmetrics && series->exemplars && series->exemplars[i].time) put_exemplar(out, &series->exemplars[i]);
        tn_buffer_append_byte(out, '\n');
    }
    /* OpenMetrics knows no sum of what may be negative. */
    bool falling = series->number < 0 || (family->spec.bound_count > 0 && family->spec.bounds[0] < 0);
    if (!openmetrics || !falling) {
        put_sample_name(out, family->name, "_sum", series->labels, TN_NO_TEXT);
        tn_put_number(out, series->number);
        tn_buffer_append_byte(out, '\n');
        put_sample_name(out, family->name, "_count", series->labels, TN_NO_TEXT);
        tn_json_unsigned(out, count);
        tn_buffer_append_byte(out, '\n');
    }
}

static void put_series(tn_buffer *out, const tn_family *family, const bound_texts *texts, bool openmetrics)
{
    bool total = openmetrics && family->spec.type == TN_COUNTER;
    tn_text name = total ? tn_family_name(TN_COUNTER, family->name) : family->name;
    for (size_t i = 0; i < family->series_count; i++) {
        const tn_snapshot_series *series = family->series[i];
        if (family->spec.type == TN_HISTOGRAM) {
            put_histogram(out, family, series, texts, openmetrics);
            continue;
        }
        put_sample_name(out, name, total ? "_total" : "", series->labels, TN_NO_TEXT);
        put_value(out, family, series);
        tn_buffer_append_byte(out, '\n');
    }
}

static bool ends_with_unit(tn_text name, tn_text unit)
{
    return unit.size > 0 && name.size > unit.size + 1 && name.bytes[name.size - unit.size - 1] == '_' &&
           memcmp(name.bytes + name.size - unit.size, unit.bytes, unit.size) == 0;
}

static void put_head(tn_buffer *out, const char *what, tn_text name)
{
    tn_buffer_printf(out, "# %s ", what);
    tn_buffer_append_text(out, name);
    tn_buffer_append_byte(out, ' ');
}

static void put_family(tn_buffer *out, const tn_family *family, bool openmetrics)
{
    tn_text name = openmetrics ? tn_family_name(family->spec.type, family->name) : family->name;
    if (family->spec.help.size > 0) {
        put_head(out, "HELP", name);
        put_escaped(out, family->spec.help, openmetrics);
        tn_buffer_append_byte(out, '\n');
    }
    put_head(out, "TYPE", name);
    tn_buffer_append_text(out, tn_text_of(tn_metric_type_name(family->spec.type)));
    tn_buffer_append_byte(out, '\n');
    if (openmetrics && ends_with_unit(name, family->spec.unit)) {
        put_head(out, "UNIT", name);
        tn_buffer_append_text(out, family->spec.unit);
        tn_buffer_append_byte(out, '\n');
    }
    bound_texts texts;
    fill_bound_texts(&texts, &family->spec);
    put_series(out, family, &texts, openmetrics);
}

static void put_families(tn_buffer *out, const tn_snapshot *snapshot, bool openmetrics)
{
    for (size_t i = 0; i < snapshot->family_count; i++) {
        if (snapshot->families[i]->series_count > 0) put_family(out, snapshot->families[i], openmetrics);
    }
}

void tn_prometheus_text(tn_buffer *out, const tn_snapshot *snapshot)
{
    put_families(out, snapshot, false);
}

void tn_openmetrics_text(tn_buffer *out, const tn_snapshot *snapshot)
{
    put_families(out, snapshot, true);
    tn_buffer_append_text(out, TN_TEXT("# EOF\n"));
}
