#include "support.h"

#include "trace/span.h"

#include <stdio.h>

TestSuite(span, .fini = all_memory_is_back);

static const tn_span_limits limits = {.attributes = 128, .events = 3, .links = 2, .value_size = 1000};

static tn_span *new_span(void)
{
    tn_span *span = tn_span_new(NULL, TN_TEXT("a.span"), (tn_trace_id){{1}}, (tn_span_id){{2}}, (tn_span_id){{3}});
    cr_assert_not_null(span);
    return span;
}

static tn_pairs large_pairs(size_t size)
{
    static uint8_t storage[TN_MAX_PAYLOAD * 2];
    static char text[TN_MAX_PAYLOAD];
    memset(text, 'x', sizeof(text));
    tn_buffer buffer;
    tn_payload_writer writer;
    tn_buffer_init_on(&buffer, storage, sizeof(storage), sizeof(storage));
    tn_payload_writer_init(&writer, &buffer, 0, 0);
    cr_assert(tn_payload_key(&writer, TN_TEXT("large")));
    tn_payload_string(&writer, (tn_text){text, size});
    return (tn_pairs){.bytes = buffer.bytes, .size = buffer.size, .count = 1};
}

/* --- A new span ---------------------------------------------------------------------------------------- */

Test(span, begins_open_unset_and_empty)
{
    tn_span *span = new_span();
    assert_text(tn_span_name(span), "a.span");
    cr_assert(same_trace_id(span->trace_id, (tn_trace_id){{1}}));
    cr_assert(same_span_id(span->id, (tn_span_id){{2}}));
    cr_assert(same_span_id(span->parent_id, (tn_span_id){{3}}));
    cr_assert_eq(span->end, 0);
    cr_assert_eq(span->status, TN_STATUS_UNSET);
    cr_assert_eq(tn_span_status_message(span).size, 0);
    cr_assert_eq(record_count(span, ~0U), 0);
    tn_span_free(span);
}

Test(span, copies_its_name)
{
    char name[] = "a.span";
    tn_span *span = tn_span_new(NULL, tn_text_of(name), (tn_trace_id){{1}}, (tn_span_id){{2}}, (tn_span_id){{0}});
    memset(name, 'x', 6);
    assert_text(tn_span_name(span), "a.span");
    tn_span_free(span);
}

Test(span, may_have_an_empty_name)
{
    tn_span *span = tn_span_new(NULL, TN_NO_TEXT, (tn_trace_id){{1}}, (tn_span_id){{2}}, (tn_span_id){{0}});
    cr_assert_eq(tn_span_name(span).size, 0);
    cr_assert_eq(record_count(span, ~0U), 0);
    tn_span_add_attributes(span, text_pairs("a", "1", NULL));
    cr_assert(has_attribute(span, "a", "1"));
    tn_span_free(span);
}

Test(span, freeing_none_does_nothing)
{
    tn_span_free(NULL);
}

/* --- The journal --------------------------------------------------------------------------------------- */

Test(span, reads_back_what_was_added_in_order)
{
    tn_span *span = new_span();
    tn_span_add_attributes(span, text_pairs("a", "1", NULL));
    tn_span_add_event(span, &limits, TN_TEXT("happened"), 42, text_pairs("b", "2", "c", "3", NULL));
    tn_span_add_link(span, &limits, (tn_trace_id){{7}}, (tn_span_id){{8}});
    tn_span_add_event_and_attributes(span, &limits, TN_TEXT("both"), 43, text_pairs("d", "4", NULL));

    tn_record record;
    tn_value value;
    tn_journal_reader reader = tn_span_read(span);
    cr_assert(tn_journal_next(&reader, &record));
    cr_assert_eq(record.kind, TN_RECORD_ATTRIBUTES);
    cr_assert(find_value(record.pairs, "a", &value));
    cr_assert_eq(record.pairs.count, 1);

    cr_assert(tn_journal_next(&reader, &record));
    cr_assert_eq(record.kind, TN_RECORD_EVENT);
    assert_text(record.name, "happened");
    cr_assert_eq(record.time, 42);
    cr_assert_eq(record.pairs.count, 2);
    cr_assert(find_value(record.pairs, "c", &value));
    assert_text(value.as.string, "3");

    cr_assert(tn_journal_next(&reader, &record));
    cr_assert_eq(record.kind, TN_RECORD_LINK);
    cr_assert(same_trace_id(record.linked_trace_id, (tn_trace_id){{7}}));
    cr_assert(same_span_id(record.linked_span_id, (tn_span_id){{8}}));

    cr_assert(tn_journal_next(&reader, &record));
    cr_assert_eq(record.kind, TN_RECORD_EVENT | TN_RECORD_ATTRIBUTES);
    assert_text(record.name, "both");
    cr_assert_not(tn_journal_next(&reader, &record));
    cr_assert_not(tn_journal_next(&reader, &record));
    tn_span_free(span);
}

