#include "line_writer.h"

#include "base/utf8.h"
#include "trace/seal.h"

#include <unistd.h>

#define LEVELS 5

static ID level_methods[LEVELS], level_questions[LEVELS];
static ID id_logger, id_component, id_component_of, id_correlation_id, id_request_id, id_text, id_write_failure;
static ID id_task, id_association, id_loaded, id_target;
static ID id_current, id_correlation_id_of_thread;
static VALUE sym_task, sym_status, sym_name;

/* Of fields that are not in the payload, and not ours either: the filter is asked for them here. */
static struct {
    tn_key *correlation_id, *request_id, *step_status, *task_status, *task_name;
} key;

/* --- Whether it is shown ------------------------------------------------------------------------------- */

static VALUE logger(void)
{
    return rb_funcall(tn_ruby.lines.module, id_logger, 0);
}

static VALUE ask_logger(VALUE level)
{
    VALUE asked = logger();
    if (NIL_P(asked)) return Qfalse;
    VALUE shown = tn_ask(asked, level_questions[FIX2INT(level)], 0, NULL);
    return shown == Qundef || RTEST(shown) ? Qtrue : Qfalse;
}

bool tn_line_is_shown(tn_line_level level)
{
    if (!tn_ruby.lines.on || level < tn_ruby.lines.shown_from) return false;
    return tn_isolate(ask_logger, INT2FIX(level), Qfalse) == Qtrue;
}

/* --- What belongs into it ------------------------------------------------------------------------------ */

/* As a String of valid UTF-8; nil stays nil. */
static VALUE text_of(VALUE object)
{
    if (NIL_P(object)) return Qnil;
    if (RB_TYPE_P(object, T_STRING)) {
        int range = rb_enc_str_coderange(object);
        if (range == ENC_CODERANGE_7BIT && rb_enc_asciicompat(rb_enc_get(object))) return object;
        if (range == ENC_CODERANGE_VALID && rb_enc_get(object) == rb_utf8_encoding()) return object;
    }
    return rb_funcall(tn_ruby.lines.module, id_text, 1, object);
}

/* Another thread may have changed the String since it was looked at. */
static tn_text bytes_of(VALUE string)
{
    if (!RB_TYPE_P(string, T_STRING)) return TN_NO_TEXT;
    tn_text text = tn_text_of_string(string);
    return (tn_text){text.bytes, tn_utf8_valid_prefix(text)};
}

/* The text of what stands in a line under a key of ours, filtered as if it were in the payload; nil stays nil. */
static VALUE shown(tn_walk *walk, tn_key *key, VALUE object)
{
    if (NIL_P(object)) return Qnil;
    if (tn_walk_masks(walk, key)) return tn_string_of_text(tn_filter_mask_text(walk->filter));

    VALUE text = text_of(object);
    if (NIL_P(text)) return Qnil;
    if (!NIL_P(walk->filter->procs)) walk->key = tn_string_of_text(key->name.text);
    return tn_walk_clean_string(walk, text_of(tn_walk_leaf(walk, text)));
}

/* Kept in the class, under a name that Ruby code can't have. */
static VALUE component_of(VALUE host)
{
    VALUE class = rb_obj_class(host), known = rb_attr_get(class, id_component);
    if (!NIL_P(known)) return known;

    VALUE component = text_of(rb_funcall(tn_ruby.lines.module, id_component_of, 1, class));
    if (!OBJ_FROZEN(class)) rb_ivar_set(class, id_component, component);
    return component;
}

static VALUE correlation_id(tn_walk *walk, VALUE thread)
{
    VALUE known = rb_thread_local_aref(thread, id_correlation_id_of_thread);
    if (NIL_P(known)) known = rb_funcall(tn_ruby.lines.module, id_correlation_id, 0);
    return shown(walk, key.correlation_id, known);
}

