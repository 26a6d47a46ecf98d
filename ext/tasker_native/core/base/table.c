#include "base/table.h"

#include "base/process.h"

#include <xxhash.h>

#define FIRST_BUCKETS 16

uint64_t tn_hash(tn_text text)
{
    /* The address is another one in every process: nobody can prepare keys that all fall into one bucket. */
    return XXH3_64bits_withSeed(text.bytes, text.size, (uint64_t)(uintptr_t)&tn_this_process);
}

void tn_table_init(tn_table *table)
{
    *table = (tn_table){0};
}

void tn_table_free(tn_table *table)
{
    tn_free(table->buckets);
    tn_table_init(table);
}

static tn_table_node **bucket_of(const tn_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

tn_table_node *tn_table_find(const tn_table *table, uint64_t hash, tn_table_equal equal, const void *key)
{
    if (table->count == 0) return NULL;

    for (tn_table_node *node = *bucket_of(table, hash); node; node = node->next) {
        if (node->hash == hash && equal(node, key)) return node;
    }
    return NULL;
}

static tn_status resize(tn_table *table, size_t bucket_count)
{
    tn_table bigger = {.bucket_count = bucket_count, .count = table->count};
    bigger.buckets = tn_alloc_zeroed(bucket_count * sizeof(*bigger.buckets));
    if (!bigger.buckets) return TN_ERROR_MEMORY;

    for (size_t i = 0; i < table->bucket_count; i++) {
        for (tn_table_node *node = table->buckets[i], *next; node; node = next) {
            next = node->next;
            tn_table_node **bucket = bucket_of(&bigger, node->hash);
            node->next = *bucket;
            *bucket = node;
        }
    }
    tn_free(table->buckets);
    *table = bigger;
    return TN_OK;
}

tn_status tn_table_add(tn_table *table, tn_table_node *node, uint64_t hash)
{
    if (table->count >= table->bucket_count) {
        tn_status status = resize(table, table->bucket_count ? table->bucket_count * 2 : FIRST_BUCKETS);
        if (status != TN_OK && table->bucket_count == 0) return status;
    }
    tn_table_node **bucket = bucket_of(table, hash);
    node->hash = hash;
    node->next = *bucket;
    *bucket = node;
    table->count++;
    return TN_OK;
}

void tn_table_remove(tn_table *table, tn_table_node *node)
{
    tn_table_node **link = bucket_of(table, node->hash);
    while (*link != node) link = &(*link)->next;
    *link = node->next;
    table->count--;
}
