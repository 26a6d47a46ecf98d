/* A text that was written as a JSON string reads back as the same text, holds no control character, and ends no line;
 * a number reads back as the same number. */
#include "fuzz/fuzz.h"

#include "base/json.h"
#include "base/utf8.h"

static unsigned hex(const char *at)
{
    char digits[5] = {at[0], at[1], at[2], at[3], '\0'};
    return (unsigned)strtoul(digits, NULL, 16);
}

static void append_point(tn_buffer *out, unsigned point)
{
    if (point < 0x80) {
        tn_buffer_append_byte(out, (uint8_t)point);
    } else if (point < 0x800) {
        tn_buffer_append_byte(out, (uint8_t)(0xC0 | point >> 6));
        tn_buffer_append_byte(out, (uint8_t)(0x80 | (point & 0x3F)));
    } else {
        tn_buffer_append_byte(out, (uint8_t)(0xE0 | point >> 12));
        tn_buffer_append_byte(out, (uint8_t)(0x80 | (point >> 6 & 0x3F)));
        tn_buffer_append_byte(out, (uint8_t)(0x80 | (point & 0x3F)));
    }
}

/* What a reader makes of the string. Surrogate pairs are never written. */
static void read_back(tn_buffer *out, tn_text json)
{
    static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    fuzz_check(fuzz_is_json(json));
    for (const char *at = json.bytes + 1, *end = json.bytes + json.size - 1; at < end; at++) {
        fuzz_check((uint8_t)*at >= 0x20 && *at != 0x7F);
        if (*at != '\\') {
            tn_buffer_append_byte(out, (uint8_t)*at);
        } else if (*++at == 'u') {
            append_point(out, hex(at + 1));
            at += 4;
        } else {
            const char *known = escapes;
            while (*known && *known != *at) known += 2;
            tn_buffer_append_byte(out, (uint8_t)known[1]);
        }
    }
}

static void check_number(double number)
{
    tn_buffer json;
    tn_buffer_init(&json, 64);
    fuzz_check(tn_json_double(&json, number) == TN_OK);
    tn_buffer_append_byte(&json, '\0');
    char *end;
    if (json.bytes[0] != '"') {
        fuzz_check(fuzz_is_json((tn_text){(const char *)json.bytes, json.size - 1}));
        fuzz_check(strtod((const char *)json.bytes, &end) == number && *end == '\0');
    }
    tn_buffer_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    double number;
    if (size >= sizeof(number)) {
        memcpy(&number, bytes, sizeof(number));
        check_number(number);
    }

    tn_text raw = fuzz_copy(bytes, size);
    tn_buffer valid, json, again;
    tn_buffer_init(&valid, 1 << 24);
    tn_buffer_init(&json, 1 << 24);
    tn_buffer_init(&again, 1 << 24);
    fuzz_check(tn_utf8_append(&valid, raw) == TN_OK);
    fuzz_check(tn_json_string(&json, tn_buffer_text(&valid)) == TN_OK);
    read_back(&again, tn_buffer_text(&json));
    fuzz_check(tn_text_equal(tn_buffer_text(&again), tn_buffer_text(&valid)));
    fuzz_plant(memmem(json.bytes, json.size, "\\u2028\"", 7));
    tn_buffer_free(&valid);
    tn_buffer_free(&json);
    tn_buffer_free(&again);
    fuzz_free(raw);
    return 0;
}
