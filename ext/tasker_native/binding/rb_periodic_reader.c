#include "binding.h"
#include "export/periodic_reader.h"
#include "payload_walk.h"
#include "ruby_text.h"

/* Tasker::Native::PeriodicReader: metrics of this process leave by OTLP. A module, since a process has one. */

static tn_periodic_reader *reader;

/* --- configure ----------------------------------------------------------------------------------------- */

typedef struct {
    VALUE options;
    VALUE strings; /* Array that keeps alive what is borrowed */
    tn_walk resource;
    tn_periodic_reader_options made;
    tn_status status;
} configuration;

static tn_text borrow(configuration *c, const char *name)
{
    VALUE string = tn_fetch(c->options, name);
    string = rb_str_new_frozen(StringValue(string)); /* later coercions may change the caller's */
    rb_ary_push(c->strings, string);
    return tn_text_of_string(string);
}

static uint64_t duration(configuration *c, const char *name)
{
    return tn_clock_duration(NUM2DBL(tn_fetch(c->options, name)));
}

static void *configure_without_gvl(void *argument)
{
    configuration *c = argument;
    c->status = tn_periodic_reader_configure(reader, &c->made);
    return NULL;
}

static VALUE configure_body(VALUE argument)
{
    configuration *c = (configuration *)argument;
    tn_walk_hash(&c->resource, tn_fetch(c->options, "resource"));
    c->made = (tn_periodic_reader_options){
        .encoding = {.resource = tn_walk_pairs(&c->resource, false), .scope_version = borrow(c, "version")},
        .client =
            {
                .url = borrow(c, "otlp_url"),
                .headers = borrow(c, "otlp_headers"),
                .user_agent = borrow(c, "user_agent"),
                .certificate = borrow(c, "otlp_certificate"),
                .client_certificate = borrow(c, "otlp_client_certificate"),
                .client_key = borrow(c, "otlp_client_key"),
            },
        .gzip = RTEST(tn_fetch(c->options, "otlp_gzip")),
        .timeout = duration(c, "otlp_timeout"),
        .interval = duration(c, "interval"),
        .delta = RTEST(tn_fetch(c->options, "delta")),
    };
    rb_thread_call_without_gvl(configure_without_gvl, c, NULL, NULL);
    if (c->status != TN_OK) tn_raise(c->status, "metrics can't be exported");
    return Qnil;
}

static VALUE free_resource(VALUE argument)
{
    tn_walk_free(&((configuration *)argument)->resource);
    return Qnil;
}

static void *stop_without_gvl(void *unused)
{
    (void)unused;
    return tn_periodic_reader_configure(reader, NULL) == TN_OK ? NULL : reader;
}

/* configure(options or nil) -> nil
 *
 * Every option must be there; nil: nothing is sent any more. Blocks, without the GVL, until a request that is under way was
 * interrupted. */
static VALUE reader_configure(VALUE self, VALUE options)
{
    (void)self;
    if (NIL_P(options)) {
        rb_thread_call_without_gvl(stop_without_gvl, NULL, NULL, NULL);
        return Qnil;
    }
    Check_Type(options, T_HASH);
    configuration c = {.options = rb_hash_dup(options), .strings = rb_ary_new()};
    Check_Type(tn_fetch(c.options, "resource"), T_HASH);
    tn_walk_init(&c.resource, false);
    tn_payload_writer_init(&c.resource.writer, &c.resource.buffer, 0, 0); /* limits are for spans */
    rb_ensure(configure_body, (VALUE)&c, free_resource, (VALUE)&c);
    RB_GC_GUARD(c.strings);
    RB_GC_GUARD(c.options);
    return Qnil;
}

/* --- flush and shutdown -------------------------------------------------------------------------------- */

typedef struct {
    uint64_t deadline;
    atomic_bool cancelled;
    bool ends, result;
} waiting;

static void *wait_without_gvl(void *argument)
{
    waiting *w = argument;
    w->result = (w->ends ? tn_periodic_reader_shutdown : tn_periodic_reader_flush)(reader, w->deadline, &w->cancelled);
    return NULL;
}

static void cancel(void *argument)
{
    atomic_store(&((waiting *)argument)->cancelled, true);
    tn_periodic_reader_wake(reader);
}

static VALUE wait_for(waiting *w)
{
    do {
        atomic_store(&w->cancelled, false);
        rb_thread_call_without_gvl(wait_without_gvl, w, cancel, w);
        rb_thread_check_ints();
    } while (!w->result && atomic_load(&w->cancelled) && tn_clock_monotonic() < w->deadline);
    return w->result ? Qtrue : Qfalse;
}

static uint64_t deadline_in(VALUE seconds)
{
    return tn_clock_monotonic() + tn_clock_duration(NUM2DBL(seconds));
}

/* flush(seconds) -> true: what was recorded was sent, or could not be sent; false: time ran out */
static VALUE reader_flush(VALUE self, VALUE seconds)
{
    (void)self;
    return wait_for(&(waiting){.deadline = deadline_in(seconds)});
}

/* shutdown(seconds) -> as flush; then nothing is sent any more */
static VALUE reader_shutdown(VALUE self, VALUE seconds)
{
    (void)self;
    return wait_for(&(waiting){.deadline = deadline_in(seconds), .ends = true});
}

/* stats -> { requests:, points:, failed:, rejected:, running: } */
static VALUE reader_stats(VALUE self)
{
    (void)self;
    tn_periodic_reader_stats stats;
    tn_periodic_reader_stats_read(reader, &stats);
    VALUE hash = rb_hash_new();
    tn_put(hash, "requests", ULL2NUM(stats.requests));
    tn_put(hash, "points", ULL2NUM(stats.points));
    tn_put(hash, "failed", ULL2NUM(stats.failed));
    tn_put(hash, "rejected", ULL2NUM(stats.rejected));
    tn_put(hash, "running", stats.running ? Qtrue : Qfalse);
    return hash;
}

void tn_init_periodic_reader(void)
{
    reader = tn_periodic_reader_new(tn_ruby.metrics, tn_ruby.span_metrics, tn_pipeline_log(tn_ruby.pipeline));
    if (!reader || tn_periodic_reader_watch_forks(reader) != TN_OK) rb_memerror();

    VALUE module = rb_define_module_under(tn_ruby.native, "PeriodicReader");
    rb_define_module_function(module, "configure", reader_configure, 1);
    rb_define_module_function(module, "flush", reader_flush, 1);
    rb_define_module_function(module, "shutdown", reader_shutdown, 1);
    rb_define_module_function(module, "stats", reader_stats, 0);
}
