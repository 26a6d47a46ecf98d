#include "payload_walk.h"

#include "base/decimal.h"
#include "base/utf8.h"
#include "event/timestamp.h"
#include "json_walk.h"
#include "trace/seal.h"

#define MAX_BACKTRACE_LINES 500
#define MAX_STACKTRACE (32 * 1024)
#define MILLISECOND_DIGITS 3
#define MAX_PATH 4096 /* bytes of keys down to a value; what stands at a longer path is masked */

static ID id_backtrace;
static tn_key *key_backtrace;

/* --- Keys ---------------------------------------------------------------------------------------------- */

static tn_key *key_of_symbol(VALUE symbol)
{
    tn_symbol_slot *slot = &tn_ruby.symbols[(symbol >> 12) & (TN_SYMBOL_SLOTS - 1)];
    if (slot->symbol == symbol) return slot->key;

    VALUE string = rb_sym2str(symbol);
    tn_text text = tn_text_of_string(string);
    if (tn_utf8_valid_prefix(text) != text.size) return NULL;

    tn_key *key = tn_key_table_get(&tn_ruby.keys, text);
    if (key) *slot = (tn_symbol_slot){symbol, key};
    RB_GC_GUARD(string);
    return key;
}

/* Remembers verdicts, unless another filter has come meanwhile. */
static tn_verdict ask_verdict(const tn_walk *walk, tn_key *key)
{
    tn_verdict verdict = tn_filter_judge_top(walk->filter, key->name.text);
    if (walk->filter == tn_ruby.filter) key->info.verdict = (uint8_t)verdict;
    return verdict;
}

/* Of a key of the payload itself. */
static inline tn_verdict verdict_of(const tn_walk *walk, tn_key *key)
{
    if (!walk->filtered) return TN_VERDICT_KEEP;
    bool known = key->info.verdict != TN_VERDICT_ASK && walk->filter == tn_ruby.filter;
    return known ? (tn_verdict)key->info.verdict : ask_verdict(walk, key);
}

/* The same for a key that can't be remembered. */
static tn_verdict verdict_on(const tn_walk *walk, tn_text name)
{
    return walk->filtered ? tn_filter_judge_top(walk->filter, name) : TN_VERDICT_KEEP;
}

static void begin_path(tn_walk *walk, tn_text name)
{
    walk->below = true;
    if (!tn_filter_has_paths(walk->filter)) return;
    tn_buffer_clear(&walk->path);
    tn_buffer_append_text(&walk->path, name);
}

/* Goes on to a key below others, and judges the whole path. One that is too long can't be judged. */
static tn_verdict enter_path(tn_walk *walk, tn_text name)
{
    if (!tn_buffer_make_room(&walk->path, name.size + 1)) {
        tn_filter_count_unjudged(walk->filter);
        return TN_VERDICT_MASK;
    }
    if (walk->below) tn_buffer_append_byte(&walk->path, '.');
    tn_buffer_append_text(&walk->path, name);
    return tn_filter_path_verdict(walk->filter, tn_buffer_text(&walk->path));
}

/* Of a key that is not alone with its name. */
static tn_verdict nested_verdict(tn_walk *walk, tn_text name)
{
    if (!walk->filtered) return TN_VERDICT_KEEP;
    tn_verdict verdict = tn_filter_verdict(walk->filter, name);
    if (verdict == TN_VERDICT_MASK || !tn_filter_has_paths(walk->filter)) return verdict;
    return enter_path(walk, name) == TN_VERDICT_MASK ? TN_VERDICT_MASK : verdict;
}

static tn_verdict enter_known_key(tn_walk *walk, tn_key *key)
{
    /* Without paths it does not matter where a key stands. */
    return tn_filter_has_paths(walk->filter) ? nested_verdict(walk, key->name.text) : verdict_of(walk, key);
}

