#ifndef TN_BASE_INDEX_H
#define TN_BASE_INDEX_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Finds items by their hash: open addressing with linear probing, so that a look costs one cache miss beside those of the
 * item itself, from a few items to millions. Items are their owner's. Not thread-safe. */
typedef struct {
    uint64_t hash;
    void *item; /* NULL: free */
} tn_index_slot;

typedef struct {
    tn_index_slot *slots; /* NULL until the first item */
    size_t slot_count;    /* a power of two, or 0 */
    size_t count;
    size_t most; /* items that are expected at most */
} tn_index;

/* most: beyond some thousand items it takes room for that many at once (at most a million): moving all of them again and
 * again would show in how long single calls take. More than that are possible. */
void tn_index_init(tn_index *index, size_t most);
void tn_index_expect(tn_index *index, size_t most); /* another `most` */
void tn_index_free(tn_index *index);

/* Room for so many items in all. TN_OK or TN_ERROR_MEMORY. */
tn_status tn_index_reserve(tn_index *index, size_t count) TN_MUST_CHECK;

/* Adds an item that is not in it. TN_OK or TN_ERROR_MEMORY; where there is room for it always TN_OK. */
tn_status tn_index_add(tn_index *index, uint64_t hash, void *item) TN_MUST_CHECK;

/* Takes out an item that is in it. */
void tn_index_remove(tn_index *index, uint64_t hash, const void *item);

/* Says that this hash will be looked for soon. */
static inline void tn_index_fetch(const tn_index *index, uint64_t hash)
{
    if (index->slots) __builtin_prefetch(&index->slots[hash & (index->slot_count - 1)], 1);
}

/* Whether the item is the one with this key. */
typedef bool (*tn_index_equal)(const void *item, const void *key);

/* NULL when there is none. */
static inline void *tn_index_find(const tn_index *index, uint64_t hash, tn_index_equal equal, const void *key)
{
    if (index->count == 0) return NULL;

    size_t mask = index->slot_count - 1;
    for (size_t at = hash & mask; index->slots[at].item; at = (at + 1) & mask) {
        if (index->slots[at].hash == hash && equal(index->slots[at].item, key)) return index->slots[at].item;
    }
    return NULL;
}

#endif
