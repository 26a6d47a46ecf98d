#include "payload_walk.h"

#include "base/json.h"
#include "base/utf8.h"
#include "event/timestamp.h"

#include <stdio.h>

#define MAX_DEPTH 100          /* of nested Hashes and Arrays; deeper is masked */
#define MAX_INTEGER_BYTES 4096 /* a larger Integer is described, not written out */
#define MAX_BACKTRACE_LINES 500
#define MAX_STACKTRACE (32 * 1024)
#define MILLISECOND_DIGITS 3
#define MAX_DIGITS 24                     /* of a 64-bit Integer */
#define LATEST_SECOND INT64_C(7258118400) /* 2200-01-01 */

static ID id_to_s, id_iso8601, id_strftime, id_match, id_backtrace, id_utc, id_utc_offset;

/* The containers around a value, innermost first. */
typedef struct enclosing {
    const struct enclosing *outer;
    VALUE object;
    int depth;
} enclosing;

/* --- Application code ---------------------------------------------------------------------------------- */

static VALUE call_to_s(VALUE object)
{
    VALUE string = rb_check_funcall(object, id_to_s, 0, NULL);
    return RB_TYPE_P(string, T_STRING) ? string : Qundef;
}

static VALUE describe(VALUE object, const char *problem)
{
    return rb_sprintf("#<%s%s>", rb_obj_classname(object), problem);
}

/* to_s of anything, a String in any case. */
static VALUE string_of(VALUE object)
{
    VALUE string = tn_isolate(call_to_s, object, Qnil);
    if (string == Qundef) return describe(object, "");
    return NIL_P(string) ? describe(object, " whose to_s raised") : string;
}

static VALUE call_iso8601(VALUE object)
{
    if (!rb_respond_to(object, id_strftime) || !rb_respond_to(object, id_iso8601)) return Qnil;
    return rb_check_string_type(rb_funcall(object, id_iso8601, 0));
}

static VALUE encode_as_utf8(VALUE string)
{
    return rb_str_encode(string, rb_enc_from_encoding(rb_utf8_encoding()), ECONV_INVALID_REPLACE | ECONV_UNDEF_REPLACE,
                         Qnil);
}

static VALUE ask_regexps(VALUE key)
{
    for (long i = 0; i < RARRAY_LEN(tn_ruby.regexps); i++) {
        if (RTEST(rb_funcall(RARRAY_AREF(tn_ruby.regexps, i), id_match, 1, key))) return Qtrue;
    }
    return Qfalse;
}

/* --- Keys ---------------------------------------------------------------------------------------------- */

static tn_verdict judge(tn_text name)
{
    tn_verdict verdict = tn_key_filter_judge(&tn_ruby.filter, name);
    if (verdict != TN_VERDICT_ASK) return verdict;
    if (NIL_P(tn_ruby.regexps)) return TN_VERDICT_KEEP;

    VALUE matches = tn_isolate(ask_regexps, tn_string_of_text(name), Qnil);
    if (NIL_P(matches)) tn_ruby.masked_unjudged++;
    return matches == Qfalse ? TN_VERDICT_KEEP : TN_VERDICT_MASK;
}

static tn_key look_up(const tn_walk *walk, tn_text name)
{
    const tn_key *known = tn_key_memo_find(&tn_ruby.memo, name);
    tn_key key = known ? *known : tn_key_describe(name);
    if (!known) {
        VALUE asked = tn_ruby.regexps; /* another Array when the filter changed meanwhile */
        key.verdict = judge(name);
        if (asked == tn_ruby.regexps) tn_key_memo_add(&tn_ruby.memo, name, key);
        RB_GC_GUARD(asked);
    }
    if (!walk->filtered) key.verdict = TN_VERDICT_KEEP;
    return key;
}

/* Valid UTF-8 from a String; `copy` keeps what had to be made anew. At most limit bytes. Sets valid to false when
 * something had to be replaced. */
