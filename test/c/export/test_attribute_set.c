#include "support.h"

#include "export/attribute_set.h"

#include <stdio.h>

TestSuite(attribute_set, .fini = all_memory_is_back);

static tn_attribute_names names = {.prefix = {"tasker.", 7}}, no_prefix = {.prefix = {"", 0}};

static tn_attribute_set set_with(uint32_t limit)
{
    tn_attribute_set set;
    cr_assert_eq(tn_attribute_set_init(&set, &names, limit), TN_OK);
    return set;
}

static tn_pairs prefixed(tn_pairs pairs)
{
    pairs.prefixed = true;
    return pairs;
}

/* The nth key as it will be exported. */
static const char *full_key(const tn_attribute_set *set, size_t n)
{
    static char key[2048];
    tn_text prefix = tn_attribute_prefix(set, &set->items[n]), rest = set->items[n].key;
    snprintf(key, sizeof(key), "%.*s%.*s", (int)prefix.size, prefix.bytes, (int)rest.size, rest.bytes);
    return key;
}

static void assert_item(const tn_attribute_set *set, size_t n, const char *key, const char *value)
{
    cr_assert_lt(n, set->count);
    cr_assert_str_eq(full_key(set, n), key);
    cr_assert_eq(set->items[n].value.type, TN_VALUE_STRING);
    assert_text(set->items[n].value.as.string, value);
}

Test(attribute_set, keeps_keys_in_the_order_in_which_they_came)
{
    tn_attribute_set set = set_with(128);
    tn_attribute_set_add(&set, text_pairs("b", "1", "a", "2", NULL));
    tn_attribute_set_add(&set, text_pairs("c", "3", NULL));
    cr_assert_eq(set.count, 3);
    assert_item(&set, 0, "b", "1");
    assert_item(&set, 1, "a", "2");
    assert_item(&set, 2, "c", "3");
    tn_attribute_set_free(&set);
}

Test(attribute_set, of_equal_keys_the_last_value_counts_at_the_place_of_the_first)
{
    tn_attribute_set set = set_with(128);
    tn_attribute_set_add(&set, text_pairs("a", "old", "b", "2", "a", "newer", NULL));
    tn_attribute_set_add(&set, text_pairs("a", "newest", NULL));
    cr_assert_eq(set.count, 2);
    assert_item(&set, 0, "a", "newest");
    assert_item(&set, 1, "b", "2");
    cr_assert_eq(set.dropped, 0);
    tn_attribute_set_free(&set);
}

Test(attribute_set, puts_the_prefix_in_front_of_prefixed_pairs_only)
{
    tn_attribute_set set = set_with(128);
    tn_attribute_set_add(&set, prefixed(text_pairs("a", "1", NULL)));
    tn_attribute_set_add(&set, text_pairs("a", "2", NULL));
    cr_assert_eq(set.count, 2, "tasker.a and a are two keys");
    assert_item(&set, 0, "tasker.a", "1");
    assert_item(&set, 1, "a", "2");
    tn_attribute_set_free(&set);
}

Test(attribute_set, a_key_that_has_the_prefix_already_does_not_get_it_again)
{
    tn_attribute_set set = set_with(128);
    tn_attribute_set_add(&set, prefixed(text_pairs("tasker.a", "1", NULL)));
    assert_item(&set, 0, "tasker.a", "1");
    tn_attribute_set_free(&set);
}

Test(attribute_set, a_prefixed_key_and_one_that_has_the_prefix_already_are_the_same)
{
    tn_attribute_set set = set_with(128);
    tn_attribute_set_add(&set, prefixed(text_pairs("a", "1", NULL)));
    tn_attribute_set_add(&set, text_pairs("tasker.a", "2", NULL));
    tn_attribute_set_add(&set, prefixed(text_pairs("tasker.a", "3", NULL)));
    cr_assert_eq(set.count, 1);
    assert_item(&set, 0, "tasker.a", "3");
    tn_attribute_set_free(&set);
}

Test(attribute_set, no_two_of_its_keys_are_exported_as_the_same)
{
    static const char *const keys[] = {"", "tasker.", "tasker", "tasker.tasker.", "a", "tasker.a", "tasker.tasker.a"};
    tn_attribute_set set = set_with(128);
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        tn_attribute_set_add(&set, text_pairs(keys[i], "x", NULL));
        tn_attribute_set_add(&set, prefixed(text_pairs(keys[i], "x", NULL)));
    }
    for (size_t i = 0; i < set.count; i++) {
        char key[64];
        snprintf(key, sizeof(key), "%s", full_key(&set, i));
        for (size_t j = 0; j < i; j++) cr_assert_str_neq(full_key(&set, j), key);
    }
    tn_attribute_set_free(&set);
}

