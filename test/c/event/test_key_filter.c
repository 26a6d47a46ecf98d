#include "support.h"

#include "event/key_filter.h"

#include <stdio.h>

TestSuite(key_filter, .fini = all_memory_is_back);

static tn_key_filter filter_of(const char *first, const char *second)
{
    tn_text literals[2] = {tn_text_of(first), tn_text_of(second)};
    tn_key_filter filter;
    size_t count = second ? 2 : first ? 1 : 0;
    cr_assert_eq(tn_key_filter_init(&filter, literals, count, TN_TEXT("[FILTERED]")), TN_OK);
    return filter;
}

static void assert_verdict(const tn_key_filter *filter, const char *key, tn_verdict expected)
{
    cr_assert_eq(tn_key_filter_judge(filter, tn_text_of(key)), expected, "%s", key);
}

static void assert_path_verdict(const tn_key_filter *filter, const char *path, tn_verdict expected)
{
    cr_assert_eq(tn_key_filter_judge_path(filter, tn_text_of(path)), expected, "%s", path);
}

Test(key_filter, without_filters_keeps_every_ascii_key)
{
    tn_key_filter filter = filter_of(NULL, NULL);
    assert_verdict(&filter, "password", TN_VERDICT_KEEP);
    assert_verdict(&filter, "", TN_VERDICT_KEEP);
    tn_key_filter_free(&filter);
}

Test(key_filter, masks_a_literal_anywhere_in_a_key_whatever_its_case)
{
    tn_key_filter filter = filter_of("passw", "_KEY");
    assert_verdict(&filter, "passw", TN_VERDICT_MASK);
    assert_verdict(&filter, "user_password_hash", TN_VERDICT_MASK);
    assert_verdict(&filter, "PassWord", TN_VERDICT_MASK);
    assert_verdict(&filter, "api_key", TN_VERDICT_MASK);
    assert_verdict(&filter, "keyboard", TN_VERDICT_KEEP);
    assert_verdict(&filter, "pass_w", TN_VERDICT_KEEP);
    assert_verdict(&filter, "pass", TN_VERDICT_KEEP);
    tn_key_filter_free(&filter);
}

Test(key_filter, folds_letters_only)
{
    tn_key_filter filter = filter_of("[a]", "@z");
    assert_verdict(&filter, "x[A]", TN_VERDICT_MASK);
    assert_verdict(&filter, "{a}", TN_VERDICT_KEEP);
    assert_verdict(&filter, "`z", TN_VERDICT_KEEP);
    tn_key_filter_free(&filter);
}

Test(key_filter, takes_bytes_of_zero_as_any_other)
{
    tn_key_filter filter = filter_of("secret", NULL);
    cr_assert_eq(tn_key_filter_judge(&filter, TN_TEXT("a\0secret")), TN_VERDICT_MASK);
    cr_assert_eq(tn_key_filter_judge(&filter, TN_TEXT("sec\0ret")), TN_VERDICT_KEEP);
    tn_key_filter_free(&filter);
}

Test(key_filter, an_empty_literal_masks_every_key)
{
    tn_key_filter filter = filter_of("", NULL);
    assert_verdict(&filter, "anything", TN_VERDICT_MASK);
    assert_verdict(&filter, "", TN_VERDICT_MASK);
    tn_key_filter_free(&filter);
}

Test(key_filter, asks_about_a_key_that_folds_as_Unicode_does)
{
    tn_key_filter filter = filter_of("password", "token");
    assert_verdict(&filter, "pa\u017f\u017fword", TN_VERDICT_ASK);
    assert_verdict(&filter, "to\u212aen", TN_VERDICT_ASK);
    assert_verdict(&filter, "\xff\xfe", TN_VERDICT_ASK);
    tn_key_filter_free(&filter);
}

Test(key_filter, asks_where_a_literal_is_not_ascii_unless_another_one_masks)
{
    tn_key_filter filter = filter_of("ma\u00df", "token");
    assert_verdict(&filter, "mass", TN_VERDICT_ASK);
    assert_verdict(&filter, "my_token", TN_VERDICT_MASK);
    tn_key_filter_free(&filter);
}

