#ifndef TN_TRACE_STEP_TABLE_H
#define TN_TRACE_STEP_TABLE_H

#include "base/clock.h"
#include "base/list.h"
#include "base/table.h"
#include "trace/span.h"

/* Steps whose span is open, and tombstones of those that ended lately: a step is the one or the other, or unknown.
 * Not thread-safe. */
typedef tn_wide_hash tn_step_key; /* of the task's and the step's id */

typedef struct tn_ended_step tn_ended_step;

/* Lives in the head of its span. */
typedef struct {
    tn_table_node node;
    uint64_t key_rest;
    tn_link link;
    tn_ended_step *tombstone; /* for its end, which must not be told twice for lack of memory. NULL: there are enough */
    tn_moment requested;      /* 0: not seen here */
    uint64_t since;           /* monotonic */
    bool handling;            /* before_handle was seen */
} tn_open_step;

_Static_assert(sizeof(tn_open_step) <= TN_SPAN_HEAD, "an open step lives in the head of its span");

typedef struct {
    tn_table open, ended;
    tn_list open_list, ended_list;
} tn_step_table;

#define TN_MAX_ENDED_STEPS 4096

void tn_step_table_init(tn_step_table *steps);

/* Forgets all steps, open spans included; usable at once. */
void tn_step_table_clear(tn_step_table *steps);
void tn_step_table_free(tn_step_table *steps);

static inline tn_step_key tn_step_key_of(tn_text task_id, tn_text step_id)
{
    return tn_hash_pair(task_id, step_id);
}

static inline tn_span *tn_open_step_span(tn_open_step *step)
{
    return tn_span_of_head(step);
}

/* NULL when it is not open. */
tn_open_step *tn_step_table_find(const tn_step_table *steps, tn_step_key key);

/* Opens a step that is not open, with a span that the table owns from then on. NULL, and the span is still the
 * caller's, when there is no memory. */
tn_open_step *tn_step_table_open(tn_step_table *steps, tn_step_key key, tn_span *span, uint64_t now);

/* Ends it: its span is the caller's. Leaves a tombstone. */
tn_span *tn_step_table_end(tn_step_table *steps, tn_open_step *step);

/* NULL when none is open. */
tn_open_step *tn_step_table_oldest(const tn_step_table *steps);

bool tn_step_table_has_ended(const tn_step_table *steps, tn_step_key key);

/* A tombstone for a step that is neither open nor known to have ended; none when there is no memory. */
void tn_step_table_bury(tn_step_table *steps, tn_step_key key);

/* Bytes, without spans. */
size_t tn_step_table_memory(const tn_step_table *steps);

#endif
