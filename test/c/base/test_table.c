#include "support.h"

#include "base/table.h"

#include <stdlib.h>

TestSuite(table, .fini = all_memory_is_back);

typedef struct {
    int key;
    tn_table_node node;
} item;

static bool has_key(const tn_table_node *node, const void *key)
{
    return TN_CONTAINER(node, item, node)->key == *(const int *)key;
}

static uint64_t hash_of(int key)
{
    return tn_hash((tn_text){(const char *)&key, sizeof(key)});
}

static item *find(const tn_table *table, int key)
{
    tn_table_node *node = tn_table_find(table, hash_of(key), has_key, &key);
    return node ? TN_CONTAINER(node, item, node) : NULL;
}

Test(table, that_is_empty_finds_nothing_and_holds_no_memory)
{
    tn_table table;
    tn_table_init(&table);
    cr_assert_null(find(&table, 1));
    cr_assert_eq(live_allocations(), 0);
    tn_table_free(&table);
}

Test(table, finds_each_of_many_and_not_those_removed)
{
    enum { COUNT = 20000 };
    item *items = calloc(COUNT, sizeof(*items));
    tn_table table;
    tn_table_init(&table);
    for (int i = 0; i < COUNT; i++) {
        items[i].key = i;
        cr_assert_eq(tn_table_add(&table, &items[i].node, hash_of(i)), TN_OK);
    }
    cr_assert_eq(table.count, COUNT);
    for (int i = 0; i < COUNT; i++) cr_assert_eq(find(&table, i), &items[i]);

    for (int i = 0; i < COUNT; i += 2) tn_table_remove(&table, &items[i].node);
    cr_assert_eq(table.count, COUNT / 2);
    for (int i = 0; i < COUNT; i++) cr_assert_eq(find(&table, i), i % 2 ? &items[i] : NULL);
    tn_table_free(&table);
    free(items);
}

Test(table, tells_apart_different_keys_of_the_same_hash)
{
    item items[100];
    tn_table table;
    tn_table_init(&table);
    for (int i = 0; i < 100; i++) {
        items[i].key = i;
        cr_assert_eq(tn_table_add(&table, &items[i].node, 42), TN_OK);
    }
    tn_table_remove(&table, &items[50].node);
    for (int i = 0; i < 100; i++) {
        tn_table_node *node = tn_table_find(&table, 42, has_key, &i);
        cr_assert_eq(node, i == 50 ? NULL : &items[i].node);
    }
    tn_table_free(&table);
}

Test(table, is_empty_again_when_all_is_removed)
{
    item only = {.key = 1};
    tn_table table;
    tn_table_init(&table);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(tn_table_add(&table, &only.node, hash_of(1)), TN_OK);
        tn_table_remove(&table, &only.node);
        cr_assert_null(find(&table, 1));
    }
    cr_assert_eq(table.count, 0);
    tn_table_free(&table);
}

Test(table, that_cannot_grow_gets_slower_not_smaller)
{
    item items[1000];
    tn_table table;
    tn_table_init(&table);
    items[0].key = 0;
    cr_assert_eq(tn_table_add(&table, &items[0].node, hash_of(0)), TN_OK);

    no_memory();
    for (int i = 1; i < 1000; i++) {
        items[i].key = i;
        cr_assert_eq(tn_table_add(&table, &items[i].node, hash_of(i)), TN_OK);
    }
    enough_memory();
    for (int i = 0; i < 1000; i++) cr_assert_eq(find(&table, i), &items[i]);
    tn_table_free(&table);
}

Test(table, the_very_first_node_needs_memory)
{
    item items[40];
    for_each_failing_allocation {
        tn_table table;
        tn_table_init(&table);
        for (int i = 0; i < 40; i++) {
            items[i].key = i;
            bool fails = i == 0 && tn_table_add(&table, &items[i].node, hash_of(i)) != TN_OK;
            if (fails) {
                cr_assert(allocation_failed());
                cr_assert_null(find(&table, i));
            }
            if (i > 0 || fails) cr_assert_eq(tn_table_add(&table, &items[i].node, hash_of(i)), TN_OK);
        }
        for (int i = 0; i < 40; i++) cr_assert_eq(find(&table, i), &items[i]);
        tn_table_free(&table);
    }
}

Test(table, equal_texts_have_equal_hashes_and_nothing_has_one_too)
{
    char copy[] = "task-1";
    cr_assert_eq(tn_hash(TN_TEXT("task-1")), tn_hash(tn_text_of(copy)));
    cr_assert_neq(tn_hash(TN_TEXT("task-1")), tn_hash(TN_TEXT("task-2")));
    cr_assert_eq(tn_hash((tn_text){NULL, 0}), tn_hash(TN_TEXT("")));
}
