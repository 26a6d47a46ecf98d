#include "base/decimal.h"
#include "base/table.h"
#include "metrics/metrics_text.h"

#include <stdio.h>
#include <stdlib.h>

/* The label names of all series, sorted, and le where there is a histogram: a column each. */
typedef struct {
    tn_text *names;
    size_t count;
} columns;

static bool is_same_text(const void *a, const void *b)
{
    return tn_text_equal(*(const tn_text *)a, *(const tn_text *)b);
}

static int compare(const void *a, const void *b)
{
    const tn_text *left = a, *right = b;
    int order = memcmp(left->bytes, right->bytes, left->size < right->size ? left->size : right->size);
    return order ? order : (left->size > right->size) - (left->size < right->size);
}

static tn_status know(tn_index *known, tn_arena *arena, tn_text name)
{
    uint64_t hash = tn_hash(name);
    if (tn_index_find(known, hash, is_same_text, &name)) return TN_OK;
    tn_text *kept = tn_arena_alloc(arena, sizeof(*kept));
    if (!kept) return TN_ERROR_MEMORY;
    *kept = name;
    return tn_index_add(known, hash, kept);
}

static tn_status know_labels(tn_index *known, tn_arena *arena, const tn_family *family)
{
    tn_status status = TN_OK;
    if (family->spec.type == TN_HISTOGRAM && family->series_count > 0) status = know(known, arena, TN_TEXT("le"));
    for (size_t i = 0; i < family->series_count && status == TN_OK; i++) {
        tn_text rest = family->series[i]->labels;
        tn_label label;
        while (status == TN_OK && tn_labels_next(&rest, &label)) status = know(known, arena, label.name);
    }
    return status;
}

static tn_status list_columns(tn_snapshot *snapshot, columns *out)
{
    tn_index known;
    tn_index_init(&known, 0);
    tn_status status = TN_OK;
    for (size_t f = 0; f < snapshot->family_count && status == TN_OK; f++)
        status = know_labels(&known, &snapshot->arena, snapshot->families[f]);
    if (status == TN_OK) {
        out->names = tn_arena_alloc(&snapshot->arena, known.count * sizeof(*out->names) + 1);
        if (!out->names) status = TN_ERROR_MEMORY;
    }
    for (size_t i = 0; i < known.slot_count && status == TN_OK; i++) {
        if (known.slots[i].item) out->names[out->count++] = *(const tn_text *)known.slots[i].item;
    }
    if (out->count > 0) qsort(out->names, out->count, sizeof(*out->names), compare);
    tn_index_free(&known);
    return status;
}

/* --- Rows ---------------------------------------------------------------------------------------------- */

static bool would_run(tn_text text)
{
    return text.size > 0 && strchr("=+-@\t\r", text.bytes[0]) != NULL && text.bytes[0] != '\0';
}

static bool needs_quotes(tn_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.bytes[i] == '"' || text.bytes[i] == ',' || text.bytes[i] == '\n' || text.bytes[i] == '\r') return true;
    }
    return false;
}

static void put_cell(tn_buffer *out, tn_text text)
{
    bool run = would_run(text), quotes = needs_quotes(text);
    if (quotes) tn_buffer_append_byte(out, '"');
    if (run) tn_buffer_append_byte(out, '\'');
    for (size_t i = 0; i < text.size; i++) {
        if (text.bytes[i] == '"') tn_buffer_append_byte(out, '"');
        tn_buffer_append_byte(out, (uint8_t)text.bytes[i]);
    }
    if (quotes) tn_buffer_append_byte(out, '"');
}

static tn_text value_of(tn_text labels, tn_text name)
{
    tn_label label;
    while (tn_labels_next(&labels, &label)) {
        if (tn_text_equal(label.name, name)) return label.value;
    }
    return TN_NO_TEXT;
}

typedef struct {
    tn_buffer *out;
    const columns *columns;
    const tn_family *family;
    tn_text timestamp;
} table;