static tn_text utf8_of(VALUE *string, size_t limit, tn_buffer *copy, bool *valid)
{
    rb_encoding *encoding = rb_enc_get(*string);
    bool foreign = encoding != rb_utf8_encoding() && encoding != rb_usascii_encoding() &&
                   encoding != rb_ascii8bit_encoding() && rb_enc_str_coderange(*string) != ENC_CODERANGE_7BIT;
    *valid = true;
    if (foreign) {
        VALUE part = *string;
        *valid = rb_enc_str_coderange(part) == ENC_CODERANGE_VALID;
        if ((size_t)RSTRING_LEN(part) > limit) part = rb_str_substr(part, 0, (long)limit / 4);
        *string = tn_isolate(encode_as_utf8, part, Qnil);
        if (NIL_P(*string)) {
            *valid = false;
            *string = describe(part, " that can't be read as UTF-8");
        }
    }

    tn_text text = tn_utf8_cut(tn_text_of_string(*string), limit);
    if (tn_utf8_valid_prefix(text) == text.size) return text;

    *valid = false;
    tn_buffer_clear(copy);
    tn_utf8_append(copy, text);
    return tn_buffer_text(copy);
}

/* Qundef for a key that can't tell its text. */
static VALUE key_string(VALUE key)
{
    if (SYMBOL_P(key)) return rb_sym2str(key);
    return RB_TYPE_P(key, T_STRING) ? key : tn_isolate(call_to_s, key, Qundef);
}

/* The text of a key, kept by `string`, which is frozen: its bytes stay where they are, whatever application code does
 * meanwhile. Sets judgeable to false when the text is not the whole key as it was. */
static tn_text key_text(VALUE key, VALUE *string, tn_buffer *copy, bool *judgeable)
{
    bool valid;
    VALUE whole = key_string(key);
    *judgeable = whole != Qundef && RSTRING_LEN(whole) <= TN_MAX_KEY;
    *string = rb_str_new_frozen(whole == Qundef ? describe(key, "") : whole);
    tn_text text = utf8_of(string, TN_MAX_KEY, copy, &valid);
    *judgeable = *judgeable && valid;
    return text;
}

/* --- Nested values as JSON ----------------------------------------------------------------------------- */

typedef struct {
    tn_walk *walk;
    size_t opened;
    bool complete;
    const enclosing *inside;
    bool first;
} json_walk;

static void json_value(json_walk *json, VALUE value);

static bool has_room(json_walk *json)
{
    if (json->walk->buffer.status == TN_OK && tn_payload_string_room(&json->walk->writer, json->opened) > 0)
        return true;
    json->complete = false;
    return false;
}

static void json_text(json_walk *json, VALUE string)
{
    size_t room = tn_payload_string_room(&json->walk->writer, json->opened);
    bool valid;
    size_t size = (size_t)RSTRING_LEN(string);
    tn_text text = utf8_of(&string, room, &json->walk->copy, &valid);
    if (size > room || (size_t)RSTRING_LEN(string) > room) json->complete = false;
    tn_json_string(&json->walk->buffer, text);
    RB_GC_GUARD(string);
}

static void json_mask(json_walk *json)
{
    tn_json_string(&json->walk->buffer, tn_buffer_text(&tn_ruby.filter.mask));
}

static void json_separator(json_walk *json)
{
    if (!json->first) tn_buffer_append_byte(&json->walk->buffer, ',');
    json->first = false;
}

static int json_pair(VALUE key, VALUE value, VALUE argument)
{
    json_walk *json = (json_walk *)argument;
    if (!has_room(json)) return ST_STOP;

    json_separator(json);
    VALUE name;
    bool judgeable;
    tn_text text = key_text(key, &name, &json->walk->copy, &judgeable);
    tn_verdict verdict = look_up(json->walk, text).verdict;
    tn_json_string(&json->walk->buffer, text);
    tn_buffer_append_byte(&json->walk->buffer, ':');
    RB_GC_GUARD(name);

    if (!judgeable && json->walk->filtered) tn_ruby.masked_unjudged++;
    if (verdict == TN_VERDICT_MASK || (!judgeable && json->walk->filtered)) {
        json_mask(json);
    } else {
        json_value(json, value);
    }
    return ST_CONTINUE;
}

static bool is_inside(const enclosing *inside, VALUE object)
{
    for (; inside; inside = inside->outer) {
        if (inside->object == object) return true;
    }
    return false;
}

