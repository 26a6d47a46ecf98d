#include "base/json.h"
#include "metrics/metrics_text.h"

static void put_member(tn_buffer *out, const char *name)
{
    tn_buffer_printf(out, ",\"%s\":", name);
}

/* name{a="b",c="d"} as one string. */
static void put_key(tn_buffer *out, tn_buffer *key, tn_text name, tn_text labels)
{
    tn_label label;
    bool any = false;
    tn_buffer_clear(key);
    tn_buffer_append_text(key, name);
    while (tn_labels_next(&labels, &label)) {
        tn_buffer_append_byte(key, any ? ',' : '{');
        tn_buffer_append_text(key, label.name);
        tn_buffer_append_byte(key, '=');
        tn_put_label_value(key, label.value);
        any = true;
    }
    if (any) tn_buffer_append_byte(key, '}');
    tn_json_string(out, tn_buffer_text(key));
    if (key->status == TN_OK) return;
    tn_buffer_free(out); /* as if it had failed itself: it would not be whole */
    out->status = key->status;
}

static void put_labels(tn_buffer *out, tn_text labels)
{
    tn_label label;
    bool any = false;
    put_member(out, "labels");
    tn_buffer_append_byte(out, '{');
    while (tn_labels_next(&labels, &label)) {
        if (any) tn_buffer_append_byte(out, ',');
        tn_json_string(out, label.name);
        tn_buffer_append_byte(out, ':');
        tn_json_string(out, label.value);
        any = true;
    }
    tn_buffer_append_byte(out, '}');
}

static void put_buckets(tn_buffer *out, const tn_family *family, const tn_snapshot_series *series)
{
    uint64_t count = 0;
    put_member(out, "buckets");
    for (size_t i = 0; i <= family->spec.bound_count; i++) {
        count += series->counts[i];
        tn_buffer_append_byte(out, i > 0 ? ',' : '{');
        tn_buffer_append_byte(out, '"');
        if (i < family->spec.bound_count) {
            tn_put_bound(out, family->spec.bounds[i]);
        } else {
            tn_buffer_append_text(out, TN_TEXT("+Inf"));
        }
        tn_buffer_append_text(out, TN_TEXT("\":"));
        tn_json_unsigned(out, count);
    }
    tn_buffer_append_byte(out, '}');
    put_member(out, "sum");
    tn_put_number(out, series->number);
    put_member(out, "count");
    tn_json_unsigned(out, count);
}

static void put_value(tn_buffer *out, const tn_family *family, const tn_snapshot_series *series)
{
    put_member(out, "value");
    if (family->spec.type == TN_COUNTER && series->number == 0) {
        tn_json_unsigned(out, series->integer);
    } else {
        tn_put_number(out, tn_snapshot_value(series));
    }
}

static void put_series(tn_buffer *out, tn_buffer *key, const tn_family *family, const tn_snapshot_series *series)
{
    put_key(out, key, family->name, series->labels);
    tn_buffer_append_text(out, TN_TEXT(":{\"name\":"));
    tn_json_string(out, family->name);
    put_member(out, "type");
    tn_json_string(out, tn_text_of(tn_metric_type_name(family->spec.type)));
    if (family->spec.type == TN_HISTOGRAM) {
        put_buckets(out, family, series);
    } else {
        put_value(out, family, series);
    }
    put_labels(out, series->labels);
    if (family->spec.help.size > 0) {
        put_member(out, "help");
        tn_json_string(out, family->spec.help);
    }
    tn_buffer_append_byte(out, '}');
}

void tn_metrics_json(tn_buffer *out, const tn_snapshot *snapshot)
{
    uint64_t total = 0;
    tn_buffer key;
    tn_buffer_init(&key, (size_t)1024 * 1024);
    tn_buffer_append_text(out, TN_TEXT("{\"metrics\":{"));
    for (size_t f = 0; f < snapshot->family_count; f++) {
        const tn_family *family = snapshot->families[f];
        for (size_t i = 0; i < family->series_count; i++) {
            if (total++ > 0) tn_buffer_append_byte(out, ',');
            put_series(out, &key, family, family->series[i]);
        }
    }
    tn_buffer_append_text(out, TN_TEXT("}"));
    put_member(out, "total_metrics");
    tn_json_unsigned(out, total);
    tn_buffer_free(&key);
}
