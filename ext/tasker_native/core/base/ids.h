#ifndef TN_BASE_IDS_H
#define TN_BASE_IDS_H

#include "base/text.h"

#include <stdint.h>

/* Trace and span ids as W3C Trace Context has them (sections 3.2.2.3 and 3.2.2.4): 16 and 8 bytes,
 * never all zero. An all-zero span id stands for "none". */
typedef struct {
    uint8_t bytes[16];
} tn_trace_id;

typedef struct {
    uint8_t bytes[8];
} tn_span_id;

/* xoshiro256** (Blackman and Vigna, 2018), seeded by the system. Good enough to be unique, not a secret.
 * Not thread-safe: one owner at a time. */
typedef struct {
    uint64_t state[4];
    unsigned generation; /* of the process that seeded it */
} tn_id_generator;

/* Seeds from the system's randomness (from time and addresses where there is none). */
void tn_id_generator_init(tn_id_generator *generator);

/* After a fork both seed anew by themselves, so that parent and child never share an id. */
tn_trace_id tn_trace_id_random(tn_id_generator *generator);
tn_span_id tn_span_id_random(tn_id_generator *generator);

/* The same for the same seed and text in every process and on every host (XXH3, canonical byte order).
 * Different texts collide as seldom as random ids do. */
tn_trace_id tn_trace_id_derived(uint64_t seed, tn_text text);
tn_span_id tn_span_id_derived(uint64_t seed, tn_text text);

/* A number that stands for a seed text. */
uint64_t tn_seed_of(tn_text text);

static inline bool tn_span_id_none(tn_span_id id)
{
    static const tn_span_id none;
    return memcmp(&id, &none, sizeof(id)) == 0;
}

/* Lower-case hexadecimal, not terminated: writes 2 * size characters. */
void tn_hex(char *out, const uint8_t *bytes, size_t size);

#endif
