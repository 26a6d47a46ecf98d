/* Any bytes become valid UTF-8; what was valid stays as it is; a cut never splits a character. */
#include "fuzz/fuzz.h"

#include "base/utf8.h"

/* RFC 3629 by code points: shares nothing with the core's. 0: invalid. */
static size_t decoded_size(const uint8_t *at, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = *at < 0x80 ? 1 : *at >> 5 == 6 ? 2 : *at >> 4 == 14 ? 3 : *at >> 3 == 30 ? 4 : 0;
    if (size == 0 || size > left) return 0;
    if (size == 1) return 1;
    uint32_t point = *at & (0x7f >> size);
    for (size_t i = 1; i < size; i++) {
        if (at[i] >> 6 != 2) return 0;
        point = point << 6 | (at[i] & 0x3f);
    }
    return point < least[size] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) ? 0 : size;
}

static size_t valid_prefix(tn_text text)
{
    size_t at = 0;
    while (at < text.size) {
        size_t size = decoded_size((const uint8_t *)text.bytes + at, text.size - at);
        if (size == 0) break;
        at += size;
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input input = {bytes, bytes + size};
    size_t limit = fuzz_byte(&input);
    tn_text text = fuzz_rest(&input);
    size_t valid = tn_utf8_valid_prefix(text);
    fuzz_check(valid == valid_prefix(text));
    fuzz_plant(valid > 0 && valid < text.size && (uint8_t)text.bytes[0] == 0xF4);

    tn_buffer buffer;
    tn_buffer_init(&buffer, 4 * (text.size + 1));
    fuzz_check(tn_utf8_append(&buffer, text) == TN_OK);
    tn_text repaired = tn_buffer_text(&buffer);
    fuzz_check(valid_prefix(repaired) == repaired.size);
    fuzz_check(valid < text.size || tn_text_equal(repaired, text));

    tn_text cut = tn_utf8_cut(repaired, limit);
    fuzz_check(cut.size <= limit && tn_text_starts_with(repaired, cut));
    fuzz_check(valid_prefix(cut) == cut.size);
    fuzz_check(cut.size + 4 > limit || cut.size == repaired.size);
    tn_buffer_free(&buffer);
    fuzz_free(text);
    return 0;
}
