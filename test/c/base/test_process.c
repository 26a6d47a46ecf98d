#include "support.h"

#include "base/process.h"

TestSuite(process, .fini = all_memory_is_back);

Test(process, allocates_zeroed_memory)
{
    unsigned char *bytes = tn_alloc_zeroed(100);
    cr_assert_not_null(bytes);
    for (int i = 0; i < 100; i++) cr_assert_eq(bytes[i], 0);
    tn_free(bytes);
}

Test(process, realloc_keeps_what_was_there_and_starts_from_nothing)
{
    char *bytes = tn_realloc(NULL, 4);
    memcpy(bytes, "word", 4);
    bytes = tn_realloc(bytes, 4000);
    cr_assert_eq(memcmp(bytes, "word", 4), 0);
    cr_assert_eq(live_allocations(), 1);
    tn_free(bytes);
}

Test(process, freeing_nothing_does_nothing)
{
    tn_free(NULL);
    cr_assert_eq(live_allocations(), 0);
}

Test(process, answers_NULL_when_there_is_no_memory)
{
    no_memory();
    cr_assert_null(tn_alloc(1));
    cr_assert_null(tn_alloc_zeroed(1));
    cr_assert_null(tn_realloc(NULL, 1));
}

Test(process, a_realloc_that_fails_leaves_the_old_memory)
{
    char *bytes = tn_alloc(4);
    memcpy(bytes, "word", 4);
    no_memory();
    cr_assert_null(tn_realloc(bytes, 4000));
    cr_assert_eq(memcmp(bytes, "word", 4), 0);
    tn_free(bytes);
}

Test(process, the_generation_is_what_was_counted)
{
    unsigned before = tn_process_generation();
    atomic_fetch_add(&tn_this_process.generation, 1);
    cr_assert_eq(tn_process_generation(), before + 1);
}