static void json_container(json_walk *json, VALUE container)
{
    const enclosing *outer = json->inside;
    int depth = outer ? outer->depth + 1 : 1;
    if (depth > MAX_DEPTH || is_inside(outer, container)) {
        tn_ruby.masked_unjudged++;
        json_mask(json);
        return;
    }

    enclosing here = {outer, container, depth};
    bool is_hash = RB_TYPE_P(container, T_HASH);
    json->inside = &here;
    json->first = true;
    tn_buffer_append_byte(&json->walk->buffer, is_hash ? '{' : '[');
    if (is_hash) {
        rb_hash_foreach(container, json_pair, (VALUE)json);
    } else {
        for (long i = 0; i < RARRAY_LEN(container) && has_room(json); i++) {
            json_separator(json);
            json_value(json, RARRAY_AREF(container, i));
        }
    }
    tn_buffer_append_byte(&json->walk->buffer, is_hash ? '}' : ']');
    json->inside = outer;
    json->first = false;
}

static VALUE time_string(VALUE value);
static VALUE integer_string(VALUE value);

static void json_value(json_walk *json, VALUE value)
{
    tn_buffer *buffer = &json->walk->buffer;
    switch (rb_type(value)) {
    case T_NIL: tn_buffer_append_text(buffer, TN_TEXT("null")); break;
    case T_TRUE: tn_buffer_append_text(buffer, TN_TEXT("true")); break;
    case T_FALSE: tn_buffer_append_text(buffer, TN_TEXT("false")); break;
    case T_FIXNUM: tn_json_integer(buffer, FIX2LONG(value)); break;
    case T_FLOAT: tn_json_double(buffer, RFLOAT_VALUE(value)); break;
    case T_STRING: json_text(json, value); break;
    case T_SYMBOL: json_text(json, rb_sym2str(value)); break;
    case T_BIGNUM: json_text(json, integer_string(value)); break;
    case T_HASH:
    case T_ARRAY: json_container(json, value); break;
    default: json_text(json, time_string(value));
    }
}

/* --- Values of pairs ----------------------------------------------------------------------------------- */

size_t tn_format_time(char *out, VALUE time, int digits)
{
    struct timespec at = rb_time_timespec(time);
    bool utc = RTEST(rb_funcall(time, id_utc, 0));
    int32_t offset = utc ? 0 : NUM2INT(rb_funcall(time, id_utc_offset, 0));
    return tn_timestamp_format(out, at.tv_sec, (uint32_t)at.tv_nsec, digits, utc, offset);
}

static VALUE format_time(VALUE time)
{
    char text[TN_TIMESTAMP_SIZE];
    size_t size = tn_format_time(text, time, MILLISECOND_DIGITS);
    return rb_utf8_str_new(text, (long)size);
}

/* nil for what is neither a time nor a date. */
static VALUE iso8601_of(VALUE object)
{
    bool is_time = RTEST(rb_obj_is_kind_of(object, rb_cTime));
    return tn_isolate(is_time ? format_time : call_iso8601, object, Qnil);
}

/* ISO 8601 for what is a time or a date, else to_s. */
static VALUE time_string(VALUE value)
{
    VALUE string = SPECIAL_CONST_P(value) ? Qnil : iso8601_of(value);
    return NIL_P(string) ? string_of(value) : string;
}

static VALUE integer_string(VALUE value)
{
    size_t size = rb_absint_size(value, NULL);
    if (size > MAX_INTEGER_BYTES) return rb_sprintf("#<Integer of %" PRIuSIZE " bytes>", size);
    return rb_big2str(value, 10);
}

static void write_string(tn_walk *walk, VALUE string)
{
    bool valid;
    size_t full_size = (size_t)RSTRING_LEN(string);
    tn_text text = utf8_of(&string, TN_MAX_PAYLOAD, &walk->copy, &valid);
    if (full_size <= TN_MAX_PAYLOAD) full_size = text.size;
    tn_payload_cut_string(&walk->writer, text, full_size);
    RB_GC_GUARD(string);
}

static void write_json(tn_walk *walk, VALUE container)
{
    json_walk json = {.walk = walk, .complete = true, .first = true};
    json.opened = tn_payload_open_string(&walk->writer);
    json_container(&json, container);
    tn_payload_close_string(&walk->writer, json.opened, json.complete);
}

