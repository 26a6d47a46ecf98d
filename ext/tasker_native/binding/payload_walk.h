#ifndef TN_BINDING_PAYLOAD_WALK_H
#define TN_BINDING_PAYLOAD_WALK_H

#include "binding.h"
#include "ruby_text.h"

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
    tn_occurrence found; /* what the span manager must know, as it is found */
    bool has_error;      /* any of these four */
    tn_walk_span error_message, error, error_class, exception_class;
    bool has_timestamp;
    size_t plain_pairs; /* were walked as plain ones */
    bool stopped;       /* at a pair that is not plain */

    tn_payload_writer writer;
    tn_buffer buffer;
    tn_moment now;
    tn_filter *filter;   /* the same one for all of the walk, whatever becomes of the settings meanwhile */
    VALUE filter_object; /* keeps it */
    bool filtered;       /* false: keys are not judged */
    bool below;          /* there are keys around the one that comes next */
    bool trusted;        /* no scanner looks behind this key */
    VALUE key, original; /* what Procs are told: the key of the value, and the whole payload */
    VALUE exception;     /* whose full backtrace belongs to the span; Qnil: none */
    tn_buffer stacktrace;
    tn_buffer key_copy, copy;    /* of text that had to be made valid */
    tn_buffer clean, clean_name; /* of text that had secrets */
    tn_buffer path;              /* keys down to the value, where the filter wants to know; failed: it is too long */

    tn_walk_id task_id, step_id;
    uint8_t storage[TN_WALK_STORAGE];
} tn_walk;

/* With the filter of the settings. */
void tn_walk_init(tn_walk *walk, bool filtered);
void tn_walk_free(tn_walk *walk);

/* Text is looked through for secrets up to this size, which is more than is ever written. */
#define TN_MAX_SCANNED (TN_MAX_PAYLOAD + 8 * 1024)

#define TN_LEAST_CARD_NUMBER INT64_C(1000000000000)

static inline bool tn_is_container(VALUE value)
{
    return RB_TYPE_P(value, T_HASH) || RB_TYPE_P(value, T_ARRAY);
}

static inline bool tn_walk_hides_integer(const tn_walk *walk, int64_t number)
{
    return number >= TN_LEAST_CARD_NUMBER && !walk->trusted && tn_filter_hides_integer(walk->filter, number);
}

/* The text of a String as it may leave: valid UTF-8 without secrets. The String, `kept` or the walk's buffers hold it, until
 * the next one. */
tn_text tn_walk_clean_text(tn_walk *walk, VALUE *string, VALUE *kept);

/* The same of a name, which is held by the walk until it is freed, and for a String that is valid UTF-8. */
tn_text tn_walk_clean_name(tn_walk *walk, tn_text name);
VALUE tn_walk_clean_string(tn_walk *walk, VALUE string);

/* What is to be written of a leaf: what the filter's Procs made of it, if there are any. */
VALUE tn_walk_leaf(tn_walk *walk, VALUE value);

/* Going down into nested values. A key's name as it may leave (which `kept` and the walk hold until the next one), and what
 * is to become of its value. */
typedef struct {
    size_t path_size;
    VALUE key;
    bool below, trusted;
} tn_walk_place;

tn_verdict tn_walk_enter_key(tn_walk *walk, VALUE key, tn_text *name, VALUE kept[2]);
tn_walk_place tn_walk_place_of(const tn_walk *walk);
void tn_walk_go_below(tn_walk *walk, VALUE key, tn_verdict verdict);
void tn_walk_go_back(tn_walk *walk, tn_walk_place place);

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
