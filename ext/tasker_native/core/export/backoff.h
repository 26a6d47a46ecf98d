#ifndef TN_EXPORT_BACKOFF_H
#define TN_EXPORT_BACKOFF_H

#include "base/clock.h"
#include "base/ids.h"

/* When to try again what failed: half a second later, then after twice as long each time, up to 30 seconds, and up to a
 * quarter more or less, so that many senders don't come back together (OpenTelemetry Protocol Specification, "OTLP/HTTP
 * Throttling" and "Failures"). A receiver that says when counts for more, up to five minutes. One thread at a time. */
typedef struct {
    unsigned failures;   /* one after the other */
    uint64_t not_before; /* monotonic; 0: at once */
    uint64_t asked;      /* how much of that the receiver has asked for */
    tn_id_generator random;
} tn_backoff;

#define TN_BACKOFF_FIRST (500 * TN_MILLISECOND)
#define TN_BACKOFF_LONGEST (30 * TN_SECOND)
#define TN_MAX_RETRY_AFTER (300 * TN_SECOND)

void tn_backoff_init(tn_backoff *backoff);

/* Another failure now; the receiver's wish (nanoseconds), or 0. Returns not_before. */
uint64_t tn_backoff_fail(tn_backoff *backoff, uint64_t retry_after);
void tn_backoff_succeed(tn_backoff *backoff);

/* Another request: its intervals begin anew; what the receiver has asked for holds. */
void tn_backoff_begin(tn_backoff *backoff);

#endif