tn_verdict tn_walk_enter_key(tn_walk *walk, VALUE key, tn_text *name, VALUE kept[2])
{
    tn_key *known = RB_STATIC_SYM_P(key) ? key_of_symbol(key) : NULL;
    kept[0] = kept[1] = Qnil;
    if (known && NIL_P(walk->filter->scanners)) {
        *name = known->name.text;
        return enter_known_key(walk, known);
    }

    bool judgeable;
    *name = tn_key_text(key, TN_MAX_KEY, &kept[0], &walk->key_copy, &judgeable);
    tn_verdict verdict = judgeable || !walk->filtered ? nested_verdict(walk, *name) : TN_VERDICT_MASK;
    if (!judgeable && walk->filtered) tn_filter_count_unjudged(walk->filter);
    *name = tn_filter_clean(walk->filter, *name, &walk->clean, &kept[1]);
    return verdict;
}

tn_walk_place tn_walk_place_of(const tn_walk *walk)
{
    return (tn_walk_place){walk->path.size, walk->key, walk->below, walk->trusted};
}

void tn_walk_go_below(tn_walk *walk, VALUE key, tn_verdict verdict)
{
    walk->below = true;
    walk->key = key;
    walk->trusted = verdict == TN_VERDICT_TRUST;
}

void tn_walk_go_back(tn_walk *walk, tn_walk_place place)
{
    tn_buffer_truncate(&walk->path, place.path_size);
    walk->key = place.key;
    walk->below = place.below;
    walk->trusted = place.trusted;
}

/* --- Values of pairs ----------------------------------------------------------------------------------- */

static void write_mask(tn_walk *walk)
{
    tn_payload_string(&walk->writer, tn_filter_mask_text(walk->filter));
}

tn_text tn_walk_clean_text(tn_walk *walk, VALUE *string, VALUE *kept)
{
    bool valid;
    tn_text text = tn_is_utf8(*string) ? tn_text_of_string(*string)
                                       : tn_utf8_of(string, TN_MAX_SCANNED, &walk->copy, &valid);
#ifdef TN_PLANT_LEAK /* which the seals must find */
    return text;
#endif
    return walk->trusted ? text : tn_filter_clean(walk->filter, text, &walk->clean, kept);
}

/* Cut only after it was looked through: half a secret is none that a scanner knows. */
static void write_string(tn_walk *walk, VALUE string)
{
    VALUE kept = Qnil;
    size_t size = (size_t)RSTRING_LEN(string);
    tn_text text = tn_walk_clean_text(walk, &string, &kept);
    tn_payload_cut_string(&walk->writer, text, size > TN_MAX_SCANNED ? size : text.size);
    RB_GC_GUARD(string);
    RB_GC_GUARD(kept);
}

static void write_json(tn_walk *walk, VALUE container)
{
    size_t opened = tn_payload_open_string(&walk->writer);
    bool complete = tn_json_container(walk, container, opened + tn_payload_string_room(&walk->writer, opened));
    tn_payload_close_string(&walk->writer, opened, complete);
}

static void write_integer(tn_walk *walk, VALUE value, bool as_string)
{
    if (tn_walk_hides_integer(walk, FIX2LONG(value))) {
        write_mask(walk);
    } else if (as_string) {
        char digits[TN_DECIMAL_SIZE];
        tn_payload_string(&walk->writer, (tn_text){digits, tn_decimal(digits, FIX2LONG(value))});
    } else {
        tn_payload_integer(&walk->writer, FIX2LONG(value));
    }
}

static void write_large_integer(tn_walk *walk, VALUE value, bool as_string)
{
    int64_t integer;
    int sign = rb_integer_pack(value, &integer, 1, sizeof(integer), 0,
                               INTEGER_PACK_NATIVE_BYTE_ORDER | INTEGER_PACK_2COMP);
    bool fits = (sign == 1 && integer >= 0) || (sign == -1 && integer < 0);
    if (fits && !as_string && !tn_walk_hides_integer(walk, integer)) {
        tn_payload_integer(&walk->writer, integer);
    } else {
        write_string(walk, tn_digits(value)); /* a secret is found there again */
    }
}

static void write_as_string(tn_walk *walk, VALUE value)
{
    if (NIL_P(value)) {
        tn_payload_string(&walk->writer, TN_NO_TEXT);
    } else {
        write_string(walk, tn_describe(value));
    }
}

static void write_time(tn_walk *walk, const tn_time *time, bool milliseconds)
{
    uint64_t unix_time = tn_unix_time(time);
    if (time->offset == 0 && unix_time > 0) {
        tn_payload_time(&walk->writer, unix_time, milliseconds);
        return;
    }
    char text[TN_TIMESTAMP_SIZE];
    size_t size = tn_format_time(text, time, milliseconds ? MILLISECOND_DIGITS : 0);
    tn_payload_string(&walk->writer, (tn_text){text, size});
}

