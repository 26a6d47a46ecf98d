#include "metrics/snapshot.h"

#include "base/table.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_ARENA ((size_t)512 * 1024 * 1024)
#define LARGEST_COUNT (UINT64_C(1) << 53) /* more than anybody counts: it is damage */

void tn_snapshot_init(tn_snapshot *self)
{
    *self = (tn_snapshot){0};
    tn_arena_init(&self->arena, MAX_ARENA);
    tn_index_init(&self->by_spec, 0);
}

static void free_indexes(tn_family **families, size_t count)
{
    for (size_t i = 0; i < count; i++) tn_index_free(&families[i]->by_labels);
}

void tn_snapshot_free(tn_snapshot *self)
{
    for (size_t i = 0; i < self->by_spec.slot_count; i++) {
        if (self->by_spec.slots[i].item) free_indexes((tn_family *[]){self->by_spec.slots[i].item}, 1);
    }
    free_indexes(self->families, self->family_count);
    tn_index_free(&self->by_spec);
    tn_arena_free(&self->arena);
    tn_snapshot_init(self);
}

/* --- Families and series ------------------------------------------------------------------------------- */

static bool has_spec(const void *family, const void *spec)
{
    return tn_same_instrument(&((const tn_family *)family)->spec, spec);
}

static tn_family *new_family(tn_snapshot *self, const tn_instrument_spec *spec)
{
    tn_family *family = tn_arena_alloc(&self->arena, sizeof(*family));
    if (!family) return NULL;
    family->spec = *spec;
    family->name = spec->name;
    tn_index_init(&family->by_labels, 0);
    return family;
}

static tn_family *family_of(tn_snapshot *self, const tn_instrument_spec *spec)
{
    uint64_t hash = tn_hash(spec->name);
    tn_family *family = tn_index_find(&self->by_spec, hash, has_spec, spec);
    if (family) return family;
    family = new_family(self, spec);
    return family && tn_index_add(&self->by_spec, hash, family) == TN_OK ? family : NULL;
}

static bool has_labels(const void *series, const void *labels)
{
    return tn_text_equal(((const tn_snapshot_series *)series)->labels, *(const tn_text *)labels);
}

static tn_snapshot_series *series_of(tn_snapshot *self, tn_family *family, tn_text labels)
{
    uint64_t hash = tn_hash(labels);
    tn_snapshot_series *series = tn_index_find(&family->by_labels, hash, has_labels, &labels);
    if (series) return series;

    series = tn_arena_alloc(&self->arena, sizeof(*series));
    if (!series) return NULL;
    series->labels = labels;
    if (family->spec.type == TN_HISTOGRAM) {
        series->counts = tn_arena_alloc(&self->arena, (family->spec.bound_count + 1) * sizeof(*series->counts));
        if (!series->counts) return NULL;
    }
    return tn_index_add(&family->by_labels, hash, series) == TN_OK ? series : NULL;
}

/* --- Cells --------------------------------------------------------------------------------------------- */

static uint64_t count_in(tn_snapshot *self, const tn_cell *cell)
{
    uint64_t count = atomic_load_explicit(cell, memory_order_relaxed);
    if (count <= LARGEST_COUNT) return count;
    self->damaged++;
    return 0;
}

static double number_in(tn_snapshot *self, const tn_cell *cell)
{
    double number = tn_double_of_cell(atomic_load_explicit(cell, memory_order_relaxed));
    if (isfinite(number)) return number;
    self->damaged++;
    return 0;
}

/* Where no double is as large, the largest. */
static double sum_of(double a, double b)
{
    double sum = a + b;
    return isfinite(sum) ? sum : copysign(DBL_MAX, sum);
}

static void add_counter(tn_snapshot *self, tn_snapshot_series *series, const tn_cell *cells)
{
    double number = number_in(self, &cells[1]);
    self->damaged += number < 0;
    series->integer += count_in(self, &cells[0]);
    series->number = sum_of(series->number, number < 0 ? 0 : number);
}

static void add_histogram(tn_snapshot *self, const tn_family *family, tn_snapshot_series *series, const tn_cell *cells)
{
    for (size_t i = 0; i <= family->spec.bound_count; i++) series->counts[i] += count_in(self, &cells[i]);
    series->number = sum_of(series->number, number_in(self, &cells[family->spec.bound_count + 1]));
}

