#include "support.h"

#include "base/buffer.h"

TestSuite(buffer, .fini = all_memory_is_back);

Test(buffer, allocates_nothing_before_the_first_append)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, 1024);
    cr_assert_eq(live_allocations(), 0);
    cr_assert_eq(buffer.size, 0);
    cr_assert_eq(tn_buffer_text(&buffer).size, 0);
    tn_buffer_free(&buffer);
}

Test(buffer, keeps_what_was_appended_in_order)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, 1024);
    cr_assert_eq(tn_buffer_append(&buffer, "ab", 2), TN_OK);
    cr_assert_eq(tn_buffer_append_byte(&buffer, 'c'), TN_OK);
    cr_assert_eq(tn_buffer_append_text(&buffer, TN_TEXT("def")), TN_OK);
    cr_assert_eq(tn_buffer_printf(&buffer, "%d %s", 42, "x"), TN_OK);
    assert_text(tn_buffer_text(&buffer), "abcdef42 x");
    tn_buffer_free(&buffer);
}

Test(buffer, appending_nothing_is_fine_even_from_no_address)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, 1);
    cr_assert_eq(tn_buffer_append(&buffer, NULL, 0), TN_OK);
    cr_assert_eq(tn_buffer_append_text(&buffer, (tn_text){NULL, 0}), TN_OK);
    cr_assert_eq(buffer.size, 0);
    tn_buffer_free(&buffer);
}

Test(buffer, grows_over_many_appends_without_losing_a_byte)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, 100000);
    for (unsigned i = 0; i < 100000; i++) cr_assert_eq(tn_buffer_append_byte(&buffer, (uint8_t)(i * 7)), TN_OK);
    for (unsigned i = 0; i < 100000; i++) cr_assert_eq(buffer.bytes[i], (uint8_t)(i * 7));
    tn_buffer_free(&buffer);
}

Test(buffer, takes_exactly_its_cap_and_not_one_byte_more)
{
    for (size_t cap = 1; cap < 1000; cap += 37) {
        tn_buffer buffer;
        tn_buffer_init(&buffer, cap);
        for (size_t i = 0; i < cap; i++) cr_assert_eq(tn_buffer_append_byte(&buffer, 'x'), TN_OK);
        cr_assert_eq(buffer.size, cap);
        cr_assert_leq(buffer.capacity, cap);
        cr_assert_eq(tn_buffer_append_byte(&buffer, 'x'), TN_ERROR_LIMIT);
        tn_buffer_free(&buffer);
    }
}

Test(buffer, refuses_a_size_that_would_overflow)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, 1024);
    tn_buffer_append(&buffer, "hello", 5);
    cr_assert_eq(tn_buffer_reserve(&buffer, SIZE_MAX), TN_ERROR_LIMIT);
    tn_buffer_free(&buffer);
}

Test(buffer, is_empty_and_stays_failed_after_a_failure)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, 8);
    tn_buffer_append(&buffer, "12345678", 8);
    cr_assert_eq(tn_buffer_append_byte(&buffer, '9'), TN_ERROR_LIMIT);
    cr_assert_eq(tn_buffer_append_byte(&buffer, 'a'), TN_ERROR_LIMIT);
    cr_assert_eq(buffer.status, TN_ERROR_LIMIT);
    cr_assert_eq(buffer.size, 0);
    cr_assert_null(buffer.bytes);
    cr_assert_eq(live_allocations(), 0, "it frees itself");
}

Test(buffer, remembers_the_first_failure)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, 8);
    no_memory();
    cr_assert_eq(tn_buffer_append(&buffer, "x", 1), TN_ERROR_MEMORY);
    enough_memory();
    cr_assert_eq(tn_buffer_append(&buffer, "too long for it", 15), TN_ERROR_MEMORY);
    tn_buffer_free(&buffer);
}

Test(buffer, append_that_cannot_allocate_leaves_it_empty_and_failed)
{
    for_each_failing_allocation {
        tn_buffer buffer;
        tn_buffer_init(&buffer, 1 << 20);
        for (int i = 0; i < 100; i++) tn_buffer_append(&buffer, "a line of some length, over and over again", 42);

        cr_assert_eq(buffer.status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        cr_assert_eq(buffer.size, allocation_failed() ? 0 : 4200);
        tn_buffer_free(&buffer);
    }
}

Test(buffer, is_usable_again_after_clear)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, 8);
    tn_buffer_append(&buffer, "far too long", 12);
    tn_buffer_clear(&buffer);
    cr_assert_eq(tn_buffer_append(&buffer, "short", 5), TN_OK);
    assert_text(tn_buffer_text(&buffer), "short");
    tn_buffer_free(&buffer);
}