Test(span, keeps_what_pairs_say_of_themselves)
{
    tn_span *span = new_span();
    tn_pairs pairs = text_pairs("a", "1", NULL);
    pairs.prefixed = true;
    pairs.dropped = 5;
    tn_span_add_attributes(span, pairs);

    tn_record record;
    tn_journal_reader reader = tn_span_read(span);
    cr_assert(tn_journal_next(&reader, &record));
    cr_assert(record.pairs.prefixed);
    cr_assert_eq(record.pairs.dropped, 5);
    cr_assert_eq(record.pairs.size, pairs.size);
    tn_span_free(span);
}

Test(span, an_event_with_attributes_counts_as_both)
{
    tn_span *span = new_span();
    tn_span_add_event_and_attributes(span, &limits, TN_TEXT("both"), 43, text_pairs("d", "4", NULL));
    cr_assert_eq(event_count(span, "both"), 1);
    cr_assert(has_attribute(span, "d", "4"));
    cr_assert_eq(record_count(span, TN_RECORD_ATTRIBUTES), 1, "written once");
    tn_span_free(span);
}

Test(span, attributes_of_an_event_are_not_the_span_s)
{
    tn_span *span = new_span();
    tn_span_add_event(span, &limits, TN_TEXT("happened"), 42, text_pairs("b", "2", NULL));
    cr_assert_not(has_attribute(span, "b", "2"));
    tn_span_free(span);
}

Test(span, no_attributes_leave_no_record_unless_some_were_dropped)
{
    tn_span *span = new_span();
    tn_span_add_attributes(span, TN_NO_PAIRS);
    cr_assert_eq(record_count(span, ~0U), 0);
    tn_span_add_attributes(span, (tn_pairs){.dropped = 2});
    cr_assert_eq(record_count(span, TN_RECORD_ATTRIBUTES), 1);
    tn_span_free(span);
}

Test(span, an_event_without_attributes_is_an_event)
{
    tn_span *span = new_span();
    tn_span_add_event(span, &limits, TN_TEXT("happened"), 42, TN_NO_PAIRS);
    cr_assert_eq(event_count(span, "happened"), 1);
    cr_assert_eq(nth_event(span, 0).pairs.count, 0);
    tn_span_free(span);
}

Test(span, survives_a_random_life)
{
    for (int round = 0; round < 200; round++) {
        const tn_span_limits wide = TN_SPAN_LIMITS_DEFAULT;
        tn_span *span = new_span();
        size_t attributes = 0, events = 0, links = 0;
        for (uint64_t i = random_below(100); i > 0; i--) {
            char name[70000], value[200];
            size_t name_size = random_text(name, random_below(100) ? 20 : sizeof(name));
            value[random_text(value, sizeof(value) - 1)] = '\0';
            tn_pairs pairs = text_pairs("key", value, NULL);
            switch (random_below(4)) {
            case 0: tn_span_add_attributes(span, pairs), attributes++; break;
            case 1: tn_span_add_event(span, &wide, (tn_text){name, name_size}, i, pairs), events++; break;
            case 2: tn_span_add_link(span, &wide, (tn_trace_id){{1}}, (tn_span_id){{2}}), links++; break;
            default: tn_span_set_status(span, TN_STATUS_ERROR, (tn_text){name, name_size});
            }
        }
        cr_assert_eq(record_count(span, TN_RECORD_ATTRIBUTES), attributes);
        cr_assert_eq(record_count(span, TN_RECORD_EVENT), events);
        cr_assert_eq(record_count(span, TN_RECORD_LINK), links);
        assert_text(tn_span_name(span), "a.span");
        tn_span_free(span);
    }
}

/* --- Limits -------------------------------------------------------------------------------------------- */

Test(span, counts_events_beyond_the_limit_as_dropped)
{
    tn_span *span = new_span();
    for (int i = 0; i < 5; i++) tn_span_add_event(span, &limits, TN_TEXT("happened"), 42, TN_NO_PAIRS);
    cr_assert_eq(event_count(span, "happened"), 3);
    cr_assert_eq(span->event_count, 3);
    cr_assert_eq(span->dropped_events, 2);
    tn_span_free(span);
}

