#include "support.h"

#include "base/table.h"
#include "event/verdict_table.h"

#include <pthread.h>
#include <stdio.h>

TestSuite(verdict_table, .fini = all_memory_is_back);

static tn_verdict_table table;

static tn_verdict get(const char *text)
{
    return tn_verdict_table_get(&table, tn_text_of(text), tn_hash(tn_text_of(text)));
}

static void add(const char *text, tn_verdict verdict)
{
    tn_verdict_table_add(&table, tn_text_of(text), tn_hash(tn_text_of(text)), verdict);
}

Test(verdict_table, remembers_verdicts_by_text)
{
    tn_verdict_table_init(&table);
    cr_assert_eq(get("password"), TN_VERDICT_ASK);
    add("password", TN_VERDICT_MASK);
    add("name", TN_VERDICT_KEEP);
    add("order_number", TN_VERDICT_TRUST);
    add("", TN_VERDICT_MASK);
    cr_assert_eq(get("password"), TN_VERDICT_MASK);
    cr_assert_eq(get("name"), TN_VERDICT_KEEP);
    cr_assert_eq(get("order_number"), TN_VERDICT_TRUST);
    cr_assert_eq(get(""), TN_VERDICT_MASK);
    cr_assert_eq(get("passwor"), TN_VERDICT_ASK);
    tn_verdict_table_free(&table);
    cr_assert_eq(get("password"), TN_VERDICT_ASK);
}

Test(verdict_table, keeps_what_it_was_told_first)
{
    tn_verdict_table_init(&table);
    add("name", TN_VERDICT_KEEP);
    size_t bytes = tn_verdict_table_bytes(&table);
    add("name", TN_VERDICT_MASK);
    cr_assert_eq(get("name"), TN_VERDICT_KEEP);
    cr_assert_eq(tn_verdict_table_bytes(&table), bytes);
    tn_verdict_table_free(&table);
}

Test(verdict_table, compares_texts_whose_hashes_are_the_same)
{
    tn_verdict_table_init(&table);
    tn_verdict_table_add(&table, TN_TEXT("a"), 1, TN_VERDICT_MASK);
    tn_verdict_table_add(&table, TN_TEXT("b"), 1, TN_VERDICT_KEEP);
    cr_assert_eq(tn_verdict_table_get(&table, TN_TEXT("a"), 1), TN_VERDICT_MASK);
    cr_assert_eq(tn_verdict_table_get(&table, TN_TEXT("b"), 1), TN_VERDICT_KEEP);
    cr_assert_eq(tn_verdict_table_get(&table, TN_TEXT("c"), 1), TN_VERDICT_ASK);
    tn_verdict_table_free(&table);
}

Test(verdict_table, forgets_nothing_and_takes_no_more_when_it_is_full)
{
    char text[24];
    tn_verdict_table_init(&table);
    for (int i = 0; i < TN_MAX_VERDICTS + 100; i++) {
        snprintf(text, sizeof(text), "key %d", i);
        add(text, i % 2 ? TN_VERDICT_KEEP : TN_VERDICT_MASK);
    }
    for (int i = 0; i < TN_MAX_VERDICTS + 100; i++) {
        snprintf(text, sizeof(text), "key %d", i);
        tn_verdict expected = i >= TN_MAX_VERDICTS ? TN_VERDICT_ASK : i % 2 ? TN_VERDICT_KEEP : TN_VERDICT_MASK;
        cr_assert_eq(get(text), expected, "%s", text);
    }
    cr_assert_lt(tn_verdict_table_bytes(&table), 512 * 1024);
    tn_verdict_table_free(&table);
}

Test(verdict_table, does_not_remember_long_texts)
{
    char bytes[TN_MAX_REMEMBERED_TEXT + 2];
    memset(bytes, 'a', sizeof(bytes));
    bytes[sizeof(bytes) - 1] = '\0';
    tn_verdict_table_init(&table);
    add(bytes, TN_VERDICT_MASK);
    cr_assert_eq(get(bytes), TN_VERDICT_ASK);
    bytes[TN_MAX_REMEMBERED_TEXT] = '\0';
    add(bytes, TN_VERDICT_MASK);
    cr_assert_eq(get(bytes), TN_VERDICT_MASK);
    tn_verdict_table_free(&table);
}

Test(verdict_table, without_memory_remembers_less)
{
    for_each_failing_allocation {
        tn_verdict_table_init(&table);
        add("name", TN_VERDICT_KEEP);
        add("password", TN_VERDICT_MASK);
        bool forgot = get("name") == TN_VERDICT_ASK || get("password") == TN_VERDICT_ASK;
        cr_assert_eq(forgot, allocation_failed());
        tn_verdict_table_free(&table);
    }
}

enum { THREADS = 4, TEXTS = 3000 };

static void *add_all(void *unused)
{
    (void)unused;
    char text[24];
    for (int i = 0; i < TEXTS; i++) {
        snprintf(text, sizeof(text), "key %d", i);
        add(text, i % 2 ? TN_VERDICT_KEEP : TN_VERDICT_MASK);
        cr_assert_eq(get(text), i % 2 ? TN_VERDICT_KEEP : TN_VERDICT_MASK);
    }
    return NULL;
}

Test(verdict_table, is_used_by_threads_at_once)
{
    pthread_t threads[THREADS];
    tn_verdict_table_init(&table);
    for (int i = 0; i < THREADS; i++) cr_assert_eq(pthread_create(&threads[i], NULL, add_all, NULL), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    size_t bytes = tn_verdict_table_bytes(&table);
    add_all(NULL);
    cr_assert_eq(tn_verdict_table_bytes(&table), bytes);
    tn_verdict_table_free(&table);
}