Test(buffer, clear_keeps_the_storage)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, 1024);
    tn_buffer_append(&buffer, "hello", 5);
    no_memory();
    tn_buffer_clear(&buffer);
    cr_assert_eq(tn_buffer_append(&buffer, "again", 5), TN_OK);
    assert_text(tn_buffer_text(&buffer), "again");
    tn_buffer_free(&buffer);
}

Test(buffer, can_be_freed_twice_and_used_again)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, 1024);
    tn_buffer_append(&buffer, "hello", 5);
    tn_buffer_free(&buffer);
    tn_buffer_free(&buffer);
    cr_assert_eq(tn_buffer_append(&buffer, "again", 5), TN_OK);
    tn_buffer_free(&buffer);
}

Test(buffer, that_starts_on_the_stack_allocates_only_when_that_is_full)
{
    uint8_t storage[16];
    tn_buffer buffer;
    tn_buffer_init_on(&buffer, storage, sizeof(storage), 1024);
    tn_buffer_append(&buffer, "0123456789abcdef", 16);
    cr_assert_eq(buffer.bytes, storage);
    cr_assert_eq(live_allocations(), 0);

    tn_buffer_append_byte(&buffer, '!');
    cr_assert_eq(live_allocations(), 1);
    assert_text(tn_buffer_text(&buffer), "0123456789abcdef!");
    tn_buffer_free(&buffer);
}

Test(buffer, that_starts_on_the_stack_never_frees_the_stack)
{
    uint8_t storage[16];
    for_each_failing_allocation {
        tn_buffer buffer;
        tn_buffer_init_on(&buffer, storage, sizeof(storage), 1024);
        tn_buffer_append(&buffer, "0123456789abcdef", 16);
        cr_assert_eq(tn_buffer_append(&buffer, "more", 4), allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        tn_buffer_free(&buffer);
    }
}

Test(buffer, lent_storage_larger_than_the_cap_does_not_raise_the_cap)
{
    uint8_t storage[16];
    tn_buffer buffer;
    tn_buffer_init_on(&buffer, storage, sizeof(storage), 8);
    cr_assert_eq(tn_buffer_append(&buffer, "12345678", 8), TN_OK);
    cr_assert_eq(tn_buffer_append_byte(&buffer, '9'), TN_ERROR_LIMIT);
}

Test(buffer, reserved_room_can_be_filled_directly)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, 1024);
    cr_assert_eq(tn_buffer_reserve(&buffer, 1000), TN_OK);
    memset(buffer.bytes, 'x', 1000);
    cr_assert_eq(buffer.size, 0);
    tn_buffer_advance(&buffer, 1000);
    cr_assert_eq(buffer.size, 1000);
    tn_buffer_free(&buffer);
}

Test(buffer, printf_cuts_after_255_bytes)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, 1024);
    cr_assert_eq(tn_buffer_printf(&buffer, "%0300d", 0), TN_OK);
    cr_assert_eq(buffer.size, 255);
    tn_buffer_free(&buffer);
}

Test(buffer, truncate_makes_it_shorter_but_never_longer)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, 1024);
    tn_buffer_append(&buffer, "hello", 5);
    tn_buffer_truncate(&buffer, 100);
    assert_text(tn_buffer_text(&buffer), "hello");
    tn_buffer_truncate(&buffer, 4);
    assert_text(tn_buffer_text(&buffer), "hell");
    tn_buffer_truncate(&buffer, 0);
    cr_assert_eq(buffer.size, 0);
    tn_buffer_free(&buffer);
}

Test(buffer, room_that_cannot_be_made_leaves_it_as_it_is)
{
    tn_buffer buffer;
    tn_buffer_init(&buffer, 1000);
    tn_buffer_append(&buffer, "hello", 5);
    cr_assert_not(tn_buffer_make_room(&buffer, 996));
    no_memory();
    cr_assert_not(tn_buffer_make_room(&buffer, 995));
    enough_memory();
    assert_text(tn_buffer_text(&buffer), "hello");
    cr_assert(tn_buffer_make_room(&buffer, 995));
    assert_text(tn_buffer_text(&buffer), "hello");
    cr_assert_geq(buffer.capacity, 1000);
    tn_buffer_free(&buffer);
}
