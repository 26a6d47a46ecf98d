#include "support.h"

#include "trace/step_table.h"

#include <stdio.h>

static tn_step_table steps;

static void start(void)
{
    tn_step_table_init(&steps, 1000);
}

static void stop(void)
{
    tn_step_table_free(&steps);
    all_memory_is_back();
}

TestSuite(step_table, .init = start, .fini = stop);

static tn_step_key key_of(const char *task_id, const char *step_id)
{
    return tn_step_key_of(tn_text_of(task_id), tn_text_of(step_id));
}

static tn_open_step *open_step(const char *step_id)
{
    tn_span *span = tn_span_new(NULL, tn_text_of(step_id), (tn_trace_id){{1}}, (tn_span_id){{1}}, (tn_span_id){{0}});
    tn_open_step *step = span ? tn_step_table_open(&steps, key_of("task", step_id), span, 7) : NULL;
    if (!step) tn_span_free(span);
    return step;
}

static void end_step(const char *step_id)
{
    tn_span_free(tn_step_table_end(&steps, tn_step_table_find(&steps, key_of("task", step_id))));
}

Test(step_table, knows_what_is_open)
{
    cr_assert_null(tn_step_table_find(&steps, key_of("task", "1")));
    tn_open_step *step = open_step("1");
    assert_text(tn_span_name(tn_open_step_span(step)), "1");
    cr_assert_eq(step->since, 7);
    cr_assert_eq(tn_step_table_find(&steps, key_of("task", "1")), step);
    cr_assert_null(tn_step_table_find(&steps, key_of("task", "2")));
    cr_assert_not(tn_step_table_has_ended(&steps, key_of("task", "1")));
}

Test(step_table, tells_ids_apart_wherever_one_ends_and_the_next_begins)
{
    tn_step_key key = key_of("12", "3");
    cr_assert_neq(key.first, key_of("1", "23").first);
    cr_assert_neq(key.first, key_of("", "123").first);
    cr_assert_neq(key.first, key_of("3", "12").first);
    cr_assert_neq(key.rest, key_of("1", "23").rest);
}

Test(step_table, what_ends_leaves_a_tombstone_until_it_is_opened_again)
{
    open_step("1");
    end_step("1");
    cr_assert_null(tn_step_table_find(&steps, key_of("task", "1")));
    cr_assert(tn_step_table_has_ended(&steps, key_of("task", "1")));
    open_step("1");
    cr_assert_not(tn_step_table_has_ended(&steps, key_of("task", "1")));
}

Test(step_table, has_the_oldest_at_hand)
{
    cr_assert_null(tn_step_table_oldest(&steps));
    tn_open_step *first = open_step("1");
    open_step("2");
    cr_assert_eq(tn_step_table_oldest(&steps), first);
    end_step("1");
    cr_assert_eq(tn_step_table_oldest(&steps), tn_step_table_find(&steps, key_of("task", "2")));
}

static void bury_numbered(int first, int end)
{
    char id[16];
    for (int i = first; i < end; i++) {
        snprintf(id, sizeof(id), "%d", i);
        tn_step_table_bury(&steps, key_of("task", id));
    }
}

static size_t count_remembered(int first, int end)
{
    char id[16];
    size_t count = 0;
    for (int i = first; i < end; i++) {
        snprintf(id, sizeof(id), "%d", i);
        count += tn_step_table_has_ended(&steps, key_of("task", id));
    }
    return count;
}

Test(step_table, remembers_the_last_ends_and_forgets_older_ones)
{
    bury_numbered(0, 1);
    size_t memory = tn_step_table_memory(&steps);
    bury_numbered(1, 100000);
    cr_assert_eq(count_remembered(100000 - 100, 100000), 100);
    cr_assert_eq(count_remembered(0, 50000), 0);
    cr_assert_eq(tn_step_table_memory(&steps), memory);
}

/* Steps come and go for long, and some stay: compared with a plain list. */
Test(step_table, of_thousands_of_steps_knows_those_that_are_open_and_the_oldest)
{
    enum { MOST = 3000 };
    static int ids[MOST];
    size_t count = 0;
    char id[16];
    for (int next = 0; next < 30000; next++) {
        bool ends = count > 0 && (count == MOST || random_below(100) < 48);
        if (ends) {
            size_t at = random_below(8) ? random_below(count) : 0;
            snprintf(id, sizeof(id), "%d", ids[at]);
            end_step(id);
            memmove(ids + at, ids + at + 1, (--count - at) * sizeof(*ids));
        }
        snprintf(id, sizeof(id), "%d", next);
        cr_assert_not_null(open_step(id));
        ids[count++] = next;
        if (count == MOST) end_step(id), count--;

        snprintf(id, sizeof(id), "%d", ids[0]);
        cr_assert_eq(tn_step_table_oldest(&steps), tn_step_table_find(&steps, key_of("task", id)));
        cr_assert_eq(tn_step_table_count(&steps), count);
    }
    for (size_t i = 0; i < count; i++) {
        snprintf(id, sizeof(id), "%d", ids[i]);
        cr_assert_not_null(tn_step_table_find(&steps, key_of("task", id)));
    }
}

Test(step_table, clear_forgets_all_and_is_usable_at_once)
{
    open_step("1");
    open_step("2");
    end_step("1");
    tn_step_table_clear(&steps);
    cr_assert_null(tn_step_table_oldest(&steps));
    cr_assert_not(tn_step_table_has_ended(&steps, key_of("task", "1")));
    cr_assert_not_null(open_step("2"));
}

Test(step_table, that_cannot_allocate_keeps_what_it_has)
{
    for_each_failing_allocation {
        bool opened = open_step("1") != NULL;
        cr_assert_eq(tn_step_table_find(&steps, key_of("task", "1")) != NULL, opened);
        if (opened) end_step("1");
        cr_assert(opened || allocation_failed());
        tn_step_table_free(&steps);
    }
}
