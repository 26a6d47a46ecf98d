#ifndef TN_BINDING_PAYLOAD_WALK_H
#define TN_BINDING_PAYLOAD_WALK_H

#include "binding.h"

/* One pass over a payload: each key is judged, each value is written as MessagePack, and what the span manager must
 * know is noted on the way.
 *
 * Lives on the stack of one publication: application code (to_s, iso8601, Regexps) may run in the middle, and may
 * publish again. It may also unwind: always pair with tn_walk_free under rb_ensure. */
#define TN_WALK_ID_SIZE 128
#define TN_WALK_STORAGE 2048

typedef struct {
    char bytes[TN_WALK_ID_SIZE];
    size_t size; /* 0: none */
} tn_walk_id;

typedef struct {
    size_t at, size;
} tn_walk_span; /* of bytes in the buffer */

typedef struct {
    tn_payload_writer writer;
    tn_buffer buffer;
    bool filtered; /* false: every value stays as it is */

    tn_walk_id task_id, step_id;
    uint64_t started_at, completed_at, duration;
    tn_walk_span error_message, error, error_class, exception_class;
    bool has_timestamp;
    VALUE exception; /* whose full backtrace belongs to the span; Qnil: none */
    tn_buffer stacktrace;
    tn_buffer key_copy, copy; /* of text that had to be made valid */

    uint8_t storage[TN_WALK_STORAGE];
} tn_walk;

void tn_walk_init(tn_walk *walk, bool filtered);
void tn_walk_free(tn_walk *walk);

/* Writes one pair. Never raises for what application code does wrong. */
void tn_walk_pair(tn_walk *walk, VALUE key, VALUE value);
void tn_walk_hash(tn_walk *walk, VALUE hash);

/* The same for a value that needs no Ruby object: valid UTF-8. */
void tn_walk_text(tn_walk *walk, VALUE key, tn_text value);

/* Notes an error for the span's exception event, which gets its full backtrace. */
void tn_walk_exception(tn_walk *walk, VALUE exception);

tn_pairs tn_walk_pairs(const tn_walk *walk, bool prefixed);

/* All that the walk found out, borrowed from it. Reads the backtrace of the exception that was noted. */
tn_occurrence tn_walk_occurrence(tn_walk *walk, tn_event_id event, tn_text name, tn_moment now);

/* Writes a real Time as ISO 8601 with `digits` of a second. Returns the size. May raise what utc? and utc_offset raise. */
size_t tn_format_time(char *out, VALUE time, int digits);

/* An id as the span manager keeps it: to_s, or a hash of it when it is very long. Empty for nil. May raise what to_s
 * raises. */
void tn_walk_set_id(tn_walk_id *id, VALUE value);
static inline tn_text tn_walk_id_text(const tn_walk_id *id)
{
    return (tn_text){id->bytes, id->size};
}

#endif
