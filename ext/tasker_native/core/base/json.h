#ifndef TN_BASE_JSON_H
#define TN_BASE_JSON_H

#include "base/buffer.h"

/* Pieces of JSON text (RFC 8259), appended to a buffer. Commas and brackets are the caller's.
 * All return as tn_buffer_append. */

/* text must be valid UTF-8. Quotes it, escapes what must be, and what would drive a terminal or end a line in some
 * readers: all control characters, U+2028 and U+2029. */
tn_status tn_json_string(tn_buffer *buffer, tn_text text);

/* Two texts as one string. */
tn_status tn_json_joined(tn_buffer *buffer, tn_text first, tn_text second);

tn_status tn_json_integer(tn_buffer *buffer, int64_t value);
tn_status tn_json_unsigned(tn_buffer *buffer, uint64_t value);

/* The shortest form that reads back as the same number. NaN and infinities are the strings that proto3's
 * JSON mapping names: "NaN", "Infinity", "-Infinity". */
tn_status tn_json_double(tn_buffer *buffer, double value);

#endif
