#include "support_metrics.h"

static tn_segment *segment;
static unsigned chunk;

static void prepare(void)
{
    segment = tn_segment_new_private();
    cr_assert_eq(tn_segment_add_chunk(segment, &chunk), TN_OK);
}

static void clean_up(void)
{
    tn_segment_free(segment);
    all_memory_is_back();
}

TestSuite(metric_record, .init = prepare, .fini = clean_up);

static const double bounds[] = {0.5, 1, 2};

static tn_position write_instrument(void)
{
    tn_metric_record record = {.kind = TN_METRIC_INSTRUMENT, .spec = histogram_spec("seconds", bounds, 3)};
    record.spec.unit = TN_TEXT("s");
    record.spec.help = TN_TEXT("How long");
    cr_assert_eq(tn_metric_record_write(segment, chunk, &record), TN_OK);
    return record.position;
}

static tn_metric_record write_series(tn_position of, tn_text labels)
{
    tn_metric_record record = {.kind = TN_METRIC_SERIES, .of = of, .labels = labels, .cell_count = 5};
    cr_assert_eq(tn_metric_record_write(segment, chunk, &record), TN_OK);
    return record;
}

static size_t count_records(bool *damaged)
{
    tn_metric_reader reader;
    tn_metric_record record;
    size_t count = 0;
    tn_metric_reader_init(&reader, segment, chunk);
    while (tn_metric_record_next(&reader, &record)) count++;
    *damaged = reader.damaged;
    return count;
}

Test(metric_record, is_read_as_it_was_written)
{
    tn_position instrument = write_instrument();
    tn_metric_record series = write_series(instrument, labels("a", "1", "b", "", NULL)), read;
    for (size_t i = 0; i < 5; i++) cr_assert_eq(series.cells[i], 0);
    series.cells[4] = 77;
    tn_metric_record exemplars = {.kind = TN_METRIC_EXEMPLARS, .of = series.position, .cell_count = 20};
    cr_assert_eq(tn_metric_record_write(segment, chunk, &exemplars), TN_OK);

    tn_metric_reader reader;
    tn_metric_reader_init(&reader, segment, chunk);
    cr_assert(tn_metric_record_next(&reader, &read));
    cr_assert_eq(read.kind, TN_METRIC_INSTRUMENT);
    cr_assert_eq(read.position, instrument);
    tn_instrument_spec expected = histogram_spec("seconds", bounds, 3);
    expected.unit = TN_TEXT("s");
    expected.help = TN_TEXT("How long");
    cr_assert(tn_same_instrument(&read.spec, &expected));

    cr_assert(tn_metric_record_next(&reader, &read));
    cr_assert_eq(read.kind, TN_METRIC_SERIES);
    cr_assert_eq(read.of, instrument);
    cr_assert_eq(read.position, series.position);
    cr_assert(tn_text_equal(read.labels, labels("a", "1", "b", "", NULL)));
    cr_assert_eq(read.cell_count, 5);
    cr_assert_eq(read.cells[4], 77);

    cr_assert(tn_metric_record_next(&reader, &read));
    cr_assert_eq(read.kind, TN_METRIC_EXEMPLARS);
    cr_assert_eq(read.of, series.position);
    cr_assert_eq(read.cell_count, 20);
    cr_assert_not(tn_metric_record_next(&reader, &read));
    cr_assert_not(reader.damaged);
}

Test(metric_record, a_chunk_without_room_is_full_and_stays_as_it_is)
{
    tn_position instrument = write_instrument();
    size_t written = 1;
    tn_metric_record record = {.kind = TN_METRIC_SERIES, .of = instrument, .cell_count = 5};
    for (tn_status status; (status = tn_metric_record_write(segment, chunk, &record)) == TN_OK; written++) {
        record = (tn_metric_record){.kind = TN_METRIC_SERIES, .of = instrument, .cell_count = 5};
    }
    cr_assert_eq(tn_metric_record_write(segment, chunk, &record), TN_ERROR_FULL);
    bool damaged;
    cr_assert_eq(count_records(&damaged), written);
    cr_assert_not(damaged);
    cr_assert_leq(tn_segment_chunk(segment, chunk)->used, TN_CHUNK_ROOM);
}

