#include "support.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "event/payload.h"

#include <msgpack/unpack.h>
#include <stdlib.h>

TestSuite(payload, .fini = all_memory_is_back);

typedef struct {
    tn_buffer buffer;
    tn_payload_writer writer;
} draft;

static void begin(draft *draft, uint32_t max_pairs, size_t max_value_size)
{
    tn_buffer_init(&draft->buffer, TN_PAYLOAD_BUFFER);
    tn_payload_writer_init(&draft->writer, &draft->buffer, max_pairs, max_value_size);
}

static void add_text(draft *draft, const char *key, tn_text text)
{
    cr_assert(tn_payload_key(&draft->writer, tn_text_of(key)));
    tn_payload_string(&draft->writer, text);
}

static tn_payload_reader read_draft(const draft *draft)
{
    cr_assert_eq(draft->buffer.status, TN_OK);
    return tn_payload_read(draft->buffer.bytes, draft->buffer.size);
}

/* The String of the only pair. */
static tn_text only_text(const draft *draft)
{
    tn_text key;
    tn_value value;
    tn_payload_reader reader = read_draft(draft);
    cr_assert(next_pair(&reader, &key, &value));
    cr_assert_eq(value.type, TN_VALUE_STRING);
    cr_assert_eq(reader.at, reader.end);
    return value.as.string;
}

static tn_text long_text(size_t size)
{
    static char text[TN_MAX_PAYLOAD * 2];
    memset(text, 'x', size);
    return (tn_text){text, size};
}

/* --- Writing and reading ------------------------------------------------------------------------------- */

Test(payload, that_is_empty_has_no_pairs)
{
    tn_text key;
    tn_value value;
    tn_payload_reader nothing = tn_payload_read(NULL, 0);
    cr_assert_not(next_pair(&nothing, &key, &value));
    tn_payload_reader empty = tn_payload_read((const uint8_t *)"", 0);
    cr_assert_not(next_pair(&empty, &key, &value));
}

Test(payload, keeps_pairs_of_every_type_in_order)
{
    draft draft;
    begin(&draft, 0, 0);
    add_text(&draft, "name", TN_TEXT("Ada"));
    cr_assert(tn_payload_key(&draft.writer, TN_TEXT("count")));
    tn_payload_integer(&draft.writer, -42);
    cr_assert(tn_payload_key(&draft.writer, TN_TEXT("ratio")));
    tn_payload_double(&draft.writer, 0.5);
    cr_assert(tn_payload_key(&draft.writer, TN_TEXT("good")));
    tn_payload_boolean(&draft.writer, true);
    cr_assert(tn_payload_key(&draft.writer, TN_TEXT("bad")));
    tn_payload_boolean(&draft.writer, false);
    cr_assert_eq(draft.writer.count, 5);
    cr_assert_eq(draft.writer.dropped, 0);

    tn_text key;
    tn_value value;
    tn_payload_reader reader = read_draft(&draft);
    cr_assert(next_pair(&reader, &key, &value));
    assert_text(key, "name");
    cr_assert_eq(value.type, TN_VALUE_STRING);
    assert_text(value.as.string, "Ada");
    cr_assert(next_pair(&reader, &key, &value));
    cr_assert(value.type == TN_VALUE_INTEGER && value.as.integer == -42);
    cr_assert(next_pair(&reader, &key, &value));
    cr_assert(value.type == TN_VALUE_DOUBLE && value.as.number == 0.5);
    cr_assert(next_pair(&reader, &key, &value));
    cr_assert(value.type == TN_VALUE_BOOLEAN && value.as.boolean);
    cr_assert(next_pair(&reader, &key, &value));
    assert_text(key, "bad");
    cr_assert(value.type == TN_VALUE_BOOLEAN && !value.as.boolean);
    cr_assert_not(next_pair(&reader, &key, &value));
    tn_buffer_free(&draft.buffer);
}

Test(payload, keeps_integers_of_every_size)
{
    static const int64_t edges[] = {0,         127,        128,       255,           256,       65535,
                                    65536,     UINT32_MAX, -1,        -32,           -33,       INT8_MIN,
                                    INT16_MIN, INT32_MIN,  INT64_MIN, INT16_MIN - 1, INT64_MAX, (int64_t)INT32_MIN - 1};
    draft draft;
    begin(&draft, 0, 0);
    for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++) {
        cr_assert(tn_payload_key(&draft.writer, TN_TEXT("n")));
        tn_payload_integer(&draft.writer, edges[i]);
    }
    tn_payload_reader reader = read_draft(&draft);
    for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++) {
        tn_text key;
        tn_value value;
        cr_assert(next_pair(&reader, &key, &value));
        cr_assert(value.type == TN_VALUE_INTEGER && value.as.integer == edges[i]);
    }
    tn_buffer_free(&draft.buffer);
}

