#include "support.h"

#include "event/event_registry.h"

#include <stdio.h>

TestSuite(event_registry, .fini = all_memory_is_back);

static tn_text numbered_name(char *out, size_t size, int number)
{
    return (tn_text){out, (size_t)snprintf(out, size, "order.placed_%d", number)};
}

Test(event_registry, knows_the_system_s_events_by_their_ids)
{
    tn_event_registry *registry = tn_event_registry_new();
    cr_assert_eq(tn_event_registry_count(registry), TN_SYSTEM_EVENT_COUNT);
#define ASSERT_KNOWN(id, module, name)                                 \
    cr_assert_eq(tn_event_registry_find(registry, TN_TEXT(name)), id); \
    assert_text(tn_event_registry_name(registry, id), name);
    TN_SYSTEM_EVENTS(ASSERT_KNOWN)
#undef ASSERT_KNOWN
    tn_event_registry_free(registry);
}

Test(event_registry, tells_custom_events_from_the_system_s)
{
    tn_event_registry *registry = tn_event_registry_new();
    tn_event_id id;
    cr_assert_eq(tn_event_registry_add(registry, TN_TEXT("order.placed"), &id), TN_OK);
    cr_assert(tn_event_is_custom(id));
    cr_assert_not(tn_event_is_custom(TN_TEST_DOT_EVENT));
    cr_assert_not(tn_event_is_custom(TN_TASK_INITIALIZE_REQUESTED));
    tn_event_registry_free(registry);
}

Test(event_registry, gives_custom_events_the_next_ids_and_the_same_one_again)
{
    tn_event_registry *registry = tn_event_registry_new();
    tn_event_id first, second, again;
    cr_assert_eq(tn_event_registry_add(registry, TN_TEXT("order.placed"), &first), TN_OK);
    cr_assert_eq(tn_event_registry_add(registry, TN_TEXT("order.paid"), &second), TN_OK);
    cr_assert_eq(tn_event_registry_add(registry, TN_TEXT("order.placed"), &again), TN_OK);

    cr_assert_eq(first, TN_SYSTEM_EVENT_COUNT);
    cr_assert_eq(second, first + 1);
    cr_assert_eq(again, first);
    cr_assert_eq(tn_event_registry_find(registry, TN_TEXT("order.paid")), second);
    tn_event_registry_free(registry);
}

Test(event_registry, adding_a_system_event_gives_its_id)
{
    tn_event_registry *registry = tn_event_registry_new();
    tn_event_id id;
    cr_assert_eq(tn_event_registry_add(registry, TN_TEXT("step.completed"), &id), TN_OK);
    cr_assert_eq(id, TN_STEP_COMPLETED);
    tn_event_registry_free(registry);
}

Test(event_registry, does_not_find_what_was_never_added)
{
    tn_event_registry *registry = tn_event_registry_new();
    cr_assert_eq(tn_event_registry_find(registry, TN_TEXT("order.placed")), TN_NO_EVENT);
    cr_assert_eq(tn_event_registry_find(registry, TN_TEXT("task.complete")), TN_NO_EVENT);
    cr_assert_eq(tn_event_registry_find(registry, TN_NO_TEXT), TN_NO_EVENT);
    cr_assert_eq(tn_event_registry_name(registry, TN_SYSTEM_EVENT_COUNT).size, 0);
    cr_assert_eq(tn_event_registry_name(registry, TN_NO_EVENT).size, 0);
    tn_event_registry_free(registry);
}

Test(event_registry, copies_names)
{
    tn_event_registry *registry = tn_event_registry_new();
    tn_event_id id;
    char name[] = "order.placed";
    cr_assert_eq(tn_event_registry_add(registry, tn_text_of(name), &id), TN_OK);
    memset(name, 'x', sizeof(name) - 1);
    assert_text(tn_event_registry_name(registry, id), "order.placed");
    tn_event_registry_free(registry);
}