static double combined(tn_combine combine, const tn_snapshot_series *series, double number, uint64_t time)
{
    if (series->time == 0) return number; /* the first */
    switch (combine) {
    case TN_COMBINE_MIN: return number < series->number ? number : series->number;
    case TN_COMBINE_MAX: return number > series->number ? number : series->number;
    case TN_COMBINE_LATEST: return time >= series->time ? number : series->number;
    case TN_COMBINE_SUM: break;
    }
    return sum_of(series->number, number);
}

static void add_gauge(tn_family *family, tn_snapshot_series *series, double number, uint64_t time)
{
    series->number = combined(family->spec.combine, series, number, time);
    if (time > series->time) series->time = time;
}

/* --- Reading a segment --------------------------------------------------------------------------------- */

typedef struct {
    tn_position position;
    tn_family *family;
    tn_snapshot_series *series; /* NULL: an instrument */
} place;

typedef struct {
    tn_snapshot *snapshot;
    tn_segment *segment;
    tn_index places; /* of this segment */
    uint8_t owned[TN_MAX_SLABS];
} reading;

enum { NOT_ASKED, OWNED, LEFT };

static bool is_at(const void *item, const void *position)
{
    return ((const place *)item)->position == *(const tn_position *)position;
}

static uint64_t position_hash(tn_position position)
{
    return position / 8 * UINT64_C(0x9E3779B97F4A7C15);
}

static place *place_at(const reading *r, tn_position position)
{
    return tn_index_find(&r->places, position_hash(position), is_at, &position);
}

static tn_status keep_place(reading *r, tn_position position, tn_family *family, tn_snapshot_series *series)
{
    place *kept = tn_arena_alloc(&r->snapshot->arena, sizeof(*kept));
    if (!family || !kept) return TN_ERROR_MEMORY;
    *kept = (place){position, family, series};
    return tn_index_add(&r->places, position_hash(position), kept);
}

static bool is_owned(reading *r, unsigned slab)
{
    if (r->owned[slab] == NOT_ASKED) r->owned[slab] = tn_segment_slab_is_owned(r->segment, slab) ? OWNED : LEFT;
    return r->owned[slab] == OWNED;
}

static tn_status read_gauge(reading *r, tn_family *family, const tn_metric_record *record, unsigned slab)
{
    uint64_t time = atomic_load_explicit(&record->cells[1], memory_order_acquire);
    double number = tn_double_of_cell(atomic_load_explicit(&record->cells[0], memory_order_relaxed));
    if (time == 0 || !isfinite(number) || !is_owned(r, slab)) return TN_OK;
    tn_snapshot_series *series = series_of(r->snapshot, family, record->labels);
    if (!series) return TN_ERROR_MEMORY;
    add_gauge(family, series, number, time);
    return TN_OK;
}

static tn_status read_series(reading *r, const tn_metric_record *record, unsigned slab)
{
    const place *instrument = place_at(r, record->of);
    if (!instrument || instrument->series) return TN_OK;
    tn_family *family = instrument->family;
    if (record->cell_count != tn_cell_count(&family->spec)) return TN_OK;
    if (family->spec.type == TN_GAUGE) return read_gauge(r, family, record, slab);

    tn_snapshot_series *series = series_of(r->snapshot, family, record->labels);
    if (!series) return TN_ERROR_MEMORY;
    if (family->spec.type == TN_COUNTER) add_counter(r->snapshot, series, record->cells);
    if (family->spec.type == TN_HISTOGRAM) add_histogram(r->snapshot, family, series, record->cells);
    return keep_place(r, record->position, family, series);
}

/* Read twice: a writer sets the time to 0 before it changes anything. */
static bool read_exemplar(const tn_cell *cells, tn_exemplar *out)
{
    uint64_t words[3], time = atomic_load_explicit(&cells[TN_EXEMPLAR_TIME], memory_order_acquire);
    if (time == 0) return false;
    for (size_t i = 0; i < 3; i++) words[i] = atomic_load_explicit(&cells[i], memory_order_acquire);
    double value = tn_double_of_cell(atomic_load_explicit(&cells[TN_EXEMPLAR_VALUE], memory_order_acquire));
    if (atomic_load_explicit(&cells[TN_EXEMPLAR_TIME], memory_order_acquire) != time || !isfinite(value)) return false;

    memcpy(out->trace_id.bytes, words, 16);
    memcpy(out->span_id.bytes, words + 2, 8);
    out->value = value;
    out->time = time;
    return true;
}

