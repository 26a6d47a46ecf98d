#include "base/clock.h"
#include "binding.h"
#include "event/publisher.h"
#include "event/timestamp.h"
#include "line_writer.h"
#include "payload_builder.h"

/* Tasker::Native::Publisher: names, subscriptions and the publishing path. Subscribing goes on while others publish:
 * the listeners of an event are a frozen Array, which is replaced and never changed. */
#define NAME_SLOTS 128 /* a power of two */

/* A name as a program has it, again and again the same object: a frozen String, or a Symbol that is never collected. */
typedef struct {
    VALUE name; /* 0: none */
    tn_event_id event;
} name_slot;

typedef struct {
    tn_publisher core;
    VALUE listeners;             /* Array, by event id, of frozen Arrays of what answers call */
    VALUE event_names;           /* Array, by event id, of frozen Strings; filled when they are asked for */
    VALUE spans;                 /* a SpanManager, or Qnil */
    tn_span_manager *core_spans; /* inside of it */
    bool started;                /* Tasker::Native.start was called */
    bool asks_for_time;          /* by Time.now, which somebody may have replaced */
    name_slot names[NAME_SLOTS];
} publisher;

static ID id_call, id_start, id_report, id_count_failure, id_now, id_id, id_payload, id_set_default;
static VALUE sym_timestamp;
static tn_key *key_timestamp;

static void publisher_mark(void *pointer)
{
    publisher *self = pointer;
    rb_gc_mark_movable(self->listeners);
    rb_gc_mark_movable(self->event_names);
    rb_gc_mark_movable(self->spans);
    for (size_t i = 0; i < NAME_SLOTS; i++) {
        if (self->names[i].name) rb_gc_mark(self->names[i].name); /* not movable: it is looked up by its address */
    }
}

static void publisher_compact(void *pointer)
{
    publisher *self = pointer;
    self->listeners = rb_gc_location(self->listeners);
    self->event_names = rb_gc_location(self->event_names);
    self->spans = rb_gc_location(self->spans);
}

static void publisher_free(void *pointer)
{
    publisher *self = pointer;
    tn_publisher_free(&self->core);
    xfree(self);
}

static size_t publisher_size(const void *pointer)
{
    const publisher *self = pointer;
    size_t registry = self->core.registry ? tn_event_registry_memory(self->core.registry) : 0;
    return sizeof(*self) + registry + self->core.capacity * sizeof(*self->core.events);
}

static const rb_data_type_t publisher_type = {
    .wrap_struct_name = "Tasker::Native::Publisher",
    .function = {.dmark = publisher_mark,
                 .dfree = publisher_free,
                 .dsize = publisher_size,
                 .dcompact = publisher_compact},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED,
};

static VALUE publisher_alloc(VALUE class)
{
    publisher *self;
    VALUE object = TypedData_Make_Struct(class, publisher, &publisher_type, self);
    self->listeners = Qnil;
    self->event_names = Qnil;
    self->spans = Qnil;
    if (tn_publisher_init(&self->core) != TN_OK) rb_memerror();
    RB_OBJ_WRITE(object, &self->listeners, rb_ary_new());
    RB_OBJ_WRITE(object, &self->event_names, rb_ary_new());
    return object;
}

static publisher *get(VALUE object)
{
    if (RB_TYPE_P(object, T_DATA) && RTYPEDDATA_P(object) && RTYPEDDATA_TYPE(object) == &publisher_type)
        return RTYPEDDATA_DATA(object);
    return rb_check_typeddata(object, &publisher_type); /* raises */
}

/* --- Names --------------------------------------------------------------------------------------------- */

static VALUE name_string(VALUE name)
{
    if (SYMBOL_P(name)) return rb_sym2str(name);
    return StringValue(name);
}

static tn_event_id find_event(const publisher *self, VALUE name)
{
    VALUE string = name_string(name);
    tn_event_id event = tn_event_registry_find(self->core.registry, tn_text_of_string(string));
    RB_GC_GUARD(string);
    return event;
}