Test(attribute_set, without_a_prefix_keys_stay_as_they_are)
{
    tn_attribute_set set;
    cr_assert_eq(tn_attribute_set_init(&set, &no_prefix, 128), TN_OK);
    tn_attribute_set_add(&set, prefixed(text_pairs("a", "1", NULL)));
    tn_attribute_set_add(&set, text_pairs("a", "2", NULL));
    cr_assert_eq(set.count, 1);
    assert_item(&set, 0, "a", "2");
    tn_attribute_set_free(&set);
}

Test(attribute_set, beyond_the_limit_the_newest_keys_are_dropped_and_counted)
{
    tn_attribute_set set = set_with(2);
    tn_attribute_set_add(&set, text_pairs("a", "1", "b", "2", "c", "3", "d", "4", NULL));
    cr_assert_eq(set.count, 2);
    cr_assert_eq(set.dropped, 2);
    assert_item(&set, 0, "a", "1");
    assert_item(&set, 1, "b", "2");
    tn_attribute_set_free(&set);
}

Test(attribute_set, a_full_set_still_takes_new_values_for_its_keys)
{
    tn_attribute_set set = set_with(2);
    tn_attribute_set_add(&set, text_pairs("a", "1", "b", "2", "c", "3", "a", "new", NULL));
    assert_item(&set, 0, "a", "new");
    cr_assert_eq(set.dropped, 1);
    tn_attribute_set_free(&set);
}

Test(attribute_set, counts_what_was_dropped_before_it_came)
{
    tn_attribute_set set = set_with(1);
    tn_pairs pairs = text_pairs("a", "1", "b", "2", NULL);
    pairs.dropped = 5;
    tn_attribute_set_add(&set, pairs);
    cr_assert_eq(set.dropped, 6);
    tn_attribute_set_free(&set);
}

Test(attribute_set, a_limit_of_zero_drops_everything)
{
    tn_attribute_set set = set_with(0);
    tn_attribute_set_add(&set, text_pairs("a", "1", "b", "2", NULL));
    cr_assert_eq(set.count, 0);
    cr_assert_eq(set.dropped, 2);
    tn_attribute_set_free(&set);
}

Test(attribute_set, holds_as_many_keys_as_the_largest_limit_allows)
{
    tn_attribute_set set = set_with(UINT32_MAX);
    cr_assert_eq(set.limit, TN_MAX_ATTRIBUTES);

    tn_buffer buffer;
    tn_payload_writer writer;
    tn_buffer_init(&buffer, TN_PAYLOAD_BUFFER);
    tn_payload_writer_init(&writer, &buffer, 0, 0);
    for (int i = 0; i < TN_MAX_ATTRIBUTES + 3; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%d", i);
        cr_assert(tn_payload_key(&writer, tn_text_of(key)));
        tn_payload_integer(&writer, i);
    }
    tn_attribute_set_add(&set, (tn_pairs){.bytes = buffer.bytes, .size = buffer.size, .count = writer.count});
    cr_assert_eq(set.count, TN_MAX_ATTRIBUTES);
    cr_assert_eq(set.dropped, 3);
    for (size_t i = 0; i < set.count; i++) cr_assert_eq(set.items[i].value.as.integer, (int64_t)i);
    tn_buffer_free(&buffer);
    tn_attribute_set_free(&set);
}

Test(attribute_set, is_empty_after_clear)
{
    tn_attribute_set set = set_with(2);
    tn_attribute_set_add(&set, text_pairs("a", "1", "b", "2", "c", "3", NULL));
    tn_attribute_set_clear(&set);
    cr_assert_eq(set.count, 0);
    cr_assert_eq(set.dropped, 0);
    tn_attribute_set_add(&set, text_pairs("c", "4", NULL));
    cr_assert_eq(set.count, 1);
    assert_item(&set, 0, "c", "4");
    tn_attribute_set_free(&set);
}

Test(attribute_set, reads_no_further_than_the_first_broken_pair)
{
    tn_attribute_set set = set_with(128);
    tn_pairs pairs = text_pairs("a", "1", "b", "2", NULL);
    for (size_t size = 0; size < pairs.size; size++) {
        tn_text cut = exact_copy(pairs.bytes, size);
        tn_attribute_set_clear(&set);
        tn_attribute_set_add(&set, (tn_pairs){.bytes = (const uint8_t *)cut.bytes, .size = size});
        cr_assert_eq(set.count, size < 4 ? 0 : 1);
        free_copy(cut);
    }
    tn_attribute_set_free(&set);
}

