#ifndef TN_BINDING_LINE_WRITER_H
#define TN_BINDING_LINE_WRITER_H

#include "event/event_line.h"
#include "payload_walk.h"

/* Lines of events in the application's log (core/event/event_line.h has their form): whether one is shown, what belongs
 * into it beside the payload, and the call of the logger. Nothing here raises for what a logger or an object of the
 * application does wrong. */
typedef struct {
    tn_text event;
    tn_line_level level;
    VALUE host;  /* who publishes: names the component */
    VALUE about; /* the step or the task, or Qnil */
} tn_line_origin;

/* Asks the logger only when the settings show lines of this level. */
bool tn_line_is_shown(tn_line_level level);

/* walk: has been through the payload; its spare buffer is used. */
void tn_line_write(const tn_line_origin *origin, tn_walk *walk);

#endif
