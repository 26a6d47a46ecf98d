#include "binding.h"

tn_binding tn_ruby;

typedef struct {
    VALUE argument;
    VALUE fallback;
    VALUE (*on_error)(VALUE, VALUE);
} isolation;

static VALUE handle_error(VALUE argument, VALUE exception)
{
    isolation *isolation = (void *)argument;
    if (isolation->on_error) return isolation->on_error(isolation->argument, exception);
    return isolation->fallback;
}

static VALUE isolate(VALUE (*function)(VALUE), isolation *isolation)
{
    return rb_rescue2(function, isolation->argument, handle_error, (VALUE)isolation, rb_eStandardError, rb_eScriptError,
                      rb_eSysStackError, rb_eNoMemError, (VALUE)0);
}

VALUE tn_isolate(VALUE (*function)(VALUE), VALUE argument, VALUE fallback)
{
    return isolate(function, &(isolation){argument, fallback, NULL});
}

VALUE tn_isolate_reporting(VALUE (*function)(VALUE), VALUE argument, VALUE (*on_error)(VALUE, VALUE))
{
    return isolate(function, &(isolation){argument, Qnil, on_error});
}

void tn_raise(tn_status status, const char *doing)
{
    if (status == TN_ERROR_MEMORY) rb_memerror();
    rb_raise(rb_const_get(tn_ruby.native, rb_intern("Error")), "%s: %s", doing, tn_status_text(status));
}

RUBY_FUNC_EXPORTED void Init_tasker_native(void);

void Init_tasker_native(void)
{
    VALUE tasker = rb_define_module("Tasker");
    tn_ruby.native = rb_define_module_under(tasker, "Native");
    rb_gc_register_mark_object(tn_ruby.native);

    tn_init_ruby_text();
    tn_init_parameter_filter();
    tn_init_payload();
    tn_init_pipeline();
    tn_init_collector();
    tn_init_spool();
    tn_init_span_manager();
    tn_init_payload_builder();
    tn_init_line_writer();
    tn_init_event_table();
    tn_init_publisher();
    tn_init_metrics();
    tn_init_periodic_reader();
}
