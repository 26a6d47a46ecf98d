#ifndef TN_BINDING_RUBY_TEXT_H
#define TN_BINDING_RUBY_TEXT_H

#include "binding.h"

/* Text of whatever application objects are: valid UTF-8, bounded, isolated from what they raise. */

/* A Ruby Time, taken apart. */
typedef struct {
    struct timespec at;
    int32_t offset; /* seconds; 0 for UTC */
    bool known;     /* false: it is no Time, or not one that can be told */
} tn_time;

tn_time tn_read_time(VALUE object);

/* ISO 8601 with 0 or 3 digits of a second. Returns the size. */
size_t tn_format_time(char *out, const tn_time *time, int digits);

/* Nanoseconds since 1970; 0: before it, or so late that it is a mistake. */
uint64_t tn_unix_time(const tn_time *time);

/* ISO 8601 of what is a time or a date; nil of what is neither. */
VALUE tn_iso8601_of(VALUE object);

/* to_s of anything, a String in any case: of what raises, its class. */
VALUE tn_to_s(VALUE object);

/* ISO 8601 for what is a time or a date, else to_s. */
VALUE tn_describe(VALUE value);

/* The digits of a Bignum; only its size when there are too many of them. */
VALUE tn_digits(VALUE bignum);

/* Whether a String of moderate size is UTF-8 as it is: what Ruby knows, or finds out and remembers. */
static inline bool tn_is_utf8(VALUE string)
{
    if (RSTRING_LEN(string) > TN_MAX_PAYLOAD) return false;

    int coderange = ENC_CODERANGE(string);
    if (coderange == ENC_CODERANGE_UNKNOWN) coderange = rb_enc_str_coderange(string);
    if (coderange == ENC_CODERANGE_7BIT) return true;
    return coderange == ENC_CODERANGE_VALID && ENCODING_GET(string) == rb_utf8_encindex();
}

/* Valid UTF-8 from a String; `copy` keeps what had to be made anew. At most limit bytes. Sets valid to false when
 * something had to be replaced. */
tn_text tn_utf8_of(VALUE *string, size_t limit, tn_buffer *copy, bool *valid);

/* The text of a key, kept by `string`, which is frozen: its bytes stay where they are, whatever application code does
 * meanwhile. At most limit bytes. Sets judgeable to false when the text is not the whole key as it was. */
tn_text tn_key_text(VALUE key, size_t limit, VALUE *string, tn_buffer *copy, bool *judgeable);

/* A String of what a library or a collector says: valid UTF-8, whatever it was. */
VALUE tn_string_of_message(const char *message);

void tn_init_ruby_text(void);

#endif
