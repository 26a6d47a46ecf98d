#include "export/gzip.h"

#include "base/process.h"

#include <zlib.h>

#define LEVEL 1
#define WINDOW_BITS (15 + 16) /* the largest window, and a gzip header instead of zlib's */
#define MEMORY_LEVEL 8

struct tn_gzip {
    z_stream stream;
};

static void *allocate(void *opaque, uInt count, uInt size)
{
    (void)opaque;
    return tn_alloc((size_t)count * size);
}

static void release(void *opaque, void *pointer)
{
    (void)opaque;
    tn_free(pointer);
}

tn_gzip *tn_gzip_new(void)
{
    tn_gzip *gzip = tn_alloc_zeroed(sizeof(*gzip));
    if (!gzip) return NULL;

    gzip->stream.zalloc = allocate;
    gzip->stream.zfree = release;
    if (deflateInit2(&gzip->stream, LEVEL, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK)
        return gzip;

    tn_free(gzip);
    return NULL;
}

void tn_gzip_free(tn_gzip *gzip)
{
    if (!gzip) return;
    deflateEnd(&gzip->stream);
    tn_free(gzip);
}

tn_status tn_gzip_compress(tn_gzip *gzip, tn_text plain, tn_buffer *out)
{
    z_stream *stream = &gzip->stream;
    if (plain.size > UINT32_MAX / 2) return TN_ERROR_LIMIT;
    if (deflateReset(stream) != Z_OK) return TN_ERROR_MEMORY;

    size_t bound = deflateBound(stream, (uLong)plain.size);
    tn_status status = tn_buffer_reserve(out, bound);
    if (status != TN_OK) return status;

    stream->next_in = (Bytef *)(uintptr_t)plain.bytes;
    stream->avail_in = (uInt)plain.size;
    stream->next_out = out->bytes + out->size;
    stream->avail_out = (uInt)bound;
    if (deflate(stream, Z_FINISH) != Z_STREAM_END) return TN_ERROR_LIMIT;

    tn_buffer_advance(out, bound - stream->avail_out);
    return TN_OK;
}
