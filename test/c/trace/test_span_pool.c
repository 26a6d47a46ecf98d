#include "support.h"

#include "trace/span.h"

#include <pthread.h>

TestSuite(span_pool, .fini = all_memory_is_back);

static tn_span *new_span(tn_span_stock *stock)
{
    tn_span *span = tn_span_new(stock, TN_TEXT("s"), (tn_trace_id){{1}}, (tn_span_id){{1}}, (tn_span_id){{0}});
    cr_assert_not_null(span);
    return span;
}

static tn_span_list list_of(tn_span_stock *stock, size_t count)
{
    tn_span_list list = {0};
    for (size_t i = 0; i < count; i++) tn_span_list_add(&list, new_span(stock));
    return list;
}

Test(span_pool, memory_of_spans_that_left_serves_spans_to_come)
{
    tn_span_pool pool;
    tn_span_pool_init(&pool, 10);
    tn_span_stock stock = {.pool = &pool};
    tn_span_list list = list_of(&stock, 3);
    size_t live = live_allocations();
    tn_span_list_recycle(&list, &pool);
    cr_assert_eq(list.count, 0);
    cr_assert_eq(live_allocations(), live);

    list = list_of(&stock, 3);
    cr_assert_eq(live_allocations(), live);
    for (tn_span *span = list.first; span; span = span->next) {
        assert_text(tn_span_name(span), "s");
        cr_assert_eq(span->event_count, 0);
    }
    tn_span_list_free(&list);
    tn_span_stock_free(&stock);
    tn_span_pool_free(&pool);
}

Test(span_pool, keeps_no_journal_that_has_grown)
{
    static char text[5000];
    tn_span_pool pool;
    tn_span_pool_init(&pool, 10);
    tn_span_list list = list_of(NULL, 1);
    memset(text, 'x', sizeof(text) - 1);
    tn_span_set_status(list.first, TN_STATUS_ERROR, tn_text_of(text));
    cr_assert_eq(live_allocations(), 2);
    tn_span_list_recycle(&list, &pool);
    cr_assert_eq(live_allocations(), 1);
    tn_span_pool_free(&pool);
}

Test(span_pool, frees_what_is_more_than_it_may_keep)
{
    tn_span_pool pool;
    tn_span_pool_init(&pool, 4);
    tn_span_list list = list_of(NULL, 3), more = list_of(NULL, 3);
    tn_span_list_recycle(&list, &pool);
    tn_span_list_recycle(&more, &pool);
    cr_assert_eq(live_allocations(), 3);
    tn_span_pool_free(&pool);
}

Test(span_pool, a_stock_gives_back_what_it_did_not_use)
{
    tn_span_pool pool;
    tn_span_pool_init(&pool, 10);
    tn_span_stock stock = {.pool = &pool};
    tn_span_list list = list_of(NULL, 5);
    tn_span_list_recycle(&list, &pool);
    tn_span_free(new_span(&stock));
    tn_span_pool_free(&pool);
    cr_assert_eq(live_allocations(), 4);
    tn_span_stock_free(&stock);
}

Test(span_pool, a_span_that_was_not_needed_is_the_next_one)
{
    tn_span_stock stock = {.pool = NULL};
    tn_span *span = new_span(&stock);
    tn_span_stock_put(&stock, span);
    tn_span_stock_put(&stock, NULL);
    cr_assert_eq(new_span(&stock), span);
    tn_span_free(span);
    tn_span_stock_free(&stock);
}

#define ROUNDS 2000

static void *open_and_recycle(void *pool)
{
    tn_span_stock stock = {.pool = pool};
    for (int i = 0; i < ROUNDS; i++) {
        tn_span_list list = list_of(&stock, 1 + (size_t)i % 7);
        tn_span_list_recycle(&list, pool);
    }
    tn_span_stock_free(&stock);
    return NULL;
}

Test(span_pool, many_threads_never_get_the_same_block)
{
    tn_span_pool pool;
    tn_span_pool_init(&pool, 100);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) cr_assert_eq(pthread_create(&threads[i], NULL, open_and_recycle, &pool), 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    tn_span_pool_free(&pool);
}
