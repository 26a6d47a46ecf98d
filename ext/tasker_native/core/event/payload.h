#ifndef TN_EVENT_PAYLOAD_H
#define TN_EVENT_PAYLOAD_H

#include "base/buffer.h"
#include "base/text.h"

/* A payload on its way from Ruby to the worker, in the memory of this process: the pairs of a MessagePack map
 * (without its header; how many there are stands beside them). A key is a String, or an extension of type
 * TN_PAYLOAD_NAME that holds the address of a tn_name; a value is a String, a 64-bit Integer, a Float, a Boolean or a
 * time (extension types TN_PAYLOAD_SECONDS and TN_PAYLOAD_MILLISECONDS: nanoseconds, as this machine orders bytes):
 * nothing nested. Strings are valid UTF-8. A key may stand twice: the later one counts.
 *
 * MessagePack specification: github.com/msgpack/msgpack/blob/master/spec.md */

#define TN_PAYLOAD_NAME 1
#define TN_PAYLOAD_SECONDS 2
#define TN_PAYLOAD_MILLISECONDS 3

_Static_assert(sizeof(void *) == 8, "the address of a name takes the eight bytes of an extension");

/* A key that lives as long as the process: payloads refer to it, and readers know it by its number. */
typedef struct {
    tn_text text;
    uint32_t id; /* dense, from 0 */
} tn_name;

/* Writing. The buffer is the caller's; look at its status when all is written. */
typedef struct {
    tn_buffer *buffer;
    uint32_t count;        /* pairs written */
    uint32_t dropped;      /* pairs left out because of max_pairs */
    uint32_t max_pairs;    /* 0: none */
    size_t max_value_size; /* bytes of a String, the mark of its truncation included; 0: none */
} tn_payload_writer;

#define TN_MAX_PAYLOAD (256 * 1024) /* bytes; Strings are cut so that they fit */
#define TN_MAX_KEY 1024             /* bytes; a longer key is cut */

/* The cap of a buffer that can hold any payload, with room for JSON in the making (an escape takes six bytes). */
#define TN_PAYLOAD_BUFFER (TN_MAX_PAYLOAD * 8)

void tn_payload_writer_init(tn_payload_writer *writer, tn_buffer *buffer, uint32_t max_pairs, size_t max_value_size);

/* Begins a pair. false: there are enough pairs or bytes already; the pair is counted as dropped and gets no value.
 * key must be valid UTF-8. */
bool tn_payload_key(tn_payload_writer *writer, tn_text key);
bool tn_payload_key_named(tn_payload_writer *writer, const tn_name *key);

/* text must be valid UTF-8. Longer than max_value_size is cut and says so: "... [truncated, 104857600 bytes]" (unless
 * max_value_size has no room for that); full_size is what the mark names (the text may have been cut before). */
void tn_payload_string(tn_payload_writer *writer, tn_text text);
void tn_payload_cut_string(tn_payload_writer *writer, tn_text text, size_t full_size);
void tn_payload_integer(tn_payload_writer *writer, int64_t value);
void tn_payload_double(tn_payload_writer *writer, double value);
void tn_payload_boolean(tn_payload_writer *writer, bool value);

/* A moment in UTC, which becomes text when it is encoded: "2026-11-21T09:57:23Z" or "...23.123Z".
 * unix_time: nanoseconds. */
void tn_payload_time(tn_payload_writer *writer, uint64_t unix_time, bool milliseconds);

/* A String that is written piece by piece into writer->buffer: open, append (at most TN_MAX_PAYLOAD bytes; look at
 * tn_payload_string_room), close. Closing cuts it as tn_payload_string does; complete: false says that pieces were
 * left out. */
size_t tn_payload_open_string(tn_payload_writer *writer);
size_t tn_payload_string_room(const tn_payload_writer *writer, size_t opened);
void tn_payload_close_string(tn_payload_writer *writer, size_t opened, bool complete);

/* The same without looking, into memory that has room for TN_PAYLOAD_SCALAR bytes (and those of a String): returns where
 * the value ends. The caller looks after counts and limits. */
#define TN_PAYLOAD_SCALAR 10

static inline uint8_t *tn_payload_put_extension(uint8_t *at, uint8_t type, const void *bytes)
{
    at[0] = 0xd7; /* fixext 8 */
    at[1] = type;
    memcpy(at + 2, bytes, 8);
    return at + 10;
}

static inline uint8_t *tn_payload_put_name(uint8_t *at, const tn_name *name)
{
    return tn_payload_put_extension(at, TN_PAYLOAD_NAME, &name);
}

static inline uint8_t *tn_payload_put_time(uint8_t *at, uint64_t unix_time, bool milliseconds)
{
    return tn_payload_put_extension(at, milliseconds ? TN_PAYLOAD_MILLISECONDS : TN_PAYLOAD_SECONDS, &unix_time);
}

static inline uint8_t *tn_payload_put_double(uint8_t *at, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    *at++ = 0xcb;
    for (int shift = 56; shift >= 0; shift -= 8) *at++ = (uint8_t)(bits >> shift);
    return at;
}

static inline uint8_t *tn_payload_put_boolean(uint8_t *at, bool value)
{
    *at++ = value ? 0xc3 : 0xc2;
    return at;
}

uint8_t *tn_payload_put_large_integer(uint8_t *at, int64_t value);
static inline uint8_t *tn_payload_put_integer(uint8_t *at, int64_t value)
{
    if (value < 0 || value > 0x7f) return tn_payload_put_large_integer(at, value);
    *at++ = (uint8_t)value;
    return at;
}

uint8_t *tn_payload_put_long_string(uint8_t *at, tn_text text);
static inline uint8_t *tn_payload_put_string(uint8_t *at, tn_text text)
{
    if (text.size >= 32) return tn_payload_put_long_string(at, text);
    *at++ = (uint8_t)(0xa0 | text.size);
    if (text.size > 0) memcpy(at, text.bytes, text.size);
    return at + text.size;
}

/* Reading. */
typedef enum {
    TN_VALUE_STRING,
    TN_VALUE_INTEGER,
    TN_VALUE_DOUBLE,
    TN_VALUE_BOOLEAN,
    TN_VALUE_TIME,
} tn_value_type;

typedef struct {
    tn_value_type type;
    bool milliseconds; /* of a time: whether they are told */
    union {
        tn_text string;
        int64_t integer;
        double number;
        bool boolean;
        uint64_t time; /* Unix time in nanoseconds */
    } as;
} tn_value;

typedef struct {
    tn_text text;
    const tn_name *name; /* NULL: it is just a text */
} tn_pair_key;

typedef struct {
    const uint8_t *at, *end;
} tn_payload_reader;

static inline tn_payload_reader tn_payload_read(const uint8_t *bytes, size_t size)
{
    return (tn_payload_reader){bytes, bytes ? bytes + size : bytes};
}

/* The next key, and the value behind it, borrowed from the bytes. false at the end, and at bytes that are none (but a
 * tn_name's address is believed: payloads never come from outside of the process). */
bool tn_payload_next_key(tn_payload_reader *reader, tn_pair_key *key_out);
bool tn_payload_next_value(tn_payload_reader *reader, tn_value *value_out);

/* The next String whose key is one of a few: which of them (their number), or -1 at the end. All else is passed over: this is
 * for who wants little of much. */
int tn_payload_find_string(tn_payload_reader *reader, const tn_text *keys, size_t key_count, tn_text *string_out);

#endif
