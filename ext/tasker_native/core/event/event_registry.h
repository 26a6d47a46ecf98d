#ifndef TN_EVENT_EVENT_REGISTRY_H
#define TN_EVENT_EVENT_REGISTRY_H

#include "base/status.h"
#include "base/table.h"
#include "event/system_events.h"

/* Names of events and the small integers that stand for them: the system's events first, in the order of
 * their list, then custom ones in the order of registration. Ids are dense and never change.
 * Not thread-safe: the caller serialises. */
typedef uint32_t tn_event_id;

#define TN_NO_EVENT UINT32_MAX
#define TN_MAX_EVENTS 10000
#define TN_MAX_EVENT_NAME 255

typedef struct tn_event_registry tn_event_registry;

/* NULL when there is no memory. */
tn_event_registry *tn_event_registry_new(void);
void tn_event_registry_free(tn_event_registry *registry);

/* TN_NO_EVENT when the name is not registered. */
tn_event_id tn_event_registry_find(const tn_event_registry *registry, tn_text name);

/* Finds or adds. TN_ERROR_LIMIT beyond TN_MAX_EVENTS names, TN_ERROR_INVALID for a name that is empty, longer
 * than TN_MAX_EVENT_NAME bytes or not UTF-8, TN_ERROR_MEMORY. */
tn_status tn_event_registry_add(tn_event_registry *registry, tn_text name, tn_event_id *id_out) TN_MUST_CHECK;

/* Lives as long as the registry. Empty for an id that was never given. */
tn_text tn_event_registry_name(const tn_event_registry *registry, tn_event_id id);

size_t tn_event_registry_count(const tn_event_registry *registry);
size_t tn_event_registry_memory(const tn_event_registry *registry);

static inline bool tn_event_is_custom(tn_event_id id)
{
    return id >= TN_SYSTEM_EVENT_COUNT;
}

#endif
