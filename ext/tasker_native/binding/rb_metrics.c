#include "binding.h"
#include "base/decimal.h"
#include "export/span_metrics.h"
#include "metrics/metrics.h"
#include "metrics/metrics_text.h"
#include "ruby_text.h"

#include <math.h>

/* Tasker::Native::Metrics, and the handles of series: Tasker::Native::Counter, Gauge and Histogram.
 *
 * A series that can be looked up has one handle, which the registry below keeps alive; one that was forgotten
 * (Metrics.clear) lives as long as its handle. Recording runs no application code and takes no memory. */
#define MAX_EXPORT ((size_t)256 * 1024 * 1024)

static VALUE sym_value, sym_buckets;
static ID id_make_counter, id_make_gauge, id_make_histogram;
static VALUE registry; /* marks the handles of all series that can be looked up */

typedef struct {
    tn_series *series; /* kept */
    VALUE name, labels, created_at;
} handle;

/* --- Handles ------------------------------------------------------------------------------------------- */

static void handle_mark(void *pointer)
{
    handle *self = pointer;
    rb_gc_mark(self->name);
    rb_gc_mark(self->labels);
    rb_gc_mark(self->created_at);
}

static void handle_free(void *pointer)
{
    handle *self = pointer;
    if (self->series) {
        if (*tn_series_user(self->series)) *tn_series_user(self->series) = NULL;
        tn_series_release(self->series);
    }
    xfree(self);
}

static size_t handle_size(const void *pointer)
{
    (void)pointer;
    return sizeof(handle);
}

