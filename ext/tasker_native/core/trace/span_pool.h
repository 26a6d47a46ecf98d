#ifndef TN_TRACE_SPAN_POOL_H
#define TN_TRACE_SPAN_POOL_H

#include <stdatomic.h>
#include <stddef.h>

/* Memory of spans that have left, for spans to come. The worker gives it back, those who open spans take it; neither
 * waits for the other, nor for the lock that malloc takes when one thread frees what another has allocated.
 *
 * Thread-safe, without locks. What it holds are blocks as tn_span_new makes them, without a journal of their own. */
typedef struct tn_span tn_span;

typedef struct {
    tn_span *_Atomic first; /* linked by `next` */
    atomic_size_t count;
    size_t capacity; /* blocks; what is given beyond is freed */
} tn_span_pool;

void tn_span_pool_init(tn_span_pool *pool, size_t capacity);

/* Frees what it holds; nobody may use it any more. */
void tn_span_pool_free(tn_span_pool *pool);

/* A list of `count` blocks, linked from first to last. */
void tn_span_pool_give(tn_span_pool *pool, tn_span *first, tn_span *last, size_t count);

/* What one taker has fetched from the pool. One thread at a time. */
typedef struct {
    tn_span_pool *pool;
    tn_span *first;
} tn_span_stock;

/* NULL when there is none. Its bytes are undefined. */
tn_span *tn_span_stock_take(tn_span_stock *stock);

/* Gives back a span that was not needed, without a journal of its own; NULL is fine. */
void tn_span_stock_put(tn_span_stock *stock, tn_span *span);

/* Frees what was not used. */
void tn_span_stock_free(tn_span_stock *stock);

#endif
