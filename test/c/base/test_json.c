#include "support.h"

#include "base/json.h"
#include "base/utf8.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

TestSuite(json, .fini = all_memory_is_back);

#define MAX_JSON (1 << 20)

static void assert_string(tn_text text, const char *expected)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, MAX_JSON);
    cr_assert_eq(tn_json_string(&buffer, text), TN_OK);
    assert_text(tn_buffer_text(&buffer), expected);
    tn_buffer_free(&buffer);
}

static void assert_double(double value, const char *expected)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, MAX_JSON);
    cr_assert_eq(tn_json_double(&buffer, value), TN_OK);
    assert_text(tn_buffer_text(&buffer), expected);
    tn_buffer_free(&buffer);
}

Test(json, strings_are_quoted)
{
    assert_string(TN_TEXT("hello"), "\"hello\"");
    assert_string(TN_TEXT(""), "\"\"");
    assert_string(TN_TEXT("gr\u00fc\u00dfe \u20ac \U0001F600"), "\"gr\u00fc\u00dfe \u20ac \U0001F600\"");
}

Test(json, what_would_end_or_break_a_string_is_escaped)
{
    assert_string(TN_TEXT("\"\\/"), "\"\\\"\\\\/\"");
    assert_string(TN_TEXT("\n\r\t"), "\"\\n\\r\\t\"");
    assert_string(TN_TEXT("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\\u007f\"");
}

Test(json, line_separators_are_escaped_but_not_their_neighbours)
{
    assert_string(TN_TEXT("a\u2028b\u2029c"), "\"a\\u2028b\\u2029c\"");
    assert_string(TN_TEXT("\u2027\u202a\u2028"), "\"\u2027\u202a\\u2028\"");
}

Test(json, control_characters_of_two_bytes_are_escaped_but_not_their_neighbours)
{
    assert_string(TN_TEXT("\xC2\x80 \xC2\x9B \xC2\x9F"), "\"\\u0080 \\u009b \\u009f\"");
    assert_string(TN_TEXT("\u00a0\u00bf\u00c0"), "\"\u00a0\u00bf\u00c0\"");
}

Test(json, two_texts_may_be_one_string)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, MAX_JSON);
    cr_assert_eq(tn_json_joined(&buffer, TN_TEXT("shop."), TN_TEXT("a\"b")), TN_OK);
    cr_assert_eq(tn_json_joined(&buffer, TN_NO_TEXT, (tn_text){NULL, 0}), TN_OK);
    assert_text(tn_buffer_text(&buffer), "\"shop.a\\\"b\"\"\"");
    tn_buffer_free(&buffer);
}

/* Reads back what tn_json_string writes. */
static size_t unescape(char *out, tn_text json)
{
    size_t size = 0;
    for (size_t i = 1; i < json.size - 1; i++) {
        unsigned char byte = (unsigned char)json.bytes[i];
        cr_assert(byte >= 0x20 && byte != '"' && byte != 0x7f);
        if (byte != '\\') {
            out[size++] = (char)byte;
            continue;
        }
        char kind = json.bytes[++i];
        if (kind != 'u') {
            const char *plain = strchr("n\nr\rt\t\"\"\\\\", kind);
            cr_assert_not_null(plain);
            out[size++] = plain[1];
            continue;
        }
        char digits[5] = {json.bytes[i + 1], json.bytes[i + 2], json.bytes[i + 3], json.bytes[i + 4]};
        unsigned long point = strtoul(digits, NULL, 16);
        i += 4;
        if (point < 0x80) {
            out[size++] = (char)point;
        } else if (point < 0xa0) {
            out[size++] = '\xC2';
            out[size++] = (char)point;
        } else {
            memcpy(out + size, point == 0x2028 ? "\u2028" : "\u2029", 3);
            size += 3;
        }
    }
    return size;
}

Test(json, any_valid_text_reads_back_as_itself)
{
    for (int round = 0; round < 3000; round++) {
        char bytes[100], read_back[100];
        size_t size = random_text(bytes, sizeof(bytes));
        tn_buffer buffer;
        tn_buffer_init(&buffer, MAX_JSON);
        cr_assert_eq(tn_json_string(&buffer, (tn_text){bytes, size}), TN_OK);

        cr_assert_eq(buffer.bytes[0], '"');
        cr_assert_eq(buffer.bytes[buffer.size - 1], '"');
        cr_assert_eq(tn_utf8_valid_prefix(tn_buffer_text(&buffer)), buffer.size);
        cr_assert_eq(unescape(read_back, tn_buffer_text(&buffer)), size);
        cr_assert_eq(memcmp(read_back, bytes, size), 0);
        tn_buffer_free(&buffer);
    }
}

Test(json, integers_keep_all_64_bits)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, MAX_JSON);
    tn_json_integer(&buffer, INT64_MIN);
    tn_buffer_append_byte(&buffer, ' ');
    tn_json_integer(&buffer, INT64_MAX);
    tn_buffer_append_byte(&buffer, ' ');
    cr_assert_eq(tn_json_unsigned(&buffer, UINT64_MAX), TN_OK);
    assert_text(tn_buffer_text(&buffer), "-9223372036854775808 9223372036854775807 18446744073709551615");
    tn_buffer_free(&buffer);
}

Test(json, doubles_are_as_short_as_they_can_be)
{
    assert_double(0.1, "0.1");
    assert_double(1.0, "1");
    assert_double(-2.5, "-2.5");
    assert_double(0.1 + 0.2, "0.30000000000000004");
    assert_double(1e300, "1e+300");
}

Test(json, doubles_that_are_no_numbers_are_the_strings_of_proto3)
{
    assert_double(NAN, "\"NaN\"");
    assert_double(INFINITY, "\"Infinity\"");
    assert_double(-INFINITY, "\"-Infinity\"");
}

Test(json, any_double_reads_back_as_itself)
{
    const double edges[] = {0.0, -0.0, DBL_MIN, DBL_MAX, -DBL_MAX, DBL_TRUE_MIN, DBL_EPSILON, 9007199254740993.0};
    for (size_t round = 0; round < 20000; round++) {
        double value;
        uint64_t bits = random_number();
        memcpy(&value, &bits, sizeof(value));
        if (round < sizeof(edges) / sizeof(*edges)) value = edges[round];
        if (!isfinite(value)) continue;

        tn_buffer buffer;
        tn_buffer_init(&buffer, MAX_JSON);
        cr_assert_eq(tn_json_double(&buffer, value), TN_OK);
        cr_assert_eq(tn_buffer_append_byte(&buffer, '\0'), TN_OK);
        double read_back = strtod((const char *)buffer.bytes, NULL);
        cr_assert_eq(memcmp(&read_back, &value, sizeof(value)), 0, "%a became %s", value, buffer.bytes);
        tn_buffer_free(&buffer);
    }
}

Test(json, what_cannot_be_allocated_fails_as_an_append_does)
{
    for_each_failing_allocation {
        tn_buffer buffer;
        tn_buffer_init(&buffer, MAX_JSON);
        for (int i = 0; i < 200; i++) {
            tn_json_string(&buffer, TN_TEXT("one\ntwo\u2028three"));
            tn_json_double(&buffer, 1.5);
            tn_json_integer(&buffer, i);
        }
        cr_assert_eq(buffer.status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        tn_buffer_free(&buffer);
    }
}
