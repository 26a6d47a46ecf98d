#include "support.h"

#include "event/key_table.h"

#include <stdio.h>

TestSuite(key_table, .fini = all_memory_is_back);

static tn_text numbered_key(char *out, size_t size, int number)
{
    return (tn_text){out, (size_t)snprintf(out, size, "key_%d", number)};
}

Test(key_table, has_one_key_of_a_name)
{
    char name[] = "token";
    tn_key_table keys;
    tn_key_table_init(&keys);
    tn_key *key = tn_key_table_get(&keys, tn_text_of(name));
    cr_assert_not_null(key);
    memset(name, 'x', 5);
    assert_text(key->name.text, "token");
    cr_assert_eq(tn_key_table_get(&keys, TN_TEXT("token")), key);
    cr_assert_neq(tn_key_table_get(&keys, TN_TEXT("Token")), key, "keys are remembered as they are written");
    tn_key_table_free(&keys);
}

Test(key_table, numbers_its_keys_densely)
{
    char name[32];
    tn_key_table keys;
    tn_key_table_init(&keys);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(tn_key_table_get(&keys, numbered_key(name, sizeof(name), i))->name.id, (uint32_t)i);
    }
    cr_assert_eq(tn_key_table_get(&keys, numbered_key(name, sizeof(name), 7))->name.id, 7);
    tn_key_table_free(&keys);
}

Test(key_table, describes_a_key_and_leaves_its_verdict_to_be_asked)
{
    tn_key_table keys;
    tn_key_table_init(&keys);
    tn_key *key = tn_key_table_get(&keys, TN_TEXT("task_id"));
    cr_assert_eq(key->info.field, TN_FIELD_TASK_ID);
    cr_assert(key->info.is_id);
    cr_assert_eq(key->info.verdict, TN_VERDICT_ASK);
    tn_key_table_free(&keys);
}

Test(key_table, forgets_verdicts_but_no_key)
{
    char name[32];
    tn_key_table keys;
    tn_key_table_init(&keys);
    for (int i = 0; i < 100; i++) {
        tn_key_table_get(&keys, numbered_key(name, sizeof(name), i))->info.verdict = TN_VERDICT_MASK;
    }
    tn_key *before = tn_key_table_get(&keys, numbered_key(name, sizeof(name), 99));
    tn_key_table_forget_verdicts(&keys);
    cr_assert_eq(keys.table.count, 100);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(tn_key_table_get(&keys, numbered_key(name, sizeof(name), i))->info.verdict, TN_VERDICT_ASK);
    }
    cr_assert_eq(tn_key_table_get(&keys, numbered_key(name, sizeof(name), 99)), before);
    tn_key_table_free(&keys);
}

Test(key_table, does_not_remember_long_keys)
{
    char name[TN_MAX_REMEMBERED_KEY + 1];
    memset(name, 'x', sizeof(name));
    tn_key_table keys;
    tn_key_table_init(&keys);
    cr_assert_null(tn_key_table_get(&keys, (tn_text){name, TN_MAX_REMEMBERED_KEY + 1}));
    cr_assert_eq(live_allocations(), 0);
    cr_assert_not_null(tn_key_table_get(&keys, (tn_text){name, TN_MAX_REMEMBERED_KEY}));
    tn_key_table_free(&keys);
}

Test(key_table, remembers_so_many_keys_and_no_more)
{
    char name[32];
    tn_key_table keys;
    tn_key_table_init(&keys);
    for (int i = 0; i < TN_MAX_REMEMBERED_KEYS; i++) {
        cr_assert_not_null(tn_key_table_get(&keys, numbered_key(name, sizeof(name), i)));
    }
    cr_assert_null(tn_key_table_get(&keys, TN_TEXT("one too many")));
    cr_assert_not_null(tn_key_table_get(&keys, numbered_key(name, sizeof(name), 0)), "the first are still known");
    cr_assert_gt(keys.bytes, TN_MAX_REMEMBERED_KEYS * sizeof(tn_key));
    tn_key_table_free(&keys);
}

Test(key_table, an_empty_key_is_a_key)
{
    tn_key_table keys;
    tn_key_table_init(&keys);
    cr_assert_not_null(tn_key_table_get(&keys, TN_NO_TEXT));
    tn_key_table_free(&keys);
}

Test(key_table, that_cannot_allocate_just_does_not_remember)
{
    for_each_failing_allocation {
        tn_key_table keys;
        tn_key_table_init(&keys);
        char name[32];
        size_t found = 0;
        for (int i = 0; i < 40; i++) found += tn_key_table_get(&keys, numbered_key(name, sizeof(name), i)) != NULL;
        cr_assert_geq(found, allocation_failed() ? 39 : 40);
        tn_key_table_free(&keys);
    }
}

Test(key_table, describes_every_field_by_its_name)
{
#define ASSERT_FIELD(id, name) cr_assert_eq(tn_key_describe(TN_TEXT(name)).field, id);
    TN_FIELDS(ASSERT_FIELD)
#undef ASSERT_FIELD
    cr_assert_eq(tn_key_describe(TN_TEXT("task")).field, TN_FIELD_NONE);
    cr_assert_eq(tn_key_describe(TN_TEXT("Task_id")).field, TN_FIELD_NONE);
    cr_assert_eq(tn_key_describe(TN_NO_TEXT).field, TN_FIELD_NONE);
}

Test(key_table, describes_what_is_an_id)
{
    cr_assert(tn_key_describe(TN_TEXT("id")).is_id);
    cr_assert(tn_key_describe(TN_TEXT("order_id")).is_id);
    cr_assert_not(tn_key_describe(TN_TEXT("valid")).is_id);
    cr_assert_not(tn_key_describe(TN_TEXT("ids")).is_id);
    cr_assert_not(tn_key_describe(TN_NO_TEXT).is_id);
}

Test(key_table, a_description_has_no_verdict_yet)
{
    cr_assert_eq(tn_key_describe(TN_TEXT("task_id")).verdict, TN_VERDICT_ASK);
}