/* The latest of each bucket. */
static tn_status add_exemplars(tn_snapshot *self, const tn_family *family, tn_snapshot_series *series,
                               const tn_cell *cells)
{
    size_t count = family->spec.bound_count + 1;
    if (!series->exemplars) series->exemplars = tn_arena_alloc(&self->arena, count * sizeof(tn_exemplar));
    if (!series->exemplars) return TN_ERROR_MEMORY;

    for (size_t i = 0; i < count; i++) {
        tn_exemplar found;
        tn_exemplar *latest = &series->exemplars[i];
        if (read_exemplar(&cells[i * TN_EXEMPLAR_CELLS], &found) && found.time > latest->time) *latest = found;
    }
    return TN_OK;
}

static tn_status read_exemplars(reading *r, const tn_metric_record *record)
{
    const place *of = place_at(r, record->of);
    if (!of || !of->series || record->cell_count != tn_exemplar_cell_count(&of->family->spec)) return TN_OK;
    return add_exemplars(r->snapshot, of->family, of->series, record->cells);
}

static tn_status read_record(reading *r, const tn_metric_record *record, unsigned slab)
{
    switch (record->kind) {
    case TN_METRIC_INSTRUMENT: return keep_place(r, record->position, family_of(r->snapshot, &record->spec), NULL);
    case TN_METRIC_SERIES: return read_series(r, record, slab);
    case TN_METRIC_EXEMPLARS: return read_exemplars(r, record);
    }
    return TN_OK;
}

static tn_status read_chunk(reading *r, unsigned chunk)
{
    unsigned slab = tn_segment_slab_of(r->segment, chunk);
    if (slab == TN_NO_SLAB) return TN_OK;
    tn_metric_reader reader;
    tn_metric_record record;
    tn_status status = TN_OK;
    tn_metric_reader_init(&reader, r->segment, chunk);
    while (status == TN_OK && tn_metric_record_next(&reader, &record)) status = read_record(r, &record, slab);
    r->snapshot->damaged += reader.damaged;
    return status;
}

tn_status tn_snapshot_add(tn_snapshot *self, tn_segment *segment)
{
    reading r = {.snapshot = self, .segment = segment};
    tn_index_init(&r.places, 0);
    tn_status status = TN_OK;
    for (unsigned chunk = 0; chunk < tn_segment_chunk_count(segment) && status == TN_OK; chunk++)
        status = read_chunk(&r, chunk);
    tn_index_free(&r.places);
    return status;
}

/* --- The slab of this process -------------------------------------------------------------------------- */

static uint64_t inherited_count(const tn_slab_series *series, size_t cell)
{
    return series->inherited ? series->inherited[cell] : 0;
}

static uint64_t own_count(tn_snapshot *self, const tn_slab_series *series, size_t cell)
{
    uint64_t count = count_in(self, &series->cells[cell]), inherited = inherited_count(series, cell);
    if (count >= inherited) return count - inherited;
    self->damaged++;
    return 0;
}

static double own_number(tn_snapshot *self, const tn_slab_series *series, size_t cell)
{
    return number_in(self, &series->cells[cell]) - tn_double_of_cell(inherited_count(series, cell));
}

/* What a dead process has left, and this one has not touched, is not its own. */
static bool is_own(const tn_slab_series *series)
{
    const tn_instrument_spec *spec = &series->instrument->spec;
    if (spec->type == TN_GAUGE) return atomic_load_explicit(&series->cells[1], memory_order_acquire) != 0;
    for (size_t i = 0; i < tn_cell_count(spec); i++) {
        uint64_t cell = atomic_load_explicit(&series->cells[i], memory_order_relaxed);
        if (!series->inherited || cell != series->inherited[i]) return true;
    }
    return false;
}

