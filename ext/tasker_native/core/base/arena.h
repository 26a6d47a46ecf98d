#ifndef TN_BASE_ARENA_H
#define TN_BASE_ARENA_H

#include <stddef.h>

/* Memory that is given back as a whole. Not thread-safe. */
typedef struct tn_arena_block tn_arena_block;

typedef struct {
    tn_arena_block *blocks; /* the last one first */
    size_t left;            /* bytes of it */
    size_t allocated, cap;
} tn_arena;

/* cap: bytes in all, > 0. Allocates nothing yet. */
void tn_arena_init(tn_arena *arena, size_t cap);
void tn_arena_free(tn_arena *arena);

/* Aligned to 8 bytes, zeroed. NULL when there is no memory, or the cap is reached. */
void *tn_arena_alloc(tn_arena *arena, size_t size);

#endif