Test(key_filter, asks_where_the_caller_has_filters_of_its_own)
{
    tn_key_filter filter = filter_of("token", NULL);
    filter.ask = true;
    assert_verdict(&filter, "name", TN_VERDICT_ASK);
    assert_verdict(&filter, "token", TN_VERDICT_MASK);
    tn_key_filter_free(&filter);
}

static tn_key_filter filter_of_many(const char *literal, size_t count, tn_status expected)
{
    static tn_text literals[TN_MAX_FILTERS + 1];
    for (size_t i = 0; i < count; i++) literals[i] = tn_text_of(literal);
    tn_key_filter filter;
    cr_assert_eq(tn_key_filter_init(&filter, literals, count, TN_TEXT("[FILTERED]")), expected);
    return filter;
}

Test(key_filter, one_literal_too_many_masks_all)
{
    tn_key_filter filter = filter_of_many("token", TN_MAX_FILTERS, TN_OK);
    assert_verdict(&filter, "name", TN_VERDICT_KEEP);
    cr_assert_not(tn_key_filter_is_empty(&filter));
    tn_key_filter_free(&filter);

    filter = filter_of_many("token", TN_MAX_FILTERS + 1, TN_ERROR_LIMIT);
    assert_verdict(&filter, "name", TN_VERDICT_MASK);
    assert_path_verdict(&filter, "a.name", TN_VERDICT_MASK);
    cr_assert_not(tn_key_filter_is_empty(&filter));
    tn_key_filter_free(&filter);
}

Test(key_filter, literals_of_too_many_bytes_mask_all)
{
    char literal[TN_MAX_LITERAL_BYTES / 2 + 1];
    memset(literal, 'a', sizeof(literal) - 1);
    literal[sizeof(literal) - 1] = '\0';
    tn_key_filter filter = filter_of_many(literal, 2, TN_OK);
    assert_verdict(&filter, "name", TN_VERDICT_KEEP);
    tn_key_filter_free(&filter);

    filter = filter_of_many(literal, 3, TN_ERROR_LIMIT);
    assert_verdict(&filter, "name", TN_VERDICT_MASK);
    tn_key_filter_free(&filter);
}

Test(key_filter, a_mask_too_long_masks_all)
{
    char mask[5000];
    memset(mask, '*', sizeof(mask));
    tn_key_filter filter;
    cr_assert_eq(tn_key_filter_init(&filter, NULL, 0, (tn_text){mask, sizeof(mask)}), TN_ERROR_LIMIT);
    assert_verdict(&filter, "name", TN_VERDICT_MASK);
    tn_key_filter_free(&filter);
}

/* strcasestr in the C locale: the same meaning, another implementation. */
Test(key_filter, agrees_with_libc_on_random_keys)
{
    static const char letters[] = "abAB_~-";
    for (int round = 0; round < 20000; round++) {
        char literal[4] = "", key[12] = "";
        for (uint64_t i = random_below(sizeof(literal)); i > 0; i--) literal[i - 1] = letters[random_below(7)];
        for (uint64_t i = random_below(sizeof(key)); i > 0; i--) key[i - 1] = letters[random_below(7)];

        tn_key_filter filter = filter_of(literal, NULL);
        assert_verdict(&filter, key, strcasestr(key, literal) ? TN_VERDICT_MASK : TN_VERDICT_KEEP);
        tn_key_filter_free(&filter);
    }
}

/* --- Paths --------------------------------------------------------------------------------------------- */

Test(key_filter, a_literal_with_a_dot_is_looked_for_in_paths)
{
    tn_key_filter filter = filter_of("Card.Number", "password");
    cr_assert(tn_key_filter_has_paths(&filter));
    assert_path_verdict(&filter, "order.card.number", TN_VERDICT_MASK);
    assert_path_verdict(&filter, "CREDIT_CARD.NUMBERS", TN_VERDICT_MASK);
    assert_path_verdict(&filter, "card.kind.number", TN_VERDICT_KEEP);
    assert_path_verdict(&filter, "number.card", TN_VERDICT_KEEP);
    assert_path_verdict(&filter, "card", TN_VERDICT_KEEP);
    assert_path_verdict(&filter, "order.password", TN_VERDICT_KEEP); /* keys are judged apart */
    tn_key_filter_free(&filter);
}