static void write_object(tn_walk *walk, VALUE value)
{
    tn_time time = tn_read_time(value);
    if (time.known) {
        write_time(walk, &time, true);
    } else {
        write_as_string(walk, value);
    }
}

static void write_value(tn_walk *walk, VALUE value, bool is_id)
{
    if (tn_ruby.stringify && walk->filtered && !tn_is_container(value) && !RB_TYPE_P(value, T_STRING)) {
        write_as_string(walk, value);
        return;
    }
    switch (rb_type(value)) {
    case T_STRING: write_string(walk, value); break;
    case T_SYMBOL: write_string(walk, rb_sym2str(value)); break;
    case T_FIXNUM: write_integer(walk, value, is_id); break;
    case T_BIGNUM: write_large_integer(walk, value, is_id); break;
    case T_FLOAT: tn_payload_double(&walk->writer, RFLOAT_VALUE(value)); break;
    case T_TRUE:
    case T_FALSE: tn_payload_boolean(&walk->writer, RTEST(value)); break;
    case T_HASH:
    case T_ARRAY: write_json(walk, value); break;
    default: write_object(walk, value);
    }
}

/* --- What the span manager must know ------------------------------------------------------------------- */

void tn_walk_set_id(tn_walk_id *id, VALUE value)
{
    id->size = 0;
    if (NIL_P(value)) return;
    if (FIXNUM_P(value)) {
        id->size = tn_decimal(id->bytes, FIX2LONG(value));
        return;
    }

    VALUE string = RB_TYPE_P(value, T_STRING) ? value : tn_to_s(value);
    tn_text text = tn_text_of_string(string);
    if (text.size <= sizeof(id->bytes)) {
        if (text.size > 0) memcpy(id->bytes, text.bytes, text.size);
        id->size = text.size;
    } else {
        tn_trace_id hash = tn_trace_id_derived(0, text);
        tn_hex(id->bytes, hash.bytes, sizeof(hash.bytes));
        id->size = 2 * sizeof(hash.bytes);
    }
    RB_GC_GUARD(string);
}

static uint64_t time_of(VALUE value)
{
    tn_time time = tn_read_time(value);
    if (time.known) return tn_unix_time(&time);

    uint64_t nanoseconds = 0;
    VALUE string = RB_TYPE_P(value, T_STRING) || SPECIAL_CONST_P(value) ? value : tn_iso8601_of(value);
    if (!RB_TYPE_P(string, T_STRING)) return 0;
    tn_timestamp_parse(tn_text_of_string(string), &nanoseconds);
    RB_GC_GUARD(string);
    return nanoseconds;
}

static VALUE to_float(VALUE number)
{
    return rb_to_float(number);
}

/* Any number: upstream's finalizer has a BigDecimal. */
static uint64_t duration_of(VALUE value)
{
    if (RB_FLOAT_TYPE_P(value)) return tn_clock_duration(RFLOAT_VALUE(value));
    if (!RTEST(rb_obj_is_kind_of(value, rb_cNumeric))) return 0;
    VALUE seconds = tn_isolate(to_float, value, Qnil);
    return RB_FLOAT_TYPE_P(seconds) ? tn_clock_duration(RFLOAT_VALUE(seconds)) : 0;
}

static void note_duration(tn_walk *walk, uint64_t duration)
{
    if (duration > 0) walk->found.duration = duration;
}

static void note(tn_walk *walk, tn_field field, VALUE value)
{
    switch (field) {
    case TN_FIELD_TASK_ID: tn_walk_set_id(&walk->task_id, value); break;
    case TN_FIELD_STEP_ID: tn_walk_set_id(&walk->step_id, value); break;
    case TN_FIELD_STARTED_AT: walk->found.started_at = time_of(value); break;
    case TN_FIELD_COMPLETED_AT: walk->found.completed_at = time_of(value); break;
    case TN_FIELD_DURATION:
    case TN_FIELD_TOTAL_DURATION: note_duration(walk, duration_of(value)); break;
    case TN_FIELD_EXCEPTION_OBJECT: walk->exception = value; break;
    case TN_FIELD_TIMESTAMP: walk->has_timestamp = true; break;
    default: break;
    }
}