/* Ids are Strings: no Ruby object for each. */
static size_t format_integer(char *out, size_t size, VALUE fixnum)
{
    return (size_t)snprintf(out, size, "%ld", FIX2LONG(fixnum));
}

static void write_integer(tn_walk *walk, VALUE value, bool as_string)
{
    if (as_string) {
        char digits[MAX_DIGITS];
        tn_payload_string(&walk->writer, (tn_text){digits, format_integer(digits, sizeof(digits), value)});
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
    if (fits && !as_string) {
        tn_payload_integer(&walk->writer, integer);
    } else {
        write_string(walk, integer_string(value));
    }
}

static bool is_container(VALUE value)
{
    return RB_TYPE_P(value, T_HASH) || RB_TYPE_P(value, T_ARRAY);
}

static void write_as_string(tn_walk *walk, VALUE value)
{
    if (NIL_P(value)) {
        tn_payload_string(&walk->writer, TN_NO_TEXT);
    } else {
        write_string(walk, time_string(value));
    }
}

static void write_value(tn_walk *walk, VALUE value, bool is_id)
{
    if (tn_ruby.stringify && walk->filtered && !is_container(value) && !RB_TYPE_P(value, T_STRING)) {
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
    default: write_as_string(walk, value);
    }
}

/* --- What the span manager must know ------------------------------------------------------------------- */

void tn_walk_set_id(tn_walk_id *id, VALUE value)
{
    id->size = 0;
    if (NIL_P(value)) return;
    if (FIXNUM_P(value)) {
        id->size = format_integer(id->bytes, sizeof(id->bytes), value);
        return;
    }

    VALUE string = RB_TYPE_P(value, T_STRING) ? value : string_of(value);
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

typedef struct {
    VALUE time;
    uint64_t nanoseconds; /* 0: before 1970, or so late that it is a mistake */
} time_reading;

static VALUE read_time(VALUE argument)
{
    time_reading *reading = (time_reading *)argument;
    struct timespec at = rb_time_timespec(reading->time);
    if (at.tv_sec < 0 || at.tv_sec > LATEST_SECOND) return Qnil;
    reading->nanoseconds = (uint64_t)at.tv_sec * TN_SECOND + (uint64_t)at.tv_nsec;
    return Qnil;
}

static uint64_t time_of(VALUE value)
{
    if (RTEST(rb_obj_is_kind_of(value, rb_cTime))) {
        time_reading reading = {.time = value};
        tn_isolate(read_time, (VALUE)&reading, Qnil);
        return reading.nanoseconds;
    }

    uint64_t nanoseconds = 0;
    VALUE string = RB_TYPE_P(value, T_STRING) || SPECIAL_CONST_P(value) ? value : iso8601_of(value);
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
    if (!RTEST(rb_obj_is_kind_of(value, rb_cNumeric))) return 0;
    VALUE seconds = tn_isolate(to_float, value, Qnil);
    return RB_FLOAT_TYPE_P(seconds) ? tn_clock_duration(RFLOAT_VALUE(seconds)) : 0;
}

static void note_duration(tn_walk *walk, uint64_t duration)
{
    if (duration > 0) walk->duration = duration;
}

static void note(tn_walk *walk, tn_field field, VALUE value)
{
    switch (field) {
    case TN_FIELD_TASK_ID: tn_walk_set_id(&walk->task_id, value); break;
    case TN_FIELD_STEP_ID: tn_walk_set_id(&walk->step_id, value); break;
    case TN_FIELD_STARTED_AT: walk->started_at = time_of(value); break;
    case TN_FIELD_COMPLETED_AT: walk->completed_at = time_of(value); break;
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
    default: break;
    }
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

static void add_literals(tn_key_filter *filter, VALUE literals)
{
    for (long i = 0; i < RARRAY_LEN(literals); i++) {
        tn_status status = tn_key_filter_add(filter, tn_text_of_string(RARRAY_AREF(literals, i)));
        if (status != TN_OK) rb_warn("tasker-native: a filter is too long or one too many: every value is masked");
    }
}

/* configure_payload(literals, regexps, ask, mask_all, mask, limits) -> nil
 *
 * literals: Array of String; regexps: Array of Regexp that are asked for what the core can't judge; ask: not only for
 * keys with non-ASCII letters; mask_all: mask every value, because there are filters that nobody can judge; limits:
 * [attributes, events, links, value size, stringify]. */
static VALUE configure_payload(VALUE self, VALUE literals, VALUE regexps, VALUE ask, VALUE mask_all, VALUE mask,
                               VALUE limits)
{
    (void)self;
    Check_Type(regexps, T_ARRAY);
    Check_Type(literals, T_ARRAY);
    Check_Type(limits, T_ARRAY);
    StringValue(mask);
    for (long i = 0; i < RARRAY_LEN(literals); i++) Check_Type(RARRAY_AREF(literals, i), T_STRING);
    tn_span_limits span_limits = {
        .attributes = NUM2UINT(rb_ary_entry(limits, 0)),
        .events = NUM2UINT(rb_ary_entry(limits, 1)),
        .links = NUM2UINT(rb_ary_entry(limits, 2)),
        .value_size = NUM2SIZET(rb_ary_entry(limits, 3)),
    };

    tn_key_filter filter;
    if (tn_key_filter_init(&filter, tn_text_of_string(mask)) != TN_OK) rb_memerror();
    add_literals(&filter, literals);
    filter.ask = filter.ask || RTEST(ask);
    filter.mask_all = filter.mask_all || RTEST(mask_all);

    tn_key_filter_free(&tn_ruby.filter);
    tn_key_memo_clear(&tn_ruby.memo);
    tn_ruby.filter = filter;
    tn_ruby.regexps = rb_ary_freeze(rb_ary_dup(regexps));
    tn_ruby.limits = span_limits;
    tn_ruby.stringify = RTEST(rb_ary_entry(limits, 4));
    return Qnil;
}

/* masked_unjudged -> Integer: values that were masked because nobody could judge them. */
static VALUE masked_unjudged(VALUE self)
{
    (void)self;
    return ULL2NUM(tn_ruby.masked_unjudged);
}

/* --- The walk ------------------------------------------------------------------------------------------ */

void tn_walk_init(tn_walk *walk, bool filtered)
{
    memset(walk, 0, offsetof(tn_walk, storage));
    walk->filtered = filtered;
    walk->exception = Qnil;
    tn_buffer_init_on(&walk->buffer, walk->storage, sizeof(walk->storage), TN_PAYLOAD_BUFFER);
    tn_buffer_init(&walk->stacktrace, 4 * MAX_STACKTRACE);
    tn_buffer_init(&walk->key_copy, TN_PAYLOAD_BUFFER);
    tn_buffer_init(&walk->copy, TN_PAYLOAD_BUFFER);
    tn_payload_writer_init(&walk->writer, &walk->buffer, tn_ruby.limits.attributes, tn_ruby.limits.value_size);
}

void tn_walk_free(tn_walk *walk)
{
    tn_buffer_free(&walk->buffer);
    tn_buffer_free(&walk->stacktrace);
    tn_buffer_free(&walk->key_copy);
    tn_buffer_free(&walk->copy);
}

static void write_pair(tn_walk *walk, tn_text name, tn_key key, VALUE value)
{
    bool masked = key.verdict == TN_VERDICT_MASK;
    if (NIL_P(value) && !masked && !tn_ruby.stringify) return;
    if (key.field == TN_FIELD_EXCEPTION_OBJECT && walk->filtered) return;
    if (!tn_payload_key(&walk->writer, name)) return;

    size_t from = walk->buffer.size;
    if (masked) {
        tn_payload_string(&walk->writer, tn_buffer_text(&tn_ruby.filter.mask));
    } else {
        write_value(walk, value, key.is_id);
    }
    note_written(walk, key.field, from);
}

void tn_walk_pair(tn_walk *walk, VALUE key, VALUE value)
{
    VALUE string;
    bool judgeable;
    tn_text name = key_text(key, &string, &walk->key_copy, &judgeable);
    tn_key known = look_up(walk, name);
    if (!judgeable && walk->filtered) {
        known.verdict = TN_VERDICT_MASK;
        tn_ruby.masked_unjudged++;
    }
    if (known.field) note(walk, known.field, value);
    write_pair(walk, name, known, value);
    RB_GC_GUARD(string);
}

static int walk_entry(VALUE key, VALUE value, VALUE walk)
{
    tn_walk_pair((tn_walk *)walk, key, value);
    return ST_CONTINUE;
}

void tn_walk_hash(tn_walk *walk, VALUE hash)
{
    rb_hash_foreach(hash, walk_entry, (VALUE)walk);
}

static void note_text(tn_walk *walk, tn_field field, tn_text text)
{
    if (field == TN_FIELD_STARTED_AT) tn_timestamp_parse(text, &walk->started_at);
    if (field == TN_FIELD_COMPLETED_AT) tn_timestamp_parse(text, &walk->completed_at);
    if (field == TN_FIELD_TIMESTAMP) walk->has_timestamp = true;
}

void tn_walk_text(tn_walk *walk, VALUE key, tn_text value)
{
    tn_text name = tn_text_of_string(rb_sym2str(key));
    tn_key known = look_up(walk, name);
    note_text(walk, known.field, value);
    if (!tn_payload_key(&walk->writer, name)) return;
    tn_payload_string(&walk->writer, known.verdict == TN_VERDICT_MASK ? tn_buffer_text(&tn_ruby.filter.mask) : value);
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
    tn_text name = TN_TEXT("backtrace");
    if (NIL_P(walk->exception) || look_up(walk, name).verdict == TN_VERDICT_MASK) return;

    VALUE lines = tn_isolate(backtrace_of, walk->exception, Qnil);
    if (NIL_P(lines)) return;

    for (long i = 0; i < RARRAY_LEN(lines) && i < MAX_BACKTRACE_LINES; i++) {
        VALUE line = RARRAY_AREF(lines, i);
        if (!RB_TYPE_P(line, T_STRING) || walk->stacktrace.size + (size_t)RSTRING_LEN(line) > MAX_STACKTRACE) break;
        tn_utf8_append(&walk->stacktrace, tn_text_of_string(line));
        tn_buffer_append_byte(&walk->stacktrace, '\n');
    }
}

tn_pairs tn_walk_pairs(const tn_walk *walk, bool prefixed)
{
    if (walk->buffer.status != TN_OK) return (tn_pairs){.dropped = walk->writer.count + walk->writer.dropped};
    return (tn_pairs){walk->buffer.bytes, walk->buffer.size, walk->writer.count, walk->writer.dropped, prefixed};
}

tn_occurrence tn_walk_occurrence(tn_walk *walk, tn_event_id event, tn_text name, tn_moment now)
{
    read_backtrace(walk);
    tn_text message = written_text(walk, walk->error_message), type = written_text(walk, walk->exception_class);
    return (tn_occurrence){
        .event = event,
        .name = name,
        .now = now,
        .task_id = tn_walk_id_text(&walk->task_id),
        .step_id = tn_walk_id_text(&walk->step_id),
        .started_at = walk->started_at,
        .completed_at = walk->completed_at,
        .duration = walk->duration,
        .error_message = message.size ? message : written_text(walk, walk->error),
        .error_type = type.size ? type : written_text(walk, walk->error_class),
        .stacktrace = walk->stacktrace.status == TN_OK ? tn_buffer_text(&walk->stacktrace) : TN_NO_TEXT,
        .payload = tn_walk_pairs(walk, true),
    };
}

void tn_init_payload(void)
{
    id_to_s = rb_intern("to_s");
    id_iso8601 = rb_intern("iso8601");
    id_strftime = rb_intern("strftime");
    id_match = rb_intern("match?");
    id_backtrace = rb_intern("backtrace");
    id_utc = rb_intern("utc?");
    id_utc_offset = rb_intern("utc_offset");

    tn_ruby.limits = TN_SPAN_LIMITS_DEFAULT;
    tn_ruby.regexps = Qnil;
    rb_gc_register_address(&tn_ruby.regexps);
    tn_key_memo_init(&tn_ruby.memo);
    if (tn_key_filter_init(&tn_ruby.filter, TN_TEXT("[FILTERED]")) != TN_OK) rb_memerror();
    rb_define_module_function(tn_ruby.native, "configure_payload", configure_payload, 6);
    rb_define_module_function(tn_ruby.native, "masked_unjudged", masked_unjudged, 0);
}