Test(attribute_set, of_a_span_has_its_attributes_and_not_those_of_its_events_and_links)
{
    tn_span_limits limits = TN_SPAN_LIMITS_DEFAULT;
    tn_span *span = tn_span_new(NULL, TN_TEXT("s"), (tn_trace_id){{1}}, (tn_span_id){{1}}, (tn_span_id){{0}});
    tn_span_add_attributes(span, text_pairs("a", "1", NULL));
    tn_span_add_event(span, &limits, TN_TEXT("e"), 1, text_pairs("of_event", "2", NULL));
    tn_span_add_link(span, &limits, (tn_trace_id){{2}}, (tn_span_id){{2}});
    tn_span_add_event_and_attributes(span, &limits, TN_TEXT("f"), 1, prefixed(text_pairs("b", "3", NULL)));
    tn_span_set_status(span, TN_STATUS_ERROR, TN_TEXT("message"));
    span->dropped_attributes = 7;

    tn_attribute_set set = set_with(128);
    tn_attribute_set_add(&set, text_pairs("left", "over", NULL));
    tn_attribute_set_of_span(&set, span);
    cr_assert_eq(set.count, 2);
    assert_item(&set, 0, "a", "1");
    assert_item(&set, 1, "tasker.b", "3");
    cr_assert_eq(set.dropped, 7);
    tn_attribute_set_free(&set);
    tn_span_free(span);
}

Test(attribute_set, that_cannot_allocate_says_so)
{
    for_each_failing_allocation {
        tn_attribute_set set;
        tn_status status = tn_attribute_set_init(&set, &names, 128);
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        tn_attribute_set_free(&set);
    }
}

/* --- Remembered keys ----------------------------------------------------------------------------------- */

static tn_name name_of(const char *text, uint32_t id)
{
    return (tn_name){.text = tn_text_of(text), .id = id};
}

static tn_pairs named_pair(tn_buffer *buffer, const tn_name *name, int64_t value)
{
    tn_payload_writer writer;
    tn_buffer_clear(buffer);
    tn_payload_writer_init(&writer, buffer, 0, 0);
    cr_assert(tn_payload_key_named(&writer, name));
    tn_payload_integer(&writer, value);
    return (tn_pairs){.bytes = buffer->bytes, .size = buffer->size, .count = 1};
}

Test(attribute_set, a_remembered_key_and_its_text_are_one_key)
{
    tn_attribute_names own = {.prefix = {"tasker.", 7}};
    tn_attribute_set set;
    cr_assert_eq(tn_attribute_set_init(&set, &own, 128), TN_OK);
    tn_name plain = name_of("queue", 0), whole = name_of("tasker.queue", 1);
    uint8_t storage[64];
    tn_buffer buffer;
    tn_buffer_init_on(&buffer, storage, sizeof(storage), sizeof(storage));

    tn_attribute_set_add(&set, prefixed(named_pair(&buffer, &plain, 1)));
    tn_attribute_set_add(&set, named_pair(&buffer, &whole, 2));
    tn_attribute_set_add(&set, prefixed(named_pair(&buffer, &whole, 3)));
    tn_attribute_set_add(&set, prefixed(text_pairs("queue", "4", NULL)));
    tn_attribute_set_add(&set, text_pairs("tasker.queue", "5", NULL));
    cr_assert_eq(set.count, 1);
    assert_item(&set, 0, "tasker.queue", "5");

    tn_attribute_set_add(&set, named_pair(&buffer, &plain, 6));
    cr_assert_eq(set.count, 2);
    cr_assert_str_eq(full_key(&set, 1), "queue");
    tn_attribute_set_free(&set);
    tn_attribute_names_free(&own);
}

/* A key of a random payload: of the service's own, of others, remembered or not. */
typedef struct {
    uint8_t key; /* of texts; from 8 on: not remembered */
    bool prefixed;
} random_key;

#define MOST_KEYS 90 /* more than a set remembers steps */

static size_t random_keys(random_key *keys)
{
    size_t count = random_below(4) ? random_below(8) : random_below(MOST_KEYS);
    for (size_t i = 0; i < count; i++) {
        keys[i] = (random_key){(uint8_t)random_below(random_below(20) ? 8 : 16), random_below(8) == 0};
    }
    return count;
}

static tn_name random_names[8];

static void make_random_names(void)
{
    static const char *texts[] = {"a", "b", "c",        "d",
                                  "e", "f", "tasker.a", "a long name, which takes more than one step"};
    for (uint32_t i = 0; i < 8; i++) random_names[i] = name_of(texts[i], i);
}

