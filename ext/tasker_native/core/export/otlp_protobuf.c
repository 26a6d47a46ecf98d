#include "export/encoder.h"
#include "export/otlp_resource.h"
#include "export/protobuf.h"

/* Field numbers of opentelemetry-proto: collector/trace/v1, trace/v1, resource/v1 and common/v1. */
enum { REQUEST_RESOURCE_SPANS = 1 };
enum { RESOURCE_SPANS_RESOURCE = 1, RESOURCE_SPANS_SCOPE_SPANS = 2 };
enum { RESOURCE_ATTRIBUTES = 1, RESOURCE_DROPPED_ATTRIBUTES = 2 };
enum { SCOPE_SPANS_SCOPE = 1, SCOPE_SPANS_SPANS = 2 };
enum { SCOPE_NAME = 1, SCOPE_VERSION = 2 };
enum { KEY_VALUE_KEY = TN_KEY_VALUE_KEY, KEY_VALUE_VALUE = 2 };
enum { ANY_VALUE_STRING = 1, ANY_VALUE_BOOL = 2, ANY_VALUE_INT = 3, ANY_VALUE_DOUBLE = 4 };
enum {
    SPAN_TRACE_ID = 1,
    SPAN_SPAN_ID = 2,
    SPAN_PARENT_SPAN_ID = 4,
    SPAN_NAME = 5,
    SPAN_KIND = 6,
    SPAN_START_TIME = 7,
    SPAN_END_TIME = 8,
    SPAN_ATTRIBUTES = 9,
    SPAN_DROPPED_ATTRIBUTES = 10,
    SPAN_EVENTS = 11,
    SPAN_DROPPED_EVENTS = 12,
    SPAN_LINKS = 13,
    SPAN_DROPPED_LINKS = 14,
    SPAN_STATUS = 15,
    SPAN_FLAGS = 16,
};
enum { EVENT_TIME = 1, EVENT_NAME = 2, EVENT_ATTRIBUTES = 3, EVENT_DROPPED_ATTRIBUTES = 4 };
enum { LINK_TRACE_ID = 1, LINK_SPAN_ID = 2, LINK_FLAGS = 6 };
enum { STATUS_MESSAGE = 2, STATUS_CODE = 3 };

#define KIND_INTERNAL 1
#define FLAGS_SAMPLED 0x101 /* sampled, and: whether the parent is remote is known (it is not) */

#define FIXED64_SIZE 9 /* with its tag */
#define MAX_TAG_AND_SIZE 11

static size_t text_field_size(size_t size)
{
    return 1 + tn_protobuf_varint_size(size) + size;
}

static size_t value_size(const tn_value *value)
{
    switch (value->type) {
    case TN_VALUE_STRING: return text_field_size(value->as.string.size);
    case TN_VALUE_INTEGER: return 1 + tn_protobuf_varint_size((uint64_t)value->as.integer);
    case TN_VALUE_DOUBLE: return FIXED64_SIZE;
    case TN_VALUE_BOOLEAN: return 2;
    case TN_VALUE_TIME: break; /* a String in every set */
    }
    return 0;
}

static uint8_t *put_value(uint8_t *at, const tn_value *value)
{
    uint64_t bits;
    switch (value->type) {
    case TN_VALUE_STRING:
        return tn_protobuf_put_bytes(at, ANY_VALUE_STRING, value->as.string.bytes, value->as.string.size);
    case TN_VALUE_INTEGER: return tn_protobuf_put_uint(at, ANY_VALUE_INT, (uint64_t)value->as.integer);
    case TN_VALUE_DOUBLE:
        memcpy(&bits, &value->as.number, sizeof(bits));
        return tn_protobuf_put_fixed64(at, ANY_VALUE_DOUBLE, bits);
    case TN_VALUE_BOOLEAN: return tn_protobuf_put_uint(at, ANY_VALUE_BOOL, value->as.boolean);
    case TN_VALUE_TIME: break;
    }
    return at;
}

