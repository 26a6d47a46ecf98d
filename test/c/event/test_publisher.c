#include "support.h"

#include "event/publisher.h"

#include <stdio.h>

TestSuite(publisher, .fini = all_memory_is_back);

Test(publisher, has_nobody_interested_at_first)
{
    tn_publisher publisher;
    cr_assert_eq(tn_publisher_init(&publisher), TN_OK);
    for (tn_event_id event = 0; event < TN_SYSTEM_EVENT_COUNT; event++) {
        cr_assert_eq(tn_publisher_count(&publisher, event), 0);
    }
    tn_publisher_free(&publisher);
}

Test(publisher, counts_each_publication_of_each_event)
{
    tn_publisher publisher;
    cr_assert_eq(tn_publisher_init(&publisher), TN_OK);
    for (int i = 0; i < 3; i++) tn_publisher_count(&publisher, TN_STEP_COMPLETED);
    tn_publisher_count(&publisher, TN_STEP_FAILED);

    cr_assert_eq(publisher.events[TN_STEP_COMPLETED].published, 3);
    cr_assert_eq(publisher.events[TN_STEP_FAILED].published, 1);
    cr_assert_eq(publisher.events[TN_TASK_COMPLETED].published, 0);
    tn_publisher_free(&publisher);
}

Test(publisher, keeps_interests_apart)
{
    tn_publisher publisher;
    cr_assert_eq(tn_publisher_init(&publisher), TN_OK);
    tn_publisher_set_interest(&publisher, TN_STEP_COMPLETED, TN_INTEREST_SPANS, true);
    tn_publisher_set_interest(&publisher, TN_STEP_COMPLETED, TN_INTEREST_LISTENERS, true);
    tn_publisher_set_interest(&publisher, TN_STEP_COMPLETED, TN_INTEREST_LISTENERS, true);
    cr_assert_eq(tn_publisher_count(&publisher, TN_STEP_COMPLETED), TN_INTEREST_SPANS | TN_INTEREST_LISTENERS);

    tn_publisher_set_interest(&publisher, TN_STEP_COMPLETED, TN_INTEREST_LISTENERS, false);
    cr_assert_eq(tn_publisher_count(&publisher, TN_STEP_COMPLETED), TN_INTEREST_SPANS);
    cr_assert_eq(tn_publisher_count(&publisher, TN_STEP_FAILED), 0);
    tn_publisher_free(&publisher);
}

Test(publisher, keeps_counts_and_interests_while_it_grows)
{
    tn_publisher publisher;
    cr_assert_eq(tn_publisher_init(&publisher), TN_OK);
    tn_publisher_set_interest(&publisher, TN_STEP_COMPLETED, TN_INTEREST_SPANS, true);
    tn_publisher_count(&publisher, TN_STEP_COMPLETED);
    for (int i = 0; i < 500; i++) {
        char name[32];
        tn_event_id id;
        tn_text text = {name, (size_t)snprintf(name, sizeof(name), "custom.%d", i)};
        cr_assert_eq(tn_publisher_register(&publisher, text, &id), TN_OK);
        cr_assert_eq(tn_publisher_count(&publisher, id), 0);
    }
    cr_assert_eq(tn_publisher_count(&publisher, TN_STEP_COMPLETED), TN_INTEREST_SPANS);
    cr_assert_eq(publisher.events[TN_STEP_COMPLETED].published, 2);
    tn_publisher_free(&publisher);
}

Test(publisher, refuses_what_the_registry_refuses)
{
    tn_publisher publisher;
    tn_event_id id;
    cr_assert_eq(tn_publisher_init(&publisher), TN_OK);
    cr_assert_eq(tn_publisher_register(&publisher, TN_NO_TEXT, &id), TN_ERROR_INVALID);
    tn_publisher_free(&publisher);
}

Test(publisher, that_cannot_be_made_says_so_and_holds_nothing)
{
    for_each_failing_allocation {
        tn_publisher publisher;
        tn_status status = tn_publisher_init(&publisher);
        cr_assert(status == TN_OK || (status == TN_ERROR_MEMORY && allocation_failed()));
        if (status == TN_OK) cr_assert_eq(tn_publisher_count(&publisher, TN_TEST_DOT_EVENT), 0);
        tn_publisher_free(&publisher);
    }
}

Test(publisher, register_that_cannot_allocate_can_be_repeated)
{
    for_each_failing_allocation {
        enough_memory();
        tn_publisher publisher;
        cr_assert_eq(tn_publisher_init(&publisher), TN_OK);
        scarce_memory();
        for (int i = 0; i < 100; i++) {
            char name[32];
            tn_event_id id;
            tn_text text = {name, (size_t)snprintf(name, sizeof(name), "custom.%d", i)};
            tn_status status = tn_publisher_register(&publisher, text, &id);
            if (status == TN_ERROR_MEMORY) status = tn_publisher_register(&publisher, text, &id);
            cr_assert_eq(status, TN_OK);
            cr_assert_eq(tn_publisher_count(&publisher, id), 0);
        }
        tn_publisher_free(&publisher);
    }
}
