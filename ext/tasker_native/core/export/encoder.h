#ifndef TN_EXPORT_ENCODER_H
#define TN_EXPORT_ENCODER_H

#include "export/attribute_set.h"

/* What every format needs beside the spans: who sends them, and under which names. Owned by one thread. */
typedef struct {
    tn_buffer prefix; /* "tasker." */
    tn_attribute_names names, resource_names;
    tn_buffer resource; /* pairs, which resource_attributes borrows */
    tn_attribute_set resource_attributes;
    tn_buffer scope_version;
    tn_attribute_set attributes; /* scratch, for a span, an event or a link */
} tn_encoder;

#define TN_SCOPE_NAME TN_TEXT("tasker-native")
#define TN_MAX_SCOPE 256
#define TN_MAX_REQUEST (64 * 1024 * 1024) /* bytes, before compression: OTLP specification, "OTLP/HTTP Request" */

typedef struct {
    tn_text prefix;
    tn_pairs resource;
    tn_text scope_version;
    uint32_t attribute_limit; /* of spans, events and links; a resource has none */
} tn_encoder_options;

/* Copies what it is given. TN_OK, TN_ERROR_MEMORY, or TN_ERROR_LIMIT for a prefix or a version of more than
 * TN_MAX_SCOPE bytes. */
tn_status tn_encoder_init(tn_encoder *encoder, const tn_encoder_options *options) TN_MUST_CHECK;
void tn_encoder_free(tn_encoder *encoder);

/* In the child of a fork: the parent's worker may have been in the middle of what grows and changes here, so it is given
 * up, not freed. */
void tn_encoder_reset_in_child(tn_encoder *encoder);

/* An ExportTraceServiceRequest of opentelemetry-proto (trace/v1/trace.proto) with all spans, appended to the
 * buffer: as protobuf bytes, and in OTLP's JSON form (no newline). Returns the buffer's status. */
tn_status tn_otlp_protobuf(tn_buffer *buffer, tn_encoder *encoder, const tn_span_list *spans) TN_MUST_CHECK;
tn_status tn_otlp_json(tn_buffer *buffer, tn_encoder *encoder, const tn_span_list *spans) TN_MUST_CHECK;

/* A line for people: "OK  tasker.step.execution  200.1 ms  trace=... span=... parent=... {...}", with its newline. */
tn_status tn_span_line(tn_buffer *buffer, tn_encoder *encoder, const tn_span *span) TN_MUST_CHECK;

#endif
