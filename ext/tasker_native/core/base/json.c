#include "base/json.h"

#include "base/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7F && byte != 0xC2 && byte != 0xE2;
}

static void append_escaped(tn_buffer *buffer, uint8_t byte)
{
    switch (byte) {
    case '"': tn_buffer_append_text(buffer, TN_TEXT("\\\"")); break;
    case '\\': tn_buffer_append_text(buffer, TN_TEXT("\\\\")); break;
    case '\n': tn_buffer_append_text(buffer, TN_TEXT("\\n")); break;
    case '\r': tn_buffer_append_text(buffer, TN_TEXT("\\r")); break;
    case '\t': tn_buffer_append_text(buffer, TN_TEXT("\\t")); break;
    default: tn_buffer_printf(buffer, "\\u%04x", byte);
    }
}

/* Characters whose first byte is one of is_plain's exceptions. Returns how many bytes were read. */
static size_t append_character(tn_buffer *buffer, const uint8_t *at, const uint8_t *end)
{
    size_t left = (size_t)(end - at);
    if (*at == 0xC2 && left >= 2 && at[1] < 0xA0) {
        append_escaped(buffer, at[1]);
        return 2;
    }
    if (*at == 0xE2 && left >= 3 && at[1] == 0x80 && (at[2] == 0xA8 || at[2] == 0xA9)) {
        tn_buffer_append_text(buffer, at[2] == 0xA8 ? TN_TEXT("\\u2028") : TN_TEXT("\\u2029"));
        return 3;
    }
    if (*at >= 0x80) {
        tn_buffer_append_byte(buffer, *at);
    } else {
        append_escaped(buffer, *at);
    }
    return 1;
}

static void append_content(tn_buffer *buffer, tn_text text)
{
    if (text.size == 0) return;

    const uint8_t *at = (const uint8_t *)text.bytes, *end = at + text.size;
    while (at < end) {
        const uint8_t *plain = at;
        while (at < end && is_plain(*at)) at++;
        tn_buffer_append(buffer, plain, (size_t)(at - plain));
        if (at < end) at += append_character(buffer, at, end);
    }
}

tn_status tn_json_string(tn_buffer *buffer, tn_text text)
{
    return tn_json_joined(buffer, text, TN_NO_TEXT);
}

tn_status tn_json_joined(tn_buffer *buffer, tn_text first, tn_text second)
{
    tn_buffer_append_byte(buffer, '"');
    append_content(buffer, first);
    append_content(buffer, second);
    return tn_buffer_append_byte(buffer, '"');
}

tn_status tn_json_integer(tn_buffer *buffer, int64_t value)
{
    char text[TN_DECIMAL_SIZE];
    return tn_buffer_append(buffer, text, tn_decimal(text, value));
}

tn_status tn_json_unsigned(tn_buffer *buffer, uint64_t value)
{
    char text[TN_DECIMAL_SIZE];
    return tn_buffer_append(buffer, text, tn_decimal_unsigned(text, value));
}

tn_status tn_json_double(tn_buffer *buffer, double value)
{
    if (isnan(value)) return tn_buffer_append_text(buffer, TN_TEXT("\"NaN\""));
    if (isinf(value)) {
        return tn_buffer_append_text(buffer, value > 0 ? TN_TEXT("\"Infinity\"") : TN_TEXT("\"-Infinity\""));
    }

    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    for (char *at = text; *at; at++) {
        if (*at == ',') *at = '.'; /* a locale of the host application must not show in JSON */
    }
    return tn_buffer_append_text(buffer, tn_text_of(text));
}
