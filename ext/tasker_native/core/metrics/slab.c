#include "metrics/slab.h"

#include "base/clock.h"
#include "base/index.h"
#include "base/process.h"

#define OVERFLOW           \
    "\x14\x00\x04\x00"     \
    "otel_metric_overflow" \
    "true" /* OpenTelemetry, Metrics SDK, "Overflow attribute" */
const tn_text tn_overflow_labels = {OVERFLOW, sizeof(OVERFLOW) - 1};

/* --- What is there ------------------------------------------------------------------------------------- */

static bool is_instrument(const tn_table_node *node, const void *key)
{
    return tn_same_instrument(&TN_CONTAINER(node, tn_slab_instrument, node)->spec, key);
}

typedef struct {
    const tn_slab_instrument *instrument;
    tn_text labels;
} series_key;

static bool is_series(const tn_table_node *node, const void *key)
{
    const tn_slab_series *series = TN_CONTAINER(node, tn_slab_series, node);
    const series_key *wanted = key;
    return series->instrument == wanted->instrument && tn_text_equal(series->labels, wanted->labels);
}

static uint64_t series_hash(const series_key *key)
{
    return tn_hash(key->labels) ^ key->instrument->position * UINT64_C(0x9E3779B97F4A7C15);
}

static tn_status keep_instrument(tn_slab *slab, const tn_metric_record *record, tn_slab_instrument **out)
{
    tn_slab_instrument *kept = tn_alloc_zeroed(sizeof(*kept));
    if (!kept) return TN_ERROR_MEMORY;
    kept->position = record->position;
    kept->spec = record->spec;
    tn_status status = tn_table_add(&slab->instruments, &kept->node, tn_hash(kept->spec.name));
    if (status != TN_OK) tn_free(kept);
    *out = kept;
    return status;
}

static tn_status keep_series(tn_slab *slab, tn_slab_instrument *instrument, const tn_metric_record *record,
                             tn_slab_series **out)
{
    tn_slab_series *kept = tn_alloc_zeroed(sizeof(*kept));
    if (!kept) return TN_ERROR_MEMORY;
    kept->instrument = instrument;
    kept->position = record->position;
    kept->labels = record->labels;
    kept->cells = record->cells;
    tn_status status = tn_table_add(&slab->series, &kept->node, series_hash(&(series_key){instrument, record->labels}));
    if (status != TN_OK) {
        tn_free(kept);
        return status;
    }
    if (!tn_text_equal(record->labels, tn_overflow_labels)) instrument->series_count++;
    *out = kept;
    return TN_OK;
}

/* --- What was left ------------------------------------------------------------------------------------- */

/* Found by where they are: once, while all of it is read. */
typedef struct {
    tn_slab *slab;
    tn_index instruments, series;
} heritage;

static bool is_instrument_at(const void *instrument, const void *position)
{
    return ((const tn_slab_instrument *)instrument)->position == *(const tn_position *)position;
}

static bool is_series_at(const void *series, const void *position)
{
    return ((const tn_slab_series *)series)->position == *(const tn_position *)position;
}

static uint64_t position_hash(tn_position position)
{
    return position / 8 * UINT64_C(0x9E3779B97F4A7C15);
}

static tn_status inherit_cells(tn_slab_series *series, const tn_metric_record *record)
{
    if (series->instrument->spec.type == TN_GAUGE) { /* it was the dead process' */
        atomic_store_explicit(&record->cells[1], 0, memory_order_relaxed);
        atomic_store_explicit(&record->cells[0], 0, memory_order_relaxed);
        return TN_OK;
    }
    series->inherited = tn_alloc(record->cell_count * sizeof(uint64_t));
    if (!series->inherited) return TN_ERROR_MEMORY;
    for (size_t i = 0; i < record->cell_count; i++)
        series->inherited[i] = atomic_load_explicit(&record->cells[i], memory_order_relaxed);
    return TN_OK;
}

static tn_status inherit_instrument(heritage *h, const tn_metric_record *record)
{
    tn_slab_instrument *instrument;
    tn_status status = keep_instrument(h->slab, record, &instrument);
    return status == TN_OK ? tn_index_add(&h->instruments, position_hash(record->position), instrument) : status;
}

static tn_status inherit_series(heritage *h, const tn_metric_record *record)
{
    tn_slab_instrument *instrument = tn_index_find(&h->instruments, position_hash(record->of), is_instrument_at,
                                                   &record->of);
    if (!instrument || record->cell_count != tn_cell_count(&instrument->spec)) return TN_OK;
    tn_slab_series *series;
    tn_status status = keep_series(h->slab, instrument, record, &series);
    if (status == TN_OK) status = tn_index_add(&h->series, position_hash(record->position), series);
    return status == TN_OK ? inherit_cells(series, record) : status;
}