Test(metric_record, what_nobody_could_read_is_not_written)
{
    static const double falling[] = {2, 1};
    tn_metric_record bad[] = {
        {.kind = TN_METRIC_INSTRUMENT, .spec = counter_spec("")},
        {.kind = TN_METRIC_INSTRUMENT, .spec = counter_spec("a b")},
        {.kind = TN_METRIC_INSTRUMENT, .spec = histogram_spec("h", falling, 2)},
        {.kind = TN_METRIC_INSTRUMENT, .spec = {.name = TN_TEXT("x"), .type = 9}},
        {.kind = TN_METRIC_SERIES, .labels = TN_TEXT("\x01\x00")},
        {.kind = TN_METRIC_SERIES, .labels = TN_TEXT("\x01\x00\x01\x00xyz")},
        {.kind = (tn_metric_record_kind)9},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        cr_assert_eq(tn_metric_record_write(segment, chunk, &bad[i]), TN_ERROR_INVALID, "%zu", i);
        cr_assert_eq(tn_segment_chunk(segment, chunk)->used, 0);
    }
    write_instrument();
    bool damaged;
    cr_assert_eq(count_records(&damaged), 1);
}

/* What its checksum covers is all but the cells. */
Test(metric_record, a_changed_bit_ends_its_chunk_there_unless_it_is_in_a_cell)
{
    tn_position instrument = write_instrument();
    write_series(instrument, labels("a", "1", NULL));
    uint32_t end = tn_segment_chunk(segment, chunk)->used;
    tn_metric_record last = write_series(instrument, labels("a", "2", NULL));
    uint8_t *bytes = (uint8_t *)tn_segment_chunk(segment, chunk) + sizeof(tn_chunk);
    size_t cells = (size_t)((uint8_t *)last.cells - bytes);
    for (size_t at = end; at < tn_segment_chunk(segment, chunk)->used; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bool damaged;
            bytes[at] ^= (uint8_t)(1u << bit);
            cr_assert_eq(count_records(&damaged), at < cells ? 2 : 3, "byte %zu", at);
            cr_assert_eq(damaged, at < cells);
            bytes[at] ^= (uint8_t)(1u << bit);
        }
    }
}

Test(metric_record, a_chunk_that_is_longer_than_it_can_be_has_none)
{
    write_instrument();
    uint32_t good = tn_segment_chunk(segment, chunk)->used;
    static const uint32_t lengths[] = {1, 4, TN_CHUNK_ROOM + 8, TN_CHUNK_SIZE, UINT32_MAX, UINT32_MAX - 7};
    bool damaged;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        tn_segment_chunk(segment, chunk)->used = lengths[i];
        cr_assert_eq(count_records(&damaged), 0);
        cr_assert(damaged);
    }
    tn_segment_chunk(segment, chunk)->used = TN_CHUNK_ROOM;
    cr_assert_eq(count_records(&damaged), 1);
    cr_assert(damaged);
    for (uint32_t used = 8; used < good; used += 8) {
        tn_segment_chunk(segment, chunk)->used = used;
        cr_assert_eq(count_records(&damaged), 0);
        cr_assert(damaged);
    }
}

Test(metric_record, labels_are_read_as_they_were_written_and_no_further)
{
    tn_text row = labels("a", "1", "bc", "", NULL);
    tn_text rest = row;
    tn_label label;
    cr_assert(tn_labels_next(&rest, &label));
    assert_text(label.name, "a");
    assert_text(label.value, "1");
    cr_assert(tn_labels_next(&rest, &label));
    assert_text(label.name, "bc");
    assert_text(label.value, "");
    cr_assert_not(tn_labels_next(&rest, &label));
    for (size_t size = 0; size < row.size; size++) {
        tn_text cut = exact_copy(row.bytes, size), left = cut;
        while (tn_labels_next(&left, &label)) continue;
        free_copy(cut);
    }
    tn_buffer buffer;
    tn_buffer_init(&buffer, 1000000);
    static char large[UINT16_MAX + 1];
    cr_assert_eq(tn_labels_append(&buffer, (tn_label){TN_TEXT("a"), {large, sizeof(large)}}), TN_ERROR_LIMIT);
    cr_assert_eq(tn_labels_append(&buffer, (tn_label){TN_TEXT("a"), {large, UINT16_MAX}}), TN_OK);
    rest = tn_buffer_text(&buffer);
    cr_assert(tn_labels_next(&rest, &label));
    cr_assert_eq(label.value.size, UINT16_MAX);
    tn_buffer_free(&buffer);
}
