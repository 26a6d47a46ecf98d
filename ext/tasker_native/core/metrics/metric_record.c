#include "metrics/metric_record.h"

#include "base/crc32c.h"

#include <math.h>

typedef struct {
    uint32_t size; /* of all, in bytes, a multiple of 8 */
    uint32_t crc;  /* CRC-32C of the size, and of what follows up to the cells */
    uint16_t kind;
    uint16_t cell_count; /* at the end of it */
    uint32_t of;
} head;

typedef struct {
    uint8_t type, combine;
    uint16_t bound_count, name_size, unit_size, help_size;
    uint8_t unused[6];
} instrument_body; /* the bounds and the texts follow */

typedef struct {
    uint32_t labels_size;
    uint32_t unused;
} series_body; /* the labels follow */

#define ALIGNED(size) (((size) + 7u) & ~(size_t)7)
#define FIXED(size) (sizeof(head) + ALIGNED(size))

static uint32_t checksum(const head *record, size_t fixed)
{
    uint32_t crc = tn_crc32c(0, &record->size, sizeof(record->size));
    return tn_crc32c(crc, &record->kind, fixed - offsetof(head, kind));
}

static head *record_at(tn_segment *segment, unsigned chunk, uint32_t at)
{
    return (head *)(void *)((uint8_t *)tn_segment_chunk(segment, chunk) + sizeof(tn_chunk) + at);
}

static tn_position position_of(unsigned chunk, uint32_t at)
{
    return chunk * TN_CHUNK_SIZE + (uint32_t)sizeof(tn_chunk) + at;
}

/* --- Reading ------------------------------------------------------------------------------------------- */

void tn_metric_reader_init(tn_metric_reader *reader, tn_segment *segment, unsigned chunk)
{
    uint32_t used = atomic_load_explicit(&tn_segment_chunk(segment, chunk)->used, memory_order_acquire);
    bool possible = used <= TN_CHUNK_ROOM && used % 8 == 0;
    *reader = (tn_metric_reader){.segment = segment, .chunk = chunk, .end = possible ? used : 0, .damaged = !possible};
}

static bool are_bounds(const double *bounds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(bounds[i]) || (i > 0 && bounds[i] <= bounds[i - 1])) return false;
    }
    return true;
}

static bool is_name(tn_text name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.bytes[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
        if (!letter && (i == 0 || c < '0' || c > '9')) return false;
    }
    return name.size > 0 && name.size <= TN_MAX_METRIC_NAME;
}

static bool read_instrument(const uint8_t *bytes, size_t size, tn_metric_record *out)
{
    instrument_body body;
    if (size < sizeof(body)) return false;
    memcpy(&body, bytes, sizeof(body));
    if (body.type < TN_COUNTER || body.type > TN_HISTOGRAM || body.combine > TN_COMBINE_LATEST) return false;
    if (body.bound_count > TN_MAX_BOUNDS || (body.bound_count > 0 && body.type != TN_HISTOGRAM)) return false;
    size_t texts = sizeof(body) + body.bound_count * sizeof(double);
    if (size != ALIGNED(texts + body.name_size + body.unit_size + body.help_size)) return false;

    const char *text = (const char *)bytes + texts;
    out->spec = (tn_instrument_spec){
        .type = body.type,
        .combine = body.combine,
        .bounds = (const double *)(const void *)(bytes + sizeof(body)),
        .bound_count = body.bound_count,
        .name = {text, body.name_size},
        .unit = {text + body.name_size, body.unit_size},
        .help = {text + body.name_size + body.unit_size, body.help_size},
    };
    return out->cell_count == 0 && is_name(out->spec.name) && are_bounds(out->spec.bounds, body.bound_count);
}

#define LABEL_HEAD 4

tn_status tn_labels_append(tn_buffer *labels, tn_label label)
{
    size_t name = label.name.size, value = label.value.size;
    uint8_t sizes[LABEL_HEAD] = {(uint8_t)name, (uint8_t)(name >> 8), (uint8_t)value, (uint8_t)(value >> 8)};
    if (name > UINT16_MAX || value > UINT16_MAX) return TN_ERROR_LIMIT;
    tn_buffer_append(labels, sizes, sizeof(sizes));
    tn_buffer_append_text(labels, label.name);
    return tn_buffer_append_text(labels, label.value);
}

bool tn_labels_next(tn_text *rest, tn_label *label)
{
    const uint8_t *at = (const uint8_t *)rest->bytes;
    if (rest->size < LABEL_HEAD) return false;
    size_t name = at[0] | (size_t)at[1] << 8, value = at[2] | (size_t)at[3] << 8, size = LABEL_HEAD + name + value;
    if (size > rest->size) return false;

    label->name = (tn_text){rest->bytes + LABEL_HEAD, name};
    label->value = (tn_text){rest->bytes + LABEL_HEAD + name, value};
    *rest = (tn_text){rest->bytes + size, rest->size - size};
    return true;
}