static VALUE request_id(tn_walk *walk)
{
    if (!rb_const_defined(rb_cObject, id_current)) return Qnil;
    return shown(walk, key.request_id, rb_funcall(tn_ruby.lines.module, id_request_id, 0));
}

/* The task of a step, unless it would have to be loaded. */
static VALUE task_of(VALUE step)
{
    VALUE association = tn_ask(step, id_association, 1, &sym_task);
    if (association == Qundef) {
        VALUE task = tn_ask(step, id_task, 0, NULL);
        return task == Qundef ? Qnil : task;
    }
    return RTEST(rb_funcall(association, id_loaded, 0)) ? rb_funcall(association, id_target, 0) : Qnil;
}

typedef struct {
    const tn_line_origin *origin;
    tn_walk *walk;
    VALUE status, task_name;
} writing;

static VALUE answer(const writing *w, tn_key *known, VALUE object, VALUE attribute)
{
    return shown(w->walk, known, tn_answer_in_memory(object, attribute));
}

/* Whatever raises is left out. */
static VALUE ask_about(VALUE argument)
{
    writing *w = (writing *)argument;
    VALUE about = w->origin->about;
    tn_event_entity entity = tn_event_entity_of(w->origin->event);
    if (entity == TN_ENTITY_STEP) w->status = answer(w, key.step_status, about, sym_status);
    if (entity == TN_ENTITY_TASK) w->status = answer(w, key.task_status, about, sym_status);
    if (entity != TN_ENTITY_STEP) return Qnil;

    VALUE task = task_of(about);
    if (!NIL_P(task)) w->task_name = answer(w, key.task_name, task, sym_name);
    return Qnil;
}

/* --- Writing ------------------------------------------------------------------------------------------- */

static tn_text thread_id(char *out, size_t size, VALUE thread)
{
    VALUE id = rb_obj_id(thread);
    int written = FIXNUM_P(id) ? snprintf(out, size, "%lx", (unsigned long)FIX2LONG(id)) : 0;
    return (tn_text){out, written > 0 && (size_t)written < size ? (size_t)written : 0};
}

static VALUE write_line(VALUE argument)
{
    writing *w = (writing *)argument;
    char thread_number[24];
    VALUE thread = rb_thread_current();
    if (!NIL_P(w->origin->about)) tn_isolate(ask_about, argument, Qnil);
    VALUE correlation = correlation_id(w->walk, thread), component = component_of(w->origin->host);
    VALUE request = request_id(w->walk);
    tn_pairs pairs = tn_walk_pairs(w->walk, false);
    tn_check_pairs(&pairs);
    tn_event_line line = {
        .format = tn_ruby.lines.format,
        .event = tn_walk_clean_name(w->walk, w->origin->event),
        .time = w->walk->now.wall,
        .thread_id = thread_id(thread_number, sizeof(thread_number), thread),
        .process_id = getpid(),
        .dropped = pairs.dropped,
    };
    /* Borrowed: from here on nothing may call Ruby. */
    line.correlation_id = bytes_of(correlation);
    line.component = bytes_of(component);
    line.environment = bytes_of(tn_ruby.lines.environment);
    line.version = bytes_of(tn_ruby.lines.version);
    line.request_id = bytes_of(request);
    line.status = bytes_of(w->status);
    line.task_name = bytes_of(w->task_name);
    tn_buffer *buffer = &w->walk->copy;
    tn_buffer_clear(buffer);
    tn_status status = tn_event_line_write(buffer, &line, pairs.bytes, pairs.size);
    RB_GC_GUARD(correlation);
    RB_GC_GUARD(component);
    RB_GC_GUARD(request);
    RB_GC_GUARD(w->status);
    RB_GC_GUARD(w->task_name);
    if (status != TN_OK) tn_raise(status, "a line could not be written");

    rb_funcall(logger(), level_methods[w->origin->level], 1, tn_string_of_text(tn_buffer_text(buffer)));
    return Qnil;
}

