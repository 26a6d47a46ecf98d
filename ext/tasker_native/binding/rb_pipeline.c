#include "base/clock.h"
#include "base/process.h"
#include "binding.h"
#include "export/http_client.h"
#include "payload_walk.h"
#include "ruby_text.h"

#include <unistd.h>

/* Tasker::Native::Pipeline: from finished spans to the collector. A module, since a process has one. */

#define MEMORY_EXPORTER_SIZE (16 * 1024 * 1024)

static VALUE get_string(VALUE options, const char *name)
{
    VALUE string = tn_fetch(options, name);
    return StringValue(string);
}

static uint64_t get_duration(VALUE options, const char *name)
{
    return tn_clock_duration(NUM2DBL(tn_fetch(options, name)));
}

static uint64_t deadline_in(VALUE seconds)
{
    return tn_clock_monotonic() + tn_clock_duration(NUM2DBL(seconds));
}

/* --- configure ----------------------------------------------------------------------------------------- */

typedef struct {
    VALUE options;
    VALUE exporters; /* Array of Symbol */
    VALUE strings;   /* Array that keeps alive what is borrowed */
    tn_walk resource;
    tn_encoder_options encoding;
    tn_pipeline_options pipeline;
    tn_exporter *made[TN_MAX_EXPORTERS];
    size_t made_count;
} configuration;

static tn_text borrow(configuration *c, const char *name)
{
    VALUE string = rb_str_new_frozen(get_string(c->options, name)); /* later coercions may change the caller's */
    rb_ary_push(c->strings, string);
    return tn_text_of_string(string);
}

static tn_status make_otlp(configuration *c, tn_exporter **exporter_out)
{
    tn_otlp_exporter_options options = {
        .encoding = c->encoding,
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
        .timeout = get_duration(c->options, "otlp_timeout"),
        .spool = tn_pipeline_spool(tn_ruby.pipeline),
        .checkpoint = tn_pipeline_checkpoint(tn_ruby.pipeline),
    };
    return tn_otlp_exporter_new(&options, exporter_out);
}

static tn_status make_file(configuration *c, tn_exporter **exporter_out)
{
    tn_file_exporter_options options = {
        .encoding = c->encoding,
        .path = borrow(c, "trace_file"),
        .max_size = NUM2SIZET(tn_fetch(c->options, "trace_file_max_size")),
    };
    return tn_file_exporter_new(&options, exporter_out);
}

static tn_status make_exporter(configuration *c, VALUE name, tn_exporter **exporter_out)
{
    ID id = SYM2ID(name);
    if (id == rb_intern("otlp")) return make_otlp(c, exporter_out);
    if (id == rb_intern("file")) return make_file(c, exporter_out);
    if (id == rb_intern("console")) return tn_console_exporter_new(&c->encoding, STDOUT_FILENO, exporter_out);
    if (id == rb_intern("memory")) return tn_memory_exporter_new(&c->encoding, MEMORY_EXPORTER_SIZE, exporter_out);
    rb_raise(rb_eArgError, "no such exporter: %" PRIsVALUE, rb_inspect(name));
}

static VALUE make_exporters(VALUE argument)
{
    configuration *c = (configuration *)argument;
    tn_walk_hash(&c->resource, tn_fetch(c->options, "resource"));
    c->pipeline.spool = (tn_spool_options){
        .directory = borrow(c, "spool_directory"),
        .max_bytes = NUM2ULL(tn_fetch(c->options, "spool_max_bytes")),
        .max_age = get_duration(c->options, "spool_max_age"),
    };
    c->encoding = (tn_encoder_options){
        .prefix = borrow(c, "prefix"),
        .resource = tn_walk_pairs(&c->resource, false),
        .scope_version = borrow(c, "version"),
        .attribute_limit = NUM2UINT(tn_fetch(c->options, "attribute_limit")),
    };
    for (long i = 0; i < RARRAY_LEN(c->exporters) && i < TN_MAX_EXPORTERS; i++) {
        tn_status status = make_exporter(c, RARRAY_AREF(c->exporters, i), &c->made[c->made_count]);
        if (status != TN_OK) tn_raise(status, "an exporter could not be made");
        c->made_count++;
    }
    return Qnil;
}

static VALUE give_up(VALUE argument)
{
    configuration *c = (configuration *)argument;
    for (size_t i = 0; i < c->made_count; i++) c->made[i]->free(c->made[i]);
    tn_walk_free(&c->resource);
    return Qnil;
}

static void *configure_without_gvl(void *argument)
{
    configuration *c = argument;
    tn_pipeline_configure(tn_ruby.pipeline, &c->pipeline, c->made, c->made_count);
    c->made_count = 0;
    return NULL;
}

static VALUE configure_body(VALUE argument)
{
    make_exporters(argument);
    rb_thread_call_without_gvl(configure_without_gvl, (void *)argument, NULL, NULL);
    return Qnil;
}