Test(span, keeps_the_attributes_of_an_event_that_is_dropped)
{
    tn_span *span = new_span();
    for (int i = 0; i < 3; i++) tn_span_add_event(span, &limits, TN_TEXT("happened"), 42, TN_NO_PAIRS);
    tn_span_add_event_and_attributes(span, &limits, TN_TEXT("both"), 43, text_pairs("d", "4", NULL));
    cr_assert_eq(span->dropped_events, 1);
    cr_assert_eq(event_count(span, "both"), 0);
    cr_assert(has_attribute(span, "d", "4"));
    tn_span_free(span);
}

Test(span, counts_links_beyond_the_limit_as_dropped)
{
    tn_span *span = new_span();
    for (int i = 0; i < 5; i++) tn_span_add_link(span, &limits, (tn_trace_id){{1}}, (tn_span_id){{2}});
    cr_assert_eq(record_count(span, TN_RECORD_LINK), 2);
    cr_assert_eq(span->link_count, 2);
    cr_assert_eq(span->dropped_links, 3);
    tn_span_free(span);
}

Test(span, limits_of_zero_keep_nothing)
{
    const tn_span_limits none = {0};
    tn_span *span = new_span();
    tn_span_add_event(span, &none, TN_TEXT("happened"), 42, TN_NO_PAIRS);
    tn_span_add_link(span, &none, (tn_trace_id){{1}}, (tn_span_id){{2}});
    cr_assert_eq(record_count(span, ~0U), 0);
    cr_assert_eq(span->dropped_events, 1);
    cr_assert_eq(span->dropped_links, 1);
    tn_span_free(span);
}

Test(span, cuts_the_name_of_an_event_that_is_too_long)
{
    static char name[100000];
    memset(name, 'n', sizeof(name));
    tn_span *span = new_span();
    tn_span_add_event(span, &limits, (tn_text){name, sizeof(name)}, 42, text_pairs("a", "1", NULL));
    cr_assert_eq(nth_event(span, 0).name.size, 1024);
    tn_value value;
    cr_assert(find_value(nth_event(span, 0).pairs, "a", &value));
    tn_span_free(span);
}

Test(span, never_outgrows_its_size_and_counts_what_does_not_fit)
{
    const tn_span_limits wide = TN_SPAN_LIMITS_DEFAULT;
    tn_span *span = new_span();
    tn_pairs large = large_pairs(100000);
    for (int i = 0; i < 20; i++) tn_span_add_attributes(span, large);
    cr_assert_leq(tn_span_size(span), TN_MAX_SPAN_SIZE);
    size_t kept = record_count(span, TN_RECORD_ATTRIBUTES);
    cr_assert(kept >= 9 && kept < 20);
    cr_assert_eq(span->dropped_attributes, 20 - kept);

    tn_span_add_event_and_attributes(span, &wide, TN_TEXT("both"), 1, large);
    cr_assert_eq(span->dropped_events, 1);
    cr_assert_eq(span->dropped_attributes, 21 - kept);

    tn_span_add_attributes(span, text_pairs("small", "fits", NULL));
    cr_assert(has_attribute(span, "small", "fits"));
    tn_span_free(span);
}

Test(span, has_no_room_for_a_name_beyond_its_size)
{
    static char name[TN_MAX_SPAN_SIZE];
    cr_assert_null(
        tn_span_new(NULL, (tn_text){name, sizeof(name)}, (tn_trace_id){{1}}, (tn_span_id){{2}}, (tn_span_id){{0}}));
}

/* --- Status -------------------------------------------------------------------------------------------- */

Test(span, unset_is_ignored)
{
    tn_span *span = new_span();
    tn_span_set_status(span, TN_STATUS_ERROR, TN_TEXT("broken"));
    tn_span_set_status(span, TN_STATUS_UNSET, TN_TEXT("nothing"));
    cr_assert_eq(span->status, TN_STATUS_ERROR);
    assert_text(tn_span_status_message(span), "broken");
    tn_span_free(span);
}

Test(span, ok_is_final)
{
    tn_span *span = new_span();
    tn_span_set_status(span, TN_STATUS_OK, TN_NO_TEXT);
    tn_span_set_status(span, TN_STATUS_ERROR, TN_TEXT("broken"));
    cr_assert_eq(span->status, TN_STATUS_OK);
    cr_assert_eq(tn_span_status_message(span).size, 0);
    tn_span_free(span);
}

Test(span, ok_replaces_an_error_and_its_message)
{
    tn_span *span = new_span();
    tn_span_set_status(span, TN_STATUS_ERROR, TN_TEXT("broken"));
    tn_span_set_status(span, TN_STATUS_OK, TN_TEXT("never mind"));
    cr_assert_eq(span->status, TN_STATUS_OK);
    cr_assert_eq(tn_span_status_message(span).size, 0);
    tn_span_free(span);
}