Test(payload, keeps_strings_of_every_size_of_header)
{
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 65535, 65536, 100000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        draft draft;
        begin(&draft, 0, 0);
        add_text(&draft, "text", long_text(sizes[i]));
        cr_assert(tn_text_equal(only_text(&draft), long_text(sizes[i])));
        tn_buffer_free(&draft.buffer);
    }
}

Test(payload, refers_to_a_key_that_is_remembered)
{
    static const tn_name name = {.text = {"task_id", 7}, .id = 3};
    draft draft;
    begin(&draft, 0, 0);
    cr_assert(tn_payload_key_named(&draft.writer, &name));
    tn_payload_integer(&draft.writer, 5);
    add_text(&draft, "task_id", TN_TEXT("6"));
    cr_assert_eq(draft.writer.count, 2);

    tn_pair_key key;
    tn_value value;
    tn_payload_reader reader = read_draft(&draft);
    cr_assert(tn_payload_next_key(&reader, &key));
    cr_assert_eq(key.name, &name);
    assert_text(key.text, "task_id");
    cr_assert(tn_payload_next_value(&reader, &value));
    cr_assert_eq(value.as.integer, 5);
    cr_assert(tn_payload_next_key(&reader, &key));
    cr_assert_null(key.name);
    assert_text(key.text, "task_id");
    cr_assert(tn_payload_next_value(&reader, &value));
    cr_assert_not(tn_payload_next_key(&reader, &key));
    tn_buffer_free(&draft.buffer);
}

Test(payload, keeps_times_as_exactly_as_they_are_told)
{
    static const uint64_t times[] = {0, 1, TN_SECOND - 1, 1795600000 * TN_SECOND + 123456789, UINT32_MAX * TN_SECOND};
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        for (int milliseconds = 0; milliseconds < 2; milliseconds++) {
            draft draft;
            begin(&draft, 0, 0);
            cr_assert(tn_payload_key(&draft.writer, TN_TEXT("at")));
            tn_payload_time(&draft.writer, times[i], milliseconds);

            tn_text key;
            tn_value value;
            tn_payload_reader reader = read_draft(&draft);
            cr_assert(next_pair(&reader, &key, &value));
            cr_assert_eq(value.type, TN_VALUE_TIME);
            cr_assert_eq(value.milliseconds, milliseconds);
            cr_assert_eq(value.as.time, times[i]);
            tn_buffer_free(&draft.buffer);
        }
    }
}

/* --- Limits -------------------------------------------------------------------------------------------- */

Test(payload, drops_and_counts_pairs_beyond_the_limit)
{
    draft draft;
    begin(&draft, 2, 0);
    add_text(&draft, "a", TN_TEXT("1"));
    add_text(&draft, "b", TN_TEXT("2"));
    cr_assert_not(tn_payload_key(&draft.writer, TN_TEXT("c")));
    cr_assert_not(tn_payload_key(&draft.writer, TN_TEXT("d")));
    cr_assert_eq(draft.writer.count, 2);
    cr_assert_eq(draft.writer.dropped, 2);
    tn_buffer_free(&draft.buffer);
}

Test(payload, cuts_a_key_that_is_too_long_between_two_characters)
{
    char key[TN_MAX_KEY + 10];
    memset(key, 'k', sizeof(key));
    memcpy(key + TN_MAX_KEY - 1, "\u00e9", 2);
    draft draft;
    begin(&draft, 0, 0);
    cr_assert(tn_payload_key(&draft.writer, (tn_text){key, sizeof(key)}));
    tn_payload_boolean(&draft.writer, true);

    tn_text name;
    tn_value value;
    tn_payload_reader reader = read_draft(&draft);
    cr_assert(next_pair(&reader, &name, &value));
    cr_assert_eq(name.size, TN_MAX_KEY - 1);
    tn_buffer_free(&draft.buffer);
}

