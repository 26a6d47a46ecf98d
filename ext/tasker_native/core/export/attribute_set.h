#ifndef TN_EXPORT_ATTRIBUTE_SET_H
#define TN_EXPORT_ATTRIBUTE_SET_H

#include "event/timestamp.h"
#include "export/attribute_names.h"
#include "trace/span.h"

/* Makes a set of attributes out of what was added to a span, an event or a link: of equal keys the last value
 * counts, and beyond the limit the newest keys are dropped (OpenTelemetry specification, "Attribute Limits").
 * Borrows what it is given. Not thread-safe. */
typedef struct {
    const tn_attribute_name *name; /* of a remembered key; else NULL */
    tn_text key;                   /* whole, unless it is prefixed */
    bool prefixed;
    uint64_t hash;   /* of the whole key */
    tn_value value;  /* times are Strings here */
    uint32_t source; /* which pairs the value is from */
    char time[TN_TIMESTAMP_SIZE];
} tn_attribute;

typedef struct {
    uint32_t round, position;
} tn_attribute_slot;

/* Which item a key has led to. As long as the keys of a set come as those of the last one did, each leads where it led
 * then, and nothing is looked up. */
typedef struct {
    const tn_name *name;
    uint32_t position;
    bool prefixed;
} tn_attribute_step;

#define TN_ATTRIBUTE_STEPS 64 /* that are remembered */

typedef struct {
    tn_attribute_names *names; /* borrowed */
    tn_attribute *items;       /* in the order in which the keys came first */
    size_t count;
    uint32_t limit;
    uint32_t dropped;
    uint32_t source;          /* number of the pairs that were added last */
    size_t from_source;       /* items whose value they gave */
    tn_attribute_slot *slots; /* a hash table of positions in items; those of another round are empty */
    size_t slot_count;
    uint32_t round;
    tn_attribute_step steps[TN_ATTRIBUTE_STEPS];
    uint32_t known_steps;       /* of the last set and of this one */
    uint32_t step;              /* keys of this set so far, up to TN_ATTRIBUTE_STEPS */
    bool repeats;               /* so far they came as those of the last one, and slots has none of them */
    tn_timestamp_second second; /* the last one that was formatted: most times of a set lie within one */
} tn_attribute_set;

#define TN_MAX_ATTRIBUTES 10000 /* the most that a limit may allow */

/* names: borrowed for the life of the set. limit: at most TN_MAX_ATTRIBUTES. TN_OK or TN_ERROR_MEMORY. */
tn_status tn_attribute_set_init(tn_attribute_set *set, tn_attribute_names *names, uint32_t limit) TN_MUST_CHECK;
void tn_attribute_set_free(tn_attribute_set *set);

void tn_attribute_set_clear(tn_attribute_set *set);
void tn_attribute_set_add(tn_attribute_set *set, tn_pairs pairs);

/* Whether the pairs that were added last, alone, would have made the same set. */
static inline bool tn_attribute_set_is_of_last(const tn_attribute_set *set)
{
    return set->from_source == set->count && set->dropped == 0;
}

/* All that the span's journal holds as its own attributes. Clears the set first. Returns where the pairs begin that were
 * added last; NULL if there are none. */
const uint8_t *tn_attribute_set_of_span(tn_attribute_set *set, const tn_span *span);

/* What stands in front of the attribute's key: the prefix or nothing. */
static inline tn_text tn_attribute_prefix(const tn_attribute_set *set, const tn_attribute *attribute)
{
    return attribute->prefixed ? set->names->prefix : TN_NO_TEXT;
}

#endif