static tn_status inherit(heritage *h, const tn_metric_record *record)
{
    if (record->kind == TN_METRIC_INSTRUMENT) return inherit_instrument(h, record);
    if (record->kind == TN_METRIC_SERIES) return inherit_series(h, record);
    tn_slab_series *series = tn_index_find(&h->series, position_hash(record->of), is_series_at, &record->of);
    if (series && record->cell_count == tn_exemplar_cell_count(&series->instrument->spec))
        series->exemplars = record->cells;
    return TN_OK;
}

/* What follows damage can't be read any more, so new records must not follow it. */
static void cut_damage(tn_slab *slab, const tn_metric_reader *reader)
{
    slab->damaged++;
    atomic_store_explicit(&tn_segment_chunk(slab->segment, reader->chunk)->used, reader->end, memory_order_release);
}

static tn_status inherit_chunk(heritage *h, unsigned chunk)
{
    tn_slab *slab = h->slab;
    tn_metric_reader reader;
    tn_metric_record record;
    tn_status status = TN_OK;
    tn_metric_reader_init(&reader, slab->segment, chunk);
    while (status == TN_OK && tn_metric_record_next(&reader, &record)) status = inherit(h, &record);
    if (reader.damaged) cut_damage(slab, &reader);
    if (reader.end > 0) slab->chunk = chunk;
    return status;
}

tn_status tn_slab_open(tn_slab *slab, tn_segment *segment)
{
    *slab = (tn_slab){.segment = tn_segment_keep(segment), .chunk = TN_MAX_CHUNKS};
    tn_table_init(&slab->instruments);
    tn_table_init(&slab->series);
    heritage h = {.slab = slab};
    tn_index_init(&h.instruments, 0);
    tn_index_init(&h.series, 0);
    unsigned own = tn_segment_own_slab(segment);
    tn_status status = TN_OK;
    for (unsigned chunk = 0; chunk < tn_segment_chunk_count(segment) && status == TN_OK; chunk++) {
        if (tn_segment_slab_of(segment, chunk) == own) status = inherit_chunk(&h, chunk);
    }
    tn_index_free(&h.instruments);
    tn_index_free(&h.series);
    if (status != TN_OK) tn_slab_close(slab);
    return status;
}

static void free_series(tn_table_node *node)
{
    tn_slab_series *series = TN_CONTAINER(node, tn_slab_series, node);
    if (series->exponential) pthread_mutex_destroy(&series->exponential->lock);
    tn_free(series->exponential);
    tn_free(series->inherited);
    tn_free(series);
}

static void free_instrument(tn_table_node *node)
{
    tn_free(TN_CONTAINER(node, tn_slab_instrument, node));
}

static void free_nodes(tn_table *table, void (*free_node)(tn_table_node *))
{
    for (size_t b = 0; b < table->bucket_count; b++) {
        for (tn_table_node *node = table->buckets[b], *next; node; node = next) {
            next = node->next;
            free_node(node);
        }
    }
    tn_table_free(table);
}

void tn_slab_close(tn_slab *slab)
{
    free_nodes(&slab->series, free_series);
    free_nodes(&slab->instruments, free_instrument);
    tn_segment_free(slab->segment);
    *slab = (tn_slab){0};
}

/* --- More ---------------------------------------------------------------------------------------------- */

/* One of the own chunks that was emptied, or a new one. It lies behind what it may refer to: chunks are read in order. */
static tn_status next_chunk(tn_slab *slab)
{
    tn_segment *segment = slab->segment;
    unsigned first = slab->chunk < TN_MAX_CHUNKS ? slab->chunk + 1 : 0;
    for (unsigned chunk = first; chunk < tn_segment_chunk_count(segment); chunk++) {
        if (tn_segment_slab_of(segment, chunk) != tn_segment_own_slab(segment)) continue;
        if (atomic_load_explicit(&tn_segment_chunk(segment, chunk)->used, memory_order_relaxed) > 0) continue;
        slab->chunk = chunk;
        return TN_OK;
    }
    return tn_segment_add_chunk(segment, &slab->chunk);
}

static tn_status write_record(tn_slab *slab, tn_metric_record *record)
{
    tn_status status = TN_ERROR_FULL;
    if (slab->chunk < TN_MAX_CHUNKS) status = tn_metric_record_write(slab->segment, slab->chunk, record);
    if (status != TN_ERROR_FULL) return status;
    status = next_chunk(slab);
    return status == TN_OK ? tn_metric_record_write(slab->segment, slab->chunk, record) : status;
}

tn_status tn_slab_instrument_of(tn_slab *slab, const tn_instrument_spec *spec, tn_slab_instrument **out)
{
    tn_table_node *node = tn_table_find(&slab->instruments, tn_hash(spec->name), is_instrument, spec);
    if (node) {
        *out = TN_CONTAINER(node, tn_slab_instrument, node);
        return TN_OK;
    }
    tn_metric_record record = {.kind = TN_METRIC_INSTRUMENT, .spec = *spec};
    tn_status status = write_record(slab, &record);
    return status == TN_OK ? keep_instrument(slab, &record, out) : status;
}

