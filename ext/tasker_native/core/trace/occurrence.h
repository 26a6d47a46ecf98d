#ifndef TN_TRACE_OCCURRENCE_H
#define TN_TRACE_OCCURRENCE_H

#include "base/clock.h"
#include "event/event_registry.h"
#include "trace/span.h"

/* One published event, as far as spans care: when, about whom, its filtered payload, and what the payload says
 * of time and failure. All texts are borrowed until the call returns. Ids are the raw ones, for finding spans;
 * the rest of the texts comes from the filtered payload. */
typedef struct {
    tn_event_id event;
    tn_text name; /* of the event */
    tn_moment now;
    tn_text task_id, step_id; /* empty: the payload has none */
    uint64_t started_at;      /* Unix time in nanoseconds; 0: unknown */
    uint64_t completed_at;
    uint64_t duration; /* nanoseconds; 0: unknown */
    tn_text error_message, error_type, stacktrace;
    tn_pairs payload;
#ifdef TN_SEALS
    uint64_t seal; /* of texts beside the payload: see trace/seal.h */
#endif
} tn_occurrence;

#endif
