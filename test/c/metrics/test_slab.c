#include "support_metrics.h"

#include "metrics/slab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

TestSuite(slab, .init = prepare_metrics, .fini = clean_up_metrics);

static tn_slab slab_of(tn_segment *segment)
{
    tn_slab slab;
    cr_assert_eq(tn_slab_open(&slab, segment), TN_OK);
    return slab;
}

static uint64_t total_of(tn_segment *segment, const char *name)
{
    view seen = look_at(&segment, 1);
    uint64_t total = seen_total(&seen, name);
    look_away(&seen);
    return total;
}

Test(slab, finds_again_what_it_was_given)
{
    tn_segment *segment = tn_segment_new_private();
    tn_slab slab = slab_of(segment);
    tn_instrument_spec spec = counter_spec("a"), other = counter_spec("a");
    other.help = TN_TEXT("Another one");
    tn_slab_series *series = slab_series(&slab, &spec, labels("x", "1", NULL));
    cr_assert_eq(slab_series(&slab, &spec, labels("x", "1", NULL)), series);
    cr_assert_neq(slab_series(&slab, &spec, labels("x", "2", NULL)), series);
    cr_assert_neq(slab_series(&slab, &other, labels("x", "1", NULL)), series);
    cr_assert_null(series->inherited);
    tn_slab_close(&slab);
    tn_segment_free(segment);
}

Test(slab, what_a_dead_process_has_counted_goes_on_and_its_gauges_do_not)
{
    static const double bounds[] = {1, 2};
    tn_instrument_spec counter = counter_spec("c"), gauge = gauge_spec("g", TN_COMBINE_SUM);
    tn_instrument_spec histogram = histogram_spec("h", bounds, 2);
    tn_segment *holder = open_segment(), *segment = open_segment();
    tn_slab slab = slab_of(segment);
    slab_series(&slab, &counter, labels("x", "1", NULL))->cells[0] = 5;
    tn_slab_series *level = slab_series(&slab, &gauge, TN_NO_TEXT);
    level->cells[0] = tn_cell_of_double(7);
    level->cells[1] = 1;
    tn_slab_series *times = slab_series(&slab, &histogram, TN_NO_TEXT);
    times->cells[1] = 3;
    cr_assert_eq(tn_slab_add_exemplars(&slab, times), TN_OK);
    times->exemplars[TN_EXEMPLAR_TIME] = 9;
    tn_slab_close(&slab);
    tn_segment_free(segment);

    segment = open_segment();
    slab = slab_of(segment);
    cr_assert_eq(tn_segment_own_slab(segment), 1);
    cr_assert_eq(slab.damaged, 0);
    tn_slab_series *counted = slab_series(&slab, &counter, labels("x", "1", NULL));
    cr_assert_eq(counted->cells[0], 5);
    cr_assert_eq(counted->inherited[0], 5);
    counted->cells[0] += 2;
    cr_assert_eq(slab_series(&slab, &gauge, TN_NO_TEXT)->cells[1], 0);
    times = slab_series(&slab, &histogram, TN_NO_TEXT);
    cr_assert_eq(times->cells[1], 3);
    cr_assert_eq(times->exemplars[TN_EXEMPLAR_TIME], 9);
    cr_assert_eq(total_of(holder, "c"), 7);
    tn_slab_close(&slab);
    tn_segment_free(segment);
    tn_segment_free(holder);
}

static size_t give_series(tn_slab *slab, const tn_instrument_spec *spec, size_t first, size_t count, size_t limit)
{
    size_t overflowed = 0;
    for (size_t i = first; i < first + count; i++) {
        char value[24];
        snprintf(value, sizeof(value), "%zu", i);
        tn_slab_instrument *instrument;
        tn_slab_series *series;
        cr_assert_eq(tn_slab_instrument_of(slab, spec, &instrument), TN_OK);
        cr_assert_eq(tn_slab_series_of(slab, instrument, labels("n", value, NULL), limit, &series), TN_OK);
        series->cells[0]++;
        overflowed += tn_text_equal(series->labels, tn_overflow_labels);
    }
    return overflowed;
}

