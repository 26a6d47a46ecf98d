#include "support.h"

#include "export/protobuf.h"

#include <float.h>

TestSuite(protobuf, .fini = all_memory_is_back);

#define CAP (1 << 20)

static tn_protobuf_reader reader_of(const tn_buffer *buffer)
{
    return (tn_protobuf_reader){buffer->bytes, buffer->bytes + buffer->size};
}

static void assert_bytes(const tn_buffer *buffer, const char *expected, size_t size)
{
    cr_assert_eq(buffer->size, size);
    cr_assert_arr_eq(buffer->bytes, expected, size);
}

#define assert_written(write, expected)                        \
    do {                                                       \
        tn_buffer buffer;                                      \
        tn_buffer_init(&buffer, CAP);                          \
        write;                                                 \
        assert_bytes(&buffer, expected, sizeof(expected) - 1); \
        tn_buffer_free(&buffer);                               \
    } while (0)

/* The examples of protobuf.dev, "Encoding". */
Test(protobuf, writes_the_bytes_that_the_specification_shows)
{
    assert_written(tn_protobuf_uint(&buffer, 1, 150), "\x08\x96\x01");
    assert_written(tn_protobuf_text(&buffer, 2, TN_TEXT("testing")), "\x12\x07testing");
    assert_written(tn_protobuf_uint(&buffer, 1, (uint64_t)-2), "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    assert_written(tn_protobuf_fixed32(&buffer, 3, 0x01020304), "\x1d\x04\x03\x02\x01");
    assert_written(tn_protobuf_fixed64(&buffer, 3, 0x0102030405060708), "\x19\x08\x07\x06\x05\x04\x03\x02\x01");
    assert_written(tn_protobuf_double(&buffer, 4, 1.0), "\x21\x00\x00\x00\x00\x00\x00\xf0\x3f");
    assert_written(tn_protobuf_fixed32(&buffer, 16, 1), "\x85\x01\x01\x00\x00\x00");
}

Test(protobuf, reads_back_every_varint_that_it_writes)
{
    for (int bit = 0; bit < 64; bit++) {
        for (int off = -1; off <= 1; off++) {
            uint64_t value = (UINT64_C(1) << bit) + (uint64_t)off;
            tn_buffer buffer;
            tn_buffer_init(&buffer, CAP);
            tn_protobuf_uint(&buffer, 1, value);
            cr_assert_eq(buffer.size, 1 + tn_protobuf_varint_size(value));

            tn_protobuf_field field;
            tn_protobuf_reader reader = reader_of(&buffer);
            cr_assert(tn_protobuf_next(&reader, &field));
            cr_assert_eq(field.number, 1);
            cr_assert_eq(field.value, value);
            cr_assert_not(tn_protobuf_next(&reader, &field));
            tn_buffer_free(&buffer);
        }
    }
}

Test(protobuf, a_varint_takes_one_byte_for_every_seven_bits)
{
    cr_assert_eq(tn_protobuf_varint_size(0), 1);
    cr_assert_eq(tn_protobuf_varint_size(127), 1);
    cr_assert_eq(tn_protobuf_varint_size(128), 2);
    cr_assert_eq(tn_protobuf_varint_size(16383), 2);
    cr_assert_eq(tn_protobuf_varint_size(16384), 3);
    cr_assert_eq(tn_protobuf_varint_size(UINT64_MAX), 10);
}

static void write_one_of_each(tn_buffer *buffer)
{
    tn_protobuf_uint(buffer, 1, 300);
    tn_protobuf_fixed32(buffer, 2, 0xdeadbeef);
    tn_protobuf_fixed64(buffer, 3, 0x0123456789abcdef);
    tn_protobuf_double(buffer, 4, -DBL_MAX);
    tn_protobuf_text(buffer, 5, TN_TEXT("hello"));
    tn_protobuf_bytes(buffer, UINT32_MAX >> 3, "", 0);
}

Test(protobuf, reads_back_every_kind_of_field)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, CAP);
    write_one_of_each(&buffer);

    tn_protobuf_field field;
    tn_protobuf_reader reader = reader_of(&buffer);
    cr_assert(tn_protobuf_next(&reader, &field) && field.number == 1 && field.value == 300);
    cr_assert(tn_protobuf_next(&reader, &field) && field.number == 2 && field.value == 0xdeadbeef);
    cr_assert(tn_protobuf_next(&reader, &field) && field.number == 3 && field.value == 0x0123456789abcdef);
    cr_assert(tn_protobuf_next(&reader, &field) && field.number == 4);
    double number;
    memcpy(&number, &field.value, sizeof(number));
    cr_assert_eq(number, -DBL_MAX);
    cr_assert(tn_protobuf_next(&reader, &field) && field.number == 5 && field.value == 0);
    assert_text(field.bytes, "hello");
    cr_assert(tn_protobuf_next(&reader, &field) && field.number == UINT32_MAX >> 3 && field.bytes.size == 0);
    cr_assert_not(tn_protobuf_next(&reader, &field));
    cr_assert_eq(reader.at, reader.end);
    tn_buffer_free(&buffer);
}