static name_slot *slot_of(publisher *self, VALUE name)
{
    return &self->names[((name >> 3) ^ (name >> 12)) & (NAME_SLOTS - 1)];
}

static bool stays_as_it_is(VALUE name)
{
    return RB_STATIC_SYM_P(name) || (RB_TYPE_P(name, T_STRING) && OBJ_FROZEN(name));
}

static tn_event_id event_of(const publisher *self, VALUE name)
{
    tn_event_id event = find_event(self, name);
    if (event == TN_NO_EVENT) {
        rb_raise(tn_ruby.unregistered_event_error,
                 "You are trying to use an unregistered event: %" PRIsVALUE
                 ". Register it first: register_event(%" PRIsVALUE ")",
                 name_string(name), rb_inspect(name));
    }
    return event;
}

/* The same, by the object that the name is, where that tells. */
static tn_event_id event_published(VALUE object, publisher *self, VALUE name)
{
    name_slot *slot = slot_of(self, name);
    if (slot->name == name && name != Qfalse) return slot->event; /* a free slot looks like Qfalse */

    tn_event_id event = event_of(self, name);
    if (stays_as_it_is(name)) {
        RB_OBJ_WRITE(object, &slot->name, name);
        slot->event = event;
    }
    return event;
}

static VALUE event_name(const publisher *self, tn_event_id event)
{
    VALUE name = rb_ary_entry(self->event_names, (long)event);
    if (!NIL_P(name)) return name;

    tn_text text = tn_event_registry_name(self->core.registry, event);
    name = rb_enc_interned_str(text.bytes, (long)text.size, rb_utf8_encoding());
    rb_ary_store(self->event_names, (long)event, name);
    return name;
}

/* add_event(name) -> self; adding one twice is fine */
static VALUE publisher_add_event(VALUE object, VALUE name)
{
    publisher *self = get(object);
    VALUE string = name_string(name);
    rb_check_frozen(object);
    tn_event_id event;
    tn_status status = tn_publisher_register(&self->core, tn_text_of_string(string), &event);
    if (status == TN_ERROR_LIMIT) {
        rb_raise(tn_ruby.too_many_events_error,
                 "there are %d names of events already. Next: ids and the like belong into the payload, not into names",
                 TN_MAX_EVENTS);
    }
    if (status == TN_ERROR_INVALID) {
        rb_raise(rb_eArgError, "an event's name has 1 to %d bytes of UTF-8, not %" PRIsVALUE, TN_MAX_EVENT_NAME,
                 rb_inspect(string));
    }
    if (status != TN_OK) tn_raise(status, "an event could not be registered");

    if (tn_event_is_custom(event))
        tn_publisher_set_interest(&self->core, event, TN_INTEREST_SPANS, !NIL_P(self->spans));
    RB_GC_GUARD(string);
    return object;
}

static VALUE publisher_registered(VALUE object, VALUE name)
{
    return find_event(get(object), name) == TN_NO_EVENT ? Qfalse : Qtrue;
}

static VALUE publisher_event_names(VALUE object)
{
    publisher *self = get(object);
    size_t count = tn_event_registry_count(self->core.registry);
    VALUE names = rb_ary_new_capa((long)count);
    for (size_t i = 0; i < count; i++) rb_ary_push(names, event_name(self, (tn_event_id)i));
    return names;
}

/* event_id(name) -> Integer */
static VALUE publisher_event_id(VALUE object, VALUE name)
{
    return UINT2NUM(event_of(get(object), name));
}

/* --- Subscriptions ------------------------------------------------------------------------------------- */

static VALUE listeners_of(const publisher *self, tn_event_id event)
{
    return rb_ary_entry(self->listeners, (long)event);
}

static void set_listeners(publisher *self, tn_event_id event, VALUE listeners)
{
    rb_ary_store(self->listeners, (long)event, rb_ary_freeze(listeners));
    tn_publisher_set_interest(&self->core, event, TN_INTEREST_LISTENERS, RARRAY_LEN(listeners) > 0);
}

