#include "support.h"

#include "base/ids.h"
#include "base/process.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(tn_span_id));
}

Test(ids, random_ones_do_not_repeat)
{
    static tn_span_id ids[20000];
    tn_id_generator generator;
    tn_id_generator_init(&generator);
    for (int i = 0; i < 20000; i++) ids[i] = tn_span_id_random(&generator);

    qsort(ids, 20000, sizeof(*ids), compare_ids);
    for (int i = 1; i < 20000; i++) cr_assert_not(same_span_id(ids[i - 1], ids[i]));
}

Test(ids, two_generators_differ)
{
    tn_id_generator a, b;
    tn_id_generator_init(&a);
    tn_id_generator_init(&b);
    cr_assert_not(same_trace_id(tn_trace_id_random(&a), tn_trace_id_random(&b)));
}

Test(ids, are_never_zero_even_from_a_generator_stuck_at_zero)
{
    tn_id_generator stuck = {.generation = tn_process_generation()};
    tn_trace_id trace_id = tn_trace_id_random(&stuck);
    cr_assert_not(same_trace_id(trace_id, (tn_trace_id){{0}}));
    cr_assert_not(tn_span_id_none(tn_span_id_random(&stuck)));
}

Test(ids, random_ones_of_a_fork_differ_from_the_parent_s)
{
    tn_id_generator generator;
    tn_id_generator_init(&generator);
    (void)tn_span_id_random(&generator);

    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        atomic_fetch_add(&tn_this_process.generation, 1);
        tn_trace_id id = tn_trace_id_random(&generator);
        _exit(write(ends[1], &id, sizeof(id)) == sizeof(id) ? 0 : 1);
    }
    tn_trace_id theirs, ours = tn_trace_id_random(&generator);
    cr_assert_eq(read(ends[0], &theirs, sizeof(theirs)), sizeof(theirs));
    cr_assert_eq(waitpid(child, NULL, 0), child);
    cr_assert_not(same_trace_id(ours, theirs));
}

Test(ids, derived_ones_are_the_same_wherever_they_are_derived)
{
    char trace_hex[33] = "", span_hex[17] = "";
    tn_trace_id trace_id = tn_trace_id_derived(tn_seed_of(TN_TEXT("shop")), TN_TEXT("task-1"));
    tn_span_id span_id = tn_span_id_derived(tn_seed_of(TN_TEXT("shop")), TN_TEXT("task-1"));
    tn_hex(trace_hex, trace_id.bytes, sizeof(trace_id));
    tn_hex(span_hex, span_id.bytes, sizeof(span_id));

    /* Written down once: another process, host or release must find the same. */
    cr_assert_str_eq(trace_hex, "f30d53a4cf44d108f7cf21c595eb1c9d");
    cr_assert_str_eq(span_hex, "6b084b93d70fb5a5");
}

Test(ids, derived_ones_differ_by_text_and_by_seed)
{
    tn_trace_id id = tn_trace_id_derived(1, TN_TEXT("task-1"));
    cr_assert(same_trace_id(id, tn_trace_id_derived(1, TN_TEXT("task-1"))));
    cr_assert_not(same_trace_id(id, tn_trace_id_derived(1, TN_TEXT("task-2"))));
    cr_assert_not(same_trace_id(id, tn_trace_id_derived(2, TN_TEXT("task-1"))));
    cr_assert_not(same_span_id(tn_span_id_derived(1, TN_TEXT("task-1")), tn_span_id_derived(2, TN_TEXT("task-1"))));
}

Test(ids, a_derived_span_id_is_no_half_of_its_trace_id)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        tn_trace_id trace_id = tn_trace_id_derived(seed, TN_TEXT("task-1"));
        tn_span_id span_id = tn_span_id_derived(seed, TN_TEXT("task-1"));
        cr_assert_neq(memcmp(span_id.bytes, trace_id.bytes, 8), 0);
        cr_assert_neq(memcmp(span_id.bytes, trace_id.bytes + 8, 8), 0);
    }
}

Test(ids, an_empty_text_has_derived_ones_too)
{
    cr_assert_not(tn_span_id_none(tn_span_id_derived(0, TN_NO_TEXT)));
    cr_assert_eq(tn_seed_of(TN_NO_TEXT), tn_seed_of((tn_text){NULL, 0}));
}

Test(ids, only_all_zero_is_none)
{
    cr_assert(tn_span_id_none((tn_span_id){{0}}));
    for (int i = 0; i < 8; i++) {
        tn_span_id id = {{0}};
        id.bytes[i] = 1;
        cr_assert_not(tn_span_id_none(id));
    }
}

Test(ids, hex_is_lower_case_with_leading_zeros)
{
    char out[9] = "--------";
    tn_hex(out, (const uint8_t[]){0x00, 0x0f, 0xa0, 0xff}, 4);
    cr_assert_str_eq(out, "000fa0ff");
}
