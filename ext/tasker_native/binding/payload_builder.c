#include "payload_builder.h"

#include "event/timestamp.h"

#include <math.h>

#define BACKTRACE_LINES 10 /* in the payload; the span has more */

/* clang-format off */
#define KEYS(X)                                                                                                     \
    X(task_id) X(step_id) X(step_name) X(started_at) X(completed_at) X(attempt_number) X(retry_limit) X(event_type) \
    X(timestamp) X(step_inputs) X(step_dependencies) X(execution_duration) X(step_results) X(error_message)         \
    X(error_class) X(exception_class) X(backtrace) X(previous_attempts) X(retry_reason) X(backoff_strategy)

/* What a step is asked; those of the second line when it has just started. */
#define QUESTIONS(X)                                                                                              \
    X(task_id) X(workflow_step_id) X(name) X(last_attempted_at) X(processed_at) X(attempts) X(retry_limit)        \
    X(inputs) X(parents)                                                                                          \
    X(results)
/* clang-format on */

#define QUESTION_ENUM(name) ASK_##name,
enum { QUESTIONS(QUESTION_ENUM) QUESTION_COUNT };
#undef QUESTION_ENUM

typedef struct {
    VALUE symbol;
    tn_key *known;
} payload_key;

static struct {
#define KEY_MEMBER(name) payload_key name;
    KEYS(KEY_MEMBER)
#undef KEY_MEMBER
} key;

static ID questions[QUESTION_COUNT];
static ID id_loaded, id_answer_in_memory, id_has_attribute, id_read_attribute;
static ID id_task, id_task_id, id_name, id_iso8601, id_to_f, id_backtrace, id_message;
static ID id_started, id_completed, id_failed, id_retry;
static VALUE sym_error, sym_exception_object;

/* Where pairs go: into a Hash, or into a walk. */
typedef struct {
    VALUE hash;
    tn_walk *walk;
    VALUE context; /* of a walk: wins, so what stands there is not written before */
} sink;

static bool is_overridden(const sink *to, const payload_key *key)
{
    return to->walk && RHASH_SIZE(to->context) > 0 && rb_hash_lookup2(to->context, key->symbol, Qundef) != Qundef;
}

static void emit(const sink *to, const payload_key *key, VALUE value)
{
    if (is_overridden(to, key)) return;
    if (to->walk) {
        tn_walk_known_pair(to->walk, key->known, value);
    } else {
        rb_hash_aset(to->hash, key->symbol, value);
    }
}

static void emit_text(const sink *to, const payload_key *key, tn_text text)
{
    if (is_overridden(to, key)) return;
    if (to->walk) {
        tn_walk_text(to->walk, key->known, text);
    } else {
        rb_hash_aset(to->hash, key->symbol, tn_string_of_text(text));
    }
}

static void emit_double(const sink *to, const payload_key *key, double value)
{
    if (is_overridden(to, key)) return;
    if (to->walk) {
        tn_walk_double(to->walk, key->known, value);
    } else {
        rb_hash_aset(to->hash, key->symbol, DBL2NUM(value));
    }
}

/* --- Asking -------------------------------------------------------------------------------------------- */

/* Questions to one object. What it does not answer, or raises at, stays Qundef. */
typedef struct {
    VALUE object;
    const ID *methods;
    int next, end;
    VALUE *answers;
} interview;

static VALUE ask_on(VALUE argument)
{
    interview *i = (interview *)argument;
    for (; i->next < i->end; i->next++) i->answers[i->next] = tn_ask(i->object, i->methods[i->next], 0, NULL);
    return Qtrue;
}

/* One isolation for all; after an answer that raised it goes on with the next question. */
static void ask(VALUE object, const ID *methods, int first, int end, VALUE *answers)
{
    for (int i = first; i < end; i++) answers[i] = Qundef;
    if (NIL_P(object)) return;

    interview interview = {object, methods, first, end, answers};
    while (tn_isolate(ask_on, (VALUE)&interview, Qfalse) == Qfalse) interview.next++;
}

static VALUE answer_of(VALUE object, ID method)
{
    VALUE answer;
    ask(object, &method, 0, 1, &answer);
    return answer;
}

static VALUE or_nil(VALUE answer)
{
    return answer == Qundef ? Qnil : answer;
}