/* add_listener(name, callable) -> callable */
static VALUE publisher_add_listener(VALUE object, VALUE name, VALUE callable)
{
    publisher *self = get(object);
    tn_event_id event = event_of(self, name);
    VALUE before = listeners_of(self, event);
    VALUE after = NIL_P(before) ? rb_ary_new() : rb_ary_dup(before);
    rb_ary_push(after, callable);
    set_listeners(self, event, after);
    return callable;
}

/* The listeners without this one; nil when it is not among them. Asks ==, which may be application code, and lets other
 * threads run. */
static VALUE without_listener(VALUE listeners, VALUE callable)
{
    if (NIL_P(listeners) || !RTEST(rb_ary_includes(listeners, callable))) return Qnil;
    VALUE after = rb_ary_dup(listeners);
    rb_ary_delete(after, callable);
    return after;
}

static bool remove_from(publisher *self, tn_event_id event, VALUE callable)
{
    VALUE before, after;
    do { /* again when somebody else came or went meanwhile */
        before = listeners_of(self, event);
        after = without_listener(before, callable);
    } while (before != listeners_of(self, event));
    if (NIL_P(after)) return false;

    set_listeners(self, event, after);
    return true;
}

/* remove_listener(callable) -> true when it was subscribed to anything */
static VALUE publisher_remove_listener(VALUE object, VALUE callable)
{
    publisher *self = get(object);
    bool found = false;
    for (long event = 0; event < RARRAY_LEN(self->listeners); event++) {
        if (remove_from(self, (tn_event_id)event, callable)) found = true;
    }
    RB_GC_GUARD(object);
    return found ? Qtrue : Qfalse;
}

/* listeners(name) -> frozen Array */
static VALUE publisher_listeners(VALUE object, VALUE name)
{
    publisher *self = get(object);
    VALUE listeners = listeners_of(self, event_of(self, name));
    return NIL_P(listeners) ? rb_ary_freeze(rb_ary_new()) : listeners;
}

/* trace_with(span_manager or nil, custom_only) -> nil: where events become spans; custom_only: those of tasks and steps
 * come to the span manager in another way */
static VALUE publisher_trace_with(VALUE object, VALUE spans, VALUE custom_only)
{
    publisher *self = get(object);
    tn_span_manager *core_spans = NIL_P(spans) ? NULL : tn_span_manager_of(spans);
    rb_check_frozen(object);
    RB_OBJ_WRITE(object, &self->spans, spans);
    self->core_spans = core_spans;
    self->started = true;
    for (size_t event = 0; event < tn_event_registry_count(self->core.registry); event++) {
        bool on = !NIL_P(spans) && tn_span_manager_wants((tn_event_id)event) &&
                  (!RTEST(custom_only) || tn_event_is_custom((tn_event_id)event));
        tn_publisher_set_interest(&self->core, (tn_event_id)event, TN_INTEREST_SPANS, on);
    }
    return Qnil;
}

/* ask_for_time(bool) -> nil: whether the time of an event is Time.now, or the clock is read at once */
static VALUE publisher_ask_for_time(VALUE object, VALUE ask)
{
    get(object)->asks_for_time = RTEST(ask);
    return Qnil;
}

/* await_start -> nil: the next event calls Tasker::Native.start */
static VALUE publisher_await_start(VALUE object)
{
    get(object)->started = false;
    return Qnil;
}

/* --- Publishing ---------------------------------------------------------------------------------------- */

typedef struct {
    VALUE object;
    publisher *self;
    tn_event_id event;
    uint32_t interests;
    VALUE payload;               /* Hash, or Qnil: to be built from the step */
    const tn_step_payload *step; /* NULL: the payload is the caller's */
    VALUE current;               /* [task id, step id] of the step whose handler runs here, or Qnil */
    VALUE listener;              /* being called */
    bool plain_proc;             /* it is of Proc's own class, so call is Proc's */
    VALUE event_object;
    tn_walk *walk;
    bool walked;
    const tn_line_origin *line; /* NULL: none is to be written */
} publication;