Test(event_registry, refuses_a_name_that_is_empty_or_too_long)
{
    tn_event_registry *registry = tn_event_registry_new();
    tn_event_id id;
    char name[TN_MAX_EVENT_NAME + 1];
    memset(name, 'x', sizeof(name));
    cr_assert_eq(tn_event_registry_add(registry, TN_NO_TEXT, &id), TN_ERROR_INVALID);
    cr_assert_eq(tn_event_registry_add(registry, (tn_text){name, TN_MAX_EVENT_NAME + 1}, &id), TN_ERROR_INVALID);
    cr_assert_eq(tn_event_registry_add(registry, (tn_text){name, TN_MAX_EVENT_NAME}, &id), TN_OK);
    tn_event_registry_free(registry);
}

Test(event_registry, refuses_a_name_that_is_not_utf8)
{
    tn_event_registry *registry = tn_event_registry_new();
    tn_event_id id;
    cr_assert_eq(tn_event_registry_add(registry, TN_TEXT("order\xE7"), &id), TN_ERROR_INVALID);
    cr_assert_eq(tn_event_registry_add(registry, TN_TEXT("order.pla\u00e7ed"), &id), TN_OK);
    tn_event_registry_free(registry);
}

Test(event_registry, is_full_at_its_limit_and_still_knows_all)
{
    tn_event_registry *registry = tn_event_registry_new();
    char name[64];
    tn_event_id id;
    for (int i = TN_SYSTEM_EVENT_COUNT; i < TN_MAX_EVENTS; i++) {
        cr_assert_eq(tn_event_registry_add(registry, numbered_name(name, sizeof(name), i), &id), TN_OK);
        cr_assert_eq(id, (tn_event_id)i);
    }
    cr_assert_eq(tn_event_registry_add(registry, TN_TEXT("one.too_many"), &id), TN_ERROR_LIMIT);
    cr_assert_eq(tn_event_registry_count(registry), TN_MAX_EVENTS);
    for (int i = TN_SYSTEM_EVENT_COUNT; i < TN_MAX_EVENTS; i++) {
        cr_assert_eq(tn_event_registry_add(registry, numbered_name(name, sizeof(name), i), &id), TN_OK);
        cr_assert_eq(id, (tn_event_id)i);
    }
    tn_event_registry_free(registry);
}

Test(event_registry, says_how_much_memory_it_takes)
{
    tn_event_registry *registry = tn_event_registry_new();
    size_t before = tn_event_registry_memory(registry);
    tn_event_id id;
    cr_assert_eq(tn_event_registry_add(registry, TN_TEXT("order.placed"), &id), TN_OK);
    cr_assert_gt(before, TN_SYSTEM_EVENT_COUNT * sizeof(void *));
    cr_assert_geq(tn_event_registry_memory(registry), before + 12);
    tn_event_registry_free(registry);
}

Test(event_registry, that_cannot_be_made_is_NULL)
{
    for_each_failing_allocation {
        tn_event_registry *registry = tn_event_registry_new();
        cr_assert(registry || allocation_failed());
        if (registry) cr_assert_eq(tn_event_registry_find(registry, TN_TEXT("Test.Event")), TN_TEST_DOT_EVENT);
        tn_event_registry_free(registry);
    }
}

Test(event_registry, add_that_cannot_allocate_changes_nothing_and_can_be_repeated)
{
    for_each_failing_allocation {
        enough_memory();
        tn_event_registry *registry = tn_event_registry_new();
        scarce_memory();
        char name[64];
        for (int i = 0; i < 200; i++) {
            tn_text text = numbered_name(name, sizeof(name), i);
            tn_event_id id;
            size_t count = tn_event_registry_count(registry);
            if (tn_event_registry_add(registry, text, &id) != TN_OK) {
                cr_assert_eq(tn_event_registry_count(registry), count);
                cr_assert_eq(tn_event_registry_find(registry, text), TN_NO_EVENT);
                cr_assert_eq(tn_event_registry_add(registry, text, &id), TN_OK);
            }
            cr_assert_eq(id, (tn_event_id)(TN_SYSTEM_EVENT_COUNT + i));
        }
        tn_event_registry_free(registry);
    }
}
