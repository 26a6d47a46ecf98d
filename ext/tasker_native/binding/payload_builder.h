#ifndef TN_BINDING_PAYLOAD_BUILDER_H
#define TN_BINDING_PAYLOAD_BUILDER_H

#include "payload_walk.h"

/* The standard payload of a step's event. Reads whatever the step answers of workflow_step_id, name, task_id (or
 * task), attempts, retry_limit, last_attempted_at, processed_at, inputs, parents, results; leaves out what it does
 * not answer, or raises at. Keys: those of every event < those of this kind < error < the caller's context. */
typedef enum {
    TN_STEP_PAYLOAD_OTHER,
    TN_STEP_PAYLOAD_STARTED,
    TN_STEP_PAYLOAD_COMPLETED,
    TN_STEP_PAYLOAD_FAILED,
    TN_STEP_PAYLOAD_RETRY,
} tn_step_payload_kind;

typedef struct {
    tn_step_payload_kind kind;
    VALUE event_type; /* Symbol */
    VALUE step;
    VALUE error;   /* an Exception, or Qnil */
    VALUE context; /* Hash */
} tn_step_payload;

/* As a Ruby Hash with Symbol keys. */
VALUE tn_step_payload_hash(const tn_step_payload *payload);

/* Straight into a walk, without a Hash. */
void tn_step_payload_walk(const tn_step_payload *payload, tn_walk *walk);

tn_step_payload_kind tn_step_payload_kind_of(VALUE event_type);

#endif