static VALUE call_count_failure(VALUE argument)
{
    publication *p = (publication *)argument;
    return rb_funcall(p->object, id_count_failure, 2, event_name(p->self, p->event), p->listener);
}

static VALUE call_report(VALUE report)
{
    return rb_funcall(tn_ruby.native, id_report, 2, rb_ary_entry(report, 0), rb_ary_entry(report, 1));
}

/* Needs no room on Ruby's stack: the thread that writes the log has its own. */
static void report_natively(const publication *p, VALUE exception)
{
    tn_text name = tn_event_registry_name(p->self->core.registry, p->event);
    bool deep = RTEST(rb_obj_is_kind_of(exception, rb_eSysStackError));
    tn_log_ring_write(tn_pipeline_log(tn_ruby.pipeline), TN_LOG_ERROR, "Error publishing event %.*s: %s",
                      (int)name.size, name.bytes, deep ? "stack level too deep" : rb_obj_classname(exception));
}

static VALUE report_error(VALUE argument, VALUE exception)
{
    publication *p = (publication *)argument;
    p->self->core.events[p->event].failures++;
    if (RTEST(p->listener)) tn_isolate(call_count_failure, argument, Qnil);
    VALUE report = rb_assoc_new(event_name(p->self, p->event), exception);
    if (tn_isolate(call_report, report, Qfalse) == Qfalse) report_natively(p, exception);
    return Qnil;
}

static VALUE call_listener(VALUE argument)
{
    publication *p = (publication *)argument;
    if (p->plain_proc) return rb_proc_call_with_block(p->listener, 1, &p->event_object, Qnil);
    return rb_funcall(p->listener, id_call, 1, p->event_object);
}

/* What Event.new does, without the call. */
static VALUE new_event(const publication *p)
{
    VALUE event = rb_obj_alloc(tn_ruby.event_class);
    rb_ivar_set(event, id_id, event_name(p->self, p->event));
    rb_ivar_set(event, id_payload, p->payload);
    return event;
}

/* Each in its own isolation: one that raises keeps none of the others from being called. */
static void call_listeners(publication *p)
{
    VALUE listeners = listeners_of(p->self, p->event);
    if (NIL_P(listeners)) return;

    p->event_object = new_event(p);
    for (long i = 0; i < RARRAY_LEN(listeners); i++) {
        p->listener = RARRAY_AREF(listeners, i);
        p->plain_proc = !RB_SPECIAL_CONST_P(p->listener) && RBASIC_CLASS(p->listener) == rb_cProc;
        tn_isolate_reporting(call_listener, (VALUE)p, report_error);
    }
    RB_GC_GUARD(listeners);
}

/* Time.now, which takes four times as long in Ruby 3.1 when it is called. */
static VALUE time_now(const publisher *self)
{
    if (self->asks_for_time) return rb_funcall(rb_cTime, id_now, 0);

    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return rb_time_timespec_new(&now, INT_MAX); /* in local time */
}

static VALUE add_time(const publisher *self, VALUE payload)
{
    if (rb_hash_lookup2(payload, sym_timestamp, Qundef) == Qundef) rb_hash_aset(payload, sym_timestamp, time_now(self));
    return payload;
}

/* A Hash of a class of its own may turn keys into Strings, a default may be code: listeners get a plain Hash. */
static VALUE with_timestamp(const publisher *self, VALUE payload)
{
    if (RBASIC_CLASS(payload) == rb_cHash) {
        VALUE copy = rb_hash_dup(payload); /* copies bytes, where an update walks */
        rb_funcall(copy, id_set_default, 1, Qnil);
        return add_time(self, copy);
    }
    VALUE plain = tn_hash_new((long)RHASH_SIZE(payload) + 1);
    rb_hash_update_by(plain, payload, NULL);
    return add_time(self, plain);
}