static const rb_data_type_t handle_type = {
    .wrap_struct_name = "Tasker::Native::Instrument",
    .function = {.dmark = handle_mark, .dfree = handle_free, .dsize = handle_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED,
};

static void mark_handle(tn_series *series, void *argument)
{
    (void)argument;
    void *user = *tn_series_user(series);
    if (user) rb_gc_mark((VALUE)user);
}

static void registry_mark(void *pointer)
{
    (void)pointer;
    tn_metrics_each(tn_ruby.metrics, mark_handle, NULL);
}

static const rb_data_type_t registry_type = {
    .wrap_struct_name = "Tasker::Native::Metrics registry",
    .function = {.dmark = registry_mark},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED,
};

static VALUE classes[TN_HISTOGRAM + 1]; /* by tn_metric_type */

static handle *get(VALUE object)
{
    return rb_check_typeddata(object, &handle_type);
}

static VALUE handle_of(tn_series *series, VALUE name, VALUE labels)
{
    void **user = tn_series_user(series);
    if (*user) return (VALUE)*user;

    handle *self;
    tn_metric_type type = tn_instrument_spec_of(tn_series_instrument(series))->type;
    VALUE object = TypedData_Make_Struct(classes[type], handle, &handle_type, self);
    RB_OBJ_WRITE(object, &self->name, name);
    RB_OBJ_WRITE(object, &self->labels, labels);
    VALUE now = rb_time_nano_new((time_t)(tn_clock_wall() / TN_SECOND), (long)(tn_clock_wall() % TN_SECOND));
    RB_OBJ_WRITE(object, &self->created_at, now);
    self->series = tn_series_keep(series);
    *user = (void *)object;
    RB_OBJ_WRITTEN(registry, Qundef, object);
    return object;
}

/* --- Labels as they come ------------------------------------------------------------------------------- */

typedef struct {
    tn_label labels[TN_MAX_LABELS];
    size_t count;
    bool plain;         /* false: there is one that needs application code, or work */
    VALUE no_labels[2]; /* keys of something else, which is not plain; 0: none */
    char digits[TN_MAX_LABELS][TN_DECIMAL_SIZE];
} label_list;

static bool plain_text(VALUE value, char *digits, tn_text *out)
{
    if (RB_SYMBOL_P(value)) value = rb_sym2str(value);
    if (RB_TYPE_P(value, T_STRING)) {
        if (!tn_is_utf8(value)) return false;
        *out = tn_text_of_string(value);
        return true;
    }
    if (FIXNUM_P(value)) {
        *out = (tn_text){digits, tn_decimal(digits, FIX2LONG(value))};
        return true;
    }
    if (value == Qtrue || value == Qfalse) {
        *out = value == Qtrue ? TN_TEXT("true") : TN_TEXT("false");
        return true;
    }
    *out = TN_NO_TEXT;
    return NIL_P(value);
}

static int list_label(VALUE key, VALUE value, VALUE argument)
{
    label_list *list = (label_list *)argument;
    tn_label *label = &list->labels[list->count];
    list->plain = key != list->no_labels[0] && key != list->no_labels[1] && list->count < TN_MAX_LABELS &&
                  !FIXNUM_P(key) && plain_text(key, NULL, &label->name) &&
                  plain_text(value, list->digits[list->count], &label->value);
    if (!list->plain) return ST_STOP;
    if (label->value.size > 0) list->count++; /* an empty value is no label */
    return ST_CONTINUE;
}

static void list_labels(label_list *list, VALUE labels)
{
    list->count = 0;
    list->plain = true;
    list->no_labels[0] = list->no_labels[1] = 0;
    if (!NIL_P(labels) && RHASH_SIZE(labels) > 0) rb_hash_foreach(labels, list_label, (VALUE)list);
}

static bool name_text(VALUE name, tn_text *out)
{
    return (RB_SYMBOL_P(name) || RB_TYPE_P(name, T_STRING)) && plain_text(name, NULL, out);
}

/* Qnil when there is none yet, or it takes more to know. Runs no application code. */
static VALUE find_handle(tn_metric_type type, VALUE name, VALUE labels, bool has_options)
{
    tn_text text;
    if (!name_text(name, &text)) return Qnil;
    const tn_instrument *instrument = tn_metrics_find(tn_ruby.metrics, text);
    if (!instrument || tn_instrument_spec_of(instrument)->type != type) return Qnil;

    label_list list = {.plain = true};
    if (has_options) list.no_labels[0] = sym_value, list.no_labels[1] = sym_buckets;
    if (!NIL_P(labels) && RHASH_SIZE(labels) > 0) rb_hash_foreach(labels, list_label, (VALUE)&list);
    tn_series *series = list.plain ? tn_instrument_find(instrument, list.labels, list.count) : NULL;
    void *user = series ? *tn_series_user(series) : NULL;
    return user ? (VALUE)user : Qnil;
}

/* find(type, name, labels) -> the handle, or nil when there is none yet, or it takes more to know. type: 1 counter, 2 gauge,
 * 3 histogram. Runs no application code. */
static VALUE metrics_find(VALUE self, VALUE type, VALUE name, VALUE labels)
{
    (void)self;
    if (!RB_TYPE_P(labels, T_HASH) || !FIXNUM_P(type)) return Qnil;
    return find_handle((tn_metric_type)FIX2LONG(type), name, labels, false);
}

/* counter(name, value: nil, **labels), and its like, of MetricsBackend: what is there already is found here, without taking
 * keywords apart; all else is Ruby's. */
static VALUE find_or_make(tn_metric_type type, ID make, int argc, VALUE *argv, VALUE self)
{
    bool has_labels = argc == 2 && RB_TYPE_P(argv[1], T_HASH);
    VALUE found = argc == 1 || has_labels ? find_handle(type, argv[0], has_labels ? argv[1] : Qnil, true) : Qnil;
    return NIL_P(found) ? rb_funcallv_kw(self, make, argc, argv, RB_PASS_CALLED_KEYWORDS) : found;
}

static VALUE backend_counter(int argc, VALUE *argv, VALUE self)
{
    return find_or_make(TN_COUNTER, id_make_counter, argc, argv, self);
}

static VALUE backend_gauge(int argc, VALUE *argv, VALUE self)
{
    return find_or_make(TN_GAUGE, id_make_gauge, argc, argv, self);
}

static VALUE backend_histogram(int argc, VALUE *argv, VALUE self)
{
    return find_or_make(TN_HISTOGRAM, id_make_histogram, argc, argv, self);
}

/* --- New ones ------------------------------------------------------------------------------------------ */

static VALUE argument_error(const char *format, VALUE name, const char *why)
{
    return rb_exc_new_str(rb_eArgError, rb_sprintf(format, name, why));
}

static void check_bounds(VALUE bounds)
{
    Check_Type(bounds, T_ARRAY);
    if (RARRAY_LEN(bounds) > TN_MAX_BOUNDS)
        rb_raise(rb_eArgError, "a histogram has at most %d buckets, not %ld", TN_MAX_BOUNDS, RARRAY_LEN(bounds));
    for (long i = 0; i < RARRAY_LEN(bounds); i++) Check_Type(RARRAY_AREF(bounds, i), T_FLOAT);
}

/* declare(type, name, help, unit, bounds, combine) -> true when it is there now, or was there and is the same. name, help,
 * unit: Strings of UTF-8; bounds: an Array of Floats, or nil for those it has or none; combine: 0 sum, 1 min, 2 max,
 * 3 latest. Raises ArgumentError for what collides with another instrument, or is none. */
static VALUE metrics_declare(VALUE self, VALUE type, VALUE name, VALUE help, VALUE unit, VALUE bounds, VALUE combine)
{
    (void)self;
    int code = NUM2INT(type), way = NUM2INT(combine);
    if (code < TN_COUNTER || code > TN_HISTOGRAM || way < TN_COMBINE_SUM || way > TN_COMBINE_LATEST)
        rb_raise(rb_eArgError, "no such type, or no such way to combine");
    Check_Type(name, T_STRING);
    Check_Type(help, T_STRING);
    Check_Type(unit, T_STRING);
    if (!NIL_P(bounds)) check_bounds(bounds);

    double values[TN_MAX_BOUNDS];
    tn_instrument_spec spec = {
        .name = tn_text_of_string(name),
        .help = tn_text_of_string(help),
        .unit = tn_text_of_string(unit),
        .type = (tn_metric_type)code,
        .combine = (tn_combine)way,
        .bounds = values,
        .bound_count = NIL_P(bounds) ? 0 : (size_t)RARRAY_LEN(bounds),
    };
    for (size_t i = 0; i < spec.bound_count; i++) values[i] = RFLOAT_VALUE(RARRAY_AREF(bounds, (long)i));

    VALUE error = Qnil;
    tn_text other;
    tn_instrument *instrument = tn_metrics_find(tn_ruby.metrics, spec.name);
    if (instrument) {
        const tn_instrument_spec *known = tn_instrument_spec_of(instrument);
        bool same_bounds = NIL_P(bounds) || (known->bound_count == spec.bound_count &&
                                             memcmp(known->bounds, values, spec.bound_count * sizeof(double)) == 0);
        if (known->type != spec.type) {
            error = argument_error("metric %" PRIsVALUE " is a %s already. Give this one another name", name,
                                   tn_metric_type_name(known->type));
        } else if (!same_bounds) {
            error = argument_error("histogram %" PRIsVALUE " has other buckets already%s", name,
                                   ". Give the same ones, or none");
        }
    } else if (tn_metrics_collides(tn_ruby.metrics, &spec, &other)) {
        error = rb_exc_new_str(rb_eArgError,
                               rb_sprintf("metric %" PRIsVALUE " would have samples of the same name as %.*s in what "
                                          "Prometheus reads. Give it another name",
                                          name, (int)other.size, other.bytes));
    } else {
        tn_status status = tn_metrics_add(tn_ruby.metrics, &spec, &instrument);
        if (status == TN_ERROR_MEMORY) rb_memerror();
        if (status != TN_OK)
            error = argument_error("metric %" PRIsVALUE " can't be: %s", name,
                                   status == TN_ERROR_LIMIT
                                       ? "its name, unit or help is too long, or there are too many"
                                       : "its name or its buckets are not valid");
    }
    RB_GC_GUARD(name);
    RB_GC_GUARD(help);
    RB_GC_GUARD(unit);
    if (!NIL_P(error)) rb_exc_raise(error);
    return Qtrue;
}

/* declared?(type, name) -> whether there is such an instrument */
static VALUE metrics_is_declared(VALUE self, VALUE type, VALUE name)
{
    (void)self;
    tn_text text;
    const tn_instrument *instrument = name_text(name, &text) ? tn_metrics_find(tn_ruby.metrics, text) : NULL;
    return instrument && INT2FIX(tn_instrument_spec_of(instrument)->type) == type ? Qtrue : Qfalse;
}

static VALUE labels_of(const tn_series *series)
{
    VALUE labels = rb_hash_new();
    tn_text rest = tn_series_labels(series);
    tn_label label;
    while (tn_labels_next(&rest, &label))
        rb_hash_aset(labels, rb_to_symbol(tn_string_of_text(label.name)), tn_string_of_text(label.value));
    return rb_obj_freeze(labels);
}

/* create(name, labels) -> the handle of a series of an instrument that was declared. labels: a Hash of what find knows;
 * others are an ArgumentError. */
static VALUE metrics_create(VALUE self, VALUE name, VALUE labels)
{
    (void)self;
    Check_Type(name, T_STRING);
    Check_Type(labels, T_HASH);
    tn_instrument *instrument = tn_metrics_find(tn_ruby.metrics, tn_text_of_string(name));
    if (!instrument) rb_raise(rb_eArgError, "metric %" PRIsVALUE " was not declared", name);

    label_list list;
    list_labels(&list, labels);
    if (!list.plain) rb_raise(rb_eArgError, "a metric has at most %d labels, with texts as values", TN_MAX_LABELS);
    tn_series *series;
    tn_status status = tn_instrument_series(instrument, list.labels, list.count, &series);
    if (status == TN_ERROR_MEMORY) rb_memerror();
    if (status != TN_OK)
        rb_raise(rb_eArgError,
                 "metric %" PRIsVALUE ": two of its labels have the same name where only a to z, 0 to 9 and _ "
                 "are left of them",
                 name);
    return handle_of(series, rb_str_new_frozen(name), labels_of(series));
}

/* --- Recording ----------------------------------------------------------------------------------------- */

static VALUE number_of(double value)
{
    bool whole = value == floor(value) && fabs(value) < 9007199254740992.0;
    return whole ? LL2NUM((long long)value) : DBL2NUM(value);
}

static void read_cells(handle *self, uint64_t *cells)
{
    tn_series_read(self->series, cells);
}

static VALUE counter_value(VALUE object)
{
    uint64_t cells[2];
    read_cells(get(object), cells);
    double floats = tn_double_of_cell(cells[1]);
    return floats == 0 ? ULL2NUM(cells[0]) : number_of((double)cells[0] + floats);
}

static void negative_increment(VALUE amount)
{
    rb_raise(rb_eArgError, "Counter increment amount must be positive, got: %" PRIsVALUE, amount);
}

static bool add_float(handle *self, VALUE amount, double value)
{
    if (value < 0) negative_increment(amount);
    if (!isfinite(value)) return false;
    tn_counter_add_double(self->series, value);
    return true;
}

/* increment(by = 1) -> the new value of this process; false for what is no number, as tasker-engine has it. */
static VALUE counter_increment(int count, VALUE *arguments, VALUE object)
{
    handle *self = get(object);
    rb_check_arity(count, 0, 1);
    VALUE amount = count > 0 ? arguments[0] : INT2FIX(1);
    if (FIXNUM_P(amount)) {
        if (FIX2LONG(amount) < 0) negative_increment(amount);
        tn_counter_add(self->series, (uint64_t)FIX2LONG(amount));
    } else if (RB_FLOAT_TYPE_P(amount)) {
        if (!add_float(self, amount, RFLOAT_VALUE(amount))) return Qfalse;
    } else if (RB_TYPE_P(amount, T_BIGNUM)) {
        if (!add_float(self, amount, rb_big2dbl(amount))) return Qfalse;
    } else {
        return Qfalse;
    }
    return counter_value(object);
}

/* A finite double of a Numeric. Raises ArgumentError. Other Numerics are asked for to_f. */
static double number(VALUE value, const char *what)
{
    double result = NAN;
    if (FIXNUM_P(value)) return (double)FIX2LONG(value);
    if (RB_FLOAT_TYPE_P(value)) {
        result = RFLOAT_VALUE(value);
    } else if (RTEST(rb_obj_is_kind_of(value, rb_cNumeric))) {
        result = NUM2DBL(value);
    } else {
        rb_raise(rb_eArgError, "%s must be numeric, got: %" PRIsVALUE, what, rb_obj_class(value));
    }
    if (!isfinite(result)) rb_raise(rb_eArgError, "%s must be finite, got: %" PRIsVALUE, what, value);
    return result;
}

static VALUE gauge_value(VALUE object)
{
    uint64_t cells[2];
    read_cells(get(object), cells);
    return number_of(tn_double_of_cell(cells[0]));
}

static VALUE gauge_set(VALUE object, VALUE value)
{
    double new_value = number(value, "Gauge value");
    tn_gauge_set(get(object)->series, new_value);
    return value;
}

static VALUE gauge_increment(int count, VALUE *arguments, VALUE object)
{
    rb_check_arity(count, 0, 1);
    double amount = count > 0 ? number(arguments[0], "Gauge increment amount") : 1;
    tn_gauge_add(get(object)->series, amount);
    return gauge_value(object);
}

static VALUE gauge_decrement(int count, VALUE *arguments, VALUE object)
{
    rb_check_arity(count, 0, 1);
    double amount = count > 0 ? number(arguments[0], "Gauge decrement amount") : 1;
    if (amount < 0) rb_raise(rb_eArgError, "Gauge decrement amount must be positive, got: %" PRIsVALUE, arguments[0]);
    tn_gauge_add(get(object)->series, -amount);
    return gauge_value(object);
}

static VALUE histogram_observe(VALUE object, VALUE value)
{
    double observed = number(value, "Observed value");
    tn_histogram_observe(get(object)->series, observed);
    return value;
}

static const tn_instrument_spec *spec_of(handle *self)
{
    return tn_instrument_spec_of(tn_series_instrument(self->series));
}

static VALUE histogram_count(VALUE object)
{
    uint64_t cells[TN_MAX_BOUNDS + 2], count = 0;
    handle *self = get(object);
    read_cells(self, cells);
    for (size_t i = 0; i <= spec_of(self)->bound_count; i++) count += cells[i];
    return ULL2NUM(count);
}

static VALUE histogram_sum(VALUE object)
{
    uint64_t cells[TN_MAX_BOUNDS + 2];
    handle *self = get(object);
    read_cells(self, cells);
    return DBL2NUM(tn_double_of_cell(cells[spec_of(self)->bound_count + 1]));
}

/* buckets -> { upper bound => how many were at most that }, with Float::INFINITY at the end */
static VALUE histogram_buckets(VALUE object)
{
    uint64_t cells[TN_MAX_BOUNDS + 2], count = 0;
    handle *self = get(object);
    const tn_instrument_spec *spec = spec_of(self);
    read_cells(self, cells);
    VALUE buckets = rb_hash_new();
    for (size_t i = 0; i <= spec->bound_count; i++) {
        count += cells[i];
        rb_hash_aset(buckets, DBL2NUM(i < spec->bound_count ? spec->bounds[i] : INFINITY), ULL2NUM(count));
    }
    return buckets;
}

/* reset! -> 0: as if this process had never recorded to it */
static VALUE handle_reset(VALUE object)
{
    tn_series_reset(get(object)->series);
    return INT2FIX(0);
}

static VALUE handle_name(VALUE object)
{
    return get(object)->name;
}

static VALUE handle_labels(VALUE object)
{
    return get(object)->labels;
}

static VALUE handle_created_at(VALUE object)
{
    return get(object)->created_at;
}

/* --- The whole ----------------------------------------------------------------------------------------- */

/* configure(directory or '', cardinality limit, exponential, spans) -> nil; exponential: whether histograms are counted so,
 * too; spans: whether those that end are measured */
static VALUE metrics_configure(VALUE self, VALUE directory, VALUE limit, VALUE exponential, VALUE spans)
{
    (void)self;
    Check_Type(directory, T_STRING);
    tn_metrics_options options = {
        .cardinality_limit = NUM2SIZET(limit),
        .directory = tn_text_of_string(directory),
        .exponential = RTEST(exponential),
    };
    if (tn_metrics_configure(tn_ruby.metrics, &options) != TN_OK) rb_memerror();
    if (tn_span_metrics_configure(tn_ruby.span_metrics, &options) != TN_OK) rb_memerror();
    tn_span_metrics_switch(tn_ruby.span_metrics, RTEST(spans));
    RB_GC_GUARD(directory);
    return Qnil;
}

/* open -> nil: this process holds the directory from now on, as if it had recorded something */
static VALUE metrics_open(VALUE self)
{
    tn_metrics_segments segments = tn_metrics_keep_segments(tn_ruby.metrics);
    tn_segment_free(segments.shared);
    tn_segment_free(segments.own);
    (void)self;
    return Qnil;
}

/* clear -> how many series there were */
static VALUE metrics_clear(VALUE self)
{
    (void)self;
    tn_metrics_stats stats;
    tn_metrics_stats_read(tn_ruby.metrics, &stats);
    tn_metrics_clear(tn_ruby.metrics);
    tn_span_metrics_clear(tn_ruby.span_metrics);
    return SIZET2NUM(stats.series);
}

static void list_handle(tn_series *series, void *list)
{
    void *user = *tn_series_user(series);
    if (user) rb_ary_push((VALUE)list, (VALUE)user);
}

/* handles -> the handles of all series of this process */
static VALUE metrics_handles(VALUE self)
{
    (void)self;
    VALUE list = rb_ary_new();
    tn_metrics_each(tn_ruby.metrics, list_handle, (void *)list);
    return list;
}

/* stats -> { instruments:, series:, overflowed:, damaged:, shared: } */
static VALUE metrics_stats(VALUE self)
{
    (void)self;
    tn_metrics_stats stats;
    tn_metrics_stats_read(tn_ruby.metrics, &stats);
    VALUE hash = rb_hash_new();
    tn_put(hash, "instruments", SIZET2NUM(stats.instruments));
    tn_put(hash, "series", SIZET2NUM(stats.series));
    tn_put(hash, "overflowed", ULL2NUM(stats.overflowed));
    tn_put(hash, "damaged", ULL2NUM(stats.damaged));
    tn_put(hash, "shared", stats.shared ? Qtrue : Qfalse);
    return hash;
}

/* take_remark -> a String that nobody has been told yet, or nil */
static VALUE metrics_take_remark(VALUE self)
{
    (void)self;
    char remark[TN_MAX_REMARK];
    static char last[TN_MAX_REMARK]; /* both registries have the same directory, and so the same to say */
    bool any = tn_metrics_take_remark(tn_ruby.metrics, remark) ||
               tn_span_metrics_take_remark(tn_ruby.span_metrics, remark);
    if (!any || strcmp(remark, last) == 0) return Qnil;
    memcpy(last, remark, sizeof(last));
    return tn_string_of_message(remark);
}

typedef struct {
    tn_segment *segments[4]; /* kept, to be added up; NULL: none */
    tn_snapshot snapshot;
    tn_buffer text;
    tn_text timestamp;
    ID format;
    tn_status status;
} export;

static ID id_prometheus, id_openmetrics, id_json, id_csv;

static void write_text(export *e)
{
    if (e->format == id_prometheus) tn_prometheus_text(&e->text, &e->snapshot);
    if (e->format == id_openmetrics) tn_openmetrics_text(&e->text, &e->snapshot);
    if (e->format == id_json) tn_metrics_json(&e->text, &e->snapshot);
    if (e->format == id_csv) e->status = tn_metrics_csv(&e->text, &e->snapshot, e->timestamp);
    if (e->status == TN_OK) e->status = e->text.status;
}

static void *export_without_gvl(void *argument)
{
    export *e = argument;
    for (size_t i = 0; i < 4 && e->status == TN_OK; i++) {
        if (e->segments[i]) e->status = tn_snapshot_add(&e->snapshot, e->segments[i]);
    }
    if (e->status == TN_OK) e->status = tn_snapshot_finish(&e->snapshot);
    if (e->status == TN_OK) write_text(e);
    return NULL;
}

static VALUE export_body(VALUE argument)
{
    export *e = (export *)argument;
    rb_thread_call_without_gvl(export_without_gvl, e, NULL, NULL);
    if (e->status != TN_OK) tn_raise(e->status, "metrics could not be written");
    return tn_string_of_text(tn_buffer_text(&e->text));
}

static VALUE export_ensure(VALUE argument)
{
    export *e = (export *)argument;
    tn_snapshot_free(&e->snapshot);
    for (size_t i = 0; i < 4; i++) tn_segment_free(e->segments[i]);
    tn_buffer_free(&e->text);
    return Qnil;
}

static void check_format(ID format)
{
    if (format == id_prometheus || format == id_openmetrics || format == id_json || format == id_csv) return;
    rb_raise(rb_eArgError, "no such format: %" PRIsVALUE ". There are :prometheus, :openmetrics, :json and :csv",
             ID2SYM(format));
}

static VALUE export_text(export *e, VALUE timestamp)
{
    e->timestamp = tn_text_of_string(timestamp);
    tn_snapshot_init(&e->snapshot);
    tn_buffer_init(&e->text, MAX_EXPORT);
    VALUE text = rb_ensure(export_body, (VALUE)e, export_ensure, (VALUE)e);
    RB_GC_GUARD(timestamp);
    return text;
}

/* The shared one is the same file for both, and counts once. */
static void keep_segments(export *e)
{
    tn_metrics_segments own = tn_metrics_keep_segments(tn_ruby.metrics),
                        spans = tn_span_metrics_keep_segments(tn_ruby.span_metrics);
    e->segments[0] = own.shared;
    e->segments[1] = own.own;
    e->segments[2] = own.shared ? NULL : spans.shared;
    e->segments[3] = spans.own;
    if (own.shared) tn_segment_free(spans.shared);
}

/* export(format, timestamp) -> a String of all that the application's processes have recorded. format: :prometheus,
 * :openmetrics, :json (without the bracket at its end), :csv; timestamp: a String, for csv. Works without the GVL. */
static VALUE metrics_export(VALUE self, VALUE format, VALUE timestamp)
{
    (void)self;
    Check_Type(format, T_SYMBOL);
    export e = {.format = SYM2ID(format)};
    check_format(e.format);
    timestamp = rb_str_new_frozen(StringValue(timestamp));
    keep_segments(&e);
    return export_text(&e, timestamp);
}

/* read(directory, format, timestamp) -> as export, of what is in a directory. Changes nothing there. Raises
 * SystemCallError, Tasker::Native::Error. */
static VALUE metrics_read(VALUE self, VALUE directory, VALUE format, VALUE timestamp)
{
    (void)self;
    Check_Type(directory, T_STRING);
    Check_Type(format, T_SYMBOL);
    export e = {.format = SYM2ID(format)};
    check_format(e.format);
    timestamp = rb_str_new_frozen(StringValue(timestamp));
    tn_status status = tn_segment_open_to_read(tn_text_of_string(directory), &e.segments[0]);
    if (status == TN_ERROR_SYSTEM) rb_sys_fail_str(directory);
    if (status != TN_OK) tn_raise(status, "metrics could not be read");
    RB_GC_GUARD(directory);
    return export_text(&e, timestamp);
}

/* --- Names --------------------------------------------------------------------------------------------- */

static VALUE define_handle(const char *name, tn_metric_type type)
{
    VALUE class = rb_define_class_under(tn_ruby.native, name, rb_cObject);
    rb_undef_alloc_func(class);
    rb_undef_method(rb_singleton_class(class), "new");
    rb_define_method(class, "name", handle_name, 0);
    rb_define_method(class, "labels", handle_labels, 0);
    rb_define_method(class, "created_at", handle_created_at, 0);
    rb_define_method(class, "reset!", handle_reset, 0);
    rb_gc_register_mark_object(class);
    return classes[type] = class;
}

static void define_handles(void)
{
    VALUE counter = define_handle("Counter", TN_COUNTER);
    rb_define_method(counter, "increment", counter_increment, -1);
    rb_define_method(counter, "value", counter_value, 0);

    VALUE gauge = define_handle("Gauge", TN_GAUGE);
    rb_define_method(gauge, "set", gauge_set, 1);
    rb_define_method(gauge, "increment", gauge_increment, -1);
    rb_define_method(gauge, "decrement", gauge_decrement, -1);
    rb_define_method(gauge, "value", gauge_value, 0);

    VALUE histogram = define_handle("Histogram", TN_HISTOGRAM);
    rb_define_method(histogram, "observe", histogram_observe, 1);
    rb_define_method(histogram, "count", histogram_count, 0);
    rb_define_method(histogram, "sum", histogram_sum, 0);
    rb_define_method(histogram, "buckets", histogram_buckets, 0);
}

void tn_init_metrics(void)
{
    tn_ruby.metrics = tn_metrics_new();
    if (!tn_ruby.metrics || tn_metrics_watch_forks(tn_ruby.metrics) != TN_OK) rb_memerror();
    tn_ruby.span_metrics = tn_span_metrics_new();
    if (!tn_ruby.span_metrics || tn_span_metrics_watch_forks(tn_ruby.span_metrics) != TN_OK) rb_memerror();
    tn_pipeline_measure(tn_ruby.pipeline, tn_ruby.span_metrics);
    registry = TypedData_Wrap_Struct(rb_cObject, &registry_type, tn_ruby.metrics);
    rb_gc_register_mark_object(registry);
    sym_value = ID2SYM(rb_intern("value"));
    sym_buckets = ID2SYM(rb_intern("buckets"));
    id_make_counter = rb_intern("make_counter");
    id_make_gauge = rb_intern("make_gauge");
    id_make_histogram = rb_intern("make_histogram");
    id_prometheus = rb_intern("prometheus");
    id_openmetrics = rb_intern("openmetrics");
    id_json = rb_intern("json");
    id_csv = rb_intern("csv");

    VALUE module = rb_define_module_under(tn_ruby.native, "Metrics");
    rb_define_module_function(module, "find", metrics_find, 3);
    rb_define_module_function(module, "declare", metrics_declare, 6);
    rb_define_module_function(module, "declared?", metrics_is_declared, 2);
    rb_define_module_function(module, "create", metrics_create, 2);
    rb_define_module_function(module, "configure", metrics_configure, 4);
    rb_define_module_function(module, "open", metrics_open, 0);
    rb_define_module_function(module, "clear", metrics_clear, 0);
    rb_define_module_function(module, "handles", metrics_handles, 0);
    rb_define_module_function(module, "stats", metrics_stats, 0);
    rb_define_module_function(module, "take_remark", metrics_take_remark, 0);
    rb_define_module_function(module, "export", metrics_export, 2);
    rb_define_module_function(module, "read", metrics_read, 3);
    define_handles();

    VALUE backend = rb_define_class_under(tn_ruby.native, "MetricsBackend", rb_cObject);
    rb_define_method(backend, "counter", backend_counter, -1);
    rb_define_method(backend, "gauge", backend_gauge, -1);
    rb_define_method(backend, "histogram", backend_histogram, -1);
}