static bool read_series(const uint8_t *bytes, size_t size, tn_metric_record *out)
{
    series_body body;
    if (size < sizeof(body)) return false;
    memcpy(&body, bytes, sizeof(body));
    if (body.labels_size > size || size != ALIGNED(sizeof(body) + body.labels_size)) return false;

    out->labels = (tn_text){(const char *)bytes + sizeof(body), body.labels_size};
    tn_text rest = out->labels;
    tn_label label;
    while (tn_labels_next(&rest, &label)) continue;
    return rest.size == 0;
}

static bool read_body(const head *record, size_t fixed, tn_metric_record *out)
{
    const uint8_t *bytes = (const uint8_t *)(record + 1);
    size_t size = fixed - sizeof(*record);
    switch (record->kind) {
    case TN_METRIC_INSTRUMENT: return read_instrument(bytes, size, out);
    case TN_METRIC_SERIES: return read_series(bytes, size, out);
    case TN_METRIC_EXEMPLARS: return size == 0;
    }
    return false;
}

/* `room`: the bytes that are there. */
static bool read_record(head *record, uint32_t room, tn_metric_record *out)
{
    if (room < sizeof(*record)) return false;
    uint32_t size = record->size;
    size_t cells = record->cell_count * sizeof(tn_cell);
    if (size > room || size % 8 != 0 || size < sizeof(*record) + cells) return false;

    size_t fixed = size - cells;
    if (record->crc != checksum(record, fixed)) return false;
    *out = (tn_metric_record){
        .kind = record->kind,
        .of = record->of,
        .cells = (tn_cell *)(void *)((uint8_t *)record + fixed),
        .cell_count = record->cell_count,
    };
    return read_body(record, fixed, out);
}

bool tn_metric_record_next(tn_metric_reader *reader, tn_metric_record *out)
{
    if (reader->at >= reader->end) return false;
    head *record = record_at(reader->segment, reader->chunk, reader->at);
    if (!read_record(record, reader->end - reader->at, out)) {
        reader->damaged = true;
        reader->end = reader->at;
        return false;
    }
    out->position = position_of(reader->chunk, reader->at);
    reader->at += record->size;
    return true;
}

/* --- Writing ------------------------------------------------------------------------------------------- */

static uint8_t *put(uint8_t *at, const void *bytes, size_t size)
{
    if (size > 0) memcpy(at, bytes, size);
    return at + size;
}

static size_t body_size(const tn_metric_record *record)
{
    const tn_instrument_spec *spec = &record->spec;
    switch (record->kind) {
    case TN_METRIC_INSTRUMENT:
        return sizeof(instrument_body) + spec->bound_count * sizeof(double) + spec->name.size + spec->unit.size +
               spec->help.size;
    case TN_METRIC_SERIES: return sizeof(series_body) + record->labels.size;
    case TN_METRIC_EXEMPLARS: break;
    }
    return 0;
}

static void write_instrument(uint8_t *at, const tn_instrument_spec *spec)
{
    instrument_body body = {
        .type = (uint8_t)spec->type,
        .combine = (uint8_t)spec->combine,
        .bound_count = (uint16_t)spec->bound_count,
        .name_size = (uint16_t)spec->name.size,
        .unit_size = (uint16_t)spec->unit.size,
        .help_size = (uint16_t)spec->help.size,
    };
    at = put(at, &body, sizeof(body));
    at = put(at, spec->bounds, spec->bound_count * sizeof(double));
    at = put(at, spec->name.bytes, spec->name.size);
    at = put(at, spec->unit.bytes, spec->unit.size);
    put(at, spec->help.bytes, spec->help.size);
}

static void write_body(uint8_t *at, const tn_metric_record *record)
{
    if (record->kind == TN_METRIC_INSTRUMENT) write_instrument(at, &record->spec);
    if (record->kind != TN_METRIC_SERIES) return;
    at = put(at, &(series_body){.labels_size = (uint32_t)record->labels.size}, sizeof(series_body));
    put(at, record->labels.bytes, record->labels.size);
}

tn_status tn_metric_record_write(tn_segment *segment, unsigned chunk_number, tn_metric_record *record)
{
    tn_chunk *chunk = tn_segment_chunk(segment, chunk_number);
    uint32_t used = atomic_load_explicit(&chunk->used, memory_order_relaxed);
    size_t fixed = FIXED(body_size(record)), size = fixed + record->cell_count * sizeof(tn_cell);
    if (used > TN_CHUNK_ROOM || size > TN_CHUNK_ROOM - used) return TN_ERROR_FULL;

    head *at = record_at(segment, chunk_number, used);
    memset(at, 0, size); /* somebody may have been killed in here */
    *at = (head){
        .size = (uint32_t)size,
        .kind = (uint16_t)record->kind,
        .cell_count = (uint16_t)record->cell_count,
        .of = record->of,
    };
    write_body((uint8_t *)(at + 1), record);
    at->crc = checksum(at, fixed);
    if (!read_record(at, (uint32_t)size, record)) return TN_ERROR_INVALID;
    record->position = position_of(chunk_number, used);
    atomic_store_explicit(&chunk->used, used + (uint32_t)size, memory_order_release);
    return TN_OK;
}
