#include "export/protobuf.h"

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

#define MAX_VARINT 10

void tn_protobuf_varint(tn_buffer *buffer, uint64_t value)
{
    if (tn_buffer_reserve(buffer, MAX_VARINT) != TN_OK) return;
    buffer->size = (size_t)(tn_protobuf_put_varint(buffer->bytes + buffer->size, value) - buffer->bytes);
}

static void put_tag(tn_buffer *buffer, uint32_t field, unsigned wire_type)
{
    tn_protobuf_varint(buffer, (uint64_t)field << 3 | wire_type);
}

static void put_little_endian(tn_buffer *buffer, uint64_t value, size_t size)
{
    if (tn_buffer_reserve(buffer, size) != TN_OK) return;
    uint8_t *at = buffer->bytes + buffer->size;
    for (size_t i = 0; i < size; i++) at[i] = (uint8_t)(value >> (8 * i));
    tn_buffer_advance(buffer, size);
}

void tn_protobuf_uint(tn_buffer *buffer, uint32_t field, uint64_t value)
{
    put_tag(buffer, field, WIRE_VARINT);
    tn_protobuf_varint(buffer, value);
}

void tn_protobuf_fixed32(tn_buffer *buffer, uint32_t field, uint32_t value)
{
    put_tag(buffer, field, WIRE_FIXED32);
    put_little_endian(buffer, value, 4);
}

void tn_protobuf_fixed64(tn_buffer *buffer, uint32_t field, uint64_t value)
{
    put_tag(buffer, field, WIRE_FIXED64);
    put_little_endian(buffer, value, 8);
}

void tn_protobuf_double(tn_buffer *buffer, uint32_t field, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    tn_protobuf_fixed64(buffer, field, bits);
}

void tn_protobuf_message(tn_buffer *buffer, uint32_t field, size_t size)
{
    put_tag(buffer, field, WIRE_BYTES);
    tn_protobuf_varint(buffer, size);
}

void tn_protobuf_bytes(tn_buffer *buffer, uint32_t field, const void *bytes, size_t size)
{
    tn_protobuf_message(buffer, field, size);
    tn_buffer_append(buffer, bytes, size);
}

void tn_protobuf_text(tn_buffer *buffer, uint32_t field, tn_text text)
{
    tn_protobuf_bytes(buffer, field, text.bytes, text.size);
}

size_t tn_protobuf_open(tn_buffer *buffer, uint32_t field, size_t expected_size)
{
    tn_protobuf_message(buffer, field, expected_size);
    return buffer->size;
}

void tn_protobuf_close(tn_buffer *buffer, size_t opened, size_t expected_size)
{
    if (buffer->status != TN_OK) return;

    size_t size = buffer->size - opened;
    size_t reserved = tn_protobuf_varint_size(expected_size), needed = tn_protobuf_varint_size(size);
    if (needed > reserved && tn_buffer_reserve(buffer, needed - reserved) != TN_OK) return;

    uint8_t *content = buffer->bytes + opened;
    if (needed != reserved) memmove(content - reserved + needed, content, size);
    tn_protobuf_put_varint(content - reserved, size);
    buffer->size = opened - reserved + needed + size;
}

static bool take_varint(tn_protobuf_reader *reader, uint64_t *value_out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        uint8_t byte = *reader->at++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *value_out = value;
            return true;
        }
    }
    return false;
}

static bool take_little_endian(tn_protobuf_reader *reader, size_t size, uint64_t *value_out)
{
    if ((size_t)(reader->end - reader->at) < size) return false;
    *value_out = 0;
    for (size_t i = 0; i < size; i++) *value_out |= (uint64_t)reader->at[i] << (8 * i);
    reader->at += size;
    return true;
}

static bool take_bytes(tn_protobuf_reader *reader, tn_text *bytes_out)
{
    uint64_t size;
    if (!take_varint(reader, &size) || size > (uint64_t)(reader->end - reader->at)) return false;
    *bytes_out = (tn_text){(const char *)reader->at, (size_t)size};
    reader->at += size;
    return true;
}

bool tn_protobuf_next(tn_protobuf_reader *reader, tn_protobuf_field *field)
{
    uint64_t tag;
    if (!take_varint(reader, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX >> 3) return false;

    *field = (tn_protobuf_field){.number = (uint32_t)(tag >> 3), .bytes = TN_NO_TEXT};
    switch (tag & 7) {
    case WIRE_VARINT: return take_varint(reader, &field->value);
    case WIRE_FIXED64: return take_little_endian(reader, 8, &field->value);
    case WIRE_BYTES: return take_bytes(reader, &field->bytes);
    case WIRE_FIXED32: return take_little_endian(reader, 4, &field->value);
    default: return false;
    }
}
