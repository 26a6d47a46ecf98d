/* A segment of metrics of any bytes: whoever takes it over, reads it and writes it as text stays inside, and finds numbers that
 * are some. The input is what stands in its chunks; mostly with checksums that are right, or hardly anything would be read. */
#include "fuzz/fuzz.h"

#include "base/crc32c.h"
#include "metrics/metrics_text.h"
#include "metrics/slab.h"

#include <math.h>

enum { FITS = 1, TAKES_OVER = 2, LIES = 4 }; /* what the second byte says */

/* --- Records that fit ---------------------------------------------------------------------------------- */

/* As core/metrics/metric_record.c has it. */
typedef struct {
    uint32_t size, crc;
    uint16_t kind, cell_count;
    uint32_t of;
} head;

static void fit_record(head *record, uint32_t room)
{
    record->size = (record->size % 1024 + 7u) & ~7u;
    if (record->size < sizeof(*record)) record->size = sizeof(*record);
    if (record->size > room) record->size = room;
    record->cell_count %= (uint16_t)((record->size - sizeof(*record)) / 8 + 1);
    size_t fixed = record->size - record->cell_count * sizeof(uint64_t);
    record->crc = tn_crc32c(tn_crc32c(0, &record->size, 4), &record->kind, fixed - 8);
}

static void fit_records(uint8_t *bytes, uint32_t used)
{
    for (uint32_t at = 0; used - at >= sizeof(head);) {
        head *record = (head *)(void *)(bytes + at);
        fit_record(record, used - at);
        at += record->size;
    }
}

static void fill_chunk(fuzz_input *input, tn_segment *segment, uint8_t manner)
{
    unsigned number;
    fuzz_check(tn_segment_add_chunk(segment, &number) == TN_OK);
    tn_chunk *chunk = tn_segment_chunk(segment, number);
    uint32_t size = (uint32_t)fuzz_byte(input) << 8, used;
    size |= fuzz_byte(input);
    for (uint32_t i = 0; i < size && i < TN_CHUNK_ROOM && !fuzz_is_over(input); i++)
        ((uint8_t *)(chunk + 1))[i] = fuzz_byte(input);
    used = size & ~7u;
    if (used > TN_CHUNK_ROOM) used = TN_CHUNK_ROOM;
    if (manner & FITS) fit_records((uint8_t *)(chunk + 1), used);
    chunk->used = manner & LIES ? (uint32_t)fuzz_number(input) : used;
}

/* --- What is made of them ------------------------------------------------------------------------------ */

static void take_over(tn_segment *segment)
{
    tn_slab slab;
    if (tn_slab_open(&slab, segment) != TN_OK) return;
    tn_instrument_spec spec = {.name = TN_TEXT("fuzz_total"), .type = TN_COUNTER};
    tn_slab_instrument *instrument;
    tn_slab_series *series;
    if (tn_slab_instrument_of(&slab, &spec, &instrument) == TN_OK &&
        tn_slab_series_of(&slab, instrument, TN_NO_TEXT, 10, &series) == TN_OK)
        series->cells[0] = 1;
    tn_slab_close(&slab);
}

static void check_series(const tn_family *family, const tn_snapshot_series *series)
{
    fuzz_check(isfinite(series->number) && isfinite(tn_snapshot_value(series)));
    fuzz_check((series->counts != NULL) == (family->spec.type == TN_HISTOGRAM));
    for (size_t i = 0; series->exemplars && i <= family->spec.bound_count; i++)
        fuzz_check(isfinite(series->exemplars[i].value));
}

static void check_families(const tn_snapshot *snapshot)
{
    for (size_t f = 0; f < snapshot->family_count; f++) {
        const tn_family *family = snapshot->families[f];
        for (size_t i = 0; i < family->series_count; i++) check_series(family, family->series[i]);
    }
}

static void write_texts(tn_snapshot *snapshot)
{
    tn_buffer out;
    tn_buffer_init(&out, (size_t)64 * 1024 * 1024);
    tn_prometheus_text(&out, snapshot);
    fuzz_check(out.status != TN_OK || out.size == 0 || out.bytes[out.size - 1] == '\n');
    tn_buffer_clear(&out);
    tn_openmetrics_text(&out, snapshot);
    fuzz_check(out.status != TN_OK || memcmp(out.bytes + out.size - 6, "# EOF\n", 6) == 0);
    tn_buffer_clear(&out);
    tn_metrics_json(&out, snapshot);
    tn_buffer_append_byte(&out, '}');
    fuzz_check(out.status != TN_OK || fuzz_is_json(tn_buffer_text(&out)));
    tn_buffer_clear(&out);
    tn_status status = tn_metrics_csv(&out, snapshot, TN_TEXT("now"));
    fuzz_check(status == out.status || (status == TN_ERROR_MEMORY && out.size == 0));
    tn_buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input input = {bytes, bytes + size};
    size_t chunks = 1 + fuzz_below(&input, 3), fails_at;
    uint8_t manner = fuzz_byte(&input);
    fails_at = fuzz_byte(&input);
    fuzz_fail_allocation(0);
    tn_segment *segment = tn_segment_new_private();
    fuzz_check(segment);
    for (size_t i = 0; i < chunks; i++) fill_chunk(&input, segment, manner);

    fuzz_fail_allocation(fails_at);
    if (manner & TAKES_OVER) take_over(segment);
    tn_snapshot snapshot;
    tn_snapshot_init(&snapshot);
    if (tn_snapshot_add(&snapshot, segment) == TN_OK && tn_snapshot_finish(&snapshot) == TN_OK) {
        check_families(&snapshot);
        fuzz_plant(snapshot.family_count > 0 && snapshot.families[0]->series_count > 0 && snapshot.damaged > 0);
        write_texts(&snapshot);
    }
    tn_snapshot_free(&snapshot);
    tn_segment_free(segment);
    fuzz_fail_allocation(0);
    fuzz_check(fuzz_live_allocations() == 0);
    return 0;
}