static void note_written(tn_walk *walk, tn_field field, size_t from)
{
    tn_walk_span written = {from, walk->buffer.size - from};
    switch (field) {
    case TN_FIELD_ERROR_MESSAGE: walk->error_message = written; break;
    case TN_FIELD_ERROR: walk->error = written; break;
    case TN_FIELD_ERROR_CLASS: walk->error_class = written; break;
    case TN_FIELD_EXCEPTION_CLASS: walk->exception_class = written; break;
    default: return;
    }
    walk->has_error = true;
}

/* The String that stands at a place in the buffer. */
static tn_text written_text(const tn_walk *walk, tn_walk_span span)
{
    if (span.size == 0 || walk->buffer.status != TN_OK) return TN_NO_TEXT;

    tn_value value;
    tn_payload_reader reader = tn_payload_read(walk->buffer.bytes + span.at, span.size);
    return tn_payload_next_value(&reader, &value) && value.type == TN_VALUE_STRING ? value.as.string : TN_NO_TEXT;
}

/* --- Settings ------------------------------------------------------------------------------------------ */

/* configure_payload(filter, limits) -> nil
 *
 * filter: a ParameterFilter; limits: [attributes, events, links, value size, stringify]. */
static VALUE configure_payload(VALUE self, VALUE filter, VALUE limits)
{
    (void)self;
    Check_Type(limits, T_ARRAY);
    tn_filter *core = tn_filter_of(filter);
    tn_span_limits span_limits = {
        .attributes = NUM2UINT(rb_ary_entry(limits, 0)),
        .events = NUM2UINT(rb_ary_entry(limits, 1)),
        .links = NUM2UINT(rb_ary_entry(limits, 2)),
        .value_size = NUM2SIZET(rb_ary_entry(limits, 3)),
    };

    tn_ruby.filter_object = filter;
    tn_ruby.filter = core;
    tn_key_table_forget_verdicts(&tn_ruby.keys);
    tn_ruby.limits = span_limits;
    tn_ruby.stringify = RTEST(rb_ary_entry(limits, 4));
    return Qnil;
}

/* --- The walk ------------------------------------------------------------------------------------------ */

/* What tn_walk_occurrence does not set. Field by field: what compilers make of clearing so many bytes at once (rep stos)
 * takes as long as walking a pair. */
static void clear_found(tn_walk *walk)
{
    walk->found.started_at = walk->found.completed_at = walk->found.duration = 0;
    walk->found.error_message = TN_NO_TEXT;
    walk->found.error_type = TN_NO_TEXT;
    walk->found.stacktrace = TN_NO_TEXT;
    walk->has_error = walk->has_timestamp = walk->stopped = false;
    walk->error_message = (tn_walk_span){0};
    walk->error = (tn_walk_span){0};
    walk->error_class = (tn_walk_span){0};
    walk->exception_class = (tn_walk_span){0};
    walk->plain_pairs = 0;
}

void tn_walk_init(tn_walk *walk, bool filtered)
{
    clear_found(walk);
    walk->task_id.size = walk->step_id.size = 0;
    walk->filtered = filtered;
    walk->below = walk->trusted = false;
    walk->filter_object = tn_ruby.filter_object;
    walk->filter = tn_ruby.filter;
    walk->key = walk->original = walk->exception = Qnil;
    walk->now = tn_clock_now_kept(&tn_ruby.clock);
    tn_buffer_init_on(&walk->buffer, walk->storage, sizeof(walk->storage), TN_PAYLOAD_BUFFER);
    tn_buffer_init(&walk->stacktrace, 4 * MAX_STACKTRACE);
    tn_buffer_init(&walk->key_copy, TN_PAYLOAD_BUFFER);
    tn_buffer_init(&walk->copy, TN_PAYLOAD_BUFFER);
    tn_buffer_init(&walk->clean, TN_PAYLOAD_BUFFER);
    tn_buffer_init(&walk->clean_name, TN_PAYLOAD_BUFFER);
    tn_buffer_init(&walk->path, MAX_PATH);
    tn_payload_writer_init(&walk->writer, &walk->buffer, tn_ruby.limits.attributes, tn_ruby.limits.value_size);
}

