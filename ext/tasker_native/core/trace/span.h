#ifndef TN_TRACE_SPAN_H
#define TN_TRACE_SPAN_H

#include "base/ids.h"
#include "event/payload.h"
#include "trace/span_pool.h"

#include <stdint.h>

/* A span of OpenTelemetry's trace data model, while it is open and on its way out.
 *
 * What is added to it goes into one journal, in the order in which it came: attributes, events, links. Adding
 * is an append; which attribute of the same key wins (the last) and which are too many (the newest keys) is
 * settled when the span is encoded, off the publishing thread. One owner at a time.
 *
 * A span and the start of its journal are one piece of memory of TN_SPAN_BLOCK bytes. */
typedef enum { TN_STATUS_UNSET = 0, TN_STATUS_OK = 1, TN_STATUS_ERROR = 2 } tn_span_status; /* OTLP's numbers */

typedef struct {
    uint32_t attributes; /* of a span, and of each event and link */
    uint32_t events;
    uint32_t links;
    size_t value_size; /* bytes of a String value; 0: none */
} tn_span_limits;

#define TN_SPAN_LIMITS_DEFAULT ((tn_span_limits){.attributes = 128, .events = 128, .links = 128, .value_size = 65536})

/* A span with its journal takes at most this many bytes; what does not fit is counted as dropped. */
#define TN_MAX_SPAN_SIZE (1024 * 1024)

#define TN_SPAN_BLOCK 640
#define TN_SPAN_HEAD 56 /* bytes in front of a span, for whoever keeps it while it is open */
#define TN_SPAN_LINE 64 /* a line of the cache, where blocks begin: what lies in few lines is soon at hand */

struct tn_span {
    struct tn_span *next; /* for whoever owns the span */
    tn_trace_id trace_id;
    tn_span_id id;
    tn_span_id parent_id; /* all zero: none */
    uint64_t start;       /* Unix time in nanoseconds */
    uint64_t end;         /* 0 while it is open */
    uint64_t started;     /* monotonic: how long it took does not depend on the wall clock */

    uint8_t *journal; /* behind the span, until it has grown; begins with the name */
    uint32_t journal_size, journal_capacity;
    uint32_t name_size;
    uint32_t message_at, message_size; /* of the status, in the journal */
    uint32_t event_count, link_count;
    uint32_t dropped_attributes, dropped_events, dropped_links;
    tn_span_status status;
};

/* Key and value pairs as event/payload.h has them. prefixed: keys get the service's name in front. */
typedef struct {
    const uint8_t *bytes;
    size_t size;
    uint32_t count;
    uint32_t dropped; /* that were left out already */
    bool prefixed;
#ifdef TN_SEALS
    uint64_t seal; /* see trace/seal.h */
#endif
} tn_pairs;

#define TN_NO_PAIRS ((tn_pairs){0})

/* An open span; its times are the caller's to set. stock: where memory may be had without malloc; NULL: nowhere. NULL
 * when there is no memory. */
tn_span *tn_span_new(tn_span_stock *stock, tn_text name, tn_trace_id trace_id, tn_span_id id,
                     tn_span_id parent_id) TN_MUST_CHECK;
void tn_span_free(tn_span *span);

/* TN_SPAN_HEAD bytes where a line begins; what they hold at first is undefined. */
static inline void *tn_span_head(tn_span *span)
{
    return (char *)span - TN_SPAN_LINE;
}

static inline tn_span *tn_span_of_head(void *head)
{
    return (tn_span *)(void *)((char *)head + TN_SPAN_LINE);
}

static inline const tn_span *tn_span_of_const_head(const void *head)
{
    return (const tn_span *)(const void *)((const char *)head + TN_SPAN_LINE);
}

/* Says that all of a small span will be needed soon, to write to. */
static inline void tn_span_fetch(const tn_span *span)
{
    const char *at = (const char *)span - TN_SPAN_LINE;
    for (int line = 0; line < 6; line++) __builtin_prefetch(at + line * TN_SPAN_LINE, 1);
}

/* A block without a span, and one that holds none any more (its journal is freed). */
tn_span *tn_span_block_new(void) TN_MUST_CHECK;
void tn_span_block_free(tn_span *block);
void tn_span_free_journal(tn_span *span);

/* What can't be added because of a limit or for lack of memory is counted in the span's dropped_*. */
void tn_span_add_attributes(tn_span *span, tn_pairs attributes);
void tn_span_add_event(tn_span *span, const tn_span_limits *limits, tn_text name, uint64_t time, tn_pairs attributes);

/* The same pairs as attributes of an event and of the span itself: written once. */
void tn_span_add_event_and_attributes(tn_span *span, const tn_span_limits *limits, tn_text name, uint64_t time,
                                      tn_pairs attributes);
void tn_span_add_link(tn_span *span, const tn_span_limits *limits, tn_trace_id trace_id, tn_span_id span_id);

/* OpenTelemetry's rules: UNSET is ignored and OK is final. The message counts with ERROR only. */
void tn_span_set_status(tn_span *span, tn_span_status status, tn_text message);

tn_text tn_span_name(const tn_span *span);
tn_text tn_span_status_message(const tn_span *span);

/* Bytes that the span takes in memory. */
size_t tn_span_size(const tn_span *span);

/* Spans in the order in which they came; owns them. */
typedef struct {
    tn_span *first, *last;
    size_t count;
    size_t bytes; /* their tn_span_size */
} tn_span_list;

void tn_span_list_add(tn_span_list *list, tn_span *span);
tn_span *tn_span_list_take(tn_span_list *list);                   /* the first, or NULL */
void tn_span_list_append(tn_span_list *list, tn_span_list *more); /* empties `more` */
void tn_span_list_free(tn_span_list *list);

/* As tn_span_list_free, but their memory goes to the pool. */
void tn_span_list_recycle(tn_span_list *list, tn_span_pool *pool);

/* Reading the journal. */
typedef enum {
    TN_RECORD_ATTRIBUTES = 1 << 0,
    TN_RECORD_EVENT = 1 << 1,
    TN_RECORD_LINK = 1 << 2,
    TN_RECORD_MESSAGE = 1 << 3,
} tn_record_kind;

typedef struct {
    uint8_t kind;  /* of tn_record_kind; attributes and event may be one record */
    tn_text name;  /* of an event */
    uint64_t time; /* of an event */
    tn_pairs pairs;
    tn_trace_id linked_trace_id; /* of a link */
    tn_span_id linked_span_id;
} tn_record;

typedef struct {
    const uint8_t *at, *end;
} tn_journal_reader;

tn_journal_reader tn_span_read(const tn_span *span);

/* The next record, borrowed from the span. false at the end. */
bool tn_journal_next(tn_journal_reader *reader, tn_record *record_out);

#endif
