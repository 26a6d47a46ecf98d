#include "support.h"

#include "event/key_memo.h"

#include <stdio.h>

TestSuite(key_memo, .fini = all_memory_is_back);

static const tn_key masked = {.verdict = TN_VERDICT_MASK, .field = TN_FIELD_ERROR, .is_id = true};

static tn_text numbered_key(char *out, size_t size, int number)
{
    return (tn_text){out, (size_t)snprintf(out, size, "key_%d", number)};
}

Test(key_memo, remembers_what_it_was_told)
{
    tn_key_memo memo;
    tn_key_memo_init(&memo);
    cr_assert_null(tn_key_memo_find(&memo, TN_TEXT("token")));
    tn_key_memo_add(&memo, TN_TEXT("token"), masked);

    const tn_key *key = tn_key_memo_find(&memo, TN_TEXT("token"));
    cr_assert_not_null(key);
    cr_assert_eq(key->verdict, TN_VERDICT_MASK);
    cr_assert_eq(key->field, TN_FIELD_ERROR);
    cr_assert(key->is_id);
    cr_assert_null(tn_key_memo_find(&memo, TN_TEXT("Token")), "keys are remembered as they are written");
    tn_key_memo_clear(&memo);
}

Test(key_memo, copies_names)
{
    char name[] = "token";
    tn_key_memo memo;
    tn_key_memo_init(&memo);
    tn_key_memo_add(&memo, tn_text_of(name), masked);
    memset(name, 'x', 5);
    cr_assert_not_null(tn_key_memo_find(&memo, TN_TEXT("token")));
    tn_key_memo_clear(&memo);
}

Test(key_memo, forgets_all_and_is_usable_at_once)
{
    tn_key_memo memo;
    tn_key_memo_init(&memo);
    for (int i = 0; i < 100; i++) {
        char name[32];
        tn_key_memo_add(&memo, numbered_key(name, sizeof(name), i), masked);
    }
    cr_assert_gt(memo.bytes, 0);
    tn_key_memo_clear(&memo);
    cr_assert_eq(memo.bytes, 0);
    cr_assert_eq(live_allocations(), 0);
    cr_assert_null(tn_key_memo_find(&memo, TN_TEXT("key_1")));

    tn_key_memo_add(&memo, TN_TEXT("key_1"), masked);
    cr_assert_not_null(tn_key_memo_find(&memo, TN_TEXT("key_1")));
    tn_key_memo_clear(&memo);
}

Test(key_memo, does_not_remember_long_keys)
{
    char name[TN_MAX_REMEMBERED_KEY + 1];
    memset(name, 'x', sizeof(name));
    tn_key_memo memo;
    tn_key_memo_init(&memo);
    tn_key_memo_add(&memo, (tn_text){name, TN_MAX_REMEMBERED_KEY + 1}, masked);
    cr_assert_eq(live_allocations(), 0);
    tn_key_memo_add(&memo, (tn_text){name, TN_MAX_REMEMBERED_KEY}, masked);
    cr_assert_not_null(tn_key_memo_find(&memo, (tn_text){name, TN_MAX_REMEMBERED_KEY}));
    tn_key_memo_clear(&memo);
}

Test(key_memo, remembers_so_many_keys_and_no_more)
{
    char name[32];
    tn_key_memo memo;
    tn_key_memo_init(&memo);
    for (int i = 0; i < TN_MAX_REMEMBERED_KEYS + 100; i++) {
        tn_key_memo_add(&memo, numbered_key(name, sizeof(name), i), masked);
    }
    cr_assert_eq(memo.table.count, TN_MAX_REMEMBERED_KEYS);
    cr_assert_not_null(tn_key_memo_find(&memo, numbered_key(name, sizeof(name), TN_MAX_REMEMBERED_KEYS - 1)));
    cr_assert_null(tn_key_memo_find(&memo, numbered_key(name, sizeof(name), TN_MAX_REMEMBERED_KEYS)));
    tn_key_memo_clear(&memo);
}

Test(key_memo, an_empty_key_is_a_key)
{
    tn_key_memo memo;
    tn_key_memo_init(&memo);
    tn_key_memo_add(&memo, TN_NO_TEXT, masked);
    cr_assert_not_null(tn_key_memo_find(&memo, TN_NO_TEXT));
    tn_key_memo_clear(&memo);
}

Test(key_memo, that_cannot_allocate_just_does_not_remember)
{
    for_each_failing_allocation {
        tn_key_memo memo;
        tn_key_memo_init(&memo);
        char name[32];
        for (int i = 0; i < 40; i++) tn_key_memo_add(&memo, numbered_key(name, sizeof(name), i), masked);

        size_t found = 0;
        for (int i = 0; i < 40; i++) found += tn_key_memo_find(&memo, numbered_key(name, sizeof(name), i)) != NULL;
        cr_assert_geq(found, allocation_failed() ? 39 : 40);
        tn_key_memo_clear(&memo);
    }
}

Test(key_memo, describes_every_field_by_its_name)
{
#define ASSERT_FIELD(id, name) cr_assert_eq(tn_key_describe(TN_TEXT(name)).field, id);
    TN_FIELDS(ASSERT_FIELD)
#undef ASSERT_FIELD
    cr_assert_eq(tn_key_describe(TN_TEXT("task")).field, TN_FIELD_NONE);
    cr_assert_eq(tn_key_describe(TN_TEXT("Task_id")).field, TN_FIELD_NONE);
    cr_assert_eq(tn_key_describe(TN_NO_TEXT).field, TN_FIELD_NONE);
}

Test(key_memo, describes_what_is_an_id)
{
    cr_assert(tn_key_describe(TN_TEXT("id")).is_id);
    cr_assert(tn_key_describe(TN_TEXT("order_id")).is_id);
    cr_assert_not(tn_key_describe(TN_TEXT("valid")).is_id);
    cr_assert_not(tn_key_describe(TN_TEXT("ids")).is_id);
    cr_assert_not(tn_key_describe(TN_NO_TEXT).is_id);
}

Test(key_memo, a_description_has_no_verdict_yet)
{
    cr_assert_eq(tn_key_describe(TN_TEXT("task_id")).verdict, TN_VERDICT_ASK);
}