VALUE tn_answer_in_memory(VALUE object, VALUE attribute)
{
    VALUE answer = tn_ask(object, id_answer_in_memory, 1, &attribute);
    if (answer != Qundef) return answer;

    VALUE has = tn_ask(object, id_has_attribute, 1, &attribute);
    if (has == Qundef) return or_nil(tn_ask(object, SYM2ID(attribute), 0, NULL));
    return RTEST(has) ? or_nil(tn_ask(object, id_read_attribute, 1, &attribute)) : Qnil;
}

static bool is_present(VALUE value)
{
    if (RB_TYPE_P(value, T_STRING)) return RSTRING_LEN(value) > 0;
    if (RB_TYPE_P(value, T_ARRAY)) return RARRAY_LEN(value) > 0;
    if (RB_TYPE_P(value, T_HASH)) return RHASH_SIZE(value) > 0;
    return RTEST(value);
}

/* --- Times: whole seconds ------------------------------------------------------------------------------ */

static void emit_real_time(const sink *to, const payload_key *key, const tn_time *time)
{
    if (is_overridden(to, key)) return;
    if (to->walk) {
        tn_walk_time(to->walk, key->known, time);
        return;
    }
    char text[TN_TIMESTAMP_SIZE];
    emit_text(to, key, (tn_text){text, tn_format_time(text, time, 0)});
}

/* A Time, or what is like one: ActiveSupport's has an iso8601 of its own. */
static void emit_time(const sink *to, const payload_key *key, VALUE object, const tn_time *time)
{
    if (time->known) {
        emit_real_time(to, key, time);
        return;
    }
    VALUE string = SPECIAL_CONST_P(object) ? Qundef : answer_of(object, id_iso8601);
    emit(to, key, string == Qundef ? object : string);
}

static void emit_now(const sink *to, const payload_key *key)
{
    if (is_overridden(to, key)) return;
    if (to->walk) {
        tn_walk_now(to->walk, key->known, false);
        return;
    }
    tn_time now = {.at.tv_sec = (time_t)(tn_clock_wall() / TN_SECOND)};
    emit_real_time(to, key, &now);
}

static VALUE subtract(VALUE pair)
{
    return rb_funcall(rb_funcall(rb_ary_entry(pair, 0), '-', 1, rb_ary_entry(pair, 1)), id_to_f, 0);
}

static double rounded(double seconds)
{
    return round(seconds * 1000.0) / 1000.0;
}

static double seconds_between(VALUE from, VALUE to)
{
    if (NIL_P(from) || NIL_P(to)) return 0.0;
    VALUE seconds = tn_isolate(subtract, rb_assoc_new(to, from), Qnil);
    return RB_FLOAT_TYPE_P(seconds) ? rounded(RFLOAT_VALUE(seconds)) : 0.0;
}

static double seconds_between_times(const tn_time *from, const tn_time *to)
{
    double nanoseconds = (double)(to->at.tv_nsec - from->at.tv_nsec);
    return rounded((double)(to->at.tv_sec - from->at.tv_sec) + nanoseconds / 1e9);
}

/* --- The parts of a payload ---------------------------------------------------------------------------- */

typedef struct {
    const tn_step_payload *payload;
    VALUE answers[QUESTION_COUNT];
    tn_time started, completed;
} reading;

static void read_step(reading *r)
{
    tn_step_payload_kind kind = r->payload->kind;
    VALUE step = r->payload->step;
    ask(step, questions, 0, kind == TN_STEP_PAYLOAD_STARTED ? ASK_results : ASK_inputs, r->answers);
    if (kind == TN_STEP_PAYLOAD_COMPLETED || kind == TN_STEP_PAYLOAD_FAILED) {
        ask(step, questions, ASK_results, QUESTION_COUNT, r->answers);
    }
    if (r->answers[ASK_task_id] == Qundef) {
        r->answers[ASK_task_id] = answer_of(or_nil(answer_of(step, id_task)), id_task_id);
    }
    r->started = tn_read_time(or_nil(r->answers[ASK_last_attempted_at]));
    r->completed = tn_read_time(or_nil(r->answers[ASK_processed_at]));
}

static void emit_answer(const sink *to, const payload_key *key, VALUE answer)
{
    if (answer != Qundef) emit(to, key, answer);
}