static size_t key_field_size(tn_text prefix, const tn_attribute *attribute)
{
    return attribute->name ? attribute->name->encoded_size : text_field_size(prefix.size + attribute->key.size);
}

/* Writes up to TN_ATTRIBUTE_NAME_STEP bytes more. */
static uint8_t *put_key(uint8_t *at, tn_text prefix, const tn_attribute *attribute)
{
    const tn_attribute_name *name = attribute->name;
    if (name) {
        for (size_t i = 0; i < name->encoded_size; i += TN_ATTRIBUTE_NAME_STEP) {
            memcpy(at + i, name->encoded + i, TN_ATTRIBUTE_NAME_STEP);
        }
        return at + name->encoded_size;
    }
    at = tn_protobuf_put_message(at, KEY_VALUE_KEY, prefix.size + attribute->key.size);
    if (prefix.size > 0) memcpy(at, prefix.bytes, prefix.size);
    at += prefix.size;
    if (attribute->key.size > 0) memcpy(at, attribute->key.bytes, attribute->key.size);
    return at + attribute->key.size;
}

/* A short text under a remembered key, as most attributes are, where each size takes one byte. */
#define SHORT_TEXT 90
#define SHORT_ATTRIBUTE (2 + TN_ATTRIBUTE_NAME_STEP + 2 + 2 + SHORT_TEXT)

_Static_assert(SHORT_ATTRIBUTE - 2 < 0x80, "the size of a short attribute takes one byte");

static bool is_short(const tn_attribute *attribute)
{
    return attribute->name && attribute->name->encoded_size <= TN_ATTRIBUTE_NAME_STEP &&
           attribute->value.type == TN_VALUE_STRING && attribute->value.as.string.size <= SHORT_TEXT;
}

static uint8_t *put_short_attribute(uint8_t *at, uint32_t field, const tn_attribute *attribute)
{
    tn_text text = attribute->value.as.string;
    size_t value = 2 + text.size;
    *at++ = tn_protobuf_message_tag(field);
    *at++ = (uint8_t)(attribute->name->encoded_size + 2 + value);
    memcpy(at, attribute->name->encoded, TN_ATTRIBUTE_NAME_STEP);
    at += attribute->name->encoded_size;
    *at++ = tn_protobuf_message_tag(KEY_VALUE_VALUE);
    *at++ = (uint8_t)value;
    return tn_protobuf_put_bytes(at, ANY_VALUE_STRING, text.bytes, text.size);
}

static uint8_t *put_long_attribute(uint8_t *at, uint32_t field, tn_text prefix, const tn_attribute *attribute,
                                   size_t size)
{
    size_t value = value_size(&attribute->value);
    at = tn_protobuf_put_message(at, field, size);
    at = put_key(at, prefix, attribute);
    at = tn_protobuf_put_message(at, KEY_VALUE_VALUE, value);
    return put_value(at, &attribute->value);
}

static void put_attribute(tn_buffer *buffer, uint32_t field, tn_text prefix, const tn_attribute *attribute)
{
    uint8_t *end;
    if (is_short(attribute)) {
        if (tn_buffer_reserve(buffer, SHORT_ATTRIBUTE) != TN_OK) return;
        end = put_short_attribute(buffer->bytes + buffer->size, field, attribute);
    } else {
        size_t size = key_field_size(prefix, attribute) + text_field_size(value_size(&attribute->value));
        if (tn_buffer_reserve(buffer, MAX_TAG_AND_SIZE + size + TN_ATTRIBUTE_NAME_STEP) != TN_OK) return;
        end = put_long_attribute(buffer->bytes + buffer->size, field, prefix, attribute, size);
    }
    buffer->size = (size_t)(end - buffer->bytes);
}

static void put_attributes(tn_buffer *buffer, uint32_t field, uint32_t dropped_field, const tn_attribute_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        put_attribute(buffer, field, tn_attribute_prefix(set, &set->items[i]), &set->items[i]);
    }
    if (set->dropped) tn_protobuf_uint(buffer, dropped_field, set->dropped);
}

