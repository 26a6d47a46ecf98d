#ifndef TN_EVENT_EVENT_LINE_H
#define TN_EVENT_EVENT_LINE_H

#include "base/buffer.h"

/* The line of an event in the log of the application: where it happened, whom it is about, and its filtered payload
 * without what is large. JSON on one line (RFC 8259), the same over many lines, or logfmt (key="value" number=5, texts
 * quoted as in JSON). */
typedef enum { TN_LINE_JSON, TN_LINE_PRETTY_JSON, TN_LINE_LOGFMT } tn_line_format;

typedef enum { TN_ENTITY_CUSTOM, TN_ENTITY_STEP, TN_ENTITY_TASK, TN_ENTITY_ORCHESTRATION } tn_event_entity;

/* As Ruby's Logger counts them. */
typedef enum { TN_LEVEL_DEBUG, TN_LEVEL_INFO, TN_LEVEL_WARN, TN_LEVEL_ERROR, TN_LEVEL_FATAL } tn_line_level;

/* What the payload does not tell; borrowed. */
typedef struct {
    tn_line_format format;
    tn_text event;
    uint64_t time; /* Unix time in nanoseconds */
    tn_text correlation_id, component, environment, version, thread_id;
    int64_t process_id;
    tn_text request_id, status, task_name; /* empty: unknown */
    uint32_t dropped;                      /* pairs of the payload that were left out already */
} tn_event_line;

#define TN_LINE_FIELDS 64  /* the most that a line has; the others are counted in its field dropped_fields */
#define TN_LINE_VALUE 1024 /* bytes of a text; what is longer is cut and ends with "..." */

/* Whom an event is about, by its name, and at which level its line is written: that of orchestration at debug, a failed
 * step at error, all others at info. */
tn_event_entity tn_event_entity_of(tn_text event);
tn_line_level tn_event_line_level(tn_text event);

/* Appends the line, without a newline. payload: pairs as event/payload.h has them; of equal keys the last one counts, and
 * a payload's field wins over one of ours that has its name. A payload that is cut short is read up to there. Returns the
 * buffer's status. */
tn_status tn_event_line_write(tn_buffer *buffer, const tn_event_line *line, const uint8_t *payload,
                              size_t payload_size) TN_MUST_CHECK;

#endif
