#ifndef TN_BINDING_PAYLOAD_WALK_H
#define TN_BINDING_PAYLOAD_WALK_H

#include "binding.h"

/* One pass over a payload: each key is judged, each value is written as MessagePack, and what the span manager must
 * know is noted on the way.
 *
 * Lives on the stack of one publication: application code (to_s, iso8601, Regexps) may run in the middle, and may
 * publish again. It may also unwind: always pair with tn_walk_free under rb_ensure. */
#define TN_WALK_ID_SIZE 128

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
#define TN_WALK_STORAGE 2048

typedef struct {
    char bytes[TN_WALK_ID_SIZE];
    size_t size; /* 0: none */
} tn_walk_id;

typedef struct {
    size_t at, size;
} tn_walk_span; /* of bytes in the buffer */

typedef struct {
    tn_occurrence found; /* what the span manager must know, as it is found */
    bool has_error;      /* any of these four */
    tn_walk_span error_message, error, error_class, exception_class;
    bool has_timestamp;
    size_t plain_pairs; /* were walked as plain ones */
    bool stopped;       /* at a pair that is not plain */

    tn_payload_writer writer;
    tn_buffer buffer;
    tn_moment now;
    bool filtered;   /* false: every value stays as it is */
    VALUE exception; /* whose full backtrace belongs to the span; Qnil: none */
    tn_buffer stacktrace;
    tn_buffer key_copy, copy; /* of text that had to be made valid */
    tn_buffer path;           /* keys down to the value, where the filter wants to know; failed: it is too long */

    tn_walk_id task_id, step_id;
    uint8_t storage[TN_WALK_STORAGE];
} tn_walk;

void tn_walk_init(tn_walk *walk, bool filtered);
void tn_walk_free(tn_walk *walk);

/* Writes one pair. Never raises for what application code does wrong. */
void tn_walk_pair(tn_walk *walk, VALUE key, VALUE value);
void tn_walk_hash(tn_walk *walk, VALUE hash);

/* The same as long as pairs are plain: their keys and values need no application code and no memory, so nothing can
 * raise. true: all of them were. false: tn_walk_hash goes on from where it stopped. */
bool tn_walk_plain_hash(tn_walk *walk, VALUE hash);

/* The same for keys that were looked up before (tn_known_key), and for values that need no Ruby object. text: valid
 * UTF-8. */
void tn_walk_known_pair(tn_walk *walk, tn_key *key, VALUE value);
void tn_walk_text(tn_walk *walk, tn_key *key, tn_text text);
void tn_walk_double(tn_walk *walk, tn_key *key, double value);
void tn_walk_time(tn_walk *walk, tn_key *key, const tn_time *time);

/* The moment of the walk, as tn_walk_time writes it. */
void tn_walk_now(tn_walk *walk, tn_key *key, bool milliseconds);

/* Whether the filter masks what stands behind this key. May ask application code, isolated. */
bool tn_walk_masks(const tn_walk *walk, tn_key *key);

/* A key of the standard payloads, for the life of the process. Raises NoMemoryError. */
tn_key *tn_known_key(const char *name);

/* Notes an error for the span's exception event, which gets its full backtrace. */
void tn_walk_exception(tn_walk *walk, VALUE exception);

tn_pairs tn_walk_pairs(const tn_walk *walk, bool prefixed);

/* All that the walk found out, borrowed from it. Reads the backtrace of the exception that was noted. */
tn_occurrence *tn_walk_occurrence(tn_walk *walk, tn_event_id event, tn_text name);

/* An id as the span manager keeps it: to_s, or a hash of it when it is very long. Empty for nil. Calls to_s, which is
 * isolated. */
void tn_walk_set_id(tn_walk_id *id, VALUE value);
static inline tn_text tn_walk_id_text(const tn_walk_id *id)
{
    return (tn_text){id->bytes, id->size};
}

#endif