Test(key_filter, a_key_alone_is_not_judged_by_literals_with_a_dot)
{
    tn_key_filter filter = filter_of("card.number", NULL);
    assert_verdict(&filter, "number", TN_VERDICT_KEEP);
    assert_verdict(&filter, "credit_card.number", TN_VERDICT_KEEP); /* its path is the same, and says MASK */
    assert_path_verdict(&filter, "credit_card.number", TN_VERDICT_MASK);
    tn_key_filter_free(&filter);
}

Test(key_filter, without_a_dot_there_are_no_paths)
{
    tn_key_filter filter = filter_of("card", "");
    cr_assert_not(tn_key_filter_has_paths(&filter));
    assert_path_verdict(&filter, "card.card", TN_VERDICT_KEEP);
    tn_key_filter_free(&filter);
}

Test(key_filter, asks_about_paths_that_fold_as_Unicode_does_and_where_a_path_of_a_filter_does)
{
    tn_key_filter filter = filter_of("card.number", NULL);
    assert_path_verdict(&filter, "größe.x", TN_VERDICT_ASK);
    tn_key_filter_free(&filter);

    filter = filter_of("größe.x", NULL);
    cr_assert(tn_key_filter_has_paths(&filter));
    assert_path_verdict(&filter, "size.x", TN_VERDICT_ASK);
    tn_key_filter_free(&filter);

    filter = filter_of("größe", NULL);
    cr_assert_not(tn_key_filter_has_paths(&filter));
    filter.ask_paths = true;
    cr_assert(tn_key_filter_has_paths(&filter));
    assert_path_verdict(&filter, "size.x", TN_VERDICT_ASK);
    tn_key_filter_free(&filter);
}

Test(key_filter, judges_a_path_in_pieces_as_it_does_the_whole)
{
    static const char path[] = "order.Card.number.x";
    tn_key_filter filter = filter_of("card.number", NULL);
    for (size_t cut = 0; cut < sizeof(path); cut++) {
        tn_match_state state = tn_key_filter_begin_path(&filter);
        tn_verdict first = tn_key_filter_go_on(&filter, &state, (tn_text){path, cut});
        cr_assert_eq(first, cut >= strlen("order.card.number") ? TN_VERDICT_MASK : TN_VERDICT_KEEP);
        tn_text rest = {path + cut, sizeof(path) - 1 - cut};
        cr_assert_eq(tn_key_filter_go_on(&filter, &state, rest), TN_VERDICT_MASK, "%zu", cut);
    }
    tn_key_filter_free(&filter);
}

Test(key_filter, that_cannot_allocate_masks_all)
{
    for_each_failing_allocation {
        char bytes[50][32];
        tn_text literals[50];
        for (int i = 0; i < 50; i++) {
            snprintf(bytes[i], sizeof(bytes[i]), i % 2 ? "a secret number %d" : "a secret.number %d", i);
            literals[i] = tn_text_of(bytes[i]);
        }
        tn_key_filter filter;
        tn_status status = tn_key_filter_init(&filter, literals, 50, TN_TEXT("[FILTERED]"));
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        assert_verdict(&filter, "harmless", allocation_failed() ? TN_VERDICT_MASK : TN_VERDICT_KEEP);
        assert_verdict(&filter, "A SECRET NUMBER 49", TN_VERDICT_MASK);
        assert_path_verdict(&filter, "harmless.number", allocation_failed() ? TN_VERDICT_MASK : TN_VERDICT_KEEP);
        assert_path_verdict(&filter, "A SECRET.NUMBER 48", TN_VERDICT_MASK);
        tn_key_filter_free(&filter);
    }
}
