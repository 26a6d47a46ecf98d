#include "event/event_registry.h"

#include "base/process.h"
#include "base/utf8.h"

typedef struct {
    tn_table_node node;
    tn_event_id id;
    size_t size;
    char name[];
} entry;

struct tn_event_registry {
    tn_table table;
    entry **entries; /* by id */
    size_t count;
    size_t capacity;
    size_t name_bytes;
};

static const tn_text system_names[] = {
#define TN_SYSTEM_EVENT_NAME(id, module, name) {name, sizeof(name) - 1},
    TN_SYSTEM_EVENTS(TN_SYSTEM_EVENT_NAME)
#undef TN_SYSTEM_EVENT_NAME
};

static bool has_name(const tn_table_node *node, const void *key)
{
    const entry *candidate = TN_CONTAINER(node, entry, node);
    return tn_text_equal((tn_text){candidate->name, candidate->size}, *(const tn_text *)key);
}

tn_event_registry *tn_event_registry_new(void)
{
    tn_event_registry *registry = tn_alloc_zeroed(sizeof(*registry));
    if (!registry) return NULL;

    for (size_t i = 0; i < TN_SYSTEM_EVENT_COUNT; i++) {
        tn_event_id id;
        if (tn_event_registry_add(registry, system_names[i], &id) != TN_OK) {
            tn_event_registry_free(registry);
            return NULL;
        }
    }
    return registry;
}

void tn_event_registry_free(tn_event_registry *registry)
{
    if (!registry) return;

    for (size_t i = 0; i < registry->count; i++) tn_free(registry->entries[i]);
    tn_free(registry->entries);
    tn_table_free(&registry->table);
    tn_free(registry);
}

tn_event_id tn_event_registry_find(const tn_event_registry *registry, tn_text name)
{
    tn_table_node *node = tn_table_find(&registry->table, tn_hash(name), has_name, &name);
    return node ? TN_CONTAINER(node, entry, node)->id : TN_NO_EVENT;
}

static tn_status make_room(tn_event_registry *registry)
{
    if (registry->count < registry->capacity) return TN_OK;

    size_t capacity = registry->capacity ? registry->capacity * 2 : 64;
    entry **entries = tn_realloc(registry->entries, capacity * sizeof(*entries));
    if (!entries) return TN_ERROR_MEMORY;

    registry->entries = entries;
    registry->capacity = capacity;
    return TN_OK;
}

tn_status tn_event_registry_add(tn_event_registry *registry, tn_text name, tn_event_id *id_out)
{
    if (name.size == 0 || name.size > TN_MAX_EVENT_NAME) return TN_ERROR_INVALID;
    if (tn_utf8_valid_prefix(name) != name.size) return TN_ERROR_INVALID;

    *id_out = tn_event_registry_find(registry, name);
    if (*id_out != TN_NO_EVENT) return TN_OK;
    if (registry->count >= TN_MAX_EVENTS) return TN_ERROR_LIMIT;
    if (make_room(registry) != TN_OK) return TN_ERROR_MEMORY;

    entry *added = tn_alloc(sizeof(*added) + name.size);
    if (!added) return TN_ERROR_MEMORY;
    added->id = (tn_event_id)registry->count;
    added->size = name.size;
    memcpy(added->name, name.bytes, name.size);

    if (tn_table_add(&registry->table, &added->node, tn_hash(name)) != TN_OK) {
        tn_free(added);
        return TN_ERROR_MEMORY;
    }
    registry->entries[registry->count++] = added;
    registry->name_bytes += name.size;
    *id_out = added->id;
    return TN_OK;
}

tn_text tn_event_registry_name(const tn_event_registry *registry, tn_event_id id)
{
    if (id >= registry->count) return TN_NO_TEXT;
    return (tn_text){registry->entries[id]->name, registry->entries[id]->size};
}

size_t tn_event_registry_count(const tn_event_registry *registry)
{
    return registry->count;
}

size_t tn_event_registry_memory(const tn_event_registry *registry)
{
    return sizeof(*registry) + registry->capacity * sizeof(entry *) + registry->count * sizeof(entry) +
           registry->name_bytes + registry->table.bucket_count * sizeof(tn_table_node *);
}