Test(payload, cuts_a_string_that_is_too_long_and_says_so)
{
    draft draft;
    begin(&draft, 0, 64);
    add_text(&draft, "text", long_text(1000));
    assert_text(only_text(&draft), "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx... [truncated, 1000 bytes]");
    cr_assert_leq(only_text(&draft).size, 64);
    tn_buffer_free(&draft.buffer);
}

Test(payload, does_not_cut_a_string_that_just_fits)
{
    draft draft;
    begin(&draft, 0, 64);
    add_text(&draft, "text", long_text(64));
    cr_assert(tn_text_equal(only_text(&draft), long_text(64)));
    tn_buffer_free(&draft.buffer);
}

Test(payload, cuts_between_two_characters)
{
    for (size_t limit = 40; limit < 60; limit++) {
        char bytes[200];
        tn_text text = {bytes, random_text(bytes, sizeof(bytes))};
        draft draft;
        begin(&draft, 0, limit);
        add_text(&draft, "text", text);
        tn_text cut = only_text(&draft);
        cr_assert_leq(cut.size, limit);
        cr_assert_eq(tn_utf8_valid_prefix(cut), cut.size);
        tn_buffer_free(&draft.buffer);
    }
}

Test(payload, names_the_full_size_of_a_text_that_was_cut_before)
{
    draft draft;
    begin(&draft, 0, 1000);
    cr_assert(tn_payload_key(&draft.writer, TN_TEXT("text")));
    tn_payload_cut_string(&draft.writer, TN_TEXT("abc"), 104857600);
    assert_text(only_text(&draft), "abc... [truncated, 104857600 bytes]");
    tn_buffer_free(&draft.buffer);
}

Test(payload, holds_its_limit_whatever_the_text_and_its_full_size)
{
    for (size_t limit = 1; limit < 80; limit++) {
        for (size_t size = limit - 1; size <= limit + 1; size++) {
            draft draft;
            begin(&draft, 0, limit);
            cr_assert(tn_payload_key(&draft.writer, TN_TEXT("text")));
            tn_payload_cut_string(&draft.writer, long_text(size), 104857600);
            cr_assert_leq(only_text(&draft).size, limit, "%zu bytes, at most %zu", only_text(&draft).size, limit);
            tn_buffer_free(&draft.buffer);
        }
    }
}

Test(payload, a_limit_too_small_for_the_mark_leaves_the_start_of_the_text)
{
    draft draft;
    begin(&draft, 0, 10);
    add_text(&draft, "text", TN_TEXT("a text of some length"));
    assert_text(only_text(&draft), "a text of ");
    tn_buffer_free(&draft.buffer);
}

Test(payload, never_outgrows_its_bytes)
{
    static const size_t sizes[] = {50, 1000, 60000, TN_MAX_PAYLOAD, TN_MAX_PAYLOAD * 2};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        draft draft;
        begin(&draft, 0, 0);
        while (tn_payload_key(&draft.writer, long_text(i % 2 ? TN_MAX_KEY : 8))) {
            tn_payload_string(&draft.writer, long_text(sizes[i]));
            cr_assert_leq(draft.buffer.size, TN_MAX_PAYLOAD);
        }
        cr_assert_eq(draft.writer.dropped, 1);
        cr_assert_gt(draft.buffer.size, TN_MAX_PAYLOAD / 2);

        uint32_t count = 0;
        tn_text key;
        tn_value value;
        for (tn_payload_reader reader = read_draft(&draft); next_pair(&reader, &key, &value);) count++;
        cr_assert_eq(count, draft.writer.count);
        tn_buffer_free(&draft.buffer);
    }
}

/* --- Strings in pieces --------------------------------------------------------------------------------- */

static void write_pieces(draft *draft, size_t size, bool complete)
{
    size_t opened = tn_payload_open_string(&draft->writer);
    for (size_t at = 0; at < size; at++) tn_buffer_append_byte(&draft->buffer, (uint8_t)('a' + at % 26));
    tn_payload_close_string(&draft->writer, opened, complete);
}

Test(payload, a_string_may_be_written_in_pieces)
{
    draft draft;
    begin(&draft, 0, 0);
    cr_assert(tn_payload_key(&draft.writer, TN_TEXT("text")));
    write_pieces(&draft, 26, true);
    add_text(&draft, "next", TN_TEXT("one"));

    tn_text key;
    tn_value value;
    tn_payload_reader reader = read_draft(&draft);
    cr_assert(next_pair(&reader, &key, &value));
    assert_text(value.as.string, "abcdefghijklmnopqrstuvwxyz");
    cr_assert(next_pair(&reader, &key, &value));
    assert_text(key, "next");
    tn_buffer_free(&draft.buffer);
}

