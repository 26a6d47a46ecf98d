#ifndef TN_BASE_TABLE_H
#define TN_BASE_TABLE_H

#include "base/status.h"
#include "base/text.h"

#include <stdint.h>

/* A hash table of nodes that live inside the caller's own structs; the table owns its buckets only.
 * Lookups stay O(1) from one node to millions. Not thread-safe. */
typedef struct tn_table_node {
    struct tn_table_node *next;
    uint64_t hash;
} tn_table_node;

typedef struct {
    tn_table_node **buckets; /* NULL until the first node */
    size_t bucket_count;     /* a power of two, or 0 */
    size_t count;
} tn_table;

/* Whether `node` is the one with this key. */
typedef bool (*tn_table_equal)(const tn_table_node *node, const void *key);

/* For tables only: the same text has another hash in another process. */
uint64_t tn_hash(tn_text text);

/* A hash of two texts that is wide enough to stand for them: two pairs of texts with the same one are as unlikely as two
 * random ids that are the same. */
typedef struct {
    uint64_t first, rest;
} tn_wide_hash;

tn_wide_hash tn_hash_pair(tn_text a, tn_text b);

void tn_table_init(tn_table *table);

/* Frees the buckets; the nodes are their owner's. */
void tn_table_free(tn_table *table);

/* NULL when there is none. */
static inline tn_table_node *tn_table_find(const tn_table *table, uint64_t hash, tn_table_equal equal, const void *key)
{
    if (table->count == 0) return NULL;

    for (tn_table_node *node = table->buckets[hash & (table->bucket_count - 1)]; node; node = node->next) {
        if (node->hash == hash && equal(node, key)) return node;
    }
    return NULL;
}

/* Adds a node that is in no table. TN_OK, or TN_ERROR_MEMORY for the very first node only: a table that
 * can't grow gets slower, not smaller. */
tn_status tn_table_add(tn_table *table, tn_table_node *node, uint64_t hash) TN_MUST_CHECK;

/* Takes out a node that is in the table. */
void tn_table_remove(tn_table *table, tn_table_node *node);

/* The struct that holds a member, from the member's address. */
#define TN_CONTAINER(pointer, type, member) ((type *)(void *)((char *)(pointer) - (offsetof(type, member))))

#endif
