#ifndef TN_TRACE_STEP_TABLE_H
#define TN_TRACE_STEP_TABLE_H

#include "base/clock.h"
#include "base/index.h"
#include "base/table.h"
#include "trace/span.h"

/* Steps whose span is open, and which steps ended lately: a step is the one or the other, or unknown. Not thread-safe. */
typedef tn_wide_hash tn_step_key; /* of the task's and the step's id */

/* Lives in the head of its span. */
typedef struct {
    tn_step_key key;
    uint64_t sequence;   /* its place in the order in which steps were opened */
    tn_moment requested; /* 0: not seen here */
    uint64_t since;      /* monotonic */
    bool handling;       /* before_handle was seen */
} tn_open_step;

_Static_assert(sizeof(tn_open_step) <= TN_SPAN_HEAD, "an open step lives in the head of its span");

/* Open steps as they were opened: a window over a ring, with gaps where one has ended. Steps don't link to each other,
 * because a neighbour's link is a cache miss. */
typedef struct {
    tn_open_step **ring;
    size_t size;          /* a power of two, or 0 */
    uint64_t first, next; /* sequences; ring[first] is the oldest one, or a gap */
} tn_step_order;

#define TN_ENDED_SETS 1024
#define TN_ENDED_WAYS 8

/* The last ones that ended, by one half of their key in a set that the other half chooses; the oldest of a set makes
 * room. That forgets one of the last 500 with a chance of one in twenty millions, and is one cache miss, where an exact
 * order would be several. */
typedef struct {
    uint64_t (*sets)[TN_ENDED_WAYS]; /* NULL until the first step */
    void *memory;                    /* that they lie in */
} tn_ended_steps;

typedef struct {
    tn_index open;        /* all but the newest */
    tn_open_step *newest; /* the one opened last, while it is open: most events come two in a row for one step, and most
                           * steps end before another one opens, so that the index never hears of them */
    tn_step_order order;
    tn_ended_steps ended;
} tn_step_table;

/* most: open steps that are expected at most. */
void tn_step_table_init(tn_step_table *steps, size_t most);

/* Another `most`, for what comes. */
void tn_step_table_configure(tn_step_table *steps, size_t most);

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

static inline uint64_t *tn_ended_set(const tn_ended_steps *ended, tn_step_key key)
{
    return ended->sets[key.first % TN_ENDED_SETS];
}

static inline size_t tn_step_table_count(const tn_step_table *steps)
{
    return steps->open.count + (steps->newest ? 1 : 0);
}

static inline bool tn_step_table_is_newest(const tn_step_table *steps, tn_step_key key)
{
    const tn_open_step *newest = steps->newest;
    return newest && newest->key.first == key.first && newest->key.rest == key.rest;
}

/* Says that this step will be looked for soon, or opened: with many steps, each is a cache miss. */
static inline void tn_step_table_fetch(const tn_step_table *steps, tn_step_key key)
{
    tn_index_fetch(&steps->open, key.first);
    if (steps->ended.sets) __builtin_prefetch(tn_ended_set(&steps->ended, key), 1);
}

/* NULL when it is not open. */
tn_open_step *tn_step_table_find(const tn_step_table *steps, tn_step_key key);

/* Opens a step that is not open, with a span that the table owns from then on. NULL, and the span is still the
 * caller's, when there is no memory. */
tn_open_step *tn_step_table_open(tn_step_table *steps, tn_step_key key, tn_span *span, uint64_t now);

/* Ends it: its span is the caller's. Remembers that it ended; needs no memory for that. */
tn_span *tn_step_table_end(tn_step_table *steps, tn_open_step *step);

/* NULL when none is open. */
tn_open_step *tn_step_table_oldest(tn_step_table *steps);

bool tn_step_table_has_ended(const tn_step_table *steps, tn_step_key key);

/* Remembers the end of a step that is neither open nor known to have ended, unless there is no memory. */
void tn_step_table_bury(tn_step_table *steps, tn_step_key key);

/* Bytes, without spans. */
size_t tn_step_table_memory(const tn_step_table *steps);

#endif
