#include "base/table.h"

#include "base/process.h"

/* All of it in here: most texts are short, and a call into a library costs as much as hashing them. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#define FIRST_BUCKETS 16

/* An address is another one in every process: nobody can prepare keys that all fall into one bucket. */
static uint64_t secret(void)
{
    return (uint64_t)(uintptr_t)&tn_this_process;
}

uint64_t tn_hash(tn_text text)
{
    return XXH3_64bits_withSeed(text.bytes, text.size, secret());
}

#define SHORT_PAIR 64

/* Both in a row, so that they are hashed at once: where the first one ends is a part of it. */
static XXH128_hash_t hash_short_pair(tn_text a, tn_text b)
{
    char row[1 + SHORT_PAIR];
    row[0] = (char)a.size;
    if (a.size > 0) memcpy(row + 1, a.bytes, a.size);
    if (b.size > 0) memcpy(row + 1 + a.size, b.bytes, b.size);
    return XXH3_128bits_withSeed(row, 1 + a.size + b.size, secret());
}

tn_wide_hash tn_hash_pair(tn_text a, tn_text b)
{
    XXH128_hash_t hash = a.size + b.size <= SHORT_PAIR ? hash_short_pair(a, b)
                                                       : XXH3_128bits_withSeed(b.bytes, b.size, tn_hash(a));
    return (tn_wide_hash){hash.low64, hash.high64};
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