Test(payload, a_string_of_no_pieces_is_empty)
{
    draft draft;
    begin(&draft, 0, 0);
    cr_assert(tn_payload_key(&draft.writer, TN_TEXT("text")));
    write_pieces(&draft, 0, true);
    assert_text(only_text(&draft), "");
    tn_buffer_free(&draft.buffer);
}

Test(payload, pieces_that_are_too_long_are_cut_as_any_string)
{
    draft draft;
    begin(&draft, 0, 40);
    cr_assert(tn_payload_key(&draft.writer, TN_TEXT("text")));
    write_pieces(&draft, 1000, true);
    assert_text(only_text(&draft), "abcdefghijklm... [truncated, 1000 bytes]");
    tn_buffer_free(&draft.buffer);
}

Test(payload, pieces_that_were_left_out_are_mentioned)
{
    draft draft;
    begin(&draft, 0, 0);
    cr_assert(tn_payload_key(&draft.writer, TN_TEXT("text")));
    write_pieces(&draft, 5, false);
    assert_text(only_text(&draft), "abcde... [truncated]");
    tn_buffer_free(&draft.buffer);
}

Test(payload, pieces_hold_the_limit_complete_or_not)
{
    for (size_t limit = 1; limit < 60; limit++) {
        for (size_t size = limit - 1; size <= limit + 1; size++) {
            for (int complete = 0; complete < 2; complete++) {
                draft draft;
                begin(&draft, 0, limit);
                cr_assert(tn_payload_key(&draft.writer, TN_TEXT("text")));
                write_pieces(&draft, size, complete);
                cr_assert_leq(only_text(&draft).size, limit);
                tn_buffer_free(&draft.buffer);
            }
        }
    }
}

Test(payload, says_how_much_room_a_string_in_pieces_has)
{
    draft draft;
    begin(&draft, 0, 100);
    cr_assert(tn_payload_key(&draft.writer, TN_TEXT("text")));
    size_t opened = tn_payload_open_string(&draft.writer);
    cr_assert_eq(tn_payload_string_room(&draft.writer, opened), 100);
    tn_buffer_append(&draft.buffer, "0123456789", 10);
    cr_assert_eq(tn_payload_string_room(&draft.writer, opened), 90);
    tn_buffer_append_text(&draft.buffer, long_text(200));
    cr_assert_eq(tn_payload_string_room(&draft.writer, opened), 0);
    tn_payload_close_string(&draft.writer, opened, true);
    tn_buffer_free(&draft.buffer);
}

Test(payload, the_largest_pieces_fit_the_buffer_and_the_payload)
{
    draft draft;
    begin(&draft, 0, 0);
    while (draft.buffer.size + 3000 < TN_MAX_PAYLOAD) add_text(&draft, "fill", long_text(900));
    while (tn_payload_key(&draft.writer, TN_TEXT("text"))) {
        size_t opened = tn_payload_open_string(&draft.writer);
        tn_buffer_append_text(&draft.buffer, long_text(TN_MAX_PAYLOAD));
        tn_payload_close_string(&draft.writer, opened, true);
    }
    cr_assert_eq(draft.buffer.status, TN_OK);
    cr_assert_leq(draft.buffer.size, TN_MAX_PAYLOAD);
    tn_buffer_free(&draft.buffer);
}

/* --- No memory ----------------------------------------------------------------------------------------- */

Test(payload, that_cannot_be_allocated_says_so_at_the_end)
{
    for_each_failing_allocation {
        draft draft;
        begin(&draft, 0, 0);
        for (int i = 0; i < 40; i++) {
            if (!tn_payload_key(&draft.writer, TN_TEXT("key"))) continue;
            tn_payload_string(&draft.writer, TN_TEXT("a value of some length"));
            if (tn_payload_key(&draft.writer, TN_TEXT("n"))) tn_payload_integer(&draft.writer, i);
            if (tn_payload_key(&draft.writer, TN_TEXT("text"))) write_pieces(&draft, 100, i % 2);
        }
        cr_assert_eq(draft.buffer.status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);

        enough_memory();
        tn_buffer_clear(&draft.buffer);
        tn_payload_writer_init(&draft.writer, &draft.buffer, 0, 0);
        add_text(&draft, "again", TN_TEXT("well"));
        assert_text(only_text(&draft), "well");
        tn_buffer_free(&draft.buffer);
    }
}

