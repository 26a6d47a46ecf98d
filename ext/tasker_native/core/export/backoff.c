#include "export/backoff.h"

#define MAX_DOUBLINGS 16

void tn_backoff_init(tn_backoff *backoff)
{
    *backoff = (tn_backoff){0};
    tn_id_generator_init(&backoff->random);
}

static uint64_t jitter(tn_backoff *backoff, uint64_t delay)
{
    uint64_t random;
    tn_span_id id = tn_span_id_random(&backoff->random);
    memcpy(&random, id.bytes, sizeof(random));
    return delay - delay / 4 + random % (delay / 2 + 1);
}

uint64_t tn_backoff_fail(tn_backoff *backoff, uint64_t retry_after)
{
    uint64_t delay = TN_BACKOFF_FIRST << (backoff->failures < MAX_DOUBLINGS ? backoff->failures : MAX_DOUBLINGS);
    if (delay > TN_BACKOFF_LONGEST) delay = TN_BACKOFF_LONGEST;
    if (retry_after > TN_MAX_RETRY_AFTER) retry_after = TN_MAX_RETRY_AFTER;
    delay = retry_after > 0 ? retry_after : jitter(backoff, delay);

    backoff->failures++;
    backoff->not_before = tn_clock_monotonic() + delay;
    if (retry_after > 0) backoff->asked = backoff->not_before;
    return backoff->not_before;
}

void tn_backoff_succeed(tn_backoff *backoff)
{
    backoff->failures = 0;
    backoff->not_before = backoff->asked = 0;
}

void tn_backoff_begin(tn_backoff *backoff)
{
    backoff->failures = 0;
    backoff->not_before = backoff->asked;
}
