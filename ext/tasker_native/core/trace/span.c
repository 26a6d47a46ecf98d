#include "trace/span.h"

#include "base/process.h"
#include "base/utf8.h"

/* In front of every record. In memory only: never written anywhere, so its layout may follow the machine. */
typedef struct {
    uint64_t time;
    uint32_t pairs_size, count, dropped;
    uint16_t name_size;
    uint8_t kind;
    uint8_t prefixed;
} record_header;

typedef struct {
    tn_trace_id trace_id;
    tn_span_id span_id;
} link_name;

#define INLINE_JOURNAL (TN_SPAN_BLOCK - TN_SPAN_LINE - sizeof(tn_span))
#define MAX_JOURNAL (TN_MAX_SPAN_SIZE - TN_SPAN_BLOCK)

/* Where the memory of a block begins: malloc does not align as blocks are. */
static void **origin_of(tn_span *block)
{
    return (void **)(void *)((char *)block - sizeof(void *));
}

tn_span *tn_span_block_new(void)
{
    char *memory = tn_alloc(TN_SPAN_BLOCK + TN_SPAN_LINE);
    if (!memory) return NULL;

    tn_span *block = tn_span_of_head(memory + TN_SPAN_LINE - (uintptr_t)memory % TN_SPAN_LINE);
    *origin_of(block) = memory;
    return block;
}

void tn_span_block_free(tn_span *block)
{
    tn_free(*origin_of(block));
}

static uint8_t *inline_journal(tn_span *span)
{
    return (uint8_t *)(span + 1);
}

void tn_span_free_journal(tn_span *span)
{
    if (span->journal != inline_journal(span)) tn_free(span->journal);
}

static bool grow_journal(tn_span *span, size_t needed)
{
    if (needed > MAX_JOURNAL) return false;

    size_t capacity = span->journal_capacity;
    while (capacity < needed) capacity *= 2;
    if (capacity > MAX_JOURNAL) capacity = MAX_JOURNAL;

    bool is_inline = span->journal == inline_journal(span);
    uint8_t *journal = tn_realloc(is_inline ? NULL : span->journal, capacity);
    if (!journal) return false;

    if (is_inline) memcpy(journal, span->journal, span->journal_size);
    span->journal = journal;
    span->journal_capacity = (uint32_t)capacity;
    return true;
}

/* Where `size` more bytes go; NULL: memory or the cap has run out, and the journal keeps what it has. */
static uint8_t *journal_place(tn_span *span, size_t size)
{
    size_t needed = span->journal_size + size;
    if (needed > span->journal_capacity && !grow_journal(span, needed)) return NULL;

    uint8_t *place = span->journal + span->journal_size;
    span->journal_size = (uint32_t)needed;
    return place;
}

tn_span *tn_span_new(tn_span_stock *stock, tn_text name, tn_trace_id trace_id, tn_span_id id, tn_span_id parent_id)
{
    tn_span *span = stock ? tn_span_stock_take(stock) : NULL;
    if (!span) span = tn_span_block_new();
    if (!span) return NULL;

    *span = (tn_span){
        .trace_id = trace_id,
        .id = id,
        .parent_id = parent_id,
        .journal = inline_journal(span),
        .journal_capacity = INLINE_JOURNAL,
        .name_size = (uint32_t)name.size,
    };
    uint8_t *place = journal_place(span, name.size);
    if (!place) {
        tn_span_free(span);
        return NULL;
    }
    if (name.size > 0) memcpy(place, name.bytes, name.size);
    return span;
}

void tn_span_free(tn_span *span)
{
    if (!span) return;
    tn_span_free_journal(span);
    tn_span_block_free(span);
}

static bool append_record(tn_span *span, uint8_t kind, tn_text name, uint64_t time, tn_pairs pairs)
{
    record_header header = {
        .time = time,
        .pairs_size = (uint32_t)pairs.size,
        .count = pairs.count,
        .dropped = pairs.dropped,
        .name_size = (uint16_t)name.size,
        .kind = kind,
        .prefixed = pairs.prefixed,
    };
    uint8_t *place = journal_place(span, sizeof(header) + name.size + pairs.size);
    if (!place) return false;

    memcpy(place, &header, sizeof(header));
    if (name.size > 0) memcpy(place + sizeof(header), name.bytes, name.size);
    if (pairs.size > 0) memcpy(place + sizeof(header) + name.size, pairs.bytes, pairs.size);
    return true;
}

void tn_span_add_attributes(tn_span *span, tn_pairs attributes)
{
    if (attributes.count == 0 && attributes.dropped == 0) return;
    if (!append_record(span, TN_RECORD_ATTRIBUTES, TN_NO_TEXT, 0, attributes)) {
        span->dropped_attributes += attributes.count + attributes.dropped;
    }
}

#define MAX_NAME 1024

static tn_text short_name(tn_text name)
{
    return tn_utf8_cut(name, MAX_NAME);
}