/* configure(options) -> nil
 *
 * Replaces exporters and queue settings; every option must be there. Blocks, without the GVL, until a batch that is
 * under way has come back. */
static VALUE pipeline_configure(VALUE self, VALUE options)
{
    (void)self;
    Check_Type(options, T_HASH);
    options = rb_hash_dup(options); /* the coercions below are application code, which may change it */
    configuration c = {.options = options, .exporters = tn_fetch(options, "exporters"), .strings = rb_ary_new()};
    Check_Type(c.exporters, T_ARRAY);
    c.exporters = rb_ary_dup(c.exporters);
    for (long i = 0; i < RARRAY_LEN(c.exporters); i++) Check_Type(RARRAY_AREF(c.exporters, i), T_SYMBOL);
    Check_Type(tn_fetch(options, "resource"), T_HASH);
    c.pipeline = (tn_pipeline_options){
        .max_queue_size = NUM2SIZET(tn_fetch(options, "max_queue_size")),
        .max_queue_bytes = NUM2SIZET(tn_fetch(options, "max_queue_bytes")),
        .max_export_batch_size = NUM2SIZET(tn_fetch(options, "max_export_batch_size")),
        .schedule_delay = get_duration(options, "schedule_delay"),
    };
    tn_walk_init(&c.resource, false);
    tn_payload_writer_init(&c.resource.writer, &c.resource.buffer, 0, 0); /* limits are for spans */
    rb_ensure(configure_body, (VALUE)&c, give_up, (VALUE)&c);
    RB_GC_GUARD(c.strings);
    RB_GC_GUARD(options);
    return Qnil;
}

/* --- flush and shutdown -------------------------------------------------------------------------------- */

typedef struct {
    void *(*wait)(void *self); /* without the GVL */
    uint64_t deadline, grace;
    atomic_bool cancelled;
    bool result;
} waiting;

static void *wait_for_flush(void *argument)
{
    waiting *w = argument;
    w->result = tn_pipeline_flush(tn_ruby.pipeline, w->deadline, &w->cancelled);
    return NULL;
}

static void *wait_for_shutdown(void *argument)
{
    waiting *w = argument;
    w->result = tn_pipeline_shutdown(tn_ruby.pipeline, w->deadline, w->grace, &w->cancelled);
    return NULL;
}

static void cancel(void *argument)
{
    atomic_store(&((waiting *)argument)->cancelled, true);
    tn_pipeline_wake(tn_ruby.pipeline);
}

/* Any signal wakes it; what does not raise (a trap of the application's, the end of a child) is no reason to stop. */
static VALUE wait_for(waiting *w)
{
    do {
        atomic_store(&w->cancelled, false);
        rb_thread_call_without_gvl(w->wait, w, cancel, w);
        rb_thread_check_ints();
    } while (!w->result && atomic_load(&w->cancelled) && tn_clock_monotonic() < w->deadline);
    return w->result ? Qtrue : Qfalse;
}

/* start -> nil: the worker begins, though there is no span, for what lies in the spool */
static VALUE pipeline_start(VALUE self)
{
    (void)self;
    tn_pipeline_start(tn_ruby.pipeline);
    return Qnil;
}

/* flush(seconds) -> true once nothing is in flight */
static VALUE pipeline_flush(VALUE self, VALUE seconds)
{
    (void)self;
    return wait_for(&(waiting){.wait = wait_for_flush, .deadline = deadline_in(seconds)});
}

/* shutdown(seconds, grace = 2.0) -> true when no span of this process was lost. grace: more seconds for what is then
 * interrupted */
static VALUE pipeline_shutdown(int count, VALUE *arguments, VALUE self)
{
    (void)self;
    rb_check_arity(count, 1, 2);
    uint64_t grace = count == 2 ? tn_clock_duration(NUM2DBL(arguments[1])) : TN_STOP_GRACE;
    return wait_for(&(waiting){.wait = wait_for_shutdown, .deadline = deadline_in(arguments[0]), .grace = grace});
}

/* --- What it tells ------------------------------------------------------------------------------------- */

static void put_number(VALUE hash, const char *name, uint64_t value)
{
    tn_put(hash, name, ULL2NUM(value));
}

static VALUE exporters_of(const tn_pipeline_stats *stats)
{
    VALUE exporters = rb_hash_new();
    for (size_t i = 0; i < stats->exporter_count; i++) {
        VALUE one = rb_hash_new();
        put_number(one, "exported", stats->exporters[i].exported);
        put_number(one, "dropped", stats->exporters[i].dropped);
        tn_put(exporters, stats->exporters[i].name, one);
    }
    return exporters;
}

static VALUE spool_of(const tn_pipeline_stats *stats)
{
    VALUE spool = rb_hash_new();
    put_number(spool, "segments", stats->spool.segments);
    put_number(spool, "bytes", stats->spool.bytes);
    put_number(spool, "synced", stats->spool.synced);
    put_number(spool, "damaged", stats->spool.damaged);
    put_number(spool, "errors", stats->spool.errors);
    return spool;
}

