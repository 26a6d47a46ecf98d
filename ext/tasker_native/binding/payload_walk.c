#include "payload_walk.h"

#include "base/decimal.h"
#include "base/json.h"
#include "base/utf8.h"
#include "event/timestamp.h"

#define MAX_DEPTH 100          /* of nested Hashes and Arrays; deeper is masked */
#define MAX_INTEGER_BYTES 4096 /* a larger Integer is described, not written out */
#define MAX_BACKTRACE_LINES 500
#define MAX_STACKTRACE (32 * 1024)
#define MILLISECOND_DIGITS 3
#define LATEST_SECOND INT64_C(7258118400) /* 2200-01-01 */

static ID id_to_s, id_iso8601, id_strftime, id_match, id_backtrace, id_utc, id_utc_offset;
static tn_key *key_backtrace;

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

typedef struct {
    const VALUE *regexps; /* of tn_ruby */
    VALUE text;
} question;

static VALUE ask_regexps(VALUE argument)
{
    const question *asked = (question *)argument;
    VALUE regexps = *asked->regexps; /* frozen: another Array when the filter changes */
    for (long i = 0; i < RARRAY_LEN(regexps); i++) {
        if (RTEST(rb_funcall(RARRAY_AREF(regexps, i), id_match, 1, asked->text))) return Qtrue;
    }
    bool changed = regexps != *asked->regexps;
    RB_GC_GUARD(regexps);
    return changed ? Qnil : Qfalse; /* changed meanwhile: nobody has judged the key */
}

/* What the core leaves to Regexps. Masks what can't be judged, and counts it. */
static tn_verdict ask(const VALUE *regexps, tn_text text)
{
    if (NIL_P(*regexps)) return TN_VERDICT_KEEP;

    question question = {regexps, tn_string_of_text(text)};
    VALUE matches = tn_isolate(ask_regexps, (VALUE)&question, Qnil);
    RB_GC_GUARD(question.text);
    if (NIL_P(matches)) tn_ruby.masked_unjudged++;
    return matches == Qfalse ? TN_VERDICT_KEEP : TN_VERDICT_MASK;
}

/* --- Keys ---------------------------------------------------------------------------------------------- */

static tn_verdict judge(tn_text name)
{
    tn_verdict verdict = tn_key_filter_judge(&tn_ruby.filter, name);
    return verdict == TN_VERDICT_ASK ? ask(&tn_ruby.regexps, name) : verdict;
}

/* Remembers the verdict, unless the filter has changed while application code was asked. */
static tn_verdict ask_verdict(tn_key *key)
{
    VALUE asked = tn_ruby.regexps; /* another Array when the filter has changed */
    tn_verdict verdict = judge(key->name.text);
    if (asked == tn_ruby.regexps) key->info.verdict = (uint8_t)verdict;
    RB_GC_GUARD(asked);
    return verdict;
}

static inline tn_verdict verdict_of(const tn_walk *walk, tn_key *key)
{
    if (!walk->filtered) return TN_VERDICT_KEEP;
    return key->info.verdict == TN_VERDICT_ASK ? ask_verdict(key) : (tn_verdict)key->info.verdict;
}

/* The same for a text that may be no key that is remembered. */
static tn_verdict verdict_on(const tn_walk *walk, tn_text name)
{
    tn_key *key = tn_key_table_get(&tn_ruby.keys, name);
    if (key) return verdict_of(walk, key);
    return walk->filtered ? judge(name) : TN_VERDICT_KEEP;
}

/* --- Paths --------------------------------------------------------------------------------------------- */

/* A key of the payload itself is a path of its own. */
static void begin_path(tn_walk *walk, tn_text name)
{
    if (!tn_key_filter_has_paths(&tn_ruby.filter)) return;
    tn_buffer_clear(&walk->path);
    tn_buffer_append_text(&walk->path, name);
}

/* Goes on to a key below; whether what stands there is to be masked. Without a path, because it is too long or there
 * were no filters of paths before, nobody can judge. */
