#include "base/clock.h"
#include "binding.h"
#include "export/http_client.h"
#include "ruby_text.h"

/* Tasker::Native::Collector: whether it can be reached, for people. */

typedef struct {
    tn_http_client *client;
    tn_http_request request;
    tn_http_response response;
    tn_http_timing timing;
    tn_status status;
} probing;

static tn_text fetch_text(VALUE options, const char *name, VALUE strings)
{
    VALUE string = rb_str_new_frozen(rb_str_to_str(tn_fetch(options, name)));
    rb_ary_push(strings, string);
    return tn_text_of_string(string);
}

static void *probe_without_gvl(void *argument)
{
    probing *p = argument;
    p->status = tn_http_client_post(p->client, &p->request, &p->response);
    tn_http_timing_read(p->client, &p->timing);
    return NULL;
}

static void stop(void *argument)
{
    tn_http_client_interrupt(((probing *)argument)->client);
}

static VALUE probe_body(VALUE argument)
{
    rb_thread_call_without_gvl(probe_without_gvl, (void *)argument, stop, (void *)argument);
    rb_thread_check_ints();
    return Qnil;
}

static VALUE probe_ensure(VALUE argument)
{
    probing *p = (probing *)argument;
    tn_buffer_free(&p->response.body);
    tn_http_client_free(p->client);
    return Qnil;
}

static VALUE text_or_nil(const char *text)
{
    return text[0] ? tn_string_of_message(text) : Qnil;
}

/* An ExportTraceServiceRequest without spans has no bytes. Compressed, they are these (RFC 1952). */
static const uint8_t EMPTY_GZIP[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0};

static VALUE findings(const probing *p)
{
    VALUE found = rb_hash_new();
    tn_put(found, "status", p->status == TN_OK ? LONG2NUM(p->response.status) : Qnil);
    tn_put(found, "error", text_or_nil(p->response.error));
    tn_put(found, "address", text_or_nil(p->timing.address));
    tn_put(found, "resolved", DBL2NUM(p->timing.resolved));
    tn_put(found, "connected", DBL2NUM(p->timing.connected));
    tn_put(found, "secured", DBL2NUM(p->timing.secured));
    tn_put(found, "answered", DBL2NUM(p->timing.answered));
    tn_put(found, "date", p->timing.date > 0 ? LL2NUM(p->timing.date) : Qnil);
    return found;
}

/* probe(options, seconds) -> { status:, error:, address:, resolved:, connected:, secured:, answered:, date: }
 *
 * Exports no spans, over a connection of its own, as the exporter would (options: those of Pipeline.configure). Seconds
 * since the beginning are 0.0 for what was not reached; date: what the collector's clock says, in seconds since 1970, or
 * nil. Waits without the GVL, and can be interrupted. */
static VALUE collector_probe(VALUE self, VALUE options, VALUE seconds)
{
    (void)self;
    Check_Type(options, T_HASH);
    VALUE strings = rb_ary_new();
    tn_http_client_options client_options = {
        .url = fetch_text(options, "otlp_url", strings),
        .headers = fetch_text(options, "otlp_headers", strings),
        .user_agent = fetch_text(options, "user_agent", strings),
        .certificate = fetch_text(options, "otlp_certificate", strings),
        .client_certificate = fetch_text(options, "otlp_client_certificate", strings),
        .client_key = fetch_text(options, "otlp_client_key", strings),
    };
    bool gzip = RTEST(tn_fetch(options, "otlp_gzip"));
    probing p = {
        .request = {.body = gzip ? (tn_text){(const char *)EMPTY_GZIP, sizeof(EMPTY_GZIP)} : TN_TEXT(""),
                    .content_type = "application/x-protobuf",
                    .content_encoding = gzip ? "gzip" : NULL,
                    .deadline = tn_clock_monotonic() + tn_clock_duration(NUM2DBL(seconds))},
    };
    tn_status status = tn_http_client_new(&client_options, &p.client);
    if (status != TN_OK) tn_raise(status, "the collector can't be asked");
    rb_ensure(probe_body, (VALUE)&p, probe_ensure, (VALUE)&p);
    RB_GC_GUARD(strings);
    return findings(&p);
}

/* libcurl -> String: its version, and those of what it was built with */
static VALUE collector_libcurl(VALUE self)
{
    (void)self;
    return rb_utf8_str_new_cstr(tn_http_version());
}

void tn_init_collector(void)
{
    VALUE module = rb_define_module_under(tn_ruby.native, "Collector");
    rb_define_module_function(module, "probe", collector_probe, 2);
    rb_define_module_function(module, "libcurl", collector_libcurl, 0);
}
