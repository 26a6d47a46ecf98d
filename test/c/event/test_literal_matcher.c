#include "support.h"

#include "event/literal_matcher.h"

TestSuite(literal_matcher, .fini = all_memory_is_back);

#define MATCHER(...) matcher_of((const char *[]){__VA_ARGS__, NULL})

static tn_literal_matcher matcher_of(const char *const *literals)
{
    tn_text texts[16];
    size_t count = 0;
    for (; literals[count]; count++) texts[count] = tn_text_of(literals[count]);
    tn_literal_matcher matcher;
    cr_assert_eq(tn_literal_matcher_init(&matcher, texts, count), TN_OK);
    return matcher;
}

static void assert_match(const tn_literal_matcher *matcher, const char *text, tn_match expected)
{
    cr_assert_eq(tn_literal_matcher_find(matcher, tn_text_of(text)), expected, "%s", text);
}

Test(literal_matcher, without_literals_finds_nothing)
{
    tn_literal_matcher matcher;
    cr_assert_eq(tn_literal_matcher_init(&matcher, NULL, 0), TN_OK);
    assert_match(&matcher, "", TN_MATCH_NONE);
    assert_match(&matcher, "password", TN_MATCH_NONE);
    assert_match(&matcher, "größe", TN_MATCH_NONE);
    tn_literal_matcher_free(&matcher);
}

/* The example of the paper. */
Test(literal_matcher, finds_what_ends_inside_of_another_literal)
{
    tn_literal_matcher matcher = MATCHER("he", "she", "his", "hers");
    assert_match(&matcher, "ushers", TN_MATCH_FOUND);
    assert_match(&matcher, "xhisx", TN_MATCH_FOUND);
    assert_match(&matcher, "hxe shi", TN_MATCH_NONE);
    tn_literal_matcher_free(&matcher);

    matcher = MATCHER("abcde", "bcx", "cdz");
    assert_match(&matcher, "abcdz", TN_MATCH_FOUND);
    assert_match(&matcher, "abcx", TN_MATCH_FOUND);
    assert_match(&matcher, "abcdabcde", TN_MATCH_FOUND);
    assert_match(&matcher, "abcdx", TN_MATCH_NONE);
    tn_literal_matcher_free(&matcher);
}

Test(literal_matcher, folds_letters_of_ascii_and_nothing_else)
{
    tn_literal_matcher matcher = MATCHER("TOken", "[a]", "@");
    assert_match(&matcher, "apiToKEN", TN_MATCH_FOUND);
    assert_match(&matcher, "[A]", TN_MATCH_FOUND);
    assert_match(&matcher, "{a}", TN_MATCH_NONE);
    assert_match(&matcher, "`", TN_MATCH_NONE);
    tn_literal_matcher_free(&matcher);
}

Test(literal_matcher, an_empty_literal_is_in_every_text)
{
    tn_literal_matcher matcher = MATCHER("token", "");
    assert_match(&matcher, "", TN_MATCH_FOUND);
    assert_match(&matcher, "größe", TN_MATCH_FOUND);
    tn_literal_matcher_free(&matcher);
}

Test(literal_matcher, stops_at_a_byte_that_is_not_ascii)
{
    tn_literal_matcher matcher = MATCHER("token");
    assert_match(&matcher, "größe token", TN_MATCH_FOREIGN);
    assert_match(&matcher, "token größe", TN_MATCH_FOUND);
    assert_match(&matcher, "\x7ftoken", TN_MATCH_FOUND);
    assert_match(&matcher, "\x80", TN_MATCH_FOREIGN);
    tn_literal_matcher_free(&matcher);
}

