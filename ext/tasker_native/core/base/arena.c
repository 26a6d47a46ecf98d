#include "base/arena.h"

#include "base/process.h"

#include <stdint.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)64 * 1024)

struct tn_arena_block {
    tn_arena_block *next;
    size_t size;
    uint64_t bytes[];
};

void tn_arena_init(tn_arena *arena, size_t cap)
{
    *arena = (tn_arena){.cap = cap};
}

void tn_arena_free(tn_arena *arena)
{
    for (tn_arena_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        tn_free(block);
    }
    tn_arena_init(arena, arena->cap);
}

static tn_arena_block *add_block(tn_arena *arena, size_t size)
{
    size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    if (room > arena->cap - arena->allocated) room = arena->cap - arena->allocated;
    if (room < size) return NULL;
    tn_arena_block *block = tn_alloc(sizeof(*block) + room);
    if (!block) return NULL;

    *block = (tn_arena_block){.next = arena->blocks, .size = room};
    arena->blocks = block;
    arena->left = room;
    arena->allocated += room;
    return block;
}

void *tn_arena_alloc(tn_arena *arena, size_t size)
{
    if (size > arena->cap) return NULL;
    size = (size + 7) & ~(size_t)7;
    tn_arena_block *block = arena->blocks;
    if ((!block || arena->left < size) && !(block = add_block(arena, size))) return NULL;

    uint8_t *bytes = (uint8_t *)block->bytes + block->size - arena->left;
    arena->left -= size;
    return memset(bytes, 0, size);
}
