#include "support.h"

#include "base/arena.h"

TestSuite(arena, .fini = all_memory_is_back);

Test(arena, gives_zeroed_memory_that_is_aligned_and_nobody_elses)
{
    enum { PIECES = 5000 };
    static struct {
        uint8_t *bytes;
        size_t size;
    } pieces[PIECES];
    tn_arena arena;
    tn_arena_init(&arena, SIZE_MAX / 2);
    cr_assert_eq(live_allocations(), 0, "nothing yet");
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i].size = random_below(i % 100 == 0 ? 200000 : 300);
        pieces[i].bytes = tn_arena_alloc(&arena, pieces[i].size);
        cr_assert_not_null(pieces[i].bytes);
        cr_assert_eq((uintptr_t)pieces[i].bytes % 8, 0);
        for (size_t n = 0; n < pieces[i].size; n++) cr_assert_eq(pieces[i].bytes[n], 0);
        memset(pieces[i].bytes, (int)(i % 255 + 1), pieces[i].size);
    }
    for (size_t i = 0; i < PIECES; i++) {
        for (size_t n = 0; n < pieces[i].size; n++) cr_assert_eq(pieces[i].bytes[n], i % 255 + 1);
    }
    cr_assert_lt(live_allocations(), 1000);
    tn_arena_free(&arena);
    cr_assert_eq(live_allocations(), 0);
    cr_assert_not_null(tn_arena_alloc(&arena, 1), "and can be used again");
    tn_arena_free(&arena);
    tn_arena_free(&arena);
}

Test(arena, never_has_more_than_its_cap)
{
    static const size_t caps[] = {1, 7, 8, 100, 65536, 65537, 200000};
    for (size_t c = 0; c < sizeof(caps) / sizeof(*caps); c++) {
        tn_arena arena;
        tn_arena_init(&arena, caps[c]);
        size_t given = 0;
        while (tn_arena_alloc(&arena, 24)) given += 24;
        cr_assert_leq(given, caps[c]);
        while (tn_arena_alloc(&arena, 8)) given += 8;
        cr_assert_leq(arena.allocated, caps[c]);
        cr_assert_gt(given + 100, caps[c], "and hardly less: %zu of %zu", given, caps[c]);
        cr_assert_null(tn_arena_alloc(&arena, caps[c]));
        tn_arena_free(&arena);
    }
}

Test(arena, refuses_what_no_machine_has)
{
    tn_arena arena;
    tn_arena_init(&arena, 1000000);
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 6, SIZE_MAX - 7, SIZE_MAX / 2, 1000001};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) cr_assert_null(tn_arena_alloc(&arena, sizes[i]));
    cr_assert_not_null(tn_arena_alloc(&arena, 1000000));
    cr_assert_null(tn_arena_alloc(&arena, 1));
    tn_arena_free(&arena);
}

Test(arena, that_cannot_allocate_keeps_what_it_has)
{
    for_each_failing_allocation {
        tn_arena arena;
        tn_arena_init(&arena, 1000000);
        char *first = tn_arena_alloc(&arena, 10);
        if (first) memset(first, 'x', 10);
        char *large = tn_arena_alloc(&arena, 100000);
        cr_assert((first && large) || allocation_failed());
        if (first) cr_assert_eq(first[9], 'x');
        tn_arena_free(&arena);
    }
}