void tn_walk_free(tn_walk *walk)
{
    tn_buffer_free(&walk->buffer);
    tn_buffer_free(&walk->stacktrace);
    tn_buffer_free(&walk->key_copy);
    tn_buffer_free(&walk->copy);
    tn_buffer_free(&walk->clean);
    tn_buffer_free(&walk->clean_name);
    tn_buffer_free(&walk->path);
}

VALUE tn_walk_leaf(tn_walk *walk, VALUE value)
{
    bool asks = walk->filtered && !NIL_P(walk->filter->procs);
    return asks ? tn_filter_call_procs(walk->filter, walk->key, value, walk->original) : value;
}

/* The value behind a key that is written. */
static void write_pair_value(tn_walk *walk, tn_key_info info, tn_verdict verdict, VALUE value)
{
    size_t from = walk->buffer.size;
    walk->trusted = verdict == TN_VERDICT_TRUST;
    if (verdict == TN_VERDICT_MASK) {
        write_mask(walk);
    } else {
        write_value(walk, tn_is_container(value) ? value : tn_walk_leaf(walk, value), info.is_id);
    }
    if (info.field) note_written(walk, info.field, from);
}

/* Whether nothing is to be written. */
static bool is_left_out(const tn_walk *walk, tn_key_info info, bool masked, VALUE value)
{
    if (NIL_P(value) && !masked && !tn_ruby.stringify) return true;
    return info.field == TN_FIELD_EXCEPTION_OBJECT && walk->filtered;
}

void tn_walk_known_pair(tn_walk *walk, tn_key *key, VALUE value)
{
    tn_verdict verdict = verdict_of(walk, key);
    tn_key_info info = key->info;
    if (info.field) note(walk, info.field, value);
    if (is_left_out(walk, info, verdict == TN_VERDICT_MASK, value)) return;
    begin_path(walk, key->name.text);
    if (tn_payload_key_named(&walk->writer, &key->name)) write_pair_value(walk, info, verdict, value);
}

/* Of a key that is not, or can't be, remembered. */
static void walk_unknown_pair(tn_walk *walk, tn_text name, tn_verdict verdict, VALUE value)
{
    VALUE kept = Qnil;
    tn_key_info info = tn_key_describe(name);
    if (info.field) note(walk, info.field, value);
    if (is_left_out(walk, info, verdict == TN_VERDICT_MASK, value)) return;
    begin_path(walk, name);
    tn_text clean = tn_filter_clean(walk->filter, name, &walk->clean, &kept);
    if (tn_payload_key(&walk->writer, clean)) write_pair_value(walk, info, verdict, value);
    RB_GC_GUARD(kept);
}

/* What is remembered has no secret that our scanners know; those of the application's own have to be asked. */
static void walk_remembered_pair(tn_walk *walk, tn_key *key, VALUE value)
{
    if (NIL_P(walk->filter->scanners)) {
        tn_walk_known_pair(walk, key, value);
    } else {
        walk_unknown_pair(walk, key->name.text, verdict_of(walk, key), value);
    }
}

static void walk_text_pair(tn_walk *walk, VALUE key, VALUE value)
{
    VALUE string;
    bool judgeable;
    tn_text name = tn_key_text(key, TN_MAX_KEY, &string, &walk->key_copy, &judgeable);
    tn_key *known = judgeable ? tn_key_table_get(&tn_ruby.keys, name) : NULL;
    if (known) {
        walk_remembered_pair(walk, known, value);
    } else if (judgeable || !walk->filtered) {
        walk_unknown_pair(walk, name, verdict_on(walk, name), value);
    } else {
        tn_filter_count_unjudged(walk->filter);
        walk_unknown_pair(walk, name, TN_VERDICT_MASK, value);
    }
    RB_GC_GUARD(string);
}

void tn_walk_pair(tn_walk *walk, VALUE key, VALUE value)
{
    tn_key *known = RB_STATIC_SYM_P(key) ? key_of_symbol(key) : NULL;
    walk->key = key;
    if (known) {
        walk_remembered_pair(walk, known, value);
    } else {
        walk_text_pair(walk, key, value);
    }
}