static void add_event(tn_span *span, const tn_span_limits *limits, uint8_t kind, tn_text name, uint64_t time,
                      tn_pairs pairs)
{
    bool allowed = span->event_count < limits->events;
    if (allowed && append_record(span, kind, short_name(name), time, pairs)) {
        span->event_count++;
        return;
    }
    span->dropped_events++;
    if (kind & TN_RECORD_ATTRIBUTES) tn_span_add_attributes(span, pairs);
}

void tn_span_add_event(tn_span *span, const tn_span_limits *limits, tn_text name, uint64_t time, tn_pairs attributes)
{
    add_event(span, limits, TN_RECORD_EVENT, name, time, attributes);
}

void tn_span_add_event_and_attributes(tn_span *span, const tn_span_limits *limits, tn_text name, uint64_t time,
                                      tn_pairs attributes)
{
    add_event(span, limits, TN_RECORD_EVENT | TN_RECORD_ATTRIBUTES, name, time, attributes);
}

void tn_span_add_link(tn_span *span, const tn_span_limits *limits, tn_trace_id trace_id, tn_span_id span_id)
{
    link_name link = {trace_id, span_id};
    tn_text name = {(const char *)&link, sizeof(link)};
    if (span->link_count < limits->links && append_record(span, TN_RECORD_LINK, name, 0, TN_NO_PAIRS)) {
        span->link_count++;
    } else {
        span->dropped_links++;
    }
}

static void set_message(tn_span *span, tn_text message)
{
    span->message_size = 0;
    if (message.size == 0) return;

    tn_pairs text = {.bytes = (const uint8_t *)message.bytes, .size = message.size};
    if (!append_record(span, TN_RECORD_MESSAGE, TN_NO_TEXT, 0, text)) return;

    span->message_size = (uint32_t)message.size;
    span->message_at = span->journal_size - span->message_size;
}

void tn_span_set_status(tn_span *span, tn_span_status status, tn_text message)
{
    if (status == TN_STATUS_UNSET || span->status == TN_STATUS_OK) return;

    span->status = status;
    set_message(span, status == TN_STATUS_ERROR ? message : TN_NO_TEXT);
}

tn_text tn_span_name(const tn_span *span)
{
    return (tn_text){(const char *)span->journal, span->name_size};
}

tn_text tn_span_status_message(const tn_span *span)
{
    if (span->message_size == 0) return TN_NO_TEXT;
    return (tn_text){(const char *)span->journal + span->message_at, span->message_size};
}

size_t tn_span_size(const tn_span *span)
{
    return TN_SPAN_BLOCK + (span->journal_capacity > INLINE_JOURNAL ? span->journal_capacity : 0);
}

void tn_span_list_add(tn_span_list *list, tn_span *span)
{
    span->next = NULL;
    if (list->last) {
        list->last->next = span;
    } else {
        list->first = span;
    }
    list->last = span;
    list->count++;
    list->bytes += tn_span_size(span);
}

tn_span *tn_span_list_take(tn_span_list *list)
{
    tn_span *span = list->first;
    if (!span) return NULL;

    list->first = span->next;
    if (!list->first) list->last = NULL;
    list->count--;
    list->bytes -= tn_span_size(span);
    return span;
}

void tn_span_list_append(tn_span_list *list, tn_span_list *more)
{
    if (!more->first) return;

    if (list->last) {
        list->last->next = more->first;
    } else {
        list->first = more->first;
    }
    list->last = more->last;
    list->count += more->count;
    list->bytes += more->bytes;
    *more = (tn_span_list){0};
}

void tn_span_list_recycle(tn_span_list *list, tn_span_pool *pool)
{
    for (tn_span *span = list->first; span; span = span->next) tn_span_free_journal(span);
    tn_span_pool_give(pool, list->first, list->last, list->count);
    *list = (tn_span_list){0};
}

void tn_span_list_free(tn_span_list *list)
{
    for (tn_span *span; (span = tn_span_list_take(list));) tn_span_free(span);
}

tn_journal_reader tn_span_read(const tn_span *span)
{
    return (tn_journal_reader){span->journal + span->name_size, span->journal + span->journal_size};
}

bool tn_journal_next(tn_journal_reader *reader, tn_record *record)
{
    record_header header;
    if ((size_t)(reader->end - reader->at) < sizeof(header)) return false;
    memcpy(&header, reader->at, sizeof(header));

    const uint8_t *name = reader->at + sizeof(header);
    const uint8_t *pairs = name + header.name_size;
    *record = (tn_record){
        .kind = header.kind,
        .name = {(const char *)name, header.name_size},
        .time = header.time,
        .pairs = {pairs, header.pairs_size, header.count, header.dropped, header.prefixed},
    };
    if (header.kind == TN_RECORD_LINK) {
        memcpy(&record->linked_trace_id, name, sizeof(tn_trace_id));
        memcpy(&record->linked_span_id, name + sizeof(tn_trace_id), sizeof(tn_span_id));
    }
    reader->at = pairs + header.pairs_size;
    return true;
}