Test(slab, beyond_the_limit_there_is_one_series_for_all_also_in_one_that_was_taken_over)
{
    enum { LIMIT = 10 };
    tn_instrument_spec spec = counter_spec("c");
    for (size_t count = LIMIT - 1; count <= 10 * LIMIT; count += count == 10 * LIMIT ? 1 : count > LIMIT ? 89 : 1) {
        tn_segment *holder = open_segment(), *segment = open_segment();
        tn_slab slab = slab_of(segment);
        size_t too_many = count > LIMIT ? count - LIMIT : 0;
        cr_assert_eq(give_series(&slab, &spec, 0, count, LIMIT), too_many);
        cr_assert_eq(give_series(&slab, &spec, 0, count, LIMIT), too_many, "the same again");
        cr_assert_eq(total_of(holder, "c"), 2 * count);
        tn_slab_close(&slab);
        tn_segment_free(segment);

        segment = open_segment();
        slab = slab_of(segment);
        size_t left = LIMIT - (count - too_many);
        cr_assert_eq(give_series(&slab, &spec, 1000, 20, LIMIT), 20 - left);
        cr_assert_eq(give_series(&slab, &spec, 0, count, LIMIT), too_many, "those that were there stay");
        cr_assert_eq(total_of(holder, "c"), 3 * count + 20);
        tn_slab_close(&slab);
        tn_segment_free(segment);
        tn_segment_free(holder);
    }
}

Test(slab, takes_as_many_chunks_as_it_needs)
{
    tn_segment *segment = open_segment(), *other = open_segment();
    tn_slab slab = slab_of(segment), its = slab_of(other);
    tn_instrument_spec spec = counter_spec("c");
    for (size_t i = 0; i < 20; i++) {
        give_series(&slab, &spec, i * 500, 500, SIZE_MAX);
        give_series(&its, &spec, i * 500, 500, SIZE_MAX);
    }
    cr_assert_gt(tn_segment_chunk_count(segment), 8);
    cr_assert_eq(total_of(segment, "c"), 20000);
    tn_slab_close(&slab);
    tn_slab_close(&its);
    tn_segment_free(other);
    tn_segment_free(segment);
}

Test(slab, says_when_the_segment_is_full_and_keeps_what_it_has)
{
    tn_segment *segment = tn_segment_new_private();
    tn_slab slab = slab_of(segment);
    tn_instrument_spec spec = counter_spec("c");
    tn_slab_series *first = slab_series(&slab, &spec, TN_NO_TEXT), *next;
    unsigned chunk;
    while (tn_segment_add_chunk(segment, &chunk) == TN_OK)
        tn_segment_chunk(segment, chunk)->used = 8; /* another one's */
    tn_slab_instrument *instrument;
    cr_assert_eq(tn_slab_instrument_of(&slab, &spec, &instrument), TN_OK);
    tn_status status = TN_OK;
    size_t made = 0;
    for (; status == TN_OK; made += status == TN_OK) {
        char value[24];
        snprintf(value, sizeof(value), "%zu", made);
        status = tn_slab_series_of(&slab, instrument, labels("n", value, NULL), SIZE_MAX, &next);
    }
    cr_assert_eq(status, TN_ERROR_FULL);
    cr_assert_gt(made, 100);
    first->cells[0] = 4;
    cr_assert_eq(total_of(segment, "c"), 4);
    tn_slab_close(&slab);
    tn_segment_free(segment);
}

/* --- Damage -------------------------------------------------------------------------------------------- */

/* As many bytes as a series has at least. */
static void spoil(unsigned chunk, size_t at)
{
    uint8_t bytes[64];
    memset(bytes, 0xFF, sizeof(bytes));
    int file = open(path_in_folder("metrics.1"), O_WRONLY);
    cr_assert_eq(pwrite(file, bytes, sizeof(bytes), (off_t)(4096 + chunk * TN_CHUNK_SIZE + at)), 64);
    close(file);
}

Test(slab, damage_costs_what_follows_in_its_chunk_and_what_comes_then_is_counted)
{
    static const size_t places[] = {0, 8, 1000, 30000};
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        tn_instrument_spec spec = counter_spec("c");
        tn_segment *holder = open_segment(), *segment = open_segment();
        tn_slab slab = slab_of(segment);
        give_series(&slab, &spec, 0, 3000, SIZE_MAX);
        cr_assert_gt(slab.chunk, 1, "more than two chunks");
        tn_slab_close(&slab);
        tn_segment_free(segment);
        spoil(0, places[i]);

        segment = open_segment();
        slab = slab_of(segment);
        cr_assert_eq(slab.damaged, 1);
        uint64_t before = total_of(holder, "c");
        cr_assert_lt(before, 3000);
        give_series(&slab, &spec, 10000, 6000, SIZE_MAX);
        cr_assert_eq(total_of(holder, "c"), before + 6000, "damage at %zu", places[i]);
        tn_slab_close(&slab);
        tn_segment_free(segment);
        tn_segment_free(holder);
    }
}

