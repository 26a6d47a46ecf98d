#include "base/buffer.h"

#include "base/process.h"

#include <stdarg.h>
#include <stdio.h>

#define FIRST_CAPACITY 256

void tn_buffer_free(tn_buffer *buffer)
{
    if (!buffer->borrowed) tn_free(buffer->bytes);
    tn_buffer_init(buffer, buffer->cap);
}

void tn_buffer_clear(tn_buffer *buffer)
{
    buffer->size = 0;
    buffer->status = TN_OK;
}

static tn_status fail(tn_buffer *buffer, tn_status status)
{
    tn_buffer_free(buffer);
    buffer->status = status;
    return status;
}

static bool grow(tn_buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity < FIRST_CAPACITY ? FIRST_CAPACITY : buffer->capacity;
    while (capacity < needed) capacity *= 2;
    if (capacity > buffer->cap) capacity = buffer->cap;

    uint8_t *bytes = tn_realloc(buffer->borrowed ? NULL : buffer->bytes, capacity);
    if (!bytes) return false;

    if (buffer->borrowed && buffer->size > 0) memcpy(bytes, buffer->bytes, buffer->size);
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    buffer->borrowed = false;
    return true;
}

bool tn_buffer_make_room(tn_buffer *buffer, size_t size)
{
    if (tn_buffer_has_room(buffer, size)) return true;
    if (buffer->status != TN_OK || size > buffer->cap - buffer->size) return false;
    return grow(buffer, buffer->size + size);
}

tn_status tn_buffer_grow(tn_buffer *buffer, size_t size)
{
    if (buffer->status != TN_OK) return buffer->status;
    if (size > buffer->cap - buffer->size) return fail(buffer, TN_ERROR_LIMIT);
    return tn_buffer_make_room(buffer, size) ? TN_OK : fail(buffer, TN_ERROR_MEMORY);
}

tn_status tn_buffer_printf(tn_buffer *buffer, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);

    if (length < 0) return fail(buffer, TN_ERROR_INVALID);
    return tn_buffer_append(buffer, text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

void tn_buffer_truncate(tn_buffer *buffer, size_t size)
{
    if (size < buffer->size) buffer->size = size;
}
