/* Names of events: an id stands for one name and a name for one id, whatever was registered, refused, or came when
 * there was no memory. */
#include "fuzz/fuzz.h"

#include "base/utf8.h"
#include "event/event_registry.h"

static void check_registry(const tn_event_registry *registry)
{
    size_t count = tn_event_registry_count(registry);
    for (tn_event_id id = 0; id < count; id++) {
        tn_text name = tn_event_registry_name(registry, id);
        fuzz_check(name.size > 0 && name.size <= TN_MAX_EVENT_NAME);
        fuzz_check(tn_event_registry_find(registry, name) == id);
    }
    fuzz_check(tn_event_registry_name(registry, (tn_event_id)count).size == 0);
    fuzz_check(tn_event_registry_name(registry, TN_NO_EVENT).size == 0);
}

static void add(tn_event_registry *registry, tn_text name)
{
    tn_event_id before = tn_event_registry_find(registry, name), id = TN_NO_EVENT;
    size_t count = tn_event_registry_count(registry);
    tn_status status = tn_event_registry_add(registry, name, &id);
    bool possible = name.size > 0 && name.size <= TN_MAX_EVENT_NAME && tn_utf8_valid_prefix(name) == name.size;

    fuzz_check(status != TN_OK || tn_event_registry_find(registry, name) == id);
    fuzz_check(status != TN_OK || before == TN_NO_EVENT || before == id);
    fuzz_check(possible ? status == TN_OK || status == TN_ERROR_MEMORY : status == TN_ERROR_INVALID);
    fuzz_check(tn_event_registry_count(registry) == count + (status == TN_OK && before == TN_NO_EVENT));
    fuzz_plant(status == TN_OK && before != TN_NO_EVENT && tn_event_is_custom(before));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input input = {bytes, bytes + size};
    fuzz_fail_allocation(fuzz_byte(&input));
    tn_event_registry *registry = tn_event_registry_new();
    while (registry && !fuzz_is_over(&input)) {
        tn_text name = fuzz_text(&input);
        add(registry, name);
        fuzz_free(name);
    }
    if (registry) check_registry(registry);
    tn_event_registry_free(registry);
    fuzz_check(fuzz_live_allocations() == 0);
    return 0;
}