/* storage: borrowed by the set. */
static void add_random_pair(tn_attribute_set *set, uint8_t storage[128], random_key key, int64_t value)
{
    const tn_name *name = &random_names[key.key % 8];
    tn_buffer buffer;
    tn_payload_writer writer;
    tn_buffer_init_on(&buffer, storage, 128, 128);
    tn_payload_writer_init(&writer, &buffer, 0, 0);
    cr_assert(key.key < 8 ? tn_payload_key_named(&writer, name) : tn_payload_key(&writer, name->text));
    tn_payload_integer(&writer, value);
    tn_attribute_set_add(set, (tn_pairs){buffer.bytes, buffer.size, .count = 1, .prefixed = key.prefixed});
}

static void assert_same_set(const tn_attribute_set *a, const tn_attribute_set *b)
{
    cr_assert_eq(a->count, b->count);
    cr_assert_eq(a->dropped, b->dropped);
    cr_assert_eq(tn_attribute_set_is_of_last(a), tn_attribute_set_is_of_last(b));
    for (size_t i = 0; i < a->count; i++) {
        char key[64];
        snprintf(key, sizeof(key), "%s", full_key(a, i));
        cr_assert_str_eq(key, full_key(b, i));
        cr_assert_eq(a->items[i].value.as.integer, b->items[i].value.as.integer);
    }
}

Test(attribute_set, used_again_is_what_a_new_one_would_be)
{
    tn_attribute_names own = {.prefix = {"tasker.", 7}};
    tn_attribute_set used;
    cr_assert_eq(tn_attribute_set_init(&used, &own, 5), TN_OK);
    make_random_names();
    static uint8_t storage[2][MOST_KEYS][128];
    random_key keys[MOST_KEYS];
    size_t count = 0;
    for (int round = 0; round < 3000; round++) {
        uint64_t change = random_below(
            4); /* half of the time the keys are those of the last round, or one is another */
        if (change == 0) count = random_keys(keys);
        if (change == 1 && count > 0) keys[random_below(count)].key ^= 1;
        if (change == 2 && count > 0) count--;

        tn_attribute_set new;
        cr_assert_eq(tn_attribute_set_init(&new, &own, 5), TN_OK);
        tn_attribute_set_clear(&used);
        for (size_t i = 0; i < count; i++) {
            add_random_pair(&used, storage[0][i], keys[i], (int64_t)(round * MOST_KEYS + i));
            add_random_pair(&new, storage[1][i], keys[i], (int64_t)(round * MOST_KEYS + i));
        }
        assert_same_set(&used, &new);
        tn_attribute_set_free(&new);
    }
    tn_attribute_set_free(&used);
    tn_attribute_names_free(&own);
}

Test(attribute_set, tells_times_as_text)
{
    tn_attribute_set set = set_with(128);
    uint8_t storage[256];
    tn_buffer buffer;
    tn_payload_writer writer;
    tn_buffer_init_on(&buffer, storage, sizeof(storage), sizeof(storage));
    tn_payload_writer_init(&writer, &buffer, 0, 0);
    for (uint64_t i = 0; i < 3; i++) {
        cr_assert(tn_payload_key(&writer, tn_text_of(&"a\0b\0c"[2 * i])));
        tn_payload_time(&writer, (1795600000 + i / 2) * TN_SECOND + 123999999 * i, i > 0);
    }
    tn_attribute_set_add(&set, (tn_pairs){.bytes = buffer.bytes, .size = buffer.size, .count = 3});
    assert_item(&set, 0, "a", "2026-11-25T09:46:40Z");
    assert_item(&set, 1, "b", "2026-11-25T09:46:40.123Z");
    assert_item(&set, 2, "c", "2026-11-25T09:46:41.247Z");
    tn_attribute_set_free(&set);
}

Test(attribute_set, without_memory_for_whole_names_still_has_the_keys)
{
    tn_name key = name_of("queue", 70);
    uint8_t storage[64];
    tn_buffer buffer;
    tn_buffer_init_on(&buffer, storage, sizeof(storage), sizeof(storage));
    tn_pairs pairs = prefixed(named_pair(&buffer, &key, 1));
    for_each_failing_allocation {
        tn_attribute_names own = {.prefix = {"tasker.", 7}};
        tn_attribute_set set;
        if (tn_attribute_set_init(&set, &own, 128) == TN_OK) {
            tn_attribute_set_add(&set, pairs);
            tn_attribute_set_add(&set, pairs);
            cr_assert_eq(set.count, 1);
            cr_assert_str_eq(full_key(&set, 0), "tasker.queue");
        }
        tn_attribute_set_free(&set);
        tn_attribute_names_free(&own);
    }
}
