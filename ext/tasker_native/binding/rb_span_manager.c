#include "base/clock.h"
#include "binding.h"
#include "payload_walk.h"

/* Tasker::Native::SpanManager: which spans are open. Spans that end go to the process' pipeline. */
typedef struct {
    tn_span_manager *core;
} span_manager;

static void manager_free(void *pointer)
{
    span_manager *self = pointer;
    if (self->core) {
        tn_pipeline_remove_manager(tn_ruby.pipeline, self->core);
        tn_span_manager_free(self->core);
    }
    xfree(self);
}

static size_t manager_size(const void *pointer)
{
    const span_manager *self = pointer;
    tn_span_manager_stats stats = {0};
    if (self->core) tn_span_manager_stats_read(self->core, &stats);
    return sizeof(*self) + stats.memory;
}

static const rb_data_type_t manager_type = {
    .wrap_struct_name = "Tasker::Native::SpanManager",
    .function = {.dfree = manager_free, .dsize = manager_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED,
};

static VALUE manager_alloc(VALUE class)
{
    span_manager *self;
    return TypedData_Make_Struct(class, span_manager, &manager_type, self);
}

static span_manager *get(VALUE object)
{
    span_manager *self;
    TypedData_Get_Struct(object, span_manager, &manager_type, self);
    return self;
}

tn_span_manager *tn_span_manager_of(VALUE object)
{
    tn_span_manager *core = get(object)->core;
    if (!core) rb_raise(rb_eTypeError, "uninitialized Tasker::Native::SpanManager");
    return core;
}

static tn_span_manager_options options_of(VALUE *trace_seed, VALUE max_open_spans, VALUE max_age)
{
    StringValue(*trace_seed);
    return (tn_span_manager_options){
        .max_open_spans = NUM2SIZET(max_open_spans),
        .max_age = tn_clock_duration(NUM2DBL(max_age)),
        .limits = tn_ruby.limits,
        .trace_seed = tn_text_of_string(*trace_seed),
    };
}

/* new(trace_seed, max_open_spans, span_max_age) */
static VALUE manager_initialize(VALUE object, VALUE trace_seed, VALUE max_open_spans, VALUE max_age)
{
    span_manager *self = get(object);
    tn_span_manager_options options = options_of(&trace_seed, max_open_spans, max_age);
    if (self->core) rb_raise(rb_eTypeError, "already initialized");

    tn_span_manager *core = tn_span_manager_new(&options, tn_pipeline_sink(tn_ruby.pipeline));
    if (!core) rb_memerror();
    if (tn_pipeline_add_manager(tn_ruby.pipeline, core) != TN_OK) {
        tn_span_manager_free(core);
        rb_memerror();
    }
    self->core = core;
    RB_GC_GUARD(trace_seed);
    return object;
}

/* configure(trace_seed, max_open_spans, span_max_age) -> nil; for what begins from now on */
static VALUE manager_configure(VALUE object, VALUE trace_seed, VALUE max_open_spans, VALUE max_age)
{
    tn_span_manager_options options = options_of(&trace_seed, max_open_spans, max_age);
    tn_span_manager_configure(tn_span_manager_of(object), &options);
    RB_GC_GUARD(trace_seed);
    return Qnil;
}

/* --- Recording ----------------------------------------------------------------------------------------- */

typedef struct {
    tn_span_manager *manager;
    tn_event_id event;
    VALUE name, payload;
    VALUE attributes; /* Hash: instead of the payload's, with the span's status; or Qnil */
    tn_span_status status;
    tn_walk walk, attribute_walk;
} recording;

static VALUE record_body(VALUE argument)
{
    recording *r = (recording *)argument;
    tn_walk_hash(&r->walk, r->payload);
    if (!NIL_P(r->attributes)) tn_walk_hash(&r->attribute_walk, r->attributes);

    tn_occurrence *occurrence = tn_walk_occurrence(&r->walk, r->event, tn_text_of_string(r->name));
    if (NIL_P(r->attributes)) {
        tn_span_manager_record(r->manager, occurrence);
    } else {
        occurrence->payload = tn_walk_pairs(&r->attribute_walk, true);
        tn_span_manager_finish_task(r->manager, occurrence, r->status);
    }
    return Qnil;
}

static VALUE record_free(VALUE argument)
{
    recording *r = (recording *)argument;
    tn_walk_free(&r->walk);
    tn_walk_free(&r->attribute_walk);
    return Qnil;
}

static void record(VALUE object, VALUE event, VALUE name, VALUE payload, VALUE attributes, tn_span_status status)
{
    recording r = {
        .manager = tn_span_manager_of(object),
        .event = NUM2UINT(event),
        .name = rb_str_new_frozen(StringValue(name)),
        .payload = payload,
        .attributes = attributes,
        .status = status,
    };
    Check_Type(payload, T_HASH);
    tn_walk_init(&r.walk, true);
    tn_walk_init(&r.attribute_walk, true);
    rb_ensure(record_body, (VALUE)&r, record_free, (VALUE)&r);
    RB_GC_GUARD(object);
    RB_GC_GUARD(name);
}

/* record(event_id, name, payload) -> nil: as if the event had been published to this manager alone */
static VALUE manager_record(VALUE object, VALUE event, VALUE name, VALUE payload)
{
    record(object, event, name, payload, Qnil, TN_STATUS_UNSET);
    return Qnil;
}

/* finish_task(event_id, name, payload, status, attributes) -> nil; status: 0 unset, 1 ok, 2 error */
static VALUE manager_finish_task(VALUE object, VALUE event, VALUE name, VALUE payload, VALUE status, VALUE attributes)
{
    Check_Type(attributes, T_HASH);
    unsigned code = NUM2UINT(status);
    if (code > TN_STATUS_ERROR) rb_raise(rb_eArgError, "status must be 0, 1 or 2");
    record(object, event, name, payload, attributes, (tn_span_status)code);
    return Qnil;
}

/* --- Open spans ---------------------------------------------------------------------------------------- */

typedef struct {
    tn_walk_id task_id, step_id;
} key_storage;

static tn_span_key key_of(key_storage *storage, VALUE task_id, VALUE step_id)
{
    tn_walk_set_id(&storage->task_id, task_id);
    tn_walk_set_id(&storage->step_id, step_id);
    return (tn_span_key){tn_walk_id_text(&storage->task_id), tn_walk_id_text(&storage->step_id)};
}

static VALUE hex_string(const uint8_t *bytes, size_t size)
{
    char hex[32];
    tn_hex(hex, bytes, size);
    return rb_utf8_str_new(hex, (long)(2 * size));
}

/* find(task_id, step_id or nil) -> [trace id, span id] in hexadecimal, or nil when no such span is open */
static VALUE manager_find(VALUE object, VALUE task_id, VALUE step_id)
{
    key_storage storage;
    tn_span_key key = key_of(&storage, task_id, step_id);
    tn_span_context context;
    if (!tn_span_manager_find(tn_span_manager_of(object), key, &context)) return Qnil;
    return rb_assoc_new(hex_string(context.trace_id.bytes, sizeof(context.trace_id.bytes)),
                        hex_string(context.span_id.bytes, sizeof(context.span_id.bytes)));
}

/* remove_task(task_id) -> true when its root was open; it is given up */
static VALUE manager_remove_task(VALUE object, VALUE task_id)
{
    key_storage storage;
    tn_span_key key = key_of(&storage, task_id, Qnil);
    return tn_span_manager_remove_task(tn_span_manager_of(object), key.task_id) ? Qtrue : Qfalse;
}

static uint32_t run_of(VALUE run)
{
    long long number = NUM2LL(run);
    if (number < 1) rb_raise(rb_eArgError, "a run is 1 or more, not %lld", number);
    return NUM2UINT(run);
}

/* know_task(task_id, run, began or nil, over) -> nil: what was seen elsewhere of a task; began: a Time */
static VALUE manager_know_task(VALUE object, VALUE task_id, VALUE run, VALUE began, VALUE over)
{
    key_storage storage;
    tn_span_manager *core = tn_span_manager_of(object);
    tn_task_history history = {.run = run_of(run), .over = RTEST(over)};
    tn_time time = tn_read_time(began);
    if (time.known) history.began = tn_unix_time(&time);
    tn_span_key key = key_of(&storage, task_id, Qnil);
    tn_span_manager_know_task(core, key.task_id, history, tn_clock_now());
    return Qnil;
}

/* interrupt_step(task_id, step_id) -> nil: its attempt was left without an end */
static VALUE manager_interrupt_step(VALUE object, VALUE task_id, VALUE step_id)
{
    key_storage storage;
    tn_span_key key = key_of(&storage, task_id, step_id);
    tn_span_manager_interrupt_step(tn_span_manager_of(object), key.task_id, key.step_id);
    return Qnil;
}

typedef struct {
    tn_span_manager *manager;
    tn_span_key key;
    VALUE name; /* of the event; Qnil: the attributes are the span's own */
    VALUE attributes;
    bool found;
    tn_walk walk;
} addition;

static VALUE add_body(VALUE argument)
{
    addition *a = (addition *)argument;
    tn_walk_hash(&a->walk, a->attributes);
    tn_pairs pairs = tn_walk_pairs(&a->walk, false);
    if (NIL_P(a->name)) {
        a->found = tn_span_manager_set_attributes(a->manager, a->key, pairs);
    } else {
        tn_text name = tn_walk_clean_name(&a->walk, tn_text_of_string(a->name));
        a->found = tn_span_manager_add_event(a->manager, a->key, name, tn_clock_now(), pairs);
    }
    return Qnil;
}

static VALUE add_free(VALUE argument)
{
    tn_walk_free(&((addition *)argument)->walk);
    return Qnil;
}

static VALUE add(VALUE object, VALUE task_id, VALUE step_id, VALUE name, VALUE attributes)
{
    key_storage storage;
    addition a = {
        .manager = tn_span_manager_of(object),
        .key = key_of(&storage, task_id, step_id),
        .name = name,
        .attributes = attributes,
    };
    Check_Type(attributes, T_HASH);
    tn_walk_init(&a.walk, true);
    rb_ensure(add_body, (VALUE)&a, add_free, (VALUE)&a);
    RB_GC_GUARD(object);
    RB_GC_GUARD(name);
    return a.found ? Qtrue : Qfalse;
}

/* add_event(task_id, step_id or nil, name, attributes) -> true when such a span is open. Attributes are filtered and
 * keep their names. */
static VALUE manager_add_event(VALUE object, VALUE task_id, VALUE step_id, VALUE name, VALUE attributes)
{
    return add(object, task_id, step_id, rb_str_new_frozen(StringValue(name)), attributes);
}

/* set_attributes(task_id, step_id or nil, attributes) -> as add_event */
static VALUE manager_set_attributes(VALUE object, VALUE task_id, VALUE step_id, VALUE attributes)
{
    return add(object, task_id, step_id, Qnil, attributes);
}

/* stats -> { open_tasks:, open_steps:, abandoned_roots: } */
static VALUE manager_stats(VALUE object)
{
    tn_span_manager_stats stats;
    tn_span_manager_stats_read(tn_span_manager_of(object), &stats);
    VALUE hash = rb_hash_new();
    rb_hash_aset(hash, ID2SYM(rb_intern("open_tasks")), SIZET2NUM(stats.open_tasks));
    rb_hash_aset(hash, ID2SYM(rb_intern("open_steps")), SIZET2NUM(stats.open_steps));
    rb_hash_aset(hash, ID2SYM(rb_intern("abandoned_roots")), ULL2NUM(stats.abandoned_roots));
    return hash;
}

void tn_init_span_manager(void)
{
    VALUE class = rb_define_class_under(tn_ruby.native, "SpanManager", rb_cObject);
    rb_define_alloc_func(class, manager_alloc);
    rb_define_method(class, "initialize", manager_initialize, 3);
    rb_define_method(class, "configure", manager_configure, 3);
    rb_define_method(class, "record", manager_record, 3);
    rb_define_method(class, "finish_task", manager_finish_task, 5);
    rb_define_method(class, "find", manager_find, 2);
    rb_define_method(class, "remove_task", manager_remove_task, 1);
    rb_define_method(class, "know_task", manager_know_task, 4);
    rb_define_method(class, "interrupt_step", manager_interrupt_step, 2);
    rb_define_method(class, "add_event", manager_add_event, 4);
    rb_define_method(class, "set_attributes", manager_set_attributes, 3);
    rb_define_method(class, "stats", manager_stats, 0);
}