/* An event of the application's own, published while a handler runs, belongs to that step. */
static void use_current_step(publication *p, tn_occurrence *occurrence)
{
    if (!RB_TYPE_P(p->current, T_ARRAY)) return;
    tn_walk_set_id(&p->walk->task_id, rb_ary_entry(p->current, 0));
    tn_walk_set_id(&p->walk->step_id, rb_ary_entry(p->current, 1));
    occurrence->task_id = tn_walk_id_text(&p->walk->task_id);
    occurrence->step_id = tn_walk_id_text(&p->walk->step_id);
}

static void record(publication *p)
{
    tn_text name = tn_event_registry_name(p->self->core.registry, p->event);
    tn_occurrence *occurrence = tn_walk_occurrence(p->walk, p->event, name);
    use_current_step(p, occurrence);
    if (!p->self->core_spans) return; /* turned off by application code, just now */
    tn_span_manager_record(p->self->core_spans, occurrence);
}

static void add_timestamp(tn_walk *walk)
{
    if (!walk->has_timestamp) tn_walk_now(walk, key_timestamp, true);
}

static VALUE walk_payload(VALUE argument)
{
    publication *p = (publication *)argument;
    if (NIL_P(p->payload)) {
        tn_step_payload_walk(p->step, p->walk);
    } else {
        tn_walk_hash(p->walk, p->payload);
        add_timestamp(p->walk);
        if (p->step && !NIL_P(p->step->error)) tn_walk_exception(p->walk, p->step->error);
    }
    p->walked = true;
    if (p->interests & TN_INTEREST_SPANS) record(p);
    return Qnil;
}

/* Nothing can go wrong with plain values, so nothing has to be guarded. false: application code may run. */
static bool record_plain_span(publication *p)
{
    if (key_timestamp->info.verdict != TN_VERDICT_KEEP) return false; /* a mask may need memory, a judge is code */
    if (p->step || p->line || !NIL_P(p->current) || !tn_walk_plain_hash(p->walk, p->payload)) return false;
    if (!tn_buffer_has_room(&p->walk->buffer, 2 * TN_PAYLOAD_SCALAR)) return false;
    add_timestamp(p->walk);
    record(p);
    return true;
}

static VALUE publish_body(VALUE argument)
{
    publication *p = (publication *)argument;
    bool has_listeners = p->interests & TN_INTEREST_LISTENERS;
    if (has_listeners) {
        p->payload = p->step ? tn_step_payload_hash(p->step) : with_timestamp(p->self, p->payload);
    } else if (p->step && !NIL_P(tn_ruby.filter->procs)) {
        p->payload = tn_step_payload_hash(p->step); /* which the filter's Procs are shown */
    }
    if (p->interests & TN_INTEREST_SPANS || p->line) tn_isolate_reporting(walk_payload, argument, report_error);
    if (p->line && p->walked) tn_line_write(p->line, p->walk);
    if (has_listeners) call_listeners(p);
    return Qnil;
}

static VALUE publish_end(VALUE argument)
{
    tn_walk_free(((publication *)argument)->walk);
    return Qnil;
}

static VALUE call_start(VALUE unused)
{
    (void)unused;
    return rb_funcall(tn_ruby.native, id_start, 0);
}

static VALUE report_start_error(VALUE unused, VALUE exception)
{
    (void)unused;
    return tn_isolate(call_report, rb_assoc_new(rb_utf8_str_new_cstr("(start)"), exception), Qnil);
}

/* Telemetry starts by itself at the first event of a process that did not start it at boot. Other threads wait until it
 * has: their first events must not be lost. */
static void start(publisher *self)
{
    if (tn_isolate_reporting(call_start, Qnil, report_start_error) != Qfalse) self->started = true;
}

static VALUE current_step(void)
{
    static ID key;
    if (!key) key = rb_intern("tasker_native_current_step");
    return rb_thread_local_aref(rb_thread_current(), key);
}