/* Two messages, one in the other, whose content has this size, opened with that expectation. */
static void assert_nested(size_t size, size_t expected)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, CAP);
    tn_protobuf_uint(&buffer, 7, 7);
    size_t outer = tn_protobuf_open(&buffer, 1, expected);
    size_t inner = tn_protobuf_open(&buffer, 2, expected);
    for (size_t i = 0; i < size; i++) tn_buffer_append_byte(&buffer, (uint8_t)(i % 251));
    tn_protobuf_close(&buffer, inner, expected);
    tn_protobuf_close(&buffer, outer, expected);
    tn_protobuf_uint(&buffer, 8, 8);
    cr_assert_eq(buffer.status, TN_OK);

    tn_protobuf_field field;
    tn_protobuf_reader reader = reader_of(&buffer);
    cr_assert(tn_protobuf_next(&reader, &field) && field.number == 7);
    cr_assert(tn_protobuf_next(&reader, &field) && field.number == 1, "size %zu, expected %zu", size, expected);
    const uint8_t *bytes = (const uint8_t *)field.bytes.bytes;
    tn_protobuf_reader inside = {bytes, bytes + field.bytes.size};
    cr_assert(tn_protobuf_next(&reader, &field) && field.number == 8 && field.value == 8);

    cr_assert(tn_protobuf_next(&inside, &field) && field.number == 2);
    cr_assert_eq(inside.at, inside.end);
    cr_assert_eq(field.bytes.size, size);
    for (size_t i = 0; i < size; i++) cr_assert_eq((uint8_t)field.bytes.bytes[i], i % 251);
    tn_buffer_free(&buffer);
}

Test(protobuf, an_opened_message_closes_right_whatever_size_was_expected)
{
    static const size_t sizes[] = {0, 1, 125, 126, 127, 128, 129, 16380, 16381, 16382, 16383, 16384, 16385};
    static const size_t expected[] = {0, 127, 128, 16383, 16384, 2097151, 2097152};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        for (size_t j = 0; j < sizeof(expected) / sizeof(*expected); j++) assert_nested(sizes[i], expected[j]);
    }
}

Test(protobuf, a_size_takes_no_more_bytes_than_it_needs)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, CAP);
    size_t opened = tn_protobuf_open(&buffer, 1, 1000000);
    tn_buffer_append(&buffer, "abc", 3);
    tn_protobuf_close(&buffer, opened, 1000000);
    assert_bytes(&buffer,
                 "\x0a\x03"
                 "abc",
                 5);
    tn_buffer_free(&buffer);
}

Test(protobuf, writing_beyond_the_cap_fails_and_stays_failed)
{
    for (size_t cap = 1; cap < 64; cap++) {
        tn_buffer buffer;
        tn_buffer_init(&buffer, cap);
        size_t opened = tn_protobuf_open(&buffer, 1, 0);
        write_one_of_each(&buffer);
        tn_protobuf_close(&buffer, opened, 0);
        write_one_of_each(&buffer);
        cr_assert_eq(buffer.status, TN_ERROR_LIMIT);
        tn_buffer_free(&buffer);
    }
}

Test(protobuf, writing_without_memory_fails_and_stays_failed)
{
    for_each_failing_allocation {
        tn_buffer buffer;
        tn_buffer_init(&buffer, CAP);
        size_t opened = tn_protobuf_open(&buffer, 1, 0);
        for (int i = 0; i < 100; i++) write_one_of_each(&buffer);
        tn_protobuf_close(&buffer, opened, 0);
        cr_assert_eq(buffer.status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        tn_buffer_free(&buffer);
    }
}

/* Reads to the end, with ASan on guard behind the copy. */
static void read_all(const uint8_t *bytes, size_t size)
{
    tn_text copy = exact_copy(bytes, size);
    tn_protobuf_reader reader = {(const uint8_t *)copy.bytes, (const uint8_t *)copy.bytes + size};
    tn_protobuf_field field;
    for (const uint8_t *before = reader.at; tn_protobuf_next(&reader, &field); before = reader.at) {
        cr_assert_gt(reader.at, before, "no progress");
        cr_assert_leq(reader.at, reader.end);
        cr_assert_gt(field.number, 0);
        for (size_t i = 0; i < field.bytes.size; i++) (void)*(volatile const char *)&field.bytes.bytes[i];
    }
    cr_assert_leq(reader.at, reader.end);
    free_copy(copy);
}

Test(protobuf, the_reader_survives_every_truncation_and_every_flipped_bit)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, CAP);
    write_one_of_each(&buffer);
    for (size_t size = 0; size <= buffer.size; size++) read_all(buffer.bytes, size);
    for (size_t at = 0; at < buffer.size; at++) {
        uint8_t before = buffer.bytes[at];
        for (unsigned value = 0; value < 256; value++) {
            buffer.bytes[at] = (uint8_t)value;
            read_all(buffer.bytes, buffer.size);
        }
        buffer.bytes[at] = before;
    }
    tn_buffer_free(&buffer);
}

Test(protobuf, the_reader_survives_noise)
{
    for (int round = 0; round < 20000; round++) {
        uint8_t noise[32];
        for (size_t i = 0; i < sizeof(noise); i++) noise[i] = (uint8_t)random_number();
        read_all(noise, random_below(sizeof(noise) + 1));
    }
}

static bool is_field(const char *bytes, size_t size)
{
    tn_protobuf_field field;
    tn_protobuf_reader reader = {(const uint8_t *)bytes, (const uint8_t *)bytes + size};
    return tn_protobuf_next(&reader, &field);
}

#define IS_FIELD(literal) is_field(literal, sizeof(literal) - 1)

Test(protobuf, the_reader_refuses_what_is_no_field)
{
    cr_assert_not(IS_FIELD(""));
    cr_assert_not(IS_FIELD("\x00\x01"), "field number zero");
    cr_assert_not(IS_FIELD("\x0b\x0c"), "a group");
    cr_assert_not(IS_FIELD("\x0e\x00"), "a wire type that does not exist");
    cr_assert_not(IS_FIELD("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "a varint of eleven bytes");
    cr_assert_not(IS_FIELD("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x"), "a size beyond everything");
    cr_assert_not(IS_FIELD("\xf8\xff\xff\xff\xff\x01\x00"), "a field number of more than 29 bits");
    cr_assert(IS_FIELD("\xf8\xff\xff\xff\x0f\x00"));
}
