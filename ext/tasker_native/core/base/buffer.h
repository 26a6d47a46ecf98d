#ifndef TN_BASE_BUFFER_H
#define TN_BASE_BUFFER_H

#include "base/status.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* A byte buffer that grows up to a cap and frees itself when it can't.
 *
 * After a failed append the buffer is empty and stays failed: callers may chain
 * appends and look at the status once, at the end.
 * Not thread-safe: one owner at a time. */
typedef struct {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
    size_t cap;       /* never grows beyond this many bytes */
    bool borrowed;    /* bytes is storage that the caller lent */
    tn_status status; /* TN_OK, or the first failure */
} tn_buffer;

/* cap: largest size in bytes, > 0. Allocates nothing yet. */
static inline void tn_buffer_init(tn_buffer *buffer, size_t cap)
{
    *buffer = (tn_buffer){.cap = cap};
}

/* The same, starting on storage (of size bytes, on the stack for example) that outlives the buffer. */
static inline void tn_buffer_init_on(tn_buffer *buffer, void *storage, size_t size, size_t cap)
{
    *buffer = (tn_buffer){
        .bytes = (uint8_t *)storage, .capacity = size < cap ? size : cap, .cap = cap, .borrowed = true};
}

/* Also good for a buffer that failed, or was freed before. Leaves it empty, usable and without storage. */
void tn_buffer_free(tn_buffer *buffer);

/* Empties the buffer and forgets a failure; keeps the storage. */
void tn_buffer_clear(tn_buffer *buffer);

/* Whether `size` more bytes fit without asking for memory. */
static inline bool tn_buffer_has_room(const tn_buffer *buffer, size_t size)
{
    return size <= buffer->capacity - buffer->size && buffer->status == TN_OK;
}

/* Room for `size` more bytes at bytes + size; the caller fills them and calls tn_buffer_advance.
 * TN_OK, TN_ERROR_MEMORY, or TN_ERROR_LIMIT when the cap would be exceeded. */
tn_status tn_buffer_grow(tn_buffer *buffer, size_t size) TN_MUST_CHECK;
static inline TN_MUST_CHECK tn_status tn_buffer_reserve(tn_buffer *buffer, size_t size)
{
    return tn_buffer_has_room(buffer, size) ? TN_OK : tn_buffer_grow(buffer, size);
}

static inline void tn_buffer_advance(tn_buffer *buffer, size_t size)
{
    buffer->size += size;
}

/* The same, but what can't be had leaves the buffer as it is: false. */
bool tn_buffer_make_room(tn_buffer *buffer, size_t size) TN_MUST_CHECK;

/* As tn_buffer_reserve. Callers that chain may ignore it: buffer->status keeps the first failure. */
static inline tn_status tn_buffer_append(tn_buffer *buffer, const void *bytes, size_t size)
{
    tn_status status = tn_buffer_reserve(buffer, size);
    if (status != TN_OK || size == 0) return status;

    memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
    return TN_OK;
}

static inline tn_status tn_buffer_append_text(tn_buffer *buffer, tn_text text)
{
    return tn_buffer_append(buffer, text.bytes, text.size);
}

static inline tn_status tn_buffer_append_byte(tn_buffer *buffer, uint8_t byte)
{
    return tn_buffer_append(buffer, &byte, 1);
}

/* printf into the buffer; at most 255 bytes a call, longer is cut. */
tn_status tn_buffer_printf(tn_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Cuts the buffer back to `size` bytes, if it is longer. */
void tn_buffer_truncate(tn_buffer *buffer, size_t size);

static inline tn_text tn_buffer_text(const tn_buffer *buffer)
{
    return buffer->bytes ? (tn_text){(const char *)buffer->bytes, buffer->size} : TN_NO_TEXT;
}

#endif