static bool enter_path(tn_walk *walk, tn_text name)
{
    if (!walk->filtered || !tn_key_filter_has_paths(&tn_ruby.filter)) return false;
    bool known = walk->path.size > 0;
    tn_buffer_append_byte(&walk->path, '.');
    tn_buffer_append_text(&walk->path, name);
    if (!known || walk->path.status != TN_OK) {
        tn_ruby.masked_unjudged++;
        return true;
    }
    tn_text path = tn_buffer_text(&walk->path);
    tn_verdict verdict = tn_key_filter_judge_path(&tn_ruby.filter, path);
    if (verdict == TN_VERDICT_ASK) verdict = ask(&tn_ruby.path_regexps, path);
    return verdict == TN_VERDICT_MASK;
}

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

/* What Ruby knows, or finds out and remembers: that a String of moderate size is UTF-8 already. */
static inline bool is_utf8(VALUE string)
{
    if (RSTRING_LEN(string) > TN_MAX_PAYLOAD) return false;

    int coderange = ENC_CODERANGE(string);
    if (coderange == ENC_CODERANGE_UNKNOWN) coderange = rb_enc_str_coderange(string);
    if (coderange == ENC_CODERANGE_7BIT) return true;
    return coderange == ENC_CODERANGE_VALID && ENCODING_GET(string) == rb_utf8_encindex();
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
    if ((size_t)RSTRING_LEN(string) <= room && is_utf8(string)) {
        tn_json_string(&json->walk->buffer, tn_text_of_string(string));
        return;
    }
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

/* Writes the name of a pair and tells whether its value is to be masked. */
static bool json_text_key(json_walk *json, VALUE key)
{
    VALUE name;
    bool judgeable;
    tn_text text = key_text(key, &name, &json->walk->copy, &judgeable);
    bool masked = json->walk->filtered && (!judgeable || verdict_on(json->walk, text) == TN_VERDICT_MASK);
    masked = masked || enter_path(json->walk, text);
    tn_json_string(&json->walk->buffer, text);
    RB_GC_GUARD(name);
    if (!judgeable && json->walk->filtered) tn_ruby.masked_unjudged++;
    return masked;
}

static bool json_key(json_walk *json, VALUE key)
{
    tn_key *known = RB_STATIC_SYM_P(key) ? key_of_symbol(key) : NULL;
    if (!known) return json_text_key(json, key);

    tn_json_string(&json->walk->buffer, known->name.text);
    return verdict_of(json->walk, known) == TN_VERDICT_MASK || enter_path(json->walk, known->name.text);
}

static int json_pair(VALUE key, VALUE value, VALUE argument)
{
    json_walk *json = (json_walk *)argument;
    if (!has_room(json)) return ST_STOP;

    size_t above = json->walk->path.size;
    json_separator(json);
    bool masked = json_key(json, key);
    tn_buffer_append_byte(&json->walk->buffer, ':');
    if (masked) {
        json_mask(json);
    } else {
        json_value(json, value);
    }
    tn_buffer_truncate(&json->walk->path, above);
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

/* It is no Time, and formats itself in Ruby. */
static bool is_time_with_zone(VALUE object)
{
    if (!RB_TYPE_P(object, T_OBJECT)) return false;
    if (!NIL_P(tn_ruby.time_with_zone)) return rb_obj_class(object) == tn_ruby.time_with_zone;
    if (strcmp(rb_obj_classname(object), "ActiveSupport::TimeWithZone") != 0) return false;
    tn_ruby.time_with_zone = rb_obj_class(object);
    return true;
}

static VALUE take_time_apart(VALUE argument)
{
    VALUE *time = (VALUE *)argument;
    tn_time *out = (tn_time *)time[1];
    bool is_time = RTEST(rb_obj_is_kind_of(time[0], rb_cTime));
    out->at = rb_time_timespec(is_time ? time[0] : rb_funcall(time[0], id_utc, 0));
    out->offset = NUM2INT(is_time ? rb_time_utc_offset(time[0]) : rb_funcall(time[0], id_utc_offset, 0));
    out->known = true;
    return Qnil;
}

tn_time tn_read_time(VALUE object)
{
    tn_time time = {.known = false};
    if (SPECIAL_CONST_P(object)) return time;
    if (CLASS_OF(object) != rb_cTime && !RTEST(rb_obj_is_kind_of(object, rb_cTime)) && !is_time_with_zone(object))
        return time;

    VALUE argument[] = {object, (VALUE)&time};
    tn_isolate(take_time_apart, (VALUE)argument, Qnil);
    return time;
}

size_t tn_format_time(char *out, const tn_time *time, int digits)
{
    return tn_timestamp_format(out, time->at.tv_sec, (uint32_t)time->at.tv_nsec, digits, time->offset == 0,
                               time->offset);
}

uint64_t tn_unix_time(const tn_time *time)
{
    if (!time->known || time->at.tv_sec < 0 || time->at.tv_sec > LATEST_SECOND) return 0;
    return (uint64_t)time->at.tv_sec * TN_SECOND + (uint64_t)time->at.tv_nsec;
}

/* nil for what is neither a time nor a date. */
static VALUE iso8601_of(VALUE object)
{
    tn_time time = tn_read_time(object);
    if (!time.known) return tn_isolate(call_iso8601, object, Qnil);

    char text[TN_TIMESTAMP_SIZE];
    return rb_utf8_str_new(text, (long)tn_format_time(text, &time, MILLISECOND_DIGITS));
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
    if (is_utf8(string)) {
        tn_payload_string(&walk->writer, tn_text_of_string(string));
        return;
    }
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

static void write_integer(tn_walk *walk, VALUE value, bool as_string)
{
    if (as_string) {
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

static uint64_t time_of(VALUE value)
{
    tn_time time = tn_read_time(value);
    if (time.known) return tn_unix_time(&time);

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

/* false: one of them could not be added. */
static bool add_literals(tn_key_filter *filter, VALUE literals)
{
    bool added = true;
    for (long i = 0; i < RARRAY_LEN(literals); i++) {
        added &= tn_key_filter_add(filter, tn_text_of_string(RARRAY_AREF(literals, i))) == TN_OK;
    }
    return added;
}

/* configure_payload(literals, regexps, path_regexps, ask, ask_paths, mask_all, mask, limits) -> nil
 *
 * literals: Array of String; regexps, path_regexps: Arrays of Regexp that are asked for what the core can't judge of keys
 * and of paths; ask, ask_paths: not only for those with non-ASCII letters; mask_all: mask every value, because there are
 * filters that nobody can judge; limits: [attributes, events, links, value size, stringify]. */
static VALUE configure_payload(VALUE self, VALUE literals, VALUE regexps, VALUE path_regexps, VALUE ask,
                               VALUE ask_paths, VALUE mask_all, VALUE mask, VALUE limits)
{
    (void)self;
    Check_Type(regexps, T_ARRAY);
    Check_Type(path_regexps, T_ARRAY);
    Check_Type(literals, T_ARRAY);
    Check_Type(limits, T_ARRAY);
    StringValue(mask);
    literals = rb_ary_dup(literals); /* the coercions below are application code, which may change it */
    for (long i = 0; i < RARRAY_LEN(literals); i++) Check_Type(RARRAY_AREF(literals, i), T_STRING);
    tn_span_limits span_limits = {
        .attributes = NUM2UINT(rb_ary_entry(limits, 0)),
        .events = NUM2UINT(rb_ary_entry(limits, 1)),
        .links = NUM2UINT(rb_ary_entry(limits, 2)),
        .value_size = NUM2SIZET(rb_ary_entry(limits, 3)),
    };

    regexps = rb_ary_freeze(rb_ary_dup(regexps));
    path_regexps = rb_ary_freeze(rb_ary_dup(path_regexps));

    tn_key_filter filter;
    if (tn_key_filter_init(&filter, tn_text_of_string(mask)) != TN_OK) rb_memerror();
    bool added = add_literals(&filter, literals);
    filter.ask = filter.ask || RTEST(ask);
    filter.ask_paths = filter.ask_paths || RTEST(ask_paths);
    filter.mask_all = filter.mask_all || RTEST(mask_all);

    tn_key_filter_free(&tn_ruby.filter);
    tn_key_table_forget_verdicts(&tn_ruby.keys);
    tn_ruby.filter = filter;
    tn_ruby.regexps = regexps;
    tn_ruby.path_regexps = path_regexps;
    tn_ruby.limits = span_limits;
    tn_ruby.stringify = RTEST(rb_ary_entry(limits, 4));
    if (!added) rb_warn("tasker-native: a filter is too long or one too many: every value is masked");
    return Qnil;
}

/* masked_unjudged -> Integer: values that were masked because nobody could judge them. */
static VALUE masked_unjudged(VALUE self)
{
    (void)self;
    return ULL2NUM(tn_ruby.masked_unjudged);
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
    walk->exception = Qnil;
    walk->now = tn_clock_now_kept(&tn_ruby.clock);
    tn_buffer_init_on(&walk->buffer, walk->storage, sizeof(walk->storage), TN_PAYLOAD_BUFFER);
    tn_buffer_init(&walk->stacktrace, 4 * MAX_STACKTRACE);
    tn_buffer_init(&walk->key_copy, TN_PAYLOAD_BUFFER);
    tn_buffer_init(&walk->copy, TN_PAYLOAD_BUFFER);
    tn_buffer_init(&walk->path, TN_MAX_FILTERED_PATH);
    tn_payload_writer_init(&walk->writer, &walk->buffer, tn_ruby.limits.attributes, tn_ruby.limits.value_size);
}

void tn_walk_free(tn_walk *walk)
{
    tn_buffer_free(&walk->buffer);
    tn_buffer_free(&walk->stacktrace);
    tn_buffer_free(&walk->key_copy);
    tn_buffer_free(&walk->copy);
    tn_buffer_free(&walk->path);
}

static void write_mask(tn_walk *walk)
{
    tn_payload_string(&walk->writer, tn_buffer_text(&tn_ruby.filter.mask));
}

/* The value behind a key that is written. */
static void write_pair_value(tn_walk *walk, tn_key_info info, bool masked, VALUE value)
{
    size_t from = walk->buffer.size;
    if (masked) {
        write_mask(walk);
    } else {
        write_value(walk, value, info.is_id);
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
    bool masked = verdict_of(walk, key) == TN_VERDICT_MASK;
    tn_key_info info = key->info;
    if (info.field) note(walk, info.field, value);
    if (is_left_out(walk, info, masked, value)) return;
    begin_path(walk, key->name.text);
    if (tn_payload_key_named(&walk->writer, &key->name)) write_pair_value(walk, info, masked, value);
}

/* Of a key that is not, or can't be, remembered. */
static void walk_unknown_pair(tn_walk *walk, tn_text name, bool masked, VALUE value)
{
    tn_key_info info = tn_key_describe(name);
    if (info.field) note(walk, info.field, value);
    if (is_left_out(walk, info, masked, value)) return;
    begin_path(walk, name);
    if (tn_payload_key(&walk->writer, name)) write_pair_value(walk, info, masked, value);
}

static void walk_text_pair(tn_walk *walk, VALUE key, VALUE value)
{
    VALUE string;
    bool judgeable;
    tn_text name = key_text(key, &string, &walk->key_copy, &judgeable);
    tn_key *known = judgeable ? tn_key_table_get(&tn_ruby.keys, name) : NULL;
    if (known) {
        tn_walk_known_pair(walk, known, value);
    } else if (judgeable || !walk->filtered) {
        walk_unknown_pair(walk, name, verdict_on(walk, name) == TN_VERDICT_MASK, value);
    } else {
        tn_ruby.masked_unjudged++;
        walk_unknown_pair(walk, name, true, value);
    }
    RB_GC_GUARD(string);
}

void tn_walk_pair(tn_walk *walk, VALUE key, VALUE value)
{
    tn_key *known = RB_STATIC_SYM_P(key) ? key_of_symbol(key) : NULL;
    if (known) {
        tn_walk_known_pair(walk, known, value);
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
    tn_payload_string(&walk->writer, masked ? tn_buffer_text(&tn_ruby.filter.mask) : text);
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

/* NULL: such a value is not plain. */
static uint8_t *put_plain_value(uint8_t *at, VALUE value)
{
    if (FIXNUM_P(value)) return tn_payload_put_integer(at, FIX2LONG(value));
    if (RB_FLONUM_P(value)) return tn_payload_put_double(at, RFLOAT_VALUE(value));
    if (value == Qtrue || value == Qfalse) return tn_payload_put_boolean(at, value == Qtrue);
    if (is_string(value) && is_utf8(value)) return tn_payload_put_string(at, tn_text_of_string(value));
    return NULL;
}

/* An id is noted and written as the same text. */
static uint8_t *put_plain_id(uint8_t *at, tn_walk_id *id, VALUE value)
{
    if (FIXNUM_P(value)) {
        id->size = tn_decimal(id->bytes, FIX2LONG(value));
    } else if (is_string(value) && is_utf8(value)) {
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
    if (tn_ruby.stringify) return false;
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
        tn_utf8_append(&walk->stacktrace, tn_text_of_string(line));
        tn_buffer_append_byte(&walk->stacktrace, '\n');
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

static void set_pairs(tn_pairs *pairs, const tn_walk *walk, bool prefixed)
{
    bool whole = walk->buffer.status == TN_OK;
    pairs->bytes = whole ? walk->buffer.bytes : NULL;
    pairs->size = whole ? walk->buffer.size : 0;
    pairs->count = whole ? walk->writer.count : 0;
    pairs->dropped = walk->writer.dropped + (whole ? 0 : walk->writer.count);
    pairs->prefixed = prefixed;
}

tn_pairs tn_walk_pairs(const tn_walk *walk, bool prefixed)
{
    tn_pairs pairs;
    set_pairs(&pairs, walk, prefixed);
    return pairs;
}

tn_occurrence *tn_walk_occurrence(tn_walk *walk, tn_event_id event, tn_text name)
{
    tn_occurrence *found = &walk->found;
    found->event = event;
    found->name = name;
    found->now = walk->now;
    found->task_id = tn_walk_id_text(&walk->task_id);
    found->step_id = tn_walk_id_text(&walk->step_id);
    set_pairs(&found->payload, walk, true);
    if (walk->has_error || !NIL_P(walk->exception)) add_error(walk, found);
    return found;
}

void tn_init_payload(void)
{
    id_to_s = rb_intern("to_s");
    id_iso8601 = rb_intern("iso8601");
    id_strftime = rb_intern("strftime");
    id_match = rb_intern("match?");
    id_backtrace = rb_intern("backtrace");
    id_utc = rb_intern("utc");
    id_utc_offset = rb_intern("utc_offset");

    tn_ruby.time_with_zone = Qnil;
    rb_gc_register_address(&tn_ruby.time_with_zone);
    tn_ruby.limits = TN_SPAN_LIMITS_DEFAULT;
    tn_ruby.regexps = Qnil;
    tn_ruby.path_regexps = Qnil;
    rb_gc_register_address(&tn_ruby.regexps);
    rb_gc_register_address(&tn_ruby.path_regexps);
    tn_key_table_init(&tn_ruby.keys);
    key_backtrace = tn_known_key("backtrace");
    if (tn_key_filter_init(&tn_ruby.filter, TN_TEXT("[FILTERED]")) != TN_OK) rb_memerror();
    rb_define_module_function(tn_ruby.native, "configure_payload", configure_payload, 8);
    rb_define_module_function(tn_ruby.native, "masked_unjudged", masked_unjudged, 0);
}