static void emit_base(const reading *r, const sink *to)
{
    const VALUE *answers = r->answers;
    VALUE attempts = or_nil(answers[ASK_attempts]);
    emit_answer(to, &key.task_id, answers[ASK_task_id]);
    emit_answer(to, &key.step_id, answers[ASK_workflow_step_id]);
    emit_answer(to, &key.step_name, answers[ASK_name]);
    emit_time(to, &key.started_at, or_nil(answers[ASK_last_attempted_at]), &r->started);
    emit_time(to, &key.completed_at, or_nil(answers[ASK_processed_at]), &r->completed);
    emit(to, &key.attempt_number, NIL_P(attempts) ? INT2FIX(1) : attempts);
    emit_answer(to, &key.retry_limit, answers[ASK_retry_limit]);
    emit(to, &key.event_type, rb_sym2str(r->payload->event_type));
    emit_now(to, &key.timestamp);
}

static VALUE name_of(VALUE parent)
{
    return tn_answer_in_memory(parent, ID2SYM(id_name));
}

static VALUE names_of(VALUE parents)
{
    VALUE names = rb_ary_new();
    for (long i = 0; i < RARRAY_LEN(parents); i++) {
        rb_ary_push(names, tn_isolate(name_of, RARRAY_AREF(parents, i), Qnil));
    }
    return names;
}

/* Of a relation that is not loaded, none: publishing never queries. */
static VALUE loaded_names(VALUE parents)
{
    if (RB_TYPE_P(parents, T_ARRAY)) return names_of(parents);
    bool loaded = !NIL_P(parents) && tn_ask(parents, id_loaded, 0, NULL) == Qtrue;
    return loaded ? names_of(rb_Array(parents)) : rb_ary_new();
}

static void emit_started(const reading *r, const sink *to)
{
    emit_answer(to, &key.step_inputs, r->answers[ASK_inputs]);
    VALUE parents = tn_isolate(loaded_names, or_nil(r->answers[ASK_parents]), Qnil);
    emit(to, &key.step_dependencies, NIL_P(parents) ? rb_ary_new() : parents);
}

static void emit_results(const reading *r, const sink *to)
{
    VALUE results = or_nil(r->answers[ASK_results]);
    if (is_present(results)) emit(to, &key.step_results, results);
}

static void emit_completed(const reading *r, const sink *to)
{
    double seconds = r->started.known && r->completed.known ? seconds_between_times(&r->started, &r->completed)
                                                            : seconds_between(or_nil(r->answers[ASK_last_attempted_at]),
                                                                              or_nil(r->answers[ASK_processed_at]));
    emit_double(to, &key.execution_duration, seconds > 0 ? seconds : 0.0); /* the end may be an earlier attempt's */
    emit_results(r, to);
}

/* In what an earlier handler left in the results, under a String or a Symbol. */
static VALUE result_of(const reading *r, VALUE symbol)
{
    VALUE results = or_nil(r->answers[ASK_results]);
    if (!RB_TYPE_P(results, T_HASH)) return Qnil;
    VALUE result = rb_hash_lookup(results, rb_sym2str(symbol));
    return NIL_P(result) ? rb_hash_lookup(results, symbol) : result;
}

static VALUE class_name_of(VALUE error)
{
    return rb_class_name(CLASS_OF(error));
}

/* The class of a failure that comes without its error. */
static VALUE error_class_of(const reading *r)
{
    VALUE object = rb_hash_lookup(r->payload->context, sym_exception_object);
    if (RTEST(rb_obj_is_kind_of(object, rb_eException))) return class_name_of(object);

    VALUE name = rb_hash_lookup(r->payload->context, key.error_class.symbol);
    return NIL_P(name) ? result_of(r, key.error_class.symbol) : name;
}

static void emit_or(const sink *to, const payload_key *key, VALUE value, tn_text fallback)
{
    if (NIL_P(value)) {
        emit_text(to, key, fallback);
    } else {
        emit(to, key, value);
    }
}

/* A failure that comes without its error, or with a mere message. */
static void emit_failure(const reading *r, const sink *to)
{
    VALUE message = RB_TYPE_P(r->payload->error, T_STRING) ? r->payload->error
                                                           : rb_hash_lookup(r->payload->context, sym_error);
    VALUE backtrace = result_of(r, key.backtrace.symbol);
    emit_or(to, &key.error_message, NIL_P(message) ? result_of(r, sym_error) : message, TN_TEXT("Unknown error"));
    emit_or(to, &key.exception_class, error_class_of(r), TN_TEXT("StandardError"));
    if (!NIL_P(backtrace)) emit(to, &key.backtrace, backtrace);
}