/* Where the span's attributes stand, when pairs that are an event's, too, have all of them: most spans end so. */
typedef struct {
    const uint8_t *pairs; /* NULL: there are no such pairs */
    size_t at, size;
} shared_attributes;

static shared_attributes put_span_attributes(tn_buffer *buffer, tn_encoder *encoder, const tn_span *span)
{
    size_t at = buffer->size;
    const uint8_t *last = tn_attribute_set_of_span(&encoder->attributes, span);
    put_attributes(buffer, SPAN_ATTRIBUTES, SPAN_DROPPED_ATTRIBUTES, &encoder->attributes);
    if (!tn_attribute_set_is_of_last(&encoder->attributes)) last = NULL;
    return (shared_attributes){last, at, buffer->size - at};
}

/* The bytes of an event's attribute and of a span's differ in the tag only. */
static void put_shared_attributes(tn_buffer *buffer, shared_attributes shared)
{
    if (tn_buffer_reserve(buffer, shared.size) != TN_OK) return;

    const uint8_t *from = buffer->bytes + shared.at, *at = from;
    uint8_t *to = buffer->bytes + buffer->size;
    memcpy(to, from, shared.size);
    while (at < from + shared.size) {
        size_t size;
        to[at - from] = tn_protobuf_message_tag(EVENT_ATTRIBUTES);
        at = tn_protobuf_take_size(at + 1, &size) + size; /* of the source: what was just copied is not at hand yet */
    }
    tn_buffer_advance(buffer, shared.size);
}

static void put_event_attributes(tn_buffer *buffer, tn_attribute_set *set, tn_pairs pairs)
{
    tn_attribute_set_clear(set);
    tn_attribute_set_add(set, pairs);
    put_attributes(buffer, EVENT_ATTRIBUTES, EVENT_DROPPED_ATTRIBUTES, set);
}

static void put_event(tn_buffer *buffer, tn_attribute_set *set, const tn_record *record, shared_attributes shared)
{
    size_t expected = 64 + 2 * record->pairs.size;
    size_t event = tn_protobuf_open(buffer, SPAN_EVENTS, expected);
    tn_protobuf_fixed64(buffer, EVENT_TIME, record->time);
    tn_protobuf_text(buffer, EVENT_NAME, record->name);
    if (shared.pairs && shared.pairs == record->pairs.bytes) {
        put_shared_attributes(buffer, shared);
    } else {
        put_event_attributes(buffer, set, record->pairs);
    }
    tn_protobuf_close(buffer, event, expected);
}

static void put_link(tn_buffer *buffer, const tn_record *record)
{
    size_t link = tn_protobuf_open(buffer, SPAN_LINKS, 0);
    tn_protobuf_bytes(buffer, LINK_TRACE_ID, record->linked_trace_id.bytes, sizeof(record->linked_trace_id.bytes));
    tn_protobuf_bytes(buffer, LINK_SPAN_ID, record->linked_span_id.bytes, sizeof(record->linked_span_id.bytes));
    tn_protobuf_fixed32(buffer, LINK_FLAGS, FLAGS_SAMPLED);
    tn_protobuf_close(buffer, link, 0);
}

static void put_status(tn_buffer *buffer, const tn_span *span)
{
    if (span->status == TN_STATUS_UNSET) return;

    tn_text message = tn_span_status_message(span);
    size_t status = tn_protobuf_open(buffer, SPAN_STATUS, message.size);
    if (message.size > 0) tn_protobuf_text(buffer, STATUS_MESSAGE, message);
    tn_protobuf_uint(buffer, STATUS_CODE, span->status);
    tn_protobuf_close(buffer, status, message.size);
}

