#include "payload_builder.h"

#include "event/timestamp.h"

#include <math.h>

#define BACKTRACE_LINES 10 /* in the payload; the span has more */

/* clang-format off */
#define NAMES(X)                                                                                              \
    X(task_id) X(task) X(step_id) X(workflow_step_id) X(step_name) X(name) X(started_at) X(last_attempted_at) \
    X(completed_at) X(processed_at) X(attempt_number) X(attempts) X(retry_limit) X(event_type) X(timestamp)   \
    X(step_inputs) X(inputs) X(step_dependencies) X(parents) X(execution_duration) X(step_results) X(results) \
    X(error_message) X(error_class) X(exception_class) X(backtrace) X(previous_attempts) X(retry_reason)      \
    X(backoff_strategy) X(message) X(error) X(started) X(completed) X(failed) X(retry) X(iso8601) X(to_f)
/* clang-format on */

static struct {
#define NAME_MEMBER(name) ID name;
    NAMES(NAME_MEMBER)
#undef NAME_MEMBER
} id;

/* Where pairs go: into a Hash, or into a walk. */
typedef struct {
    VALUE hash;
    tn_walk *walk;
} sink;

static void emit(const sink *to, ID key, VALUE value)
{
    if (to->walk) {
        tn_walk_pair(to->walk, ID2SYM(key), value);
    } else {
        rb_hash_aset(to->hash, ID2SYM(key), value);
    }
}

static void emit_text(const sink *to, ID key, tn_text text)
{
    if (to->walk) {
        tn_walk_text(to->walk, ID2SYM(key), text);
    } else {
        rb_hash_aset(to->hash, ID2SYM(key), tn_string_of_text(text));
    }
}

/* --- Reading ------------------------------------------------------------------------------------------- */

typedef struct {
    VALUE object;
    ID method;
} question;

static VALUE ask(VALUE argument)
{
    const question *q = (const question *)argument;
    return rb_check_funcall(q->object, q->method, 0, NULL);
}

/* Qundef when the object does not answer, or raises. */
static VALUE answer_of(VALUE object, ID method)
{
    if (NIL_P(object)) return Qundef;
    return tn_isolate(ask, (VALUE) & (question){object, method}, Qundef);
}

static VALUE answer_or_nil(VALUE object, ID method)
{
    VALUE value = answer_of(object, method);
    return value == Qundef ? Qnil : value;
}

static bool is_present(VALUE value)
{
    if (RB_TYPE_P(value, T_STRING)) return RSTRING_LEN(value) > 0;
    if (RB_TYPE_P(value, T_ARRAY)) return RARRAY_LEN(value) > 0;
    if (RB_TYPE_P(value, T_HASH)) return RHASH_SIZE(value) > 0;
    return RTEST(value);
}

/* --- Times: whole seconds ------------------------------------------------------------------------------ */

typedef struct {
    VALUE time;
    char text[TN_TIMESTAMP_SIZE];
    size_t size; /* 0: it can't be told */
} time_text;

static VALUE format_seconds(VALUE argument)
{
    time_text *formatted = (time_text *)argument;
    formatted->size = tn_format_time(formatted->text, formatted->time, 0);
    return Qnil;
}

static void emit_time(const sink *to, ID key, VALUE time)
{
    if (RTEST(rb_obj_is_kind_of(time, rb_cTime))) {
        time_text formatted = {.time = time};
        tn_isolate(format_seconds, (VALUE)&formatted, Qnil);
        if (formatted.size > 0) emit_text(to, key, (tn_text){formatted.text, formatted.size});
        return;
    }
    VALUE string = SPECIAL_CONST_P(time) ? Qundef : answer_of(time, id.iso8601);
    emit(to, key, string == Qundef ? time : string);
}

static void emit_now(const sink *to, ID key)
{
    char text[TN_TIMESTAMP_SIZE];
    size_t size = tn_timestamp_format(text, (int64_t)(tn_clock_wall() / TN_SECOND), 0, 0, true, 0);
    emit_text(to, key, (tn_text){text, size});
}

static VALUE subtract(VALUE pair)
{
    return rb_funcall(rb_funcall(rb_ary_entry(pair, 0), '-', 1, rb_ary_entry(pair, 1)), id.to_f, 0);
}

static double seconds_between(VALUE from, VALUE to)
{
    if (NIL_P(from) || NIL_P(to)) return 0.0;
    VALUE seconds = tn_isolate(subtract, rb_assoc_new(to, from), Qnil);
    return RB_FLOAT_TYPE_P(seconds) ? round(RFLOAT_VALUE(seconds) * 1000.0) / 1000.0 : 0.0;
}

/* --- The parts of a payload ---------------------------------------------------------------------------- */

static void emit_if_answered(const sink *to, ID key, VALUE object, ID method)
{
    VALUE value = answer_of(object, method);
    if (value != Qundef) emit(to, key, value);
}

static void emit_task_id(const sink *to, VALUE step)
{
    VALUE task_id = answer_of(step, id.task_id);
    if (task_id == Qundef) task_id = answer_of(answer_or_nil(step, id.task), id.task_id);
    if (task_id != Qundef) emit(to, id.task_id, task_id);
}

static void emit_base(const tn_step_payload *payload, const sink *to)
{
    VALUE step = payload->step;
    VALUE attempts = answer_or_nil(step, id.attempts);
    emit_task_id(to, step);
    emit_if_answered(to, id.step_id, step, id.workflow_step_id);
    emit_if_answered(to, id.step_name, step, id.name);
    emit_time(to, id.started_at, answer_or_nil(step, id.last_attempted_at));
    emit_time(to, id.completed_at, answer_or_nil(step, id.processed_at));
    emit(to, id.attempt_number, NIL_P(attempts) ? INT2FIX(1) : attempts);
    emit_if_answered(to, id.retry_limit, step, id.retry_limit);
    emit(to, id.event_type, rb_sym2str(payload->event_type));
    emit_now(to, id.timestamp);
}

