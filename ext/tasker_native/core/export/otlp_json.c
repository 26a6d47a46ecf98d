#include "base/json.h"
#include "export/encoder.h"

#include <inttypes.h>

/* OTLP's JSON form (OTLP specification, "JSON Protobuf Encoding"): proto3's mapping with ids in hexadecimal and
 * enums as integers. */
static void put_literal(tn_buffer *buffer, const char *literal)
{
    tn_buffer_append_text(buffer, tn_text_of(literal));
}

static void put_id(tn_buffer *buffer, const char *name, const uint8_t *bytes, size_t size)
{
    char hex[32];
    tn_hex(hex, bytes, size);
    tn_buffer_printf(buffer, "\"%s\":\"%.*s\"", name, (int)(2 * size), hex);
}

static void put_value(tn_buffer *buffer, const tn_value *value)
{
    switch (value->type) {
    case TN_VALUE_STRING:
        put_literal(buffer, "{\"stringValue\":");
        tn_json_string(buffer, value->as.string);
        break;
    case TN_VALUE_INTEGER: tn_buffer_printf(buffer, "{\"intValue\":\"%" PRId64 "\"", value->as.integer); break;
    case TN_VALUE_DOUBLE:
        put_literal(buffer, "{\"doubleValue\":");
        tn_json_double(buffer, value->as.number);
        break;
    case TN_VALUE_BOOLEAN: tn_buffer_printf(buffer, "{\"boolValue\":%s", value->as.boolean ? "true" : "false"); break;
    case TN_VALUE_TIME: break; /* a String in every set */
    }
    tn_buffer_append_byte(buffer, '}');
}

static void put_attributes(tn_buffer *buffer, const tn_attribute_set *set)
{
    put_literal(buffer, "\"attributes\":[");
    for (size_t i = 0; i < set->count; i++) {
        put_literal(buffer, i ? ",{\"key\":" : "{\"key\":");
        tn_json_joined(buffer, tn_attribute_prefix(set, &set->items[i]), set->items[i].key);
        put_literal(buffer, ",\"value\":");
        put_value(buffer, &set->items[i].value);
        tn_buffer_append_byte(buffer, '}');
    }
    tn_buffer_append_byte(buffer, ']');
    if (set->dropped) tn_buffer_printf(buffer, ",\"droppedAttributesCount\":%u", set->dropped);
}

static void put_event(tn_buffer *buffer, tn_attribute_set *set, const tn_record *record)
{
    tn_buffer_printf(buffer, "{\"timeUnixNano\":\"%" PRIu64 "\",\"name\":", record->time);
    tn_json_string(buffer, record->name);
    tn_buffer_append_byte(buffer, ',');
    tn_attribute_set_clear(set);
    tn_attribute_set_add(set, record->pairs);
    put_attributes(buffer, set);
    tn_buffer_append_byte(buffer, '}');
}

static void put_link(tn_buffer *buffer, const tn_record *record)
{
    tn_buffer_append_byte(buffer, '{');
    put_id(buffer, "traceId", record->linked_trace_id.bytes, sizeof(record->linked_trace_id.bytes));
    tn_buffer_append_byte(buffer, ',');
    put_id(buffer, "spanId", record->linked_span_id.bytes, sizeof(record->linked_span_id.bytes));
    put_literal(buffer, ",\"flags\":257}");
}

static void put_records(tn_buffer *buffer, tn_encoder *encoder, const tn_span *span, tn_record_kind kind)
{
    bool first = true;
    tn_record record;
    tn_journal_reader reader = tn_span_read(span);
    while (tn_journal_next(&reader, &record)) {
        if (!(record.kind & kind)) continue;
        if (!first) tn_buffer_append_byte(buffer, ',');
        first = false;
        if (kind == TN_RECORD_EVENT) {
            put_event(buffer, &encoder->attributes, &record);
        } else {
            put_link(buffer, &record);
        }
    }
}

static void put_status(tn_buffer *buffer, const tn_span *span)
{
    tn_text message = tn_span_status_message(span);
    tn_buffer_printf(buffer, ",\"status\":{\"code\":%d", span->status);
    if (message.size > 0) {
        put_literal(buffer, ",\"message\":");
        tn_json_string(buffer, message);
    }
    tn_buffer_append_byte(buffer, '}');
}

static void put_span(tn_buffer *buffer, tn_encoder *encoder, const tn_span *span)
{
    tn_buffer_append_byte(buffer, '{');
    put_id(buffer, "traceId", span->trace_id.bytes, sizeof(span->trace_id.bytes));
    tn_buffer_append_byte(buffer, ',');
    put_id(buffer, "spanId", span->id.bytes, sizeof(span->id.bytes));
    if (!tn_span_id_none(span->parent_id)) {
        tn_buffer_append_byte(buffer, ',');
        put_id(buffer, "parentSpanId", span->parent_id.bytes, sizeof(span->parent_id.bytes));
    }
    put_literal(buffer, ",\"name\":");
    tn_json_string(buffer, tn_span_name(span));
    tn_buffer_printf(
        buffer, ",\"kind\":1,\"flags\":257,\"startTimeUnixNano\":\"%" PRIu64 "\",\"endTimeUnixNano\":\"%" PRIu64 "\",",
        span->start, span->end);
    tn_attribute_set_of_span(&encoder->attributes, span);
    put_attributes(buffer, &encoder->attributes);

    if (span->event_count) {
        put_literal(buffer, ",\"events\":[");
        put_records(buffer, encoder, span, TN_RECORD_EVENT);
        tn_buffer_append_byte(buffer, ']');
    }
    if (span->dropped_events) tn_buffer_printf(buffer, ",\"droppedEventsCount\":%u", span->dropped_events);
    if (span->link_count) {
        put_literal(buffer, ",\"links\":[");
        put_records(buffer, encoder, span, TN_RECORD_LINK);
        tn_buffer_append_byte(buffer, ']');
    }
    if (span->dropped_links) tn_buffer_printf(buffer, ",\"droppedLinksCount\":%u", span->dropped_links);
    put_status(buffer, span);
    tn_buffer_append_byte(buffer, '}');
}

tn_status tn_otlp_json(tn_buffer *buffer, tn_encoder *encoder, const tn_span_list *spans)
{
    put_literal(buffer, "{\"resourceSpans\":[{\"resource\":{");
    put_attributes(buffer, &encoder->resource_attributes);
    put_literal(buffer, "},\"scopeSpans\":[{\"scope\":{\"name\":");
    tn_json_string(buffer, TN_SCOPE_NAME);
    put_literal(buffer, ",\"version\":");
    tn_json_string(buffer, tn_buffer_text(&encoder->scope_version));
    put_literal(buffer, "},\"spans\":[");
    for (const tn_span *span = spans->first; span; span = span->next) {
        if (span != spans->first) tn_buffer_append_byte(buffer, ',');
        put_span(buffer, encoder, span);
    }
    put_literal(buffer, "]}]}]}");
    return buffer->status;
}