static tn_slab_series *find_series(tn_slab *slab, const series_key *key)
{
    tn_table_node *node = tn_table_find(&slab->series, series_hash(key), is_series, key);
    return node ? TN_CONTAINER(node, tn_slab_series, node) : NULL;
}

static tn_status add_series(tn_slab *slab, tn_slab_instrument *instrument, tn_text labels, tn_slab_series **out)
{
    tn_metric_record record = {
        .kind = TN_METRIC_SERIES,
        .of = instrument->position,
        .labels = labels,
        .cell_count = tn_cell_count(&instrument->spec),
    };
    tn_status status = write_record(slab, &record);
    return status == TN_OK ? keep_series(slab, instrument, &record, out) : status;
}

tn_status tn_slab_series_of(tn_slab *slab, tn_slab_instrument *instrument, tn_text labels, size_t limit,
                            tn_slab_series **out)
{
    if ((*out = find_series(slab, &(series_key){instrument, labels}))) return TN_OK;
    if (instrument->series_count >= limit) {
        labels = tn_overflow_labels;
        if ((*out = find_series(slab, &(series_key){instrument, labels}))) return TN_OK;
    }
    return add_series(slab, instrument, labels, out);
}

/* --- Moving -------------------------------------------------------------------------------------------- */

static uint64_t sum_of(const tn_instrument_spec *spec, size_t cell, uint64_t a, uint64_t b)
{
    if (!tn_cell_is_double(spec, cell)) return a + b;
    return tn_cell_of_double(tn_double_of_cell(a) + tn_double_of_cell(b));
}

static tn_status move_inherited(const tn_slab_series *from, tn_slab_series *to)
{
    const tn_instrument_spec *spec = &from->instrument->spec;
    size_t count = tn_cell_count(spec);
    if (!from->inherited) return TN_OK;
    if (!to->inherited) to->inherited = tn_alloc_zeroed(count * sizeof(uint64_t));
    if (!to->inherited) return TN_ERROR_MEMORY;
    for (size_t i = 0; i < count; i++) to->inherited[i] = sum_of(spec, i, to->inherited[i], from->inherited[i]);
    return TN_OK;
}

static void move_cells(const tn_slab_series *from, tn_slab_series *to)
{
    const tn_instrument_spec *spec = &from->instrument->spec;
    for (size_t i = 0; i < tn_cell_count(spec); i++) {
        uint64_t moved = atomic_load_explicit(&from->cells[i], memory_order_relaxed);
        uint64_t there = atomic_load_explicit(&to->cells[i], memory_order_relaxed);
        uint64_t sum = spec->type == TN_GAUGE ? moved : sum_of(spec, i, there, moved);
        atomic_store_explicit(&to->cells[i], sum, memory_order_relaxed);
    }
}

/* The place is new in this process, so there is none yet. */
static void move_exponential(tn_slab_series *from, tn_slab_series *to)
{
    if (to->exponential) return;
    to->exponential = from->exponential;
    from->exponential = NULL;
}

static tn_status move_series(tn_slab_series *from, tn_slab *to)
{
    tn_slab_instrument *instrument;
    tn_slab_series *series;
    tn_status status = tn_slab_instrument_of(to, &from->instrument->spec, &instrument);
    if (status == TN_OK) status = tn_slab_series_of(to, instrument, from->labels, SIZE_MAX, &series);
    if (status == TN_OK) status = move_inherited(from, series);
    if (status != TN_OK) return status;
    move_cells(from, series);
    move_exponential(from, series);
    return TN_OK;
}

tn_status tn_slab_move(tn_slab *from, tn_slab *to)
{
    tn_status status = TN_OK;
    for (size_t b = 0; b < from->series.bucket_count; b++) {
        for (tn_table_node *node = from->series.buckets[b]; node; node = node->next) {
            tn_status moved = move_series(TN_CONTAINER(node, tn_slab_series, node), to);
            if (status == TN_OK) status = moved;
        }
    }
    return status;
}

tn_status tn_slab_add_exponential(tn_slab_series *series)
{
    tn_slab_exponential *added = tn_alloc_zeroed(sizeof(*added));
    if (!added) return TN_ERROR_MEMORY;
    pthread_mutex_init(&added->lock, NULL);
    added->since = tn_clock_wall();
    tn_exponential_init(&added->all);
    series->exponential = added;
    return TN_OK;
}

tn_status tn_slab_add_exemplars(tn_slab *slab, tn_slab_series *series)
{
    tn_metric_record record = {
        .kind = TN_METRIC_EXEMPLARS,
        .of = series->position,
        .cell_count = tn_exemplar_cell_count(&series->instrument->spec),
    };
    tn_status status = write_record(slab, &record);
    if (status == TN_OK) series->exemplars = record.cells;
    return status;
}