/* --- Beside msgpack-c ---------------------------------------------------------------------------------- */

/* The time of an extension. */
static uint64_t time_of(const msgpack_object *object)
{
    uint64_t time;
    memcpy(&time, object->via.ext.ptr, sizeof(time));
    return time;
}

static bool same_value(const tn_value *value, const msgpack_object *object)
{
    switch (object->type) {
    case MSGPACK_OBJECT_STR:
        return value->type == TN_VALUE_STRING &&
               tn_text_equal(value->as.string, (tn_text){object->via.str.ptr, object->via.str.size});
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return value->type == TN_VALUE_INTEGER && (uint64_t)value->as.integer == object->via.u64;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return value->type == TN_VALUE_INTEGER && value->as.integer == object->via.i64;
    case MSGPACK_OBJECT_FLOAT64:
        return value->type == TN_VALUE_DOUBLE && memcmp(&value->as.number, &object->via.f64, sizeof(double)) == 0;
    case MSGPACK_OBJECT_BOOLEAN: return value->type == TN_VALUE_BOOLEAN && value->as.boolean == object->via.boolean;
    case MSGPACK_OBJECT_EXT: return value->type == TN_VALUE_TIME && value->as.time == time_of(object);
    default: return false;
    }
}

/* One object of the reference; false at bytes that are none, or one that no payload holds. */
static bool unpack(msgpack_unpacked *unpacked, tn_text bytes, size_t *at)
{
    if (*at == bytes.size) return false;
    uint8_t first = (uint8_t)bytes.bytes[*at];
    bool nested = (first >= 0x80 && first <= 0x9f) || (first >= 0xdc && first <= 0xdf);
    if (nested) return false; /* of billions of elements, maybe: msgpack-c would allocate them all */
    if (msgpack_unpack_next(unpacked, bytes.bytes, bytes.size, at) != MSGPACK_UNPACK_SUCCESS) return false;

    switch (unpacked->data.type) {
    case MSGPACK_OBJECT_STR:
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
    case MSGPACK_OBJECT_FLOAT64:
    case MSGPACK_OBJECT_BOOLEAN: return true;
    case MSGPACK_OBJECT_POSITIVE_INTEGER: return unpacked->data.via.u64 <= INT64_MAX;
    case MSGPACK_OBJECT_EXT: {
        int type = unpacked->data.via.ext.type;
        return first == 0xd7 && (type == TN_PAYLOAD_SECONDS || type == TN_PAYLOAD_MILLISECONDS);
    }
    default: return false;
    }
}

/* Reads to the end with both; they must find the same pairs and stop at the same pair. Returns how many. */
static uint32_t read_beside_reference(tn_text bytes)
{
    uint32_t count = 0;
    size_t at = 0;
    msgpack_unpacked key, value;
    msgpack_unpacked_init(&key);
    msgpack_unpacked_init(&value);
    tn_payload_reader reader = tn_payload_read((const uint8_t *)bytes.bytes, bytes.size);
    for (;; count++) {
        tn_text our_key;
        tn_value our_value;
        bool ours = next_pair(&reader, &our_key, &our_value);
        bool theirs = unpack(&key, bytes, &at) && key.data.type == MSGPACK_OBJECT_STR && unpack(&value, bytes, &at);
        cr_assert_eq(ours, theirs, "pair %u", count);
        if (!ours) break;

        tn_value key_value = {.type = TN_VALUE_STRING, .as.string = our_key};
        cr_assert(same_value(&key_value, &key.data));
        cr_assert(same_value(&our_value, &value.data));
    }
    msgpack_unpacked_destroy(&key);
    msgpack_unpacked_destroy(&value);
    return count;
}

static void add_random_pair(draft *draft)
{
    char bytes[400];
    cr_assert(tn_payload_key(&draft->writer, (tn_text){bytes, random_text(bytes, random_below(60))}));

    uint64_t bits = random_number() >> random_below(64);
    double number;
    switch (random_below(6)) {
    case 0: tn_payload_string(&draft->writer, (tn_text){bytes, random_text(bytes, random_below(sizeof(bytes)))}); break;
    case 1: tn_payload_integer(&draft->writer, random_below(2) ? (int64_t)bits : (int64_t)~bits); break;
    case 2:
        memcpy(&number, &bits, sizeof(number));
        tn_payload_double(&draft->writer, number);
        break;
    case 3: tn_payload_boolean(&draft->writer, bits & 1); break;
    case 4: tn_payload_time(&draft->writer, bits, bits & 1); break;
    default: write_pieces(draft, random_below(300), true);
    }
}