/* What every span begins with. */
static void put_head(tn_buffer *buffer, const tn_span *span)
{
    tn_text name = tn_span_name(span);
    if (tn_buffer_reserve(buffer, 128 + name.size) != TN_OK) return;

    uint8_t *at = buffer->bytes + buffer->size;
    at = tn_protobuf_put_bytes(at, SPAN_TRACE_ID, span->trace_id.bytes, sizeof(span->trace_id.bytes));
    at = tn_protobuf_put_bytes(at, SPAN_SPAN_ID, span->id.bytes, sizeof(span->id.bytes));
    if (!tn_span_id_none(span->parent_id)) {
        at = tn_protobuf_put_bytes(at, SPAN_PARENT_SPAN_ID, span->parent_id.bytes, sizeof(span->parent_id.bytes));
    }
    at = tn_protobuf_put_bytes(at, SPAN_NAME, name.bytes, name.size);
    at = tn_protobuf_put_uint(at, SPAN_KIND, KIND_INTERNAL);
    at = tn_protobuf_put_fixed64(at, SPAN_START_TIME, span->start);
    at = tn_protobuf_put_fixed64(at, SPAN_END_TIME, span->end);
    buffer->size = (size_t)(at - buffer->bytes);
}

static void put_span(tn_buffer *buffer, tn_encoder *encoder, const tn_span *span)
{
    size_t expected = 128 + 2 * span->journal_size;
    size_t opened = tn_protobuf_open(buffer, SCOPE_SPANS_SPANS, expected);
    put_head(buffer, span);
    shared_attributes shared = put_span_attributes(buffer, encoder, span);

    tn_record record;
    tn_journal_reader reader = tn_span_read(span);
    while (tn_journal_next(&reader, &record)) {
        if (record.kind & TN_RECORD_EVENT) put_event(buffer, &encoder->attributes, &record, shared);
        if (record.kind & TN_RECORD_LINK) put_link(buffer, &record);
    }
    if (span->dropped_events) tn_protobuf_uint(buffer, SPAN_DROPPED_EVENTS, span->dropped_events);
    if (span->dropped_links) tn_protobuf_uint(buffer, SPAN_DROPPED_LINKS, span->dropped_links);
    put_status(buffer, span);
    tn_protobuf_fixed32(buffer, SPAN_FLAGS, FLAGS_SAMPLED);
    tn_protobuf_close(buffer, opened, expected);
}

void tn_otlp_put_resource(tn_buffer *buffer, const tn_encoder *encoder)
{
    size_t resource = tn_protobuf_open(buffer, RESOURCE_SPANS_RESOURCE, encoder->resource.size);
    put_attributes(buffer, RESOURCE_ATTRIBUTES, RESOURCE_DROPPED_ATTRIBUTES, &encoder->resource_attributes);
    tn_protobuf_close(buffer, resource, encoder->resource.size);
}

void tn_otlp_put_scope(tn_buffer *buffer, const tn_encoder *encoder)
{
    size_t scope = tn_protobuf_open(buffer, SCOPE_SPANS_SCOPE, 0);
    tn_protobuf_text(buffer, SCOPE_NAME, TN_SCOPE_NAME);
    tn_protobuf_text(buffer, SCOPE_VERSION, tn_buffer_text(&encoder->scope_version));
    tn_protobuf_close(buffer, scope, 0);
}

tn_status tn_otlp_protobuf(tn_buffer *buffer, tn_encoder *encoder, const tn_span_list *spans)
{
    size_t expected = 2 * spans->bytes;
    size_t resource_spans = tn_protobuf_open(buffer, REQUEST_RESOURCE_SPANS, expected);
    tn_otlp_put_resource(buffer, encoder);
    size_t scope_spans = tn_protobuf_open(buffer, RESOURCE_SPANS_SCOPE_SPANS, expected);
    tn_otlp_put_scope(buffer, encoder);
    for (const tn_span *span = spans->first; span; span = span->next) {
        if (span->next) tn_span_fetch(span->next);
        put_span(buffer, encoder, span);
    }
    tn_protobuf_close(buffer, scope_spans, expected);
    tn_protobuf_close(buffer, resource_spans, expected);
    return buffer->status;
}