static int walk_entry(VALUE key, VALUE value, VALUE argument)
{
    tn_walk *walk = (tn_walk *)argument;
    if (walk->plain_pairs > 0) {
        walk->plain_pairs--;
    } else {
        tn_walk_pair(walk, key, value);
    }
    return ST_CONTINUE;
}

void tn_walk_hash(tn_walk *walk, VALUE hash)
{
    walk->original = hash;
    rb_hash_foreach(hash, walk_entry, (VALUE)walk);
}

/* Begins a pair whose value is the caller's to write; false: it is written, or left out. */
static bool begin_pair(tn_walk *walk, tn_key *key)
{
    bool masked = verdict_of(walk, key) == TN_VERDICT_MASK;
    if (!tn_payload_key_named(&walk->writer, &key->name)) return false;
    if (masked) write_mask(walk);
    return !masked;
}

void tn_walk_text(tn_walk *walk, tn_key *key, tn_text text)
{
    bool masked = verdict_of(walk, key) == TN_VERDICT_MASK;
    if (!tn_payload_key_named(&walk->writer, &key->name)) return;

    size_t from = walk->buffer.size;
    tn_payload_string(&walk->writer, masked ? tn_filter_mask_text(walk->filter) : text);
    note_written(walk, key->info.field, from);
}

void tn_walk_double(tn_walk *walk, tn_key *key, double value)
{
    if (key->info.field == TN_FIELD_DURATION) note_duration(walk, tn_clock_duration(value));
    if (tn_ruby.stringify) {
        tn_walk_known_pair(walk, key, DBL2NUM(value));
    } else if (begin_pair(walk, key)) {
        tn_payload_double(&walk->writer, value);
    }
}

void tn_walk_time(tn_walk *walk, tn_key *key, const tn_time *time)
{
    if (key->info.field == TN_FIELD_STARTED_AT) walk->found.started_at = tn_unix_time(time);
    if (key->info.field == TN_FIELD_COMPLETED_AT) walk->found.completed_at = tn_unix_time(time);
    if (begin_pair(walk, key)) write_time(walk, time, false);
}

void tn_walk_now(tn_walk *walk, tn_key *key, bool milliseconds)
{
    if (key->info.field == TN_FIELD_TIMESTAMP) walk->has_timestamp = true;
    if (begin_pair(walk, key)) tn_payload_time(&walk->writer, walk->now.wall, milliseconds);
}

bool tn_walk_masks(const tn_walk *walk, tn_key *key)
{
    return verdict_of(walk, key) == TN_VERDICT_MASK;
}

tn_key *tn_known_key(const char *name)
{
    tn_key *key = tn_key_table_get(&tn_ruby.keys, tn_text_of(name));
    if (!key) rb_memerror();
    return key;
}

/* Most pairs are plain, so they have a way of their own: it looks once whether all is well, and writes. */

static bool is_string(VALUE value)
{
    return RB_TYPE_P(value, T_STRING);
}

/* Without a secret, for sure. */
static bool is_plain_text(VALUE value)
{
    return is_string(value) && tn_is_utf8(value) && !tn_scan_is_needed(tn_text_of_string(value));
}

/* NULL: such a value is not plain. */
static uint8_t *put_plain_value(uint8_t *at, VALUE value)
{
    if (FIXNUM_P(value) && FIX2LONG(value) < TN_LEAST_CARD_NUMBER) return tn_payload_put_integer(at, FIX2LONG(value));
    if (RB_FLONUM_P(value)) return tn_payload_put_double(at, RFLOAT_VALUE(value));
    if (value == Qtrue || value == Qfalse) return tn_payload_put_boolean(at, value == Qtrue);
    if (is_plain_text(value)) return tn_payload_put_string(at, tn_text_of_string(value));
    return NULL;
}

/* An id is noted and written as the same text. */
static uint8_t *put_plain_id(uint8_t *at, tn_walk_id *id, VALUE value)
{
    if (FIXNUM_P(value) && FIX2LONG(value) < TN_LEAST_CARD_NUMBER) {
        id->size = tn_decimal(id->bytes, FIX2LONG(value));
    } else if (is_plain_text(value)) {
        tn_walk_set_id(id, value);
        return tn_payload_put_string(at, tn_text_of_string(value));
    } else {
        return NULL;
    }
    return tn_payload_put_string(at, tn_walk_id_text(id));
}

