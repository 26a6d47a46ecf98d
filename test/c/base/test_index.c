#include "support.h"

#include "base/index.h"

TestSuite(index, .fini = all_memory_is_back);

static bool is_number(const void *item, const void *key)
{
    return *(const int *)item == *(const int *)key;
}

/* Hashes that fall together, and wrap around the end of the slots. */
static uint64_t bad_hash(int number)
{
    return (uint64_t)number % 3 == 0 ? UINT64_MAX - (uint64_t)number % 2 : (uint64_t)number % 7;
}

#define NUMBERS 500

static int numbers[NUMBERS];

static void *find(const tn_index *index, int number)
{
    return tn_index_find(index, bad_hash(number), is_number, &number);
}

Test(index, finds_what_was_added_and_nothing_else)
{
    tn_index index;
    tn_index_init(&index, 10);
    cr_assert_null(find(&index, 1));
    for (int i = 0; i < NUMBERS; i++) {
        numbers[i] = i;
        cr_assert_eq(tn_index_add(&index, bad_hash(i), &numbers[i]), TN_OK);
    }
    for (int i = 0; i < NUMBERS; i++) cr_assert_eq(find(&index, i), &numbers[i]);
    cr_assert_null(find(&index, NUMBERS));
    tn_index_free(&index);
    cr_assert_eq(index.count, 0);
}

Test(index, behaves_as_a_plain_array_does)
{
    bool there[NUMBERS] = {false};
    tn_index index;
    tn_index_init(&index, 10);
    for (int i = 0; i < NUMBERS; i++) numbers[i] = i;
    for (int round = 0; round < 20000; round++) {
        int number = (int)random_below(round % 2 ? 40 : NUMBERS);
        if (there[number]) {
            tn_index_remove(&index, bad_hash(number), &numbers[number]);
        } else {
            cr_assert_eq(tn_index_add(&index, bad_hash(number), &numbers[number]), TN_OK);
        }
        there[number] = !there[number];
        int other = (int)random_below(NUMBERS);
        cr_assert_eq(find(&index, other), there[other] ? &numbers[other] : NULL);
    }
    tn_index_free(&index);
}

Test(index, takes_room_for_all_at_once_when_there_are_thousands)
{
    tn_index index;
    tn_index_init(&index, 100000);
    int item = 1;
    for (int i = 0; i < 5000; i++) cr_assert_eq(tn_index_add(&index, (uint64_t)i, &item), TN_OK);
    cr_assert_geq(index.slot_count, 200000);
    tn_index_free(&index);

    tn_index_init(&index, SIZE_MAX);
    for (int i = 0; i < 5000; i++) cr_assert_eq(tn_index_add(&index, (uint64_t)i, &item), TN_OK);
    cr_assert_leq(index.slot_count, 4 * 1024 * 1024);
    tn_index_free(&index);
}

Test(index, that_cannot_allocate_stays_as_it_is)
{
    for_each_failing_allocation {
        tn_index index;
        tn_index_init(&index, 10);
        int added = 0;
        for (int i = 0; i < NUMBERS; i++) {
            numbers[i] = i;
            if (tn_index_add(&index, bad_hash(i), &numbers[i]) != TN_OK) break;
            added++;
        }
        for (int i = 0; i < added; i++) cr_assert_eq(find(&index, i), &numbers[i]);
        cr_assert(added == NUMBERS || allocation_failed());
        tn_index_free(&index);
    }
}
