#ifndef TN_EXPORT_OTLP_RESOURCE_H
#define TN_EXPORT_OTLP_RESOURCE_H

#include "export/encoder.h"

/* What each signal's request begins with, in the same fields: a Resource as field 1 of ResourceSpans or ResourceMetrics,
 * an InstrumentationScope as field 1 of ScopeSpans or ScopeMetrics. As protobuf bytes. */
void tn_otlp_put_resource(tn_buffer *buffer, const tn_encoder *encoder);
void tn_otlp_put_scope(tn_buffer *buffer, const tn_encoder *encoder);

#endif
