#ifndef TN_BINDING_H
#define TN_BINDING_H

#include "base/clock.h"
#include "event/event_line.h"
#include "event/key_table.h"
#include "export/pipeline.h"
#include "filter.h"
#include "ruby_compat.h"
#include "trace/span_manager.h"

/* What the extension's files share. Everything here runs with the GVL held, which is what serialises the parts of
 * the core that are not thread-safe. */
#define TN_SYMBOL_SLOTS 1024 /* a power of two */

typedef struct {
    VALUE symbol; /* one that is never collected; 0: none */
    tn_key *key;
} tn_symbol_slot;

typedef struct {
    tn_pipeline *pipeline; /* lives as long as the process */
    tn_metrics *metrics;   /* and so do both of these */
    tn_span_metrics *span_metrics;
    tn_moment clock; /* see tn_clock_now_kept */

    /* How payloads become attributes: see payload_walk.h. */
    tn_filter *filter; /* of the settings, inside of filter_object */
    VALUE filter_object;
    tn_key_table keys;
    tn_symbol_slot symbols[TN_SYMBOL_SLOTS]; /* of keys: looked at before their text is */
    bool stringify;
    tn_span_limits limits;
    tn_filter_counts filter_counts; /* of all filters of the settings, one after the other */

    /* Lines of events in the application's log: see line_writer.h. */
    struct {
        VALUE module; /* Tasker::Native::LogLine: what Ruby code has to say of lines */
        bool on;
        tn_line_level shown_from;
        tn_line_format format;
        VALUE environment, version; /* Strings */
    } lines;

    VALUE native;         /* the module Tasker::Native */
    VALUE time_with_zone; /* ActiveSupport's class, once an object of it was seen; or Qnil */
    VALUE event_class;
    VALUE unregistered_event_error, too_many_events_error;
} tn_binding;

extern tn_binding tn_ruby;

void tn_init_ruby_text(void);
void tn_init_payload(void);
void tn_init_parameter_filter(void);
void tn_init_pipeline(void);
void tn_init_collector(void);
void tn_init_spool(void);
void tn_init_span_manager(void);
void tn_init_payload_builder(void);
void tn_init_line_writer(void);
void tn_init_event_table(void);
void tn_init_publisher(void);
void tn_init_metrics(void);
void tn_init_periodic_reader(void);

/* Calls function(argument). What application code raises for reasons of its own (StandardError, ScriptError,
 * SystemStackError, NoMemoryError) gives `fallback`; everything else (Interrupt, SystemExit, throw, Thread#kill,
 * a Timeout of the caller) passes through. */
VALUE tn_isolate(VALUE (*function)(VALUE), VALUE argument, VALUE fallback);

/* The same, and on_error(argument, exception) is called with what was raised; its value is the result. */
VALUE tn_isolate_reporting(VALUE (*function)(VALUE), VALUE argument, VALUE (*on_error)(VALUE, VALUE));

/* What the object answers; Qundef when it has no such method. A public one is called at once: rb_check_funcall would ask
 * respond_to? of ActiveRecord, which takes longer than most answers. May raise. */
static inline VALUE tn_ask(VALUE object, ID method, int argc, VALUE *argv)
{
    if (rb_method_boundp(CLASS_OF(object), method, 1)) return rb_funcallv(object, method, argc, argv);
    return rb_check_funcall(object, method, argc, argv);
}

/* As Tasker::Native::Answer.in_memory, which says how: what asks no database, or Qnil. May raise. */
VALUE tn_answer_in_memory(VALUE object, VALUE attribute);

/* Raises NoMemoryError for TN_ERROR_MEMORY, else a Tasker::Native::Error that says what was done. */
void tn_raise(tn_status status, const char *doing) __attribute__((noreturn));

/* The bytes of a String; it must stay referenced. */
static inline tn_text tn_text_of_string(VALUE string)
{
    return (tn_text){RSTRING_PTR(string), (size_t)RSTRING_LEN(string)};
}

static inline VALUE tn_string_of_text(tn_text text)
{
    return rb_utf8_str_new(text.bytes, (long)text.size);
}

/* Entries of Hashes whose keys are Symbols. tn_fetch raises KeyError. */
static inline VALUE tn_fetch(VALUE hash, const char *name)
{
    return rb_hash_fetch(hash, ID2SYM(rb_intern(name)));
}

static inline void tn_put(VALUE hash, const char *name, VALUE value)
{
    rb_hash_aset(hash, ID2SYM(rb_intern(name)), value);
}

/* The filter inside a Tasker::Native::ParameterFilter. Raises TypeError for anything else. */
tn_filter *tn_filter_of(VALUE object);

/* The span manager inside a Tasker::Native::SpanManager. Raises TypeError for anything else. */
tn_span_manager *tn_span_manager_of(VALUE object);

#endif