static uint8_t *put_plain(tn_walk *walk, uint8_t *at, tn_key_info info, VALUE value)
{
    char digits[TN_DECIMAL_SIZE];
    switch (info.field) {
    case TN_FIELD_TASK_ID: return put_plain_id(at, &walk->task_id, value);
    case TN_FIELD_STEP_ID: return put_plain_id(at, &walk->step_id, value);
    case TN_FIELD_NONE:
        if (!info.is_id || !FIXNUM_P(value)) return put_plain_value(at, value);
        if (FIX2LONG(value) >= TN_LEAST_CARD_NUMBER) return NULL;
        return tn_payload_put_string(at, (tn_text){digits, tn_decimal(digits, FIX2LONG(value))});
    case TN_FIELD_DURATION:
        if (!RB_FLONUM_P(value)) return NULL;
        note_duration(walk, tn_clock_duration(RFLOAT_VALUE(value)));
        return tn_payload_put_double(at, RFLOAT_VALUE(value));
    default: return NULL;
    }
}

/* Whether a pair fits where there is memory already, and within the limits. */
static bool fits(const tn_walk *walk, VALUE value)
{
    const tn_payload_writer *writer = &walk->writer;
    size_t size = is_string(value) ? (size_t)RSTRING_LEN(value) : TN_DECIMAL_SIZE;
    return tn_buffer_has_room(&walk->buffer, size + 2 * TN_PAYLOAD_SCALAR) &&
           (writer->max_pairs == 0 || writer->count < writer->max_pairs) &&
           (writer->max_value_size == 0 || size <= writer->max_value_size);
}

/* false: it is not plain, and nothing has happened. */
static bool walk_plain_pair(tn_walk *walk, VALUE key, VALUE value)
{
    tn_key *known = RB_STATIC_SYM_P(key) ? key_of_symbol(key) : NULL;
    if (!known || known->info.verdict != TN_VERDICT_KEEP || !fits(walk, value)) return false;

    uint8_t *at = walk->buffer.bytes + walk->buffer.size;
    at = put_plain(walk, tn_payload_put_name(at, &known->name), known->info, value);
    if (!at) return false;

    walk->writer.count++;
    walk->buffer.size = (size_t)(at - walk->buffer.bytes);
    return true;
}

static int walk_plain_entry(VALUE key, VALUE value, VALUE argument)
{
    tn_walk *walk = (tn_walk *)argument;
    if (!walk_plain_pair(walk, key, value)) {
        walk->stopped = true;
        return ST_STOP;
    }
    walk->plain_pairs++;
    return ST_CONTINUE;
}

bool tn_walk_plain_hash(tn_walk *walk, VALUE hash)
{
    if (tn_ruby.stringify || tn_filter_calls_ruby(walk->filter)) return false;
    rb_hash_foreach(hash, walk_plain_entry, (VALUE)walk);
    return !walk->stopped;
}

void tn_walk_exception(tn_walk *walk, VALUE exception)
{
    walk->exception = exception;
}

static VALUE backtrace_of(VALUE exception)
{
    return rb_check_array_type(rb_funcall(exception, id_backtrace, 0));
}

/* The full backtrace, bounded; keys in it can't be judged, so a filter for `backtrace` masks it whole. */
static void read_backtrace(tn_walk *walk)
{
    if (NIL_P(walk->exception) || verdict_of(walk, key_backtrace) == TN_VERDICT_MASK) return;

    VALUE lines = tn_isolate(backtrace_of, walk->exception, Qnil);
    if (NIL_P(lines)) return;

    for (long i = 0; i < RARRAY_LEN(lines) && i < MAX_BACKTRACE_LINES; i++) {
        VALUE line = RARRAY_AREF(lines, i);
        if (!RB_TYPE_P(line, T_STRING) || walk->stacktrace.size + (size_t)RSTRING_LEN(line) > MAX_STACKTRACE) break;
        VALUE kept = Qnil;
        tn_buffer_append_text(&walk->stacktrace, tn_walk_clean_text(walk, &line, &kept));
        tn_buffer_append_byte(&walk->stacktrace, '\n');
        RB_GC_GUARD(line);
        RB_GC_GUARD(kept);
    }
}

