#include "support.h"

#include "event/key_filter.h"

#include <stdio.h>

TestSuite(key_filter, .fini = all_memory_is_back);

static tn_key_filter filter_of(const char *first, const char *second)
{
    tn_key_filter filter;
    cr_assert_eq(tn_key_filter_init(&filter, TN_TEXT("[FILTERED]")), TN_OK);
    if (first) cr_assert_eq(tn_key_filter_add(&filter, tn_text_of(first)), TN_OK);
    if (second) cr_assert_eq(tn_key_filter_add(&filter, tn_text_of(second)), TN_OK);
    return filter;
}

static void assert_verdict(const tn_key_filter *filter, const char *key, tn_verdict expected)
{
    cr_assert_eq(tn_key_filter_judge(filter, tn_text_of(key)), expected, "%s", key);
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

Test(key_filter, masks_what_is_too_long_to_read)
{
    char key[TN_MAX_FILTERED_KEY + 1];
    memset(key, 'a', sizeof(key));
    tn_key_filter filter = filter_of(NULL, NULL);
    cr_assert_eq(tn_key_filter_judge(&filter, (tn_text){key, TN_MAX_FILTERED_KEY}), TN_VERDICT_KEEP);
    cr_assert_eq(tn_key_filter_judge(&filter, (tn_text){key, TN_MAX_FILTERED_KEY + 1}), TN_VERDICT_MASK);
    tn_key_filter_free(&filter);
}

Test(key_filter, a_literal_too_long_masks_all)
{
    char literal[TN_MAX_FILTERED_KEY + 1];
    memset(literal, 'a', sizeof(literal));
    tn_key_filter filter = filter_of(NULL, NULL);
    cr_assert_eq(tn_key_filter_add(&filter, (tn_text){literal, TN_MAX_FILTERED_KEY}), TN_OK);
    assert_verdict(&filter, "name", TN_VERDICT_KEEP);
    cr_assert_eq(tn_key_filter_add(&filter, (tn_text){literal, TN_MAX_FILTERED_KEY + 1}), TN_ERROR_LIMIT);
    assert_verdict(&filter, "name", TN_VERDICT_MASK);
    tn_key_filter_free(&filter);
}

Test(key_filter, one_literal_too_many_masks_all)
{
    tn_key_filter filter = filter_of(NULL, NULL);
    for (int i = 0; i < TN_MAX_FILTERS; i++) cr_assert_eq(tn_key_filter_add(&filter, TN_TEXT("token")), TN_OK);
    assert_verdict(&filter, "name", TN_VERDICT_KEEP);
    cr_assert_eq(tn_key_filter_add(&filter, TN_TEXT("token")), TN_ERROR_LIMIT);
    assert_verdict(&filter, "name", TN_VERDICT_MASK);
    tn_key_filter_free(&filter);
}

Test(key_filter, literals_of_too_many_bytes_mask_all)
{
    char literal[TN_MAX_FILTERED_KEY];
    memset(literal, 'a', sizeof(literal));
    tn_key_filter filter = filter_of("token", NULL);
    tn_status status = TN_OK;
    for (int i = 0; i < TN_MAX_FILTERS - 1 && status == TN_OK; i++) {
        status = tn_key_filter_add(&filter, (tn_text){literal, sizeof(literal)});
    }
    cr_assert_eq(status, TN_ERROR_LIMIT);
    assert_verdict(&filter, "name", TN_VERDICT_MASK);
    assert_verdict(&filter, "token", TN_VERDICT_MASK);
    cr_assert_neq(tn_key_filter_add(&filter, TN_TEXT("more")), TN_OK);
    tn_key_filter_free(&filter);
}

Test(key_filter, a_mask_too_long_masks_all)
{
    char mask[5000];
    memset(mask, '*', sizeof(mask));
    tn_key_filter filter;
    cr_assert_eq(tn_key_filter_init(&filter, (tn_text){mask, sizeof(mask)}), TN_ERROR_LIMIT);
    assert_verdict(&filter, "name", TN_VERDICT_MASK);
    tn_key_filter_free(&filter);
}

/* strcasestr in the C locale: the same meaning, another implementation. */
Test(key_filter, agrees_with_libc_on_random_keys)
{
    static const char letters[] = "abAB_.-";
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

static void assert_path_verdict(const tn_key_filter *filter, const char *path, tn_verdict expected)
{
    cr_assert_eq(tn_key_filter_judge_path(filter, tn_text_of(path)), expected, "%s", path);
}

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

Test(key_filter, of_a_literal_with_a_dot_a_key_has_to_hold_all)
{
    tn_key_filter filter = filter_of("card.number", NULL);
    assert_verdict(&filter, "number", TN_VERDICT_KEEP);
    assert_verdict(&filter, "attempt_number", TN_VERDICT_KEEP);
    assert_verdict(&filter, "credit_card.number", TN_VERDICT_MASK);
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

Test(key_filter, masks_what_stands_at_too_long_a_path)
{
    static char path[TN_MAX_FILTERED_PATH + 1];
    memset(path, 'a', sizeof(path));
    tn_key_filter filter = filter_of("card.number", NULL);
    cr_assert_eq(tn_key_filter_judge_path(&filter, (tn_text){path, TN_MAX_FILTERED_PATH}), TN_VERDICT_KEEP);
    cr_assert_eq(tn_key_filter_judge_path(&filter, (tn_text){path, TN_MAX_FILTERED_PATH + 1}), TN_VERDICT_MASK);
    tn_key_filter_free(&filter);
}

Test(key_filter, that_cannot_allocate_masks_all)
{
    for_each_failing_allocation {
        tn_key_filter filter;
        tn_status worst = tn_key_filter_init(&filter, TN_TEXT("[FILTERED]"));
        for (int i = 0; i < 50; i++) {
            char literal[32];
            snprintf(literal, sizeof(literal), i % 2 ? "a secret number %d" : "a secret.number %d", i);
            tn_status status = tn_key_filter_add(&filter, tn_text_of(literal));
            if (worst == TN_OK) worst = status;
        }
        cr_assert_eq(worst, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        assert_verdict(&filter, "harmless", allocation_failed() ? TN_VERDICT_MASK : TN_VERDICT_KEEP);
        assert_verdict(&filter, "A SECRET NUMBER 49", TN_VERDICT_MASK);
        assert_path_verdict(&filter, "harmless.number", allocation_failed() ? TN_VERDICT_MASK : TN_VERDICT_KEEP);
        assert_path_verdict(&filter, "A SECRET.NUMBER 48", TN_VERDICT_MASK);
        tn_key_filter_free(&filter);
    }
}