static void publish(publication *p)
{
    if (p->interests == TN_INTEREST_LISTENERS && !p->line) {
        publish_body((VALUE)p); /* without a walk there is nothing to ensure */
        RB_GC_GUARD(p->object);
        return;
    }
    tn_walk walk;
    p->walk = &walk;
    p->current = tn_event_is_custom(p->event) ? current_step() : Qnil;
    tn_walk_init(&walk, true);
    if (p->interests == TN_INTEREST_SPANS && record_plain_span(p)) return;

    rb_ensure(publish_body, (VALUE)p, publish_end, (VALUE)p);
    RB_GC_GUARD(p->object);
}

/* publish(name, payload = {}) -> nil
 *
 * Raises UnregisteredEventError for an unknown name and TypeError for a payload that is no Hash, nothing else: what
 * listeners and payload objects raise is logged and counted. */
static VALUE publisher_publish(int argc, VALUE *argv, VALUE object)
{
    rb_check_arity(argc, 1, 2);
    publisher *self = get(object);
    if (!self->started) start(self);

    tn_event_id event = event_published(object, self, argv[0]);
    if (argc == 2) Check_Type(argv[1], T_HASH);
    uint32_t interests = tn_publisher_count(&self->core, event);
    if (!interests) return Qnil;

    publication p = {.object = object, .self = self, .event = event, .interests = interests};
    p.payload = argc == 2 ? argv[1] : rb_hash_new();
    publish(&p);
    return Qnil;
}

static bool shows_line(const publisher *self, tn_event_id event)
{
    return tn_line_is_shown(self->core.events[event].line_level);
}

static tn_line_origin line_of(const publisher *self, tn_event_id event, VALUE host, VALUE about)
{
    return (tn_line_origin){
        .event = tn_event_registry_name(self->core.registry, event),
        .level = self->core.events[event].line_level,
        .host = host,
        .about = about,
    };
}

/* publish_by(host, name, payload, about) -> nil: the same, with a line in the log that names the component by the host's
 * class; none for nil. about: the step or the task, for what is in the line only, or nil */
static VALUE publisher_publish_by(VALUE object, VALUE host, VALUE name, VALUE payload, VALUE about)
{
    publisher *self = get(object);
    if (!self->started) start(self);

    tn_event_id event = event_published(object, self, name);
    Check_Type(payload, T_HASH);
    uint32_t interests = tn_publisher_count(&self->core, event);
    bool shown = !NIL_P(host) && shows_line(self, event);
    if (!interests && !shown) return Qnil;

    tn_line_origin line = line_of(self, event, host, about);
    publication p = {.object = object, .self = self, .event = event, .interests = interests, .payload = payload};
    p.line = shown ? &line : NULL;
    publish(&p);
    return Qnil;
}

/* publish_step(host, name, event_type, step, error, context) -> nil: the same with the step's standard payload, which is
 * built only if somebody wants it */
static VALUE publisher_publish_step(VALUE object, VALUE host, VALUE name, VALUE event_type, VALUE step, VALUE error,
                                    VALUE context)
{
    publisher *self = get(object);
    if (!self->started) start(self);

    tn_event_id event = event_published(object, self, name);
    Check_Type(event_type, T_SYMBOL);
    Check_Type(context, T_HASH);
    uint32_t interests = tn_publisher_count(&self->core, event);
    bool shown = !NIL_P(host) && shows_line(self, event);
    if (!interests && !shown) return Qnil;

    tn_line_origin line = line_of(self, event, host, step);
    tn_step_payload payload = {tn_step_payload_kind_of(event_type), event_type, step, error, context};
    publication p = {
        .object = object, .self = self, .event = event, .interests = interests, .payload = Qnil, .step = &payload};
    p.line = shown ? &line : NULL;
    publish(&p);
    return Qnil;
}

/* shows_line?(name) -> whether a line in the log is written for the event, if the concern publishes it */
static VALUE publisher_shows_line(VALUE object, VALUE name)
{
    publisher *self = get(object);
    if (!self->started) start(self);
    return shows_line(self, event_of(self, name)) ? Qtrue : Qfalse;
}

/* wanted?(name) -> whether anybody is interested in the event */
static VALUE publisher_wanted(VALUE object, VALUE name)
{
    publisher *self = get(object);
    if (!self->started) start(self);
    return self->core.events[event_of(self, name)].interests ? Qtrue : Qfalse;
}