static void put_row(const table *t, const char *end, tn_text value, const tn_snapshot_series *series, tn_text le)
{
    put_cell(t->out, t->timestamp);
    tn_buffer_append_byte(t->out, ',');
    tn_buffer_append_text(t->out, t->family->name);
    tn_buffer_append_text(t->out, tn_text_of(end));
    tn_buffer_append_byte(t->out, ',');
    tn_buffer_append_text(t->out, tn_text_of(tn_metric_type_name(t->family->spec.type)));
    tn_buffer_append_byte(t->out, ',');
    tn_buffer_append_text(t->out, value);
    for (size_t i = 0; i < t->columns->count; i++) {
        bool bound = le.size > 0 && tn_text_equal(t->columns->names[i], TN_TEXT("le"));
        tn_buffer_append_byte(t->out, ',');
        put_cell(t->out, bound ? le : value_of(series->labels, t->columns->names[i]));
    }
    tn_buffer_append_byte(t->out, '\n');
}

typedef struct {
    char bytes[40];
    tn_buffer buffer;
} small_text;

static tn_text number_text(small_text *text, double value)
{
    tn_buffer_init_on(&text->buffer, text->bytes, sizeof(text->bytes), sizeof(text->bytes));
    tn_put_number(&text->buffer, value);
    return tn_buffer_text(&text->buffer);
}

static tn_text count_text(small_text *text, uint64_t count)
{
    return (tn_text){text->bytes, tn_decimal_unsigned(text->bytes, count)};
}

static tn_text bound_text(small_text *text, double bound)
{
    tn_buffer_init_on(&text->buffer, text->bytes, sizeof(text->bytes), sizeof(text->bytes));
    tn_put_bound(&text->buffer, bound);
    return tn_buffer_text(&text->buffer);
}

static void put_histogram(const table *t, const tn_snapshot_series *series)
{
    small_text value, bound;
    uint64_t count = 0;
    for (size_t i = 0; i <= t->family->spec.bound_count; i++) {
        count += series->counts[i];
        bool last = i == t->family->spec.bound_count;
        tn_text le = last ? TN_TEXT("+Inf") : bound_text(&bound, t->family->spec.bounds[i]);
        put_row(t, "_bucket", count_text(&value, count), series, le);
    }
    put_row(t, "_sum", number_text(&value, series->number), series, TN_NO_TEXT);
    put_row(t, "_count", count_text(&value, count), series, TN_NO_TEXT);
}

static void put_series(const table *t, const tn_snapshot_series *series)
{
    small_text value;
    bool exact = t->family->spec.type == TN_COUNTER && series->number == 0;
    if (t->family->spec.type == TN_HISTOGRAM) {
        put_histogram(t, series);
    } else {
        tn_text text = exact ? count_text(&value, series->integer) : number_text(&value, tn_snapshot_value(series));
        put_row(t, "", text, series, TN_NO_TEXT);
    }
}

static void put_header(tn_buffer *out, const columns *columns)
{
    tn_buffer_append_text(out, TN_TEXT("timestamp,name,type,value"));
    for (size_t i = 0; i < columns->count; i++) {
        tn_buffer_append_text(out, TN_TEXT(",label_"));
        tn_buffer_append_text(out, columns->names[i]);
    }
    tn_buffer_append_byte(out, '\n');
}

tn_status tn_metrics_csv(tn_buffer *out, tn_snapshot *snapshot, tn_text timestamp)
{
    columns columns = {0};
    tn_status status = list_columns(snapshot, &columns);
    if (status != TN_OK) return status;

    put_header(out, &columns);
    for (size_t f = 0; f < snapshot->family_count; f++) {
        table t = {out, &columns, snapshot->families[f], timestamp};
        for (size_t i = 0; i < t.family->series_count; i++) put_series(&t, t.family->series[i]);
    }
    return out->status;
}