static void begin_random(draft *draft, uint64_t max_pairs)
{
    begin(draft, 0, 0);
    for (uint64_t i = random_below(max_pairs + 1); i > 0; i--) add_random_pair(draft);
    cr_assert_eq(draft->buffer.status, TN_OK);
}

Test(payload, of_random_pairs_means_the_same_to_msgpack_c)
{
    for (int round = 0; round < 1000; round++) {
        draft draft;
        begin_random(&draft, 30);
        tn_text bytes = exact_copy(draft.buffer.bytes, draft.buffer.size);
        cr_assert_eq(read_beside_reference(bytes), draft.writer.count);
        free_copy(bytes);
        tn_buffer_free(&draft.buffer);
    }
}

Test(payload, behind_a_map_header_is_one_map_to_msgpack_c)
{
    draft draft;
    begin(&draft, 0, 0);
    tn_buffer_append(&draft.buffer, "\xde\x00\x28", 3); /* map 16: 40 pairs */
    for (int i = 0; i < 40; i++) add_random_pair(&draft);

    size_t at = 0;
    msgpack_unpacked map;
    msgpack_unpacked_init(&map);
    cr_assert_eq(msgpack_unpack_next(&map, (const char *)draft.buffer.bytes, draft.buffer.size, &at),
                 MSGPACK_UNPACK_SUCCESS);
    cr_assert_eq(at, draft.buffer.size);
    cr_assert_eq(map.data.type, MSGPACK_OBJECT_MAP);
    cr_assert_eq(map.data.via.map.size, 40);
    msgpack_unpacked_destroy(&map);
    tn_buffer_free(&draft.buffer);
}

Test(payload, holds_no_nil_no_float_32_nothing_nested_and_no_key_but_strings)
{
    static const char *const bad[] = {"\xa1k\xc0",      "\xa1k\xca\x3f\x80\x00\x00",
                                      "\xa1k\x90",      "\xa1k\x80",
                                      "\xa1k\xc4\x01x", "\xa1k\xd4\x01x",
                                      "\x01\xa1v",      "\xc3\xa1v",
                                      "\xa1k\xc1",      "\xa1k\xcf\x80\x00\x00\x00\x00\x00\x00\x00"};
    static const size_t sizes[] = {3, 7, 3, 3, 5, 5, 3, 3, 3, 11};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        tn_text copy = exact_copy(bad[i], sizes[i]);
        cr_assert_eq(read_beside_reference(copy), 0, "%zu", i);
        free_copy(copy);
    }
}

/* --- Damage: ASan watches the bytes beyond ------------------------------------------------------------- */

/* An address of a name is believed, so bytes that may be one by accident are no test. */
static bool may_hold_a_name(tn_text bytes)
{
    static const uint8_t header[] = {0xd7, TN_PAYLOAD_NAME};
    return memmem(bytes.bytes, bytes.size, header, sizeof(header)) != NULL;
}

static void read_to_the_end(tn_text bytes)
{
    const uint8_t *start = (const uint8_t *)bytes.bytes, *end = start + bytes.size;
    tn_payload_reader reader = tn_payload_read(start, bytes.size);
    tn_text key;
    tn_value value;
    while (next_pair(&reader, &key, &value)) {
        cr_assert(reader.at > start && reader.at <= end);
        cr_assert((const uint8_t *)key.bytes >= start && (const uint8_t *)key.bytes + key.size <= end);
        if (value.type != TN_VALUE_STRING) continue;
        const uint8_t *string = (const uint8_t *)value.as.string.bytes;
        cr_assert(string >= start && string + value.as.string.size <= end);
    }

    static const tn_text keys[] = {{"a", 1}, {"", 0}};
    reader = tn_payload_read(start, bytes.size);
    for (tn_text text; tn_payload_find_string(&reader, keys, 2, &text) >= 0;) {
        const uint8_t *string = (const uint8_t *)text.bytes;
        cr_assert(string >= start && string + text.size <= reader.at && reader.at <= end);
    }
}