Test(slab, the_first_chunk_is_lost_and_what_comes_then_is_counted)
{
    tn_instrument_spec spec = counter_spec("c"), other = counter_spec("d");
    tn_segment *holder = open_segment(), *segment = open_segment();
    tn_slab slab = slab_of(segment);
    give_series(&slab, &spec, 0, 1500, SIZE_MAX);
    give_series(&slab, &other, 0, 100, SIZE_MAX); /* its instrument is in the second chunk */
    cr_assert_eq(slab.chunk, 1);
    tn_slab_close(&slab);
    tn_segment_free(segment);
    spoil(0, 8);

    segment = open_segment();
    slab = slab_of(segment);
    give_series(&slab, &other, 1000, 6000, SIZE_MAX);
    cr_assert_eq(total_of(holder, "d"), 6100);
    tn_slab_close(&slab);
    tn_segment_free(segment);
    tn_segment_free(holder);
}

Test(slab, the_first_chunk_is_taken_for_free_and_what_comes_then_is_counted)
{
    tn_instrument_spec spec = counter_spec("c"), other = counter_spec("d");
    tn_segment *holder = open_segment(), *segment = open_segment();
    tn_slab slab = slab_of(segment);
    give_series(&slab, &spec, 0, 1500, SIZE_MAX);
    give_series(&slab, &other, 0, 100, SIZE_MAX);
    tn_slab_close(&slab);
    tn_segment_free(segment);
    int file = open(path_in_folder("metrics.1"), O_WRONLY);
    cr_assert_eq(pwrite(file, "\0", 2, 40), 2); /* the header's slabs */
    close(file);

    segment = open_segment();
    slab = slab_of(segment);
    give_series(&slab, &other, 1000, 6000, SIZE_MAX);
    cr_assert_eq(total_of(holder, "d"), 6100);
    tn_slab_close(&slab);
    tn_segment_free(segment);
    tn_segment_free(holder);
}

/* --- Memory -------------------------------------------------------------------------------------------- */

Test(slab, memory_that_runs_out_while_it_is_taken_over_is_an_error_and_no_leak)
{
    static const double bounds[] = {1};
    tn_instrument_spec counter = counter_spec("c"), histogram = histogram_spec("h", bounds, 1);
    tn_segment *holder = open_segment(), *segment = open_segment();
    tn_slab slab = slab_of(segment);
    give_series(&slab, &counter, 0, 20, SIZE_MAX);
    cr_assert_eq(tn_slab_add_exemplars(&slab, slab_series(&slab, &histogram, TN_NO_TEXT)), TN_OK);
    tn_slab_close(&slab);
    tn_segment_free(segment);

    segment = open_segment();
    for_each_failing_allocation {
        tn_status status = tn_slab_open(&slab, segment);
        cr_assert(status == TN_OK || (status == TN_ERROR_MEMORY && allocation_failed()));
        if (status == TN_OK) tn_slab_close(&slab);
    }
    cr_assert_eq(total_of(holder, "c"), 20);
    tn_segment_free(segment);
    tn_segment_free(holder);
}

Test(slab, memory_that_runs_out_while_it_grows_is_an_error_and_no_leak)
{
    tn_instrument_spec spec = counter_spec("c");
    for_each_failing_allocation {
        enough_memory();
        tn_segment *segment = tn_segment_new_private();
        tn_slab slab = slab_of(segment);
        scarce_memory();
        tn_slab_instrument *instrument;
        tn_slab_series *series;
        tn_status status = tn_slab_instrument_of(&slab, &spec, &instrument);
        if (status == TN_OK) status = tn_slab_series_of(&slab, instrument, TN_NO_TEXT, 1, &series);
        cr_assert(status == TN_OK || (status == TN_ERROR_MEMORY && allocation_failed()));
        enough_memory();
        slab_series(&slab, &spec, TN_NO_TEXT)->cells[0] = 3; /* and again */
        cr_assert_eq(total_of(segment, "c"), 3);
        tn_slab_close(&slab);
        tn_segment_free(segment);
    }
}
