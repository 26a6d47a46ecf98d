#ifndef TN_BASE_UTF8_H
#define TN_BASE_UTF8_H

#include "base/buffer.h"

/* UTF-8 as RFC 3629 has it: no surrogates, nothing overlong, nothing above U+10FFFF. */

/* How many bytes from the start are valid; text.size when all are. */
size_t tn_utf8_valid_prefix(tn_text text);

/* Appends text; each invalid byte becomes U+FFFD. Returns as tn_buffer_append. */
tn_status tn_utf8_append(tn_buffer *buffer, tn_text text);

/* The longest prefix of at most `limit` bytes that does not end inside a character. */
tn_text tn_utf8_cut(tn_text text, size_t limit);

#endif
