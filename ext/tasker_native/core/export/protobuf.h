#ifndef TN_EXPORT_PROTOBUF_H
#define TN_EXPORT_PROTOBUF_H

#include "base/buffer.h"

/* Wire bytes of protocol buffers (protobuf.dev, "Encoding"), written and read without message objects.
 * Writers append to a buffer, which keeps the first failure. Fields with their default value are the caller's
 * to leave out. */
void tn_protobuf_varint(tn_buffer *buffer, uint64_t value);
void tn_protobuf_uint(tn_buffer *buffer, uint32_t field, uint64_t value);
void tn_protobuf_fixed32(tn_buffer *buffer, uint32_t field, uint32_t value);
void tn_protobuf_fixed64(tn_buffer *buffer, uint32_t field, uint64_t value);
void tn_protobuf_double(tn_buffer *buffer, uint32_t field, double value);
void tn_protobuf_bytes(tn_buffer *buffer, uint32_t field, const void *bytes, size_t size);
void tn_protobuf_text(tn_buffer *buffer, uint32_t field, tn_text text);

/* The tag and the size of a message whose size is known. */
void tn_protobuf_message(tn_buffer *buffer, uint32_t field, size_t size);

/* A message whose size is not known yet: open, write, close. expected_size saves moving it when it is right
 * about how many bytes the size takes (up to 127: one, up to 16,383: two). */
size_t tn_protobuf_open(tn_buffer *buffer, uint32_t field, size_t expected_size);
void tn_protobuf_close(tn_buffer *buffer, size_t opened, size_t expected_size);

static inline size_t tn_protobuf_varint_size(uint64_t value)
{
    size_t size = 1;
    for (; value >= 0x80; value >>= 7) size++;
    return size;
}

/* The same into memory that has room: returns where it ends. Field numbers below 16 only. */
static inline uint8_t *tn_protobuf_put_varint(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

static inline uint8_t *tn_protobuf_put_uint(uint8_t *at, uint32_t field, uint64_t value)
{
    *at++ = (uint8_t)(field << 3);
    return tn_protobuf_put_varint(at, value);
}

static inline uint8_t *tn_protobuf_put_fixed64(uint8_t *at, uint32_t field, uint64_t value)
{
    *at++ = (uint8_t)(field << 3 | 1);
    for (int i = 0; i < 8; i++) *at++ = (uint8_t)(value >> (8 * i));
    return at;
}

static inline uint8_t tn_protobuf_message_tag(uint32_t field)
{
    return (uint8_t)(field << 3 | 2);
}

static inline uint8_t *tn_protobuf_put_message(uint8_t *at, uint32_t field, size_t size)
{
    *at++ = tn_protobuf_message_tag(field);
    return tn_protobuf_put_varint(at, size);
}

static inline uint8_t *tn_protobuf_put_bytes(uint8_t *at, uint32_t field, const void *bytes, size_t size)
{
    at = tn_protobuf_put_message(at, field, size);
    if (size > 0) memcpy(at, bytes, size);
    return at + size;
}

/* The size of a message that was put there by the above: returns where its content begins. */
static inline const uint8_t *tn_protobuf_take_size(const uint8_t *at, size_t *size_out)
{
    size_t size = *at & 0x7F;
    for (unsigned shift = 7; *at++ & 0x80; shift += 7) size |= (size_t)(*at & 0x7F) << shift;
    *size_out = size;
    return at;
}

/* Reading, from somebody who may be hostile: never beyond the end, never without progress. */
typedef struct {
    const uint8_t *at, *end;
} tn_protobuf_reader;

typedef struct {
    uint32_t number;
    uint64_t value; /* of a varint or a fixed-size field; else 0 */
    tn_text bytes;  /* of a length-delimited field; else empty */
} tn_protobuf_field;

/* false at the end, and at bytes that are no field. */
bool tn_protobuf_next(tn_protobuf_reader *reader, tn_protobuf_field *field_out);

#endif