static void add_error(tn_walk *walk, tn_occurrence *occurrence)
{
    tn_text message = written_text(walk, walk->error_message), type = written_text(walk, walk->exception_class);
    occurrence->error_message = message.size ? message : written_text(walk, walk->error);
    occurrence->error_type = type.size ? type : written_text(walk, walk->error_class);

    read_backtrace(walk);
    if (walk->stacktrace.status == TN_OK) occurrence->stacktrace = tn_buffer_text(&walk->stacktrace);
}

#ifdef TN_SEALS
/* The bytes are sealed only if scanners find nothing more in them. */
static void check_clean(const tn_walk *walk, const tn_pairs *pairs)
{
    tn_pair_key key;
    tn_value value;
    tn_payload_reader reader = tn_payload_read(pairs->bytes, pairs->size);
    if (!NIL_P(walk->filter->exempt)) return;
    while (tn_payload_next_key(&reader, &key) && tn_payload_next_value(&reader, &value)) {
        tn_buffer out;
        tn_buffer_init(&out, SIZE_MAX / 2);
        tn_text text = value.type == TN_VALUE_STRING ? value.as.string : TN_NO_TEXT;
        size_t found = tn_scan_text(walk->filter->core_scanners, text, tn_filter_mask_text(walk->filter), &out);
        tn_buffer_free(&out);
        tn_seal_must_hold(found == 0, "a secret");
    }
}
#endif

static void set_pairs(tn_pairs *pairs, const tn_walk *walk, bool prefixed)
{
    bool whole = walk->buffer.status == TN_OK;
    pairs->bytes = whole ? walk->buffer.bytes : NULL;
    pairs->size = whole ? walk->buffer.size : 0;
    pairs->count = whole ? walk->writer.count : 0;
    pairs->dropped = walk->writer.dropped + (whole ? 0 : walk->writer.count);
    pairs->prefixed = prefixed;
#ifdef TN_SEALS
    check_clean(walk, pairs);
#endif
    tn_seal_pairs(pairs);
}

tn_pairs tn_walk_pairs(const tn_walk *walk, bool prefixed)
{
    tn_pairs pairs;
    set_pairs(&pairs, walk, prefixed);
#ifdef TN_PLANT_LEAK
    pairs.seal = 0;
#endif
    return pairs;
}

tn_text tn_walk_clean_name(tn_walk *walk, tn_text name)
{
    VALUE kept = Qnil;
    tn_text clean = tn_filter_clean(walk->filter, name, &walk->clean_name, &kept);
    if (NIL_P(kept)) return clean;
    tn_buffer_clear(&walk->clean_name);
    tn_buffer_append_text(&walk->clean_name, clean);
    RB_GC_GUARD(kept);
    return tn_buffer_text(&walk->clean_name);
}

VALUE tn_walk_clean_string(tn_walk *walk, VALUE string)
{
    VALUE kept = Qnil;
    if (!RB_TYPE_P(string, T_STRING)) return string;
    tn_text text = tn_text_of_string(string), clean = tn_filter_clean(walk->filter, text, &walk->clean, &kept);
    return clean.bytes == text.bytes ? string : tn_string_of_text(clean);
}

tn_occurrence *tn_walk_occurrence(tn_walk *walk, tn_event_id event, tn_text name)
{
    tn_occurrence *found = &walk->found;
    found->event = event;
    found->name = event < TN_SYSTEM_EVENT_COUNT ? name : tn_walk_clean_name(walk, name);
    found->now = walk->now;
    found->task_id = tn_walk_id_text(&walk->task_id);
    found->step_id = tn_walk_id_text(&walk->step_id);
    set_pairs(&found->payload, walk, true);
    if (walk->has_error || !NIL_P(walk->exception)) add_error(walk, found);
    tn_seal_occurrence(found);
    return found;
}

void tn_init_payload(void)
{
    id_backtrace = rb_intern("backtrace");
    tn_ruby.limits = TN_SPAN_LIMITS_DEFAULT;
    tn_key_table_init(&tn_ruby.keys);
    key_backtrace = tn_known_key("backtrace");
    rb_define_module_function(tn_ruby.native, "configure_payload", configure_payload, 2);
}
