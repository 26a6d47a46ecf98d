#include "base/ids.h"

#include "base/clock.h"
#include "base/process.h"

#include <sys/random.h>
#include <unistd.h>
#define XXH_INLINE_ALL /* as in table.c */
#include <xxhash.h>

/* Keeps a span id from being the half of its trace id. */
#define SPAN_ID_SALT UINT64_C(0x7461736b65720a01)

static uint64_t rotate_left(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static uint64_t next(tn_id_generator *generator)
{
    if (generator->generation != tn_process_generation()) tn_id_generator_init(generator);

    uint64_t *s = generator->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

void tn_id_generator_init(tn_id_generator *generator)
{
    generator->generation = tn_process_generation();
    if (getrandom(generator->state, sizeof(generator->state), 0) == (ssize_t)sizeof(generator->state)) return;

    struct {
        uint64_t wall, monotonic, pid;
        const void *address;
    } seed = {tn_clock_wall(), tn_clock_monotonic(), (uint64_t)getpid(), generator};
    for (unsigned i = 0; i < 4; i++) generator->state[i] = XXH3_64bits_withSeed(&seed, sizeof(seed), i);
}

static void never_zero(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i]) return;
    }
    bytes[size - 1] = 1;
}

tn_trace_id tn_trace_id_random(tn_id_generator *generator)
{
    tn_trace_id id;
    uint64_t halves[2] = {next(generator), next(generator)};
    memcpy(id.bytes, halves, sizeof(id.bytes));
    never_zero(id.bytes, sizeof(id.bytes));
    return id;
}

tn_span_id tn_span_id_random(tn_id_generator *generator)
{
    tn_span_id id;
    uint64_t bits = next(generator);
    memcpy(id.bytes, &bits, sizeof(id.bytes));
    never_zero(id.bytes, sizeof(id.bytes));
    return id;
}

tn_trace_id tn_trace_id_derived(uint64_t seed, tn_text text)
{
    tn_trace_id id;
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_withSeed(text.bytes, text.size, seed));
    memcpy(id.bytes, canonical.digest, sizeof(id.bytes));
    never_zero(id.bytes, sizeof(id.bytes));
    return id;
}

tn_span_id tn_span_id_derived(uint64_t seed, tn_text text)
{
    tn_span_id id;
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_withSeed(text.bytes, text.size, seed ^ SPAN_ID_SALT));
    memcpy(id.bytes, canonical.digest, sizeof(id.bytes));
    never_zero(id.bytes, sizeof(id.bytes));
    return id;
}

uint64_t tn_seed_of(tn_text text)
{
    return XXH3_64bits(text.bytes, text.size);
}

void tn_hex(char *out, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
}