Test(literal_matcher, takes_zero_as_any_other_byte)
{
    tn_text literal = TN_TEXT("a\0b");
    tn_literal_matcher matcher;
    cr_assert_eq(tn_literal_matcher_init(&matcher, &literal, 1), TN_OK);
    cr_assert_eq(tn_literal_matcher_find(&matcher, TN_TEXT("xa\0b")), TN_MATCH_FOUND);
    cr_assert_eq(tn_literal_matcher_find(&matcher, TN_TEXT("xa\0c")), TN_MATCH_NONE);
    tn_literal_matcher_free(&matcher);
}

static bool any_in(const char *text, char (*literals)[8], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasestr(text, literals[i])) return true;
    }
    return false;
}

/* Few letters, so that literals overlap, repeat, and begin and end each other. */
Test(literal_matcher, agrees_with_libc_on_random_literals)
{
    static const char letters[] = "abAB_.";
    for (int round = 0; round < 20000; round++) {
        char literals[6][8] = {""}, text[24] = "";
        tn_text texts[6];
        size_t count = 1 + random_below(6);
        for (size_t n = 0; n < count; n++) {
            for (uint64_t i = 1 + random_below(7); i > 0; i--) literals[n][i - 1] = letters[random_below(6)];
            texts[n] = tn_text_of(literals[n]);
        }
        for (uint64_t i = random_below(sizeof(text)); i > 0; i--) text[i - 1] = letters[random_below(6)];

        tn_literal_matcher matcher;
        cr_assert_eq(tn_literal_matcher_init(&matcher, texts, count), TN_OK);
        assert_match(&matcher, text, any_in(text, literals, count) ? TN_MATCH_FOUND : TN_MATCH_NONE);
        tn_literal_matcher_free(&matcher);
    }
}

Test(literal_matcher, goes_on_where_a_piece_ended)
{
    tn_literal_matcher matcher = MATCHER("card.number");
    tn_match_state state = matcher.start;
    cr_assert_eq(tn_literal_matcher_go_on(&matcher, &state, TN_TEXT("a.ca")), TN_MATCH_NONE);
    cr_assert_eq(tn_literal_matcher_go_on(&matcher, &state, TN_TEXT("rd.num")), TN_MATCH_NONE);
    tn_match_state there = state;
    cr_assert_eq(tn_literal_matcher_go_on(&matcher, &state, TN_TEXT("ber")), TN_MATCH_FOUND);
    cr_assert_eq(tn_literal_matcher_go_on(&matcher, &state, TN_TEXT(" and more")), TN_MATCH_FOUND);
    cr_assert_eq(tn_literal_matcher_go_on(&matcher, &there, TN_TEXT("xber")), TN_MATCH_NONE);
    tn_literal_matcher_free(&matcher);
}

Test(literal_matcher, has_a_limit_and_then_no_literals)
{
    static char bytes[TN_MAX_LITERAL_BYTES + 1];
    for (size_t i = 0; i < sizeof(bytes); i++) bytes[i] = (char)('!' + random_below(90));
    tn_text literal = {bytes, TN_MAX_LITERAL_BYTES};
    tn_literal_matcher matcher;
    cr_assert_eq(tn_literal_matcher_init(&matcher, &literal, 1), TN_OK);
    cr_assert_eq(tn_literal_matcher_find(&matcher, literal), TN_MATCH_FOUND);
    tn_literal_matcher_free(&matcher);

    literal.size++;
    cr_assert_eq(tn_literal_matcher_init(&matcher, &literal, 1), TN_ERROR_LIMIT);
    cr_assert_eq(tn_literal_matcher_find(&matcher, literal), TN_MATCH_NONE);
    tn_literal_matcher_free(&matcher);
}

Test(literal_matcher, without_memory_has_no_literals)
{
    for_each_failing_allocation {
        tn_text literals[] = {TN_TEXT("token"), TN_TEXT("secret")};
        tn_literal_matcher matcher;
        tn_status status = tn_literal_matcher_init(&matcher, literals, 2);
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        assert_match(&matcher, "a secret", allocation_failed() ? TN_MATCH_NONE : TN_MATCH_FOUND);
        tn_literal_matcher_free(&matcher);
    }
}