/* stats -> { accepted:, exported:, spooled:, in_flight:, dropped: { reason: Integer }, queued:, queued_bytes:, spool:,
 * exporters: } */
static VALUE pipeline_stats(VALUE self)
{
    (void)self;
    tn_pipeline_stats stats;
    tn_pipeline_stats_read(tn_ruby.pipeline, &stats);

    VALUE hash = rb_hash_new(), dropped = rb_hash_new();
    for (int reason = 0; reason < TN_DROP_COUNT; reason++)
        put_number(dropped, tn_drop_name(reason), stats.dropped[reason]);
    put_number(hash, "accepted", stats.accepted);
    put_number(hash, "exported", stats.exported);
    put_number(hash, "spooled", stats.spooled);
    put_number(hash, "in_flight", stats.in_flight);
    tn_put(hash, "dropped", dropped);
    put_number(hash, "queued", stats.queued);
    put_number(hash, "queued_bytes", stats.queued_bytes);
    tn_put(hash, "spool", spool_of(&stats));
    tn_put(hash, "exporters", exporters_of(&stats));
    return hash;
}

/* clear -> nil: forgets open spans and accounts; for tests */
static VALUE pipeline_clear(VALUE self)
{
    (void)self;
    tn_pipeline_clear(tn_ruby.pipeline);
    return Qnil;
}

/* take_memory -> String (requests in OTLP's JSON form, one a line), or nil without the exporter :memory */
static VALUE pipeline_take_memory(VALUE self)
{
    (void)self;
    tn_buffer taken;
    if (!tn_pipeline_take_memory(tn_ruby.pipeline, &taken)) return Qnil;

    VALUE string = tn_string_of_text(tn_buffer_text(&taken));
    tn_buffer_free(&taken);
    return string;
}

/* --- Its log ------------------------------------------------------------------------------------------- */

static void *wait_for_line(void *deadline)
{
    tn_log_ring_wait(tn_pipeline_log(tn_ruby.pipeline), *(uint64_t *)deadline);
    return NULL;
}

static void wake_log(void *unused)
{
    (void)unused;
    tn_log_ring_wake(tn_pipeline_log(tn_ruby.pipeline));
}

/* next_log_line(seconds) -> [level, text], or nil when there is none for so long. Waits without the GVL. */
static VALUE pipeline_next_log_line(VALUE self, VALUE seconds)
{
    (void)self;
    static const char *const levels[] = {[TN_LOG_INFO] = "info", [TN_LOG_WARN] = "warn", [TN_LOG_ERROR] = "error"};
    uint64_t deadline = deadline_in(seconds);
    rb_thread_call_without_gvl(wait_for_line, &deadline, wake_log, NULL);
    rb_thread_check_ints();

    tn_log_line line;
    if (!tn_log_ring_take(tn_pipeline_log(tn_ruby.pipeline), &line)) return Qnil;
    return rb_assoc_new(ID2SYM(rb_intern(levels[line.level])), tn_string_of_message(line.text));
}

/* --- Forks --------------------------------------------------------------------------------------------- */

static VALUE pipeline_pause(VALUE self, VALUE seconds)
{
    (void)self;
    tn_pipeline_pause(tn_ruby.pipeline, deadline_in(seconds));
    return Qnil;
}

static VALUE pipeline_resume(VALUE self)
{
    (void)self;
    tn_pipeline_resume(tn_ruby.pipeline);
    return Qnil;
}

/* forks -> Integer: how many forks lie between the first process and this one */
static VALUE pipeline_forks(VALUE self)
{
    (void)self;
    return UINT2NUM(tn_process_generation());
}

void tn_init_pipeline(void)
{
    tn_pipeline_options nothing_yet = {
        .max_queue_size = 1, .max_queue_bytes = 1, .max_export_batch_size = 1, .schedule_delay = TN_SECOND};
    tn_http_global_init();
    tn_ruby.pipeline = tn_pipeline_new(&nothing_yet);
    if (!tn_ruby.pipeline || tn_pipeline_watch_forks(tn_ruby.pipeline) != TN_OK) rb_memerror();

    VALUE module = rb_define_module_under(tn_ruby.native, "Pipeline");
    rb_define_module_function(module, "configure", pipeline_configure, 1);
    rb_define_module_function(module, "start", pipeline_start, 0);
    rb_define_module_function(module, "flush", pipeline_flush, 1);
    rb_define_module_function(module, "shutdown", pipeline_shutdown, -1);
    rb_define_module_function(module, "stats", pipeline_stats, 0);
    rb_define_module_function(module, "clear", pipeline_clear, 0);
    rb_define_module_function(module, "take_memory", pipeline_take_memory, 0);
    rb_define_module_function(module, "next_log_line", pipeline_next_log_line, 1);
    rb_define_module_function(module, "pause", pipeline_pause, 1);
    rb_define_module_function(module, "resume", pipeline_resume, 0);
    rb_define_module_function(module, "forks", pipeline_forks, 0);
}