Test(span, the_last_error_s_message_counts)
{
    tn_span *span = new_span();
    tn_span_set_status(span, TN_STATUS_ERROR, TN_TEXT("first"));
    tn_span_add_attributes(span, text_pairs("a", "1", NULL));
    tn_span_set_status(span, TN_STATUS_ERROR, TN_TEXT("second"));
    tn_span_add_attributes(span, text_pairs("b", "2", NULL));
    assert_text(tn_span_status_message(span), "second");

    tn_span_set_status(span, TN_STATUS_ERROR, TN_NO_TEXT);
    cr_assert_eq(span->status, TN_STATUS_ERROR);
    cr_assert_eq(tn_span_status_message(span).size, 0);
    tn_span_free(span);
}

Test(span, a_message_that_does_not_fit_leaves_the_status)
{
    static char message[TN_MAX_SPAN_SIZE];
    tn_span *span = new_span();
    tn_span_set_status(span, TN_STATUS_ERROR, (tn_text){message, sizeof(message)});
    cr_assert_eq(span->status, TN_STATUS_ERROR);
    cr_assert_eq(tn_span_status_message(span).size, 0);
    tn_span_free(span);
}

/* --- Lists --------------------------------------------------------------------------------------------- */

Test(span, a_list_gives_spans_back_in_order)
{
    tn_span_list list = {0};
    tn_span *spans[3];
    for (int i = 0; i < 3; i++) {
        spans[i] = new_span();
        tn_span_list_add(&list, spans[i]);
    }
    cr_assert_eq(list.count, 3);
    cr_assert_eq(list.bytes, 3 * tn_span_size(spans[0]));
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(tn_span_list_take(&list), spans[i]);
        tn_span_free(spans[i]);
    }
    cr_assert_null(tn_span_list_take(&list));
    cr_assert_eq(list.count, 0);
    cr_assert_eq(list.bytes, 0);
}

Test(span, a_list_can_be_filled_again_and_frees_what_it_owns)
{
    tn_span_list list = {0};
    tn_span_list_add(&list, new_span());
    tn_span_free(tn_span_list_take(&list));
    tn_span_list_add(&list, new_span());
    tn_span_list_add(&list, new_span());
    cr_assert_eq(list.count, 2);
    tn_span_list_free(&list);
    cr_assert_eq(list.count, 0);
    cr_assert_eq(live_allocations(), 0);
    tn_span_list_free(&list);
}

/* --- No memory ----------------------------------------------------------------------------------------- */

Test(span, that_cannot_be_made_is_NULL)
{
    for_each_failing_allocation {
        tn_span *span = tn_span_new(NULL, TN_TEXT("a.span"), (tn_trace_id){{1}}, (tn_span_id){{2}}, (tn_span_id){{3}});
        cr_assert_eq(span == NULL, allocation_failed());
        tn_span_free(span);
    }
}

Test(span, what_finds_no_memory_is_counted_and_leaves_the_rest)
{
    for_each_failing_allocation {
        enough_memory();
        const tn_span_limits wide = TN_SPAN_LIMITS_DEFAULT;
        tn_span *span = new_span();
        tn_span_add_attributes(span, text_pairs("first", "kept", NULL));
        scarce_memory();
        tn_pairs large = large_pairs(600);
        for (int i = 0; i < 10; i++) {
            tn_span_add_attributes(span, large);
            tn_span_add_event(span, &wide, TN_TEXT("happened"), 42, large);
            tn_span_add_event_and_attributes(span, &wide, TN_TEXT("both"), 43, large);
            tn_span_add_link(span, &wide, (tn_trace_id){{7}}, (tn_span_id){{8}});
            tn_span_set_status(span, TN_STATUS_ERROR, TN_TEXT("broken"));
        }
        cr_assert_eq(event_count(span, "happened") + event_count(span, "both") + span->dropped_events, 20);
        cr_assert_eq(record_count(span, TN_RECORD_LINK) + span->dropped_links, 10);
        cr_assert_eq(record_count(span, TN_RECORD_ATTRIBUTES) + span->dropped_attributes, 21);
        cr_assert_leq(span->dropped_attributes + span->dropped_events + span->dropped_links, 2);
        cr_assert_eq(span->status, TN_STATUS_ERROR);
        cr_assert(has_attribute(span, "first", "kept"));
        tn_span_free(span);
    }
}