static void emit_error(VALUE error, const sink *to)
{
    VALUE class_name = class_name_of(error);
    VALUE backtrace = or_nil(answer_of(error, id_backtrace));
    emit(to, &key.error_message, or_nil(answer_of(error, id_message)));
    emit(to, &key.error_class, class_name);
    emit(to, &key.exception_class, class_name);
    if (RB_TYPE_P(backtrace, T_ARRAY)) emit(to, &key.backtrace, rb_ary_subseq(backtrace, 0, BACKTRACE_LINES));
    if (to->walk) tn_walk_exception(to->walk, error);
}

static void emit_failed(const reading *r, const sink *to)
{
    VALUE error = r->payload->error;
    if (!NIL_P(error) && RTEST(rb_obj_is_kind_of(error, rb_eException))) {
        emit_error(error, to);
    } else {
        emit_failure(r, to);
    }
    emit_results(r, to);
}

static void emit_retry(const reading *r, const sink *to)
{
    VALUE attempts = or_nil(r->answers[ASK_attempts]);
    if (FIXNUM_P(attempts)) emit(to, &key.previous_attempts, LONG2FIX(FIX2LONG(attempts) - 1));
    emit_text(to, &key.retry_reason, TN_TEXT("Step execution failed"));
    emit_text(to, &key.backoff_strategy, TN_TEXT("exponential"));
}

static void emit_step(const tn_step_payload *payload, const sink *to)
{
    reading reading = {.payload = payload};
    read_step(&reading);
    emit_base(&reading, to);
    switch (payload->kind) {
    case TN_STEP_PAYLOAD_STARTED: emit_started(&reading, to); break;
    case TN_STEP_PAYLOAD_COMPLETED: emit_completed(&reading, to); break;
    case TN_STEP_PAYLOAD_FAILED: emit_failed(&reading, to); break;
    case TN_STEP_PAYLOAD_RETRY: emit_retry(&reading, to); break;
    case TN_STEP_PAYLOAD_OTHER: break;
    }
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
    sink to = {.hash = Qnil, .walk = walk, .context = payload->context};
    emit_step(payload, &to);
    if (RHASH_SIZE(payload->context) > 0) tn_walk_hash(walk, payload->context);
}

tn_step_payload_kind tn_step_payload_kind_of(VALUE event_type)
{
    ID name = SYM2ID(event_type);
    if (name == id_started) return TN_STEP_PAYLOAD_STARTED;
    if (name == id_completed) return TN_STEP_PAYLOAD_COMPLETED;
    if (name == id_failed) return TN_STEP_PAYLOAD_FAILED;
    if (name == id_retry) return TN_STEP_PAYLOAD_RETRY;
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
#define INTERN_KEY(name) key.name = (payload_key){ID2SYM(rb_intern(#name)), tn_known_key(#name)};
    KEYS(INTERN_KEY)
#undef INTERN_KEY
#define INTERN_QUESTION(name) questions[ASK_##name] = rb_intern(#name);
    QUESTIONS(INTERN_QUESTION)
#undef INTERN_QUESTION
    id_loaded = rb_intern("loaded?");
    id_answer_in_memory = rb_intern("answer_in_memory");
    id_has_attribute = rb_intern("has_attribute?");
    id_read_attribute = rb_intern("read_attribute");
    id_task = rb_intern("task");
    id_task_id = rb_intern("task_id");
    id_name = rb_intern("name");
    id_iso8601 = rb_intern("iso8601");
    id_to_f = rb_intern("to_f");
    id_backtrace = rb_intern("backtrace");
    id_message = rb_intern("message");
    id_started = rb_intern("started");
    id_completed = rb_intern("completed");
    id_failed = rb_intern("failed");
    id_retry = rb_intern("retry");
    sym_error = ID2SYM(rb_intern("error"));
    sym_exception_object = ID2SYM(rb_intern("exception_object"));
    rb_define_module_function(tn_ruby.native, "build_step_payload", build_step_payload, 4);
}