static void add_own_cells(tn_snapshot *self, tn_family *family, tn_snapshot_series *sum, const tn_slab_series *series)
{
    switch (family->spec.type) {
    case TN_COUNTER: {
        double number = own_number(self, series, 1);
        sum->integer += own_count(self, series, 0);
        sum->number = sum_of(sum->number, number < 0 ? 0 : number);
        break;
    }
    case TN_GAUGE:
        add_gauge(family, sum, number_in(self, &series->cells[0]),
                  atomic_load_explicit(&series->cells[1], memory_order_acquire));
        break;
    case TN_HISTOGRAM:
        for (size_t i = 0; i <= family->spec.bound_count; i++) sum->counts[i] += own_count(self, series, i);
        sum->number = sum_of(sum->number, own_number(self, series, family->spec.bound_count + 1));
    }
}

static tn_status add_exponential(tn_snapshot *self, tn_snapshot_series *sum, const tn_exponential *part, uint64_t since)
{
    if (!sum->exponential) {
        sum->exponential = tn_arena_alloc(&self->arena, sizeof(*sum->exponential));
        if (!sum->exponential) return TN_ERROR_MEMORY;
        tn_exponential_init(sum->exponential);
        sum->exponential_since = since;
    }
    if (since < sum->exponential_since) sum->exponential_since = since;
    tn_exponential_add(sum->exponential, part);
    return TN_OK;
}

static tn_status add_own_exponential(tn_snapshot *self, tn_snapshot_series *sum, tn_slab_exponential *own)
{
    if (!own) return TN_OK;
    pthread_mutex_lock(&own->lock);
    tn_exponential copy = own->all;
    pthread_mutex_unlock(&own->lock);
    return add_exponential(self, sum, &copy, own->since);
}

static tn_status add_own_exemplars(tn_snapshot *self, const tn_family *family, tn_snapshot_series *sum,
                                   const tn_slab_series *series)
{
    if (!series->exemplars || family->spec.type != TN_HISTOGRAM) return TN_OK;
    return add_exemplars(self, family, sum, series->exemplars);
}

static tn_status add_own_series(tn_snapshot *self, const tn_slab_series *series, uint64_t since)
{
    if (!is_own(series)) return TN_OK;
    tn_family *family = family_of(self, &series->instrument->spec);
    tn_snapshot_series *sum = family ? series_of(self, family, series->labels) : NULL;
    if (!sum) return TN_ERROR_MEMORY;
    if (sum->since == 0 || since < sum->since) sum->since = since;
    add_own_cells(self, family, sum, series);
    tn_status status = add_own_exemplars(self, family, sum, series);
    return status == TN_OK ? add_own_exponential(self, sum, series->exponential) : status;
}

tn_status tn_snapshot_add_slab(tn_snapshot *self, const tn_slab *slab, uint64_t since)
{
    tn_status status = TN_OK;
    for (size_t b = 0; b < slab->series.bucket_count && status == TN_OK; b++) {
        for (tn_table_node *node = slab->series.buckets[b]; node && status == TN_OK; node = node->next)
            status = add_own_series(self, TN_CONTAINER(node, tn_slab_series, node), since);
    }
    return status;
}

/* --- Instruments that are not the same everywhere ------------------------------------------------------ */

