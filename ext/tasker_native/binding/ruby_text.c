#include "ruby_text.h"

#include "base/utf8.h"
#include "event/timestamp.h"

#define MAX_INTEGER_BYTES 4096 /* a larger Integer is described, not written out */
#define MILLISECOND_DIGITS 3
#define LATEST_SECOND INT64_C(7258118400) /* 2200-01-01 */

static ID id_to_s, id_iso8601, id_strftime, id_utc, id_utc_offset;

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
VALUE tn_to_s(VALUE object)
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
VALUE tn_iso8601_of(VALUE object)
{
    tn_time time = tn_read_time(object);
    if (!time.known) return tn_isolate(call_iso8601, object, Qnil);

    char text[TN_TIMESTAMP_SIZE];
    return rb_utf8_str_new(text, (long)tn_format_time(text, &time, MILLISECOND_DIGITS));
}

/* ISO 8601 for what is a time or a date, else to_s. */
VALUE tn_describe(VALUE value)
{
    VALUE string = SPECIAL_CONST_P(value) ? Qnil : tn_iso8601_of(value);
    return NIL_P(string) ? tn_to_s(value) : string;
}

VALUE tn_digits(VALUE value)
{
    size_t size = rb_absint_size(value, NULL);
    if (size > MAX_INTEGER_BYTES) return rb_sprintf("#<Integer of %" PRIuSIZE " bytes>", size);
    return rb_big2str(value, 10);
}

/* Valid UTF-8 from a String; `copy` keeps what had to be made anew. At most limit bytes. Sets valid to false when
 * something had to be replaced. */
tn_text tn_utf8_of(VALUE *string, size_t limit, tn_buffer *copy, bool *valid)
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
tn_text tn_key_text(VALUE key, size_t limit, VALUE *string, tn_buffer *copy, bool *judgeable)
{
    bool valid;
    VALUE whole = key_string(key);
    *judgeable = whole != Qundef && (size_t)RSTRING_LEN(whole) <= limit;
    *string = rb_str_new_frozen(whole == Qundef ? describe(key, "") : whole);
    tn_text text = tn_utf8_of(string, limit, copy, &valid);
    *judgeable = *judgeable && valid;
    return text;
}

VALUE tn_string_of_message(const char *message)
{
    VALUE string = rb_utf8_str_new_cstr(message), scrubbed = rb_str_scrub(string, Qnil);
    return NIL_P(scrubbed) ? string : scrubbed;
}

void tn_init_ruby_text(void)
{
    id_to_s = rb_intern("to_s");
    id_iso8601 = rb_intern("iso8601");
    id_strftime = rb_intern("strftime");
    id_utc = rb_intern("utc");
    id_utc_offset = rb_intern("utc_offset");

    tn_ruby.time_with_zone = Qnil;
    rb_gc_register_address(&tn_ruby.time_with_zone);
}
