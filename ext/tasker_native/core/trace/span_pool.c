#include "trace/span_pool.h"

#include "base/process.h"
#include "trace/span.h"

static void free_blocks(tn_span *block)
{
    for (tn_span *next; block; block = next) {
        next = block->next;
        tn_span_block_free(block);
    }
}

void tn_span_pool_init(tn_span_pool *pool, size_t capacity)
{
    atomic_init(&pool->first, NULL);
    atomic_init(&pool->count, 0);
    pool->capacity = capacity;
}

void tn_span_pool_free(tn_span_pool *pool)
{
    free_blocks(atomic_exchange(&pool->first, NULL));
    atomic_store(&pool->count, 0);
}

void tn_span_pool_give(tn_span_pool *pool, tn_span *first, tn_span *last, size_t count)
{
    if (count == 0) return;
    if (atomic_load_explicit(&pool->count, memory_order_relaxed) + count > pool->capacity) {
        last->next = NULL;
        free_blocks(first);
        return;
    }
    atomic_fetch_add_explicit(&pool->count, count, memory_order_relaxed);
    last->next = atomic_load_explicit(&pool->first, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&pool->first, &last->next, first, memory_order_release,
                                                  memory_order_relaxed)) {}
}

/* All at once: with many takers, taking one by one would need more than a compare-and-swap. */
static tn_span *take_all(tn_span_pool *pool)
{
    if (!atomic_load_explicit(&pool->first, memory_order_relaxed)) return NULL;
    tn_span *all = atomic_exchange_explicit(&pool->first, NULL, memory_order_acquire);
    atomic_store_explicit(&pool->count, 0, memory_order_relaxed); /* behind it: rather too low than too high */
    return all;
}

tn_span *tn_span_stock_take(tn_span_stock *stock)
{
    if (!stock->first && stock->pool) stock->first = take_all(stock->pool);

    tn_span *block = stock->first;
    if (!block) return NULL;

    stock->first = block->next;
    if (stock->first) tn_span_fetch(stock->first); /* from the cache of the worker's core, while this one is filled */
    return block;
}

void tn_span_stock_put(tn_span_stock *stock, tn_span *span)
{
    if (!span) return;
    span->next = stock->first;
    stock->first = span;
}

void tn_span_stock_free(tn_span_stock *stock)
{
    free_blocks(stock->first);
    stock->first = NULL;
}