static int compare_texts(tn_text a, tn_text b)
{
    int order = memcmp(a.bytes, b.bytes, a.size < b.size ? a.size : b.size);
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int by_name(const void *a, const void *b)
{
    const tn_family *left = *(tn_family *const *)a, *right = *(tn_family *const *)b;
    int order = compare_texts(left->spec.name, right->spec.name);
    return order ? order : (int)left->spec.type - (int)right->spec.type;
}

/* All of it, so that what is said of several that differ does not depend on their order. */
static int by_spec(const void *a, const void *b)
{
    const tn_instrument_spec *left = &(*(tn_family *const *)a)->spec, *right = &(*(tn_family *const *)b)->spec;
    int order = by_name(a, b);
    if (!order) order = (int)left->combine - (int)right->combine;
    if (!order) order = compare_texts(left->help, right->help);
    return order ? order : compare_texts(left->unit, right->unit);
}

static int by_labels(const void *a, const void *b)
{
    return compare_texts((*(tn_snapshot_series *const *)a)->labels, (*(tn_snapshot_series *const *)b)->labels);
}

static bool has_bound(const tn_family *family, double bound)
{
    for (size_t i = 0; i < family->spec.bound_count; i++) {
        if (family->spec.bounds[i] == bound) return true;
    }
    return false;
}

static tn_status share_bounds(tn_snapshot *self, tn_family *merged, tn_family **of, size_t count)
{
    double *bounds = tn_arena_alloc(&self->arena, merged->spec.bound_count * sizeof(*bounds) + 1);
    if (!bounds) return TN_ERROR_MEMORY;
    size_t shared = 0;
    for (size_t i = 0; i < merged->spec.bound_count; i++) {
        bool in_all = true;
        for (size_t f = 0; f < count; f++) in_all = in_all && has_bound(of[f], merged->spec.bounds[i]);
        if (in_all) bounds[shared++] = merged->spec.bounds[i];
    }
    merged->spec.bounds = bounds;
    merged->spec.bound_count = shared;
    return TN_OK;
}

static void add_counts(const tn_family *into, tn_snapshot_series *sum, const tn_family *from,
                       const tn_snapshot_series *part)
{
    size_t bucket = 0;
    for (size_t i = 0; i <= from->spec.bound_count; i++) {
        sum->counts[bucket] += part->counts[i];
        bool ends_bucket = i < from->spec.bound_count && bucket < into->spec.bound_count &&
                           from->spec.bounds[i] == into->spec.bounds[bucket];
        bucket += ends_bucket;
    }
    sum->number = sum_of(sum->number, part->number);
}

static tn_status add_part(tn_snapshot *self, tn_family *into, const tn_family *from, const tn_snapshot_series *part)
{
    tn_snapshot_series *sum = series_of(self, into, part->labels);
    if (!sum) return TN_ERROR_MEMORY;
    sum->integer += part->integer;
    if (sum->since == 0 || part->since < sum->since) sum->since = part->since;
    if (part->exponential && add_exponential(self, sum, part->exponential, part->exponential_since) != TN_OK)
        return TN_ERROR_MEMORY;
    switch (into->spec.type) {
    case TN_COUNTER: sum->number = sum_of(sum->number, part->number); break;
    case TN_GAUGE: add_gauge(into, sum, part->number, part->time); break;
    case TN_HISTOGRAM: add_counts(into, sum, from, part); break;
    }
    return TN_OK;
}

/* Of several instruments of one name and type one. */
static tn_status merge(tn_snapshot *self, tn_family **of, size_t count, tn_family **merged_out)
{
    tn_family *merged = new_family(self, &of[0]->spec);
    if (!merged) return TN_ERROR_MEMORY;
    tn_status status = share_bounds(self, merged, of, count);
    for (size_t f = 0; f < count && status == TN_OK; f++) {
        for (size_t i = 0; i < of[f]->by_labels.slot_count && status == TN_OK; i++) {
            const tn_snapshot_series *part = of[f]->by_labels.slots[i].item;
            if (part) status = add_part(self, merged, of[f], part);
        }
        tn_index_free(&of[f]->by_labels);
    }
    *merged_out = merged;
    return status;
}

/* --- Names --------------------------------------------------------------------------------------------- */

/* The names of all samples that there are, in any text format: x, x_total, x_bucket, … */
static bool is_same_text(const void *a, const void *b)
{
    return tn_text_equal(*(const tn_text *)a, *(const tn_text *)b);
}

static tn_text sample_name(char *storage, size_t size, tn_text family, const char *end)
{
    int written = snprintf(storage, size, "%.*s%s", (int)family.size, family.bytes, end);
    return (tn_text){storage, (size_t)written < size ? (size_t)written : size - 1};
}

static bool is_taken(const tn_index *taken, tn_metric_type type, tn_text name)
{
    char storage[TN_MAX_METRIC_NAME + 64];
    for (const char *const *end = tn_sample_ends(type); *end; end++) {
        tn_text sample = sample_name(storage, sizeof(storage), tn_family_name(type, name), *end);
        if (tn_index_find(taken, tn_hash(sample), is_same_text, &sample)) return true;
    }
    return false;
}

static tn_status take(tn_snapshot *self, tn_index *taken, tn_metric_type type, tn_text name)
{
    tn_status status = TN_OK;
    for (const char *const *end = tn_sample_ends(type); *end && status == TN_OK; end++) {
        size_t room = name.size + 16;
        tn_text *sample = tn_arena_alloc(&self->arena, sizeof(*sample) + room);
        if (!sample) return TN_ERROR_MEMORY;
        *sample = sample_name((char *)(sample + 1), room, tn_family_name(type, name), *end);
        status = tn_index_add(taken, tn_hash(*sample), sample);
    }
    return status;
}

static tn_status rename_family(tn_snapshot *self, const tn_index *taken, tn_family *family)
{
    size_t room = family->spec.name.size + 32;
    char *name = tn_arena_alloc(&self->arena, room);
    if (!name) return TN_ERROR_MEMORY;
    for (size_t n = 1; n <= self->family_count; n++) {
        int size = snprintf(name, room, "%.*s_%s", (int)family->spec.name.size, family->spec.name.bytes,
                            tn_metric_type_name(family->spec.type));
        if (n > 1) size += snprintf(name + size, room - (size_t)size, "_%zu", n);
        family->name = (tn_text){name, (size_t)size};
        if (!is_taken(taken, family->spec.type, family->name)) break;
    }
    return TN_OK;
}

static tn_status settle_names(tn_snapshot *self)
{
    tn_index taken;
    tn_index_init(&taken, 0);
    tn_status status = TN_OK;
    for (size_t i = 0; i < self->family_count && status == TN_OK; i++) {
        tn_family *family = self->families[i];
        if (is_taken(&taken, family->spec.type, family->name)) status = rename_family(self, &taken, family);
        if (status == TN_OK) status = take(self, &taken, family->spec.type, family->name);
    }
    tn_index_free(&taken);
    return status;
}

static tn_status list_series(tn_snapshot *self, tn_family *family)
{
    family->series = tn_arena_alloc(&self->arena, family->by_labels.count * sizeof(*family->series) + 1);
    if (!family->series) return TN_ERROR_MEMORY;
    for (size_t i = 0; i < family->by_labels.slot_count; i++) {
        if (family->by_labels.slots[i].item) family->series[family->series_count++] = family->by_labels.slots[i].item;
    }
    qsort(family->series, family->series_count, sizeof(*family->series), by_labels);
    tn_index_free(&family->by_labels);
    return TN_OK;
}

static tn_status list_families(tn_snapshot *self, tn_family **all)
{
    size_t count = 0;
    for (size_t i = 0; i < self->by_spec.slot_count; i++) {
        if (self->by_spec.slots[i].item) all[count++] = self->by_spec.slots[i].item;
    }
    if (count > 0) qsort(all, count, sizeof(*all), by_spec);

    tn_status status = TN_OK;
    for (size_t i = 0, next; i < count && status == TN_OK; i = next) {
        for (next = i + 1; next < count && by_name(&all[i], &all[next]) == 0;) next++;
        tn_family *family = all[i];
        if (next > i + 1) status = merge(self, &all[i], next - i, &family);
        self->families[self->family_count++] = family;
        if (status == TN_OK) status = list_series(self, family);
    }
    return status;
}

tn_status tn_snapshot_finish(tn_snapshot *self)
{
    size_t size = self->by_spec.count * sizeof(tn_family *) + 1;
    tn_family **all = tn_arena_alloc(&self->arena, size);
    self->families = tn_arena_alloc(&self->arena, size);
    if (!all || !self->families) return TN_ERROR_MEMORY;
    tn_status status = list_families(self, all);
    return status == TN_OK ? settle_names(self) : status;
}

/* --- Looking up ---------------------------------------------------------------------------------------- */

static const tn_family *find_family(const tn_snapshot *self, const tn_family *wanted)
{
    tn_family *const *found = bsearch(&wanted, self->families, self->family_count, sizeof(*self->families), by_name);
    return found ? *found : NULL;
}

static bool has_same_bounds(const tn_family *a, const tn_family *b)
{
    if (a->spec.bound_count != b->spec.bound_count) return false;
    for (size_t i = 0; i < a->spec.bound_count; i++) {
        if (a->spec.bounds[i] != b->spec.bounds[i]) return false;
    }
    return true;
}

const tn_snapshot_series *tn_snapshot_find(const tn_snapshot *self, const tn_family *family, tn_text labels)
{
    const tn_family *found = self->family_count > 0 ? find_family(self, family) : NULL;
    if (!found || found->series_count == 0 || !has_same_bounds(found, family)) return NULL;
    const tn_snapshot_series wanted = {.labels = labels}, *key = &wanted;
    tn_snapshot_series *const *series = bsearch(&key, found->series, found->series_count, sizeof(*found->series),
                                                by_labels);
    return series ? *series : NULL;
}