static VALUE names_of(VALUE parents)
{
    VALUE names = rb_ary_new();
    for (long i = 0; i < RARRAY_LEN(parents); i++) rb_ary_push(names, answer_or_nil(RARRAY_AREF(parents, i), id.name));
    return names;
}

static void emit_started(const tn_step_payload *payload, const sink *to)
{
    VALUE parents = answer_or_nil(payload->step, id.parents);
    emit_if_answered(to, id.step_inputs, payload->step, id.inputs);
    /* A relation that is not loaded is not asked: publishing never queries. */
    emit(to, id.step_dependencies, RB_TYPE_P(parents, T_ARRAY) ? names_of(parents) : rb_ary_new());
}

static void emit_results(const tn_step_payload *payload, const sink *to)
{
    VALUE results = answer_or_nil(payload->step, id.results);
    if (is_present(results)) emit(to, id.step_results, results);
}

static void emit_completed(const tn_step_payload *payload, const sink *to)
{
    VALUE from = answer_or_nil(payload->step, id.last_attempted_at),
          until = answer_or_nil(payload->step, id.processed_at);
    emit(to, id.execution_duration, DBL2NUM(seconds_between(from, until)));
    emit_results(payload, to);
}

/* What an earlier handler left in the results, for a failure that comes without its error. */
static VALUE error_in(VALUE results)
{
    if (!RB_TYPE_P(results, T_HASH)) return Qnil;
    VALUE error = rb_hash_lookup(results, rb_str_new_lit("error"));
    return NIL_P(error) ? rb_hash_lookup(results, ID2SYM(id.error)) : error;
}

static void emit_failed(const tn_step_payload *payload, const sink *to)
{
    VALUE message = error_in(answer_or_nil(payload->step, id.results));
    if (NIL_P(message)) {
        emit_text(to, id.error_message, TN_TEXT("Unknown error"));
    } else {
        emit(to, id.error_message, message);
    }
    emit_results(payload, to);
}

static void emit_error(const tn_step_payload *payload, const sink *to)
{
    VALUE class_name = rb_class_name(CLASS_OF(payload->error));
    VALUE backtrace = answer_or_nil(payload->error, id.backtrace);
    emit(to, id.error_message, answer_or_nil(payload->error, id.message));
    emit(to, id.error_class, class_name);
    emit(to, id.exception_class, class_name);
    if (RB_TYPE_P(backtrace, T_ARRAY)) emit(to, id.backtrace, rb_ary_subseq(backtrace, 0, BACKTRACE_LINES));
    if (to->walk) tn_walk_exception(to->walk, payload->error);
}

static void emit_retry(const tn_step_payload *payload, const sink *to)
{
    VALUE attempts = answer_or_nil(payload->step, id.attempts);
    if (FIXNUM_P(attempts)) emit(to, id.previous_attempts, LONG2FIX(FIX2LONG(attempts) - 1));
    emit_text(to, id.retry_reason, TN_TEXT("Step execution failed"));
    emit_text(to, id.backoff_strategy, TN_TEXT("exponential"));
}

static void emit_step(const tn_step_payload *payload, const sink *to)
{
    emit_base(payload, to);
    switch (payload->kind) {
    case TN_STEP_PAYLOAD_STARTED: emit_started(payload, to); break;
    case TN_STEP_PAYLOAD_COMPLETED: emit_completed(payload, to); break;
    case TN_STEP_PAYLOAD_FAILED: emit_failed(payload, to); break;
    case TN_STEP_PAYLOAD_RETRY: emit_retry(payload, to); break;
    case TN_STEP_PAYLOAD_OTHER: break;
    }
    if (RTEST(rb_obj_is_kind_of(payload->error, rb_eException))) emit_error(payload, to);
}

VALUE tn_step_payload_hash(const tn_step_payload *payload)
{
    sink to = {.hash = tn_hash_new(20)};
    emit_step(payload, &to);
    rb_hash_update_by(to.hash, payload->context, NULL);
    return to.hash;
}

void tn_step_payload_walk(const tn_step_payload *payload, tn_walk *walk)
{
    sink to = {.hash = Qnil, .walk = walk};
    emit_step(payload, &to);
    if (RHASH_SIZE(payload->context) > 0) tn_walk_hash(walk, payload->context);
}

tn_step_payload_kind tn_step_payload_kind_of(VALUE event_type)
{
    ID name = SYM2ID(event_type);
    if (name == id.started) return TN_STEP_PAYLOAD_STARTED;
    if (name == id.completed) return TN_STEP_PAYLOAD_COMPLETED;
    if (name == id.failed) return TN_STEP_PAYLOAD_FAILED;
    if (name == id.retry) return TN_STEP_PAYLOAD_RETRY;
    return TN_STEP_PAYLOAD_OTHER;
}

/* build_step_payload(step, event_type, error, context) -> Hash */
static VALUE build_step_payload(VALUE self, VALUE step, VALUE event_type, VALUE error, VALUE context)
{
    (void)self;
    Check_Type(event_type, T_SYMBOL);
    Check_Type(context, T_HASH);
    return tn_step_payload_hash(&(tn_step_payload){
        .kind = tn_step_payload_kind_of(event_type),
        .event_type = event_type,
        .step = step,
        .error = error,
        .context = context,
    });
}

void tn_init_payload_builder(void)
{
#define INTERN(name) id.name = rb_intern(#name);
    NAMES(INTERN)
#undef INTERN
    rb_define_module_function(tn_ruby.native, "build_step_payload", build_step_payload, 4);
}
