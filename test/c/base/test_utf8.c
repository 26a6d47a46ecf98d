#include "support.h"

#include "base/utf8.h"

TestSuite(utf8, .fini = all_memory_is_back);

/* The definition of RFC 3629, section 4, read off its table: slow, and obviously right. */
static size_t reference_size(const uint8_t *at, size_t left)
{
    static const struct {
        uint8_t first_low, first_high, second_low, second_high, size;
    } table[] = {
        {0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        if (at[0] < table[i].first_low || at[0] > table[i].first_high) continue;
        if (table[i].size == 1) return 1;
        if (left < table[i].size || at[1] < table[i].second_low || at[1] > table[i].second_high) return 0;
        for (size_t k = 2; k < table[i].size; k++) {
            if (at[k] < 0x80 || at[k] > 0xBF) return 0;
        }
        return table[i].size;
    }
    return 0;
}

static size_t reference_prefix(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at < size) {
        size_t step = reference_size(bytes + at, size - at);
        if (step == 0) break;
        at += step;
    }
    return at;
}

Test(utf8, agrees_with_the_rfc_on_every_two_bytes_and_on_every_start_of_longer_ones)
{
    for (unsigned bits = 0; bits < 0x10000; bits++) {
        uint8_t bytes[4] = {(uint8_t)(bits >> 8), (uint8_t)bits, 0x80, 0xBF};
        for (size_t size = 1; size <= 4; size++) {
            tn_text text = {(const char *)bytes, size};
            cr_assert_eq(tn_utf8_valid_prefix(text), reference_prefix(bytes, size), "%04x, %zu bytes", bits, size);
        }
    }
}

Test(utf8, agrees_with_the_rfc_on_random_damage)
{
    for (int round = 0; round < 20000; round++) {
        char bytes[48];
        size_t size = random_text(bytes, sizeof(bytes));
        for (uint64_t damage = random_below(3); damage > 0 && size > 0; damage--) {
            bytes[random_below(size)] = (char)random_number();
        }
        tn_text text = exact_copy(bytes, size);
        cr_assert_eq(tn_utf8_valid_prefix(text), reference_prefix((const uint8_t *)bytes, size));
        free_copy(text);
    }
}

Test(utf8, an_empty_text_is_valid)
{
    cr_assert_eq(tn_utf8_valid_prefix(TN_NO_TEXT), 0);
    cr_assert_eq(tn_utf8_valid_prefix((tn_text){NULL, 0}), 0);
}

static void assert_appended(tn_text text, const char *expected)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, 1024);
    cr_assert_eq(tn_utf8_append(&buffer, text), TN_OK);
    assert_text(tn_buffer_text(&buffer), expected);
    tn_buffer_free(&buffer);
}

Test(utf8, append_replaces_each_invalid_byte)
{
    assert_appended(TN_TEXT("caf\xC3\xA9"), "caf\xC3\xA9");
    assert_appended(TN_TEXT("caf\xE9!"), "caf\xEF\xBF\xBD!");
    assert_appended(TN_TEXT("\xFF\xFF"), "\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_appended(TN_TEXT("\xE2\x82"), "\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_appended(TN_TEXT("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_appended((tn_text){NULL, 0}, "");
}

Test(utf8, append_makes_anything_valid)
{
    for (int round = 0; round < 5000; round++) {
        char bytes[32];
        size_t size = random_below(sizeof(bytes));
        for (size_t i = 0; i < size; i++) bytes[i] = (char)random_number();

        tn_buffer buffer;
        tn_buffer_init(&buffer, 1024);
        cr_assert_eq(tn_utf8_append(&buffer, (tn_text){bytes, size}), TN_OK);
        cr_assert_eq(tn_utf8_valid_prefix(tn_buffer_text(&buffer)), buffer.size);
        tn_buffer_free(&buffer);
    }
}

Test(utf8, append_that_cannot_allocate_says_so)
{
    for_each_failing_allocation {
        tn_buffer buffer;
        tn_buffer_init(&buffer, 1024);
        tn_status status = tn_utf8_append(&buffer, TN_TEXT("x\xFFy\xFF"));
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        tn_buffer_free(&buffer);
    }
}

Test(utf8, append_beyond_the_cap_says_so)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, 4);
    cr_assert_eq(tn_utf8_append(&buffer, TN_TEXT("\xFF\xFF")), TN_ERROR_LIMIT);
    tn_buffer_free(&buffer);
}

Test(utf8, cut_leaves_a_text_that_fits)
{
    assert_text(tn_utf8_cut(TN_TEXT("hello"), 5), "hello");
    assert_text(tn_utf8_cut(TN_TEXT("hello"), 100), "hello");
    assert_text(tn_utf8_cut(TN_TEXT("hello"), 2), "he");
    assert_text(tn_utf8_cut(TN_TEXT("hello"), 0), "");
}

Test(utf8, cut_never_ends_inside_a_character_and_loses_no_more_than_it)
{
    for (int round = 0; round < 5000; round++) {
        char bytes[64];
        tn_text text = {bytes, random_text(bytes, sizeof(bytes))};
        size_t limit = random_below(sizeof(bytes));
        tn_text cut = tn_utf8_cut(text, limit);

        cr_assert_leq(cut.size, limit);
        cr_assert_eq(tn_utf8_valid_prefix(cut), cut.size);
        if (text.size > limit) cr_assert_gt(cut.size + 4, limit);
    }
}