/* counts -> { name => { published:, failures: } } for the events that were published */
static VALUE publisher_counts(VALUE object)
{
    publisher *self = get(object);
    VALUE counts = rb_hash_new();
    for (size_t i = 0; i < tn_event_registry_count(self->core.registry); i++) {
        tn_event_state state = self->core.events[i];
        if (!state.published) continue;
        VALUE one = rb_hash_new();
        rb_hash_aset(one, ID2SYM(rb_intern("published")), ULL2NUM(state.published));
        rb_hash_aset(one, ID2SYM(rb_intern("failures")), UINT2NUM(state.failures));
        rb_hash_aset(counts, event_name(self, (tn_event_id)i), one);
    }
    return counts;
}

static VALUE system_event(const char *module, const char *name)
{
    VALUE event = rb_assoc_new(rb_interned_str_cstr(module), rb_interned_str_cstr(name));
    return rb_ary_freeze(event);
}

/* SYSTEM_EVENTS: [[Ruby module, name], ...] in the order of their ids */
static VALUE system_events(void)
{
    VALUE events = rb_ary_new();
#define PUSH(id, module, name) rb_ary_push(events, system_event(module, name));
    TN_SYSTEM_EVENTS(PUSH)
#undef PUSH
    return rb_ary_freeze(events);
}

void tn_init_publisher(void)
{
    id_call = rb_intern("call");
    id_start = rb_intern("start");
    id_report = rb_intern("report_publishing_error");
    id_count_failure = rb_intern("count_failure");
    id_now = rb_intern("now");
    id_set_default = rb_intern("default=");
    id_id = rb_intern("@id");
    id_payload = rb_intern("@payload");
    sym_timestamp = ID2SYM(rb_intern("timestamp"));
    key_timestamp = tn_known_key("timestamp");

    VALUE error = rb_define_class_under(tn_ruby.native, "Error", rb_eStandardError);
    tn_ruby.unregistered_event_error = rb_define_class_under(tn_ruby.native, "UnregisteredEventError", error);
    tn_ruby.too_many_events_error = rb_define_class_under(tn_ruby.native, "TooManyEventsError",
                                                          tn_ruby.unregistered_event_error);
    tn_ruby.event_class = rb_define_class_under(tn_ruby.native, "Event", rb_cObject);
    rb_define_const(tn_ruby.native, "SYSTEM_EVENTS", system_events());

    rb_gc_register_mark_object(tn_ruby.unregistered_event_error);
    rb_gc_register_mark_object(tn_ruby.too_many_events_error);
    rb_gc_register_mark_object(tn_ruby.event_class);

    VALUE class = rb_define_class_under(tn_ruby.native, "Publisher", rb_cObject);
    rb_define_alloc_func(class, publisher_alloc);
    rb_define_method(class, "add_event", publisher_add_event, 1);
    rb_define_method(class, "registered?", publisher_registered, 1);
    rb_define_method(class, "event_names", publisher_event_names, 0);
    rb_define_method(class, "event_id", publisher_event_id, 1);
    rb_define_method(class, "add_listener", publisher_add_listener, 2);
    rb_define_method(class, "remove_listener", publisher_remove_listener, 1);
    rb_define_method(class, "listeners", publisher_listeners, 1);
    rb_define_method(class, "trace_with", publisher_trace_with, 2);
    rb_define_method(class, "ask_for_time", publisher_ask_for_time, 1);
    rb_define_method(class, "await_start", publisher_await_start, 0);
    rb_define_method(class, "publish", publisher_publish, -1);
    rb_define_method(class, "publish_by", publisher_publish_by, 4);
    rb_define_method(class, "publish_step", publisher_publish_step, 6);
    rb_define_method(class, "shows_line?", publisher_shows_line, 1);
    rb_define_method(class, "wanted?", publisher_wanted, 1);
    rb_define_method(class, "counts", publisher_counts, 0);
}
