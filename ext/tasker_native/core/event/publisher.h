#ifndef TN_EVENT_PUBLISHER_H
#define TN_EVENT_PUBLISHER_H

#include "event/event_line.h"
#include "event/event_registry.h"

/* Who wants to know of an event, and how often it was published. Who the listeners are is the binding's;
 * here is only what the publishing path asks first. Not thread-safe: the caller serialises. */
enum {
    TN_INTEREST_LISTENERS = 1 << 0, /* code of the application */
    TN_INTEREST_SPANS = 1 << 1,     /* the span manager */
};

typedef struct {
    uint32_t interests;
    uint32_t failures; /* listeners that raised */
    uint64_t published;
    tn_line_level line_level; /* of its line in the log */
} tn_event_state;

typedef struct {
    tn_event_registry *registry; /* owned */
    tn_event_state *events;      /* by id; owned */
    size_t capacity;
} tn_publisher;

/* TN_OK or TN_ERROR_MEMORY. */
tn_status tn_publisher_init(tn_publisher *publisher) TN_MUST_CHECK;
void tn_publisher_free(tn_publisher *publisher);

/* As tn_event_registry_add; the new event has nobody interested in it yet. */
tn_status tn_publisher_register(tn_publisher *publisher, tn_text name, tn_event_id *id_out) TN_MUST_CHECK;

void tn_publisher_set_interest(tn_publisher *publisher, tn_event_id event, uint32_t interest, bool on);

/* Counts a publication and tells who is interested: 0 is the cheapest path, nobody is. */
static inline uint32_t tn_publisher_count(tn_publisher *publisher, tn_event_id event)
{
    tn_event_state *state = &publisher->events[event];
    state->published++;
    return state->interests;
}

#endif