static VALUE tell_failure(VALUE error)
{
    return rb_funcall(tn_ruby.lines.module, id_write_failure, 1, error);
}

static VALUE report_failure(VALUE unused, VALUE error)
{
    (void)unused;
    return tn_isolate(tell_failure, error, Qnil);
}

void tn_line_write(const tn_line_origin *origin, tn_walk *walk)
{
    writing w = {.origin = origin, .walk = walk, .status = Qnil, .task_name = Qnil};
    tn_isolate_reporting(write_line, (VALUE)&w, report_failure);
}

/* line_component(host) -> what lines call the host's class: "fetch_cart" for OrderProcess::FetchCart */
static VALUE line_component(VALUE self, VALUE host)
{
    (void)self;
    return component_of(host);
}

/* configure_lines(shown, shown_from, format, environment, version) -> nil: shown_from: the number of the lowest level that is
 * shown; format: 0, 1, 2 for JSON, pretty JSON, logfmt */
static VALUE configure_lines(VALUE self, VALUE shown, VALUE shown_from, VALUE format, VALUE environment, VALUE version)
{
    (void)self;
    int level = NUM2INT(shown_from), form = NUM2INT(format);
    if (level < 0 || level >= LEVELS) rb_raise(rb_eArgError, "shown_from is 0 to %d, not %d", LEVELS - 1, level);
    if (form < TN_LINE_JSON || form > TN_LINE_LOGFMT) rb_raise(rb_eArgError, "format is 0, 1 or 2, not %d", form);
    environment = rb_str_new_frozen(StringValue(environment));
    version = rb_str_new_frozen(StringValue(version));
    tn_ruby.lines.environment = environment;
    tn_ruby.lines.version = version;
    tn_ruby.lines.on = RTEST(shown);
    tn_ruby.lines.shown_from = (tn_line_level)level;
    tn_ruby.lines.format = (tn_line_format)form;
    return Qnil;
}

void tn_init_line_writer(void)
{
    static const char *const levels[LEVELS] = {"debug", "info", "warn", "error", "fatal"};
    static const char *const questions[LEVELS] = {"debug?", "info?", "warn?", "error?", "fatal?"};
    for (int i = 0; i < LEVELS; i++) {
        level_methods[i] = rb_intern(levels[i]);
        level_questions[i] = rb_intern(questions[i]);
    }
    id_logger = rb_intern("logger");
    id_current = rb_intern("Current");
    id_component = rb_intern("tasker_component");
    id_component_of = rb_intern("component_of");
    id_correlation_id = rb_intern("correlation_id");
    id_request_id = rb_intern("request_id");
    id_text = rb_intern("text");
    id_write_failure = rb_intern("write_failure");
    id_task = rb_intern("task");
    id_association = rb_intern("association");
    id_loaded = rb_intern("loaded?");
    id_target = rb_intern("target");
    id_correlation_id_of_thread = rb_intern("tasker_correlation_id");
    sym_task = ID2SYM(id_task);
    sym_status = ID2SYM(rb_intern("status"));
    sym_name = ID2SYM(rb_intern("name"));
    key.correlation_id = tn_known_key("correlation_id");
    key.request_id = tn_known_key("request_id");
    key.step_status = tn_known_key("step_status");
    key.task_status = tn_known_key("task_status");
    key.task_name = tn_known_key("task_name");

    tn_ruby.lines.module = rb_define_module_under(tn_ruby.native, "LogLine");
    rb_gc_register_mark_object(tn_ruby.lines.module);
    tn_ruby.lines.environment = Qnil;
    tn_ruby.lines.version = Qnil;
    rb_gc_register_address(&tn_ruby.lines.environment);
    rb_gc_register_address(&tn_ruby.lines.version);
    rb_define_module_function(tn_ruby.native, "configure_lines", configure_lines, 5);
    rb_define_module_function(tn_ruby.native, "line_component", line_component, 1);
}
