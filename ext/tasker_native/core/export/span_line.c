#include "base/json.h"
#include "export/encoder.h"

#define NAME_WIDTH 23

static const char *const status_names[] = {
    [TN_STATUS_UNSET] = "UNSET", [TN_STATUS_OK] = "OK", [TN_STATUS_ERROR] = "ERROR"};

static void put_id(tn_buffer *buffer, const char *name, const uint8_t *bytes, size_t size)
{
    char hex[32];
    tn_hex(hex, bytes, size);
    tn_buffer_printf(buffer, " %s=%.*s", name, (int)(2 * size), hex);
}

static void put_value(tn_buffer *buffer, const tn_value *value)
{
    switch (value->type) {
    case TN_VALUE_STRING: tn_json_string(buffer, value->as.string); break;
    case TN_VALUE_INTEGER: tn_json_integer(buffer, value->as.integer); break;
    case TN_VALUE_DOUBLE: tn_json_double(buffer, value->as.number); break;
    case TN_VALUE_BOOLEAN: tn_buffer_append_text(buffer, value->as.boolean ? TN_TEXT("true") : TN_TEXT("false")); break;
    case TN_VALUE_TIME: break; /* a String in every set */
    }
}

static bool is_plain(tn_text name)
{
    for (size_t i = 0; i < name.size; i++) {
        unsigned char byte = (unsigned char)name.bytes[i];
        if (byte < 0x20 || byte > 0x7E) return false;
    }
    return true;
}

/* As it is when it is ASCII and harmless to a terminal, else quoted and escaped. */
static void put_name(tn_buffer *buffer, tn_text name)
{
    size_t before = buffer->size;
    if (is_plain(name)) {
        tn_buffer_append_text(buffer, name);
    } else {
        tn_json_string(buffer, name);
    }
    for (size_t width = buffer->size - before; width < NAME_WIDTH; width++) tn_buffer_append_byte(buffer, ' ');
}

tn_status tn_span_line(tn_buffer *buffer, tn_encoder *encoder, const tn_span *span)
{
    double milliseconds = (double)(span->end - span->start) / 1e6;
    tn_text message = tn_span_status_message(span);
    tn_buffer_printf(buffer, "%-5s ", status_names[span->status]);
    put_name(buffer, tn_span_name(span));
    tn_buffer_printf(buffer, " %10.1f ms", milliseconds);
    put_id(buffer, "trace", span->trace_id.bytes, sizeof(span->trace_id.bytes));
    put_id(buffer, "span", span->id.bytes, sizeof(span->id.bytes));
    if (!tn_span_id_none(span->parent_id))
        put_id(buffer, "parent", span->parent_id.bytes, sizeof(span->parent_id.bytes));
    if (message.size > 0) {
        tn_buffer_append_text(buffer, TN_TEXT(" message="));
        tn_json_string(buffer, message);
    }

    tn_attribute_set *set = &encoder->attributes;
    tn_attribute_set_of_span(set, span);
    for (size_t i = 0; i < set->count; i++) {
        tn_buffer_append_text(buffer, i ? TN_TEXT(", ") : TN_TEXT(" {"));
        tn_json_joined(buffer, tn_attribute_prefix(set, &set->items[i]), set->items[i].key);
        tn_buffer_append_text(buffer, TN_TEXT(": "));
        put_value(buffer, &set->items[i].value);
    }
    return tn_buffer_append_text(buffer, set->count ? TN_TEXT("}\n") : TN_TEXT("\n"));
}
