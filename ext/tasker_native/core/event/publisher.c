#include "event/publisher.h"

#include "base/process.h"

static tn_status make_room(tn_publisher *publisher)
{
    size_t count = tn_event_registry_count(publisher->registry);
    if (count < publisher->capacity) return TN_OK;

    size_t capacity = count < 64 ? 64 : count * 2;
    tn_event_state *events = tn_realloc(publisher->events, capacity * sizeof(*events));
    if (!events) return TN_ERROR_MEMORY;

    memset(events + publisher->capacity, 0, (capacity - publisher->capacity) * sizeof(*events));
    publisher->events = events;
    publisher->capacity = capacity;
    return TN_OK;
}

static void set_line_level(tn_publisher *publisher, tn_event_id event)
{
    publisher->events[event].line_level = tn_event_line_level(tn_event_registry_name(publisher->registry, event));
}

tn_status tn_publisher_init(tn_publisher *publisher)
{
    *publisher = (tn_publisher){.registry = tn_event_registry_new()};
    if (!publisher->registry || make_room(publisher) != TN_OK) {
        tn_publisher_free(publisher);
        return TN_ERROR_MEMORY;
    }
    size_t count = tn_event_registry_count(publisher->registry);
    for (size_t event = 0; event < count; event++) set_line_level(publisher, (tn_event_id)event);
    return TN_OK;
}

void tn_publisher_free(tn_publisher *publisher)
{
    tn_event_registry_free(publisher->registry);
    tn_free(publisher->events);
    *publisher = (tn_publisher){0};
}

tn_status tn_publisher_register(tn_publisher *publisher, tn_text name, tn_event_id *id_out)
{
    if (make_room(publisher) != TN_OK) return TN_ERROR_MEMORY;
    tn_status status = tn_event_registry_add(publisher->registry, name, id_out);
    if (status == TN_OK) set_line_level(publisher, *id_out);
    return status;
}

void tn_publisher_set_interest(tn_publisher *publisher, tn_event_id event, uint32_t interest, bool on)
{
    uint32_t *interests = &publisher->events[event].interests;
    *interests = on ? *interests | interest : *interests & ~interest;
}
