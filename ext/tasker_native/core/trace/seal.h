#ifndef TN_TRACE_SEAL_H
#define TN_TRACE_SEAL_H

#include "trace/occurrence.h"

/* That only what the filter has let pass becomes a part of spans and lines, and so of the queue, of what is exported, and
 * of files. In a debug build (-DTN_SEALS) the walk over a payload seals what it has written; where spans and lines begin,
 * the seal is compared, and the process ends when it is missing or something else has come. In other builds there is
 * nothing of this. */
#ifdef TN_SEALS

#include "base/table.h"

#include <stdio.h>
#include <stdlib.h>

static inline void tn_seal_must_hold(bool holds, const char *what)
{
    if (holds) return;
    fprintf(stderr, "tasker-native: seal: %s did not come from the filter\n", what);
    abort();
}

static inline uint64_t tn_seal_of(const void *bytes, size_t size)
{
    return tn_hash((tn_text){bytes, size}) | 1; /* 0: there is none */
}

static inline void tn_seal_pairs(tn_pairs *pairs)
{
    pairs->seal = tn_seal_of(pairs->bytes, pairs->size);
}

static inline void tn_seal_occurrence(tn_occurrence *occurrence)
{
    occurrence->seal = tn_seal_of(occurrence->name.bytes, occurrence->name.size) ^
                       tn_seal_of(occurrence->stacktrace.bytes, occurrence->stacktrace.size) << 1;
}

static inline void tn_check_pairs(const tn_pairs *pairs)
{
    tn_seal_must_hold(pairs->seal == tn_seal_of(pairs->bytes, pairs->size), "what is recorded");
}

/* Texts of errors are parts of the payload. */
static inline bool tn_is_part(tn_text text, const tn_pairs *pairs)
{
    const char *begin = (const char *)pairs->bytes;
    return text.size == 0 || (text.bytes >= begin && text.bytes + text.size <= begin + pairs->size);
}

static inline void tn_check_occurrence(const tn_occurrence *occurrence)
{
    tn_occurrence again = *occurrence;
    tn_seal_occurrence(&again);
    tn_check_pairs(&occurrence->payload);
    tn_seal_must_hold(again.seal == occurrence->seal, "an event's name or backtrace");
    tn_seal_must_hold(tn_is_part(occurrence->error_message, &occurrence->payload), "an error's message");
    tn_seal_must_hold(tn_is_part(occurrence->error_type, &occurrence->payload), "an error's class");
}

#else

static inline void tn_seal_pairs(tn_pairs *pairs)
{
    (void)pairs;
}

static inline void tn_seal_occurrence(tn_occurrence *occurrence)
{
    (void)occurrence;
}

static inline void tn_check_pairs(const tn_pairs *pairs)
{
    (void)pairs;
}

static inline void tn_check_occurrence(const tn_occurrence *occurrence)
{
    (void)occurrence;
}

#endif

#endif
