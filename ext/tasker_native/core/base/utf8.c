#include "base/utf8.h"

#define REPLACEMENT "\xEF\xBF\xBD"

static bool continues(const uint8_t *at)
{
    return (*at & 0xC0) == 0x80;
}

/* The size of the valid character at `at`, or 0. */
static size_t character_size(const uint8_t *at, const uint8_t *end)
{
    size_t left = (size_t)(end - at);
    uint8_t first = at[0];

    if (first < 0x80) return 1;
    if (first < 0xC2) return 0;
    if (first < 0xE0) return left >= 2 && continues(at + 1) ? 2 : 0;
    if (first < 0xF0) {
        if (left < 3 || !continues(at + 1) || !continues(at + 2)) return 0;
        bool overlong = first == 0xE0 && at[1] < 0xA0;
        bool surrogate = first == 0xED && at[1] >= 0xA0;
        return overlong || surrogate ? 0 : 3;
    }
    if (first < 0xF5) {
        if (left < 4 || !continues(at + 1) || !continues(at + 2) || !continues(at + 3)) return 0;
        bool overlong = first == 0xF0 && at[1] < 0x90;
        bool too_high = first == 0xF4 && at[1] >= 0x90;
        return overlong || too_high ? 0 : 4;
    }
    return 0;
}

static const uint8_t *skip_ascii(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        if (word & UINT64_C(0x8080808080808080)) break;
        at += 8;
    }
    while (at < end && *at < 0x80) at++;
    return at;
}

size_t tn_utf8_valid_prefix(tn_text text)
{
    if (text.size == 0) return 0;

    const uint8_t *start = (const uint8_t *)text.bytes, *end = start + text.size;
    const uint8_t *at = skip_ascii(start, end);
    while (at < end) {
        size_t size = character_size(at, end);
        if (size == 0) break;
        at = skip_ascii(at + size, end);
    }
    return (size_t)(at - start);
}

tn_status tn_utf8_append(tn_buffer *buffer, tn_text text)
{
    for (;;) {
        size_t valid = tn_utf8_valid_prefix(text);
        tn_buffer_append(buffer, text.bytes, valid);
        if (valid == text.size || buffer->status != TN_OK) return buffer->status;

        tn_buffer_append_text(buffer, TN_TEXT(REPLACEMENT));
        text = (tn_text){text.bytes + valid + 1, text.size - valid - 1};
    }
}

tn_text tn_utf8_cut(tn_text text, size_t limit)
{
    if (text.size <= limit) return text;

    size_t size = limit;
    while (size > 0 && limit - size < 4 && continues((const uint8_t *)text.bytes + size)) size--;
    return (tn_text){text.bytes, size};
}