Test(payload, that_is_cut_anywhere_is_read_up_to_the_cut)
{
    for (int round = 0; round < 20; round++) {
        draft draft;
        begin_random(&draft, 8);
        for (size_t size = 0; size < draft.buffer.size; size++) {
            tn_text cut = exact_copy(draft.buffer.bytes, size);
            read_to_the_end(cut);
            cr_assert_lt(read_beside_reference(cut), draft.writer.count);
            free_copy(cut);
        }
        tn_buffer_free(&draft.buffer);
    }
}

Test(payload, with_any_byte_changed_is_read_within_its_bytes)
{
    for (int round = 0; round < 4; round++) {
        draft draft;
        begin_random(&draft, 5);
        tn_text bytes = exact_copy(draft.buffer.bytes, draft.buffer.size);
        uint8_t *at = (uint8_t *)(uintptr_t)bytes.bytes;
        for (size_t i = 0; i < bytes.size; i++) {
            for (unsigned flip = 1; flip < 256; flip++) {
                at[i] ^= (uint8_t)flip;
                if (!may_hold_a_name(bytes)) {
                    read_to_the_end(bytes);
                    if ((flip & (flip - 1)) == 0) (void)read_beside_reference(bytes);
                }
                at[i] ^= (uint8_t)flip;
            }
        }
        free_copy(bytes);
        tn_buffer_free(&draft.buffer);
    }
}

Test(payload, of_random_bytes_is_read_as_msgpack_c_reads_it)
{
    for (int round = 0; round < 50000; round++) {
        uint8_t noise[24];
        size_t size = random_below(sizeof(noise) + 1);
        for (size_t i = 0; i < size; i++) noise[i] = (uint8_t)random_number();
        if (size > 0) noise[0] = (uint8_t)(0xa0 + random_below(4));
        tn_text bytes = exact_copy(noise, size);
        if (!may_hold_a_name(bytes)) {
            read_to_the_end(bytes);
            (void)read_beside_reference(bytes);
        }
        free_copy(bytes);
    }
}

/* --- Finding ------------------------------------------------------------------------------------------- */

Test(payload, strings_of_some_keys_are_found_among_others)
{
    static const tn_text keys[] = {{"step_name", 9}, {"task_name", 9}};
    static const tn_name step_name = {{"step_name", 9}, 1};
    draft draft;
    begin(&draft, 0, 0);
    add_text(&draft, "task_id", TN_TEXT("7"));
    if (tn_payload_key(&draft.writer, TN_TEXT("step_name"))) tn_payload_integer(&draft.writer, 5);
    if (tn_payload_key(&draft.writer, TN_TEXT("width"))) tn_payload_double(&draft.writer, 0.5);
    if (tn_payload_key(&draft.writer, TN_TEXT("large"))) tn_payload_integer(&draft.writer, -70000);
    add_text(&draft, "long", long_text(300));
    if (tn_payload_key(&draft.writer, TN_TEXT("at"))) tn_payload_time(&draft.writer, 5, true);
    add_text(&draft, "task_name", TN_TEXT("order"));
    if (tn_payload_key_named(&draft.writer, &step_name)) tn_payload_string(&draft.writer, TN_TEXT("pay"));
    if (tn_payload_key(&draft.writer, TN_TEXT("last"))) tn_payload_boolean(&draft.writer, true);

    tn_text found;
    tn_payload_reader reader = read_draft(&draft);
    cr_assert_eq(tn_payload_find_string(&reader, keys, 2, &found), 1);
    assert_text(found, "order");
    cr_assert_eq(tn_payload_find_string(&reader, keys, 2, &found), 0);
    assert_text(found, "pay");
    cr_assert_eq(tn_payload_find_string(&reader, keys, 2, &found), -1);
    tn_buffer_free(&draft.buffer);
}

Test(payload, what_is_found_is_what_reading_gives)
{
    for (int round = 0; round < 2000; round++) {
        draft draft;
        begin_random(&draft, 20);
        tn_payload_reader all = read_draft(&draft), searched = read_draft(&draft);
        tn_text key, found;
        tn_value value;
        while (next_pair(&all, &key, &value)) {
            if (value.type != TN_VALUE_STRING) continue;
            cr_assert_eq(tn_payload_find_string(&searched, &key, 1, &found), 0);
            while (found.bytes != value.as.string.bytes) /* the same key stands twice */
                cr_assert_eq(tn_payload_find_string(&searched, &key, 1, &found), 0);
            cr_assert_eq(found.size, value.as.string.size);
            searched = all;
        }
        tn_buffer_free(&draft.buffer);
    }
}
