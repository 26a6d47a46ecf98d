/* What is compressed inflates to the same bytes, one member after the other from one state, also when memory ran out
 * in between. */
#include "fuzz/fuzz.h"

#include "export/gzip.h"

#include <zlib.h>

static void check_inflates(tn_text compressed, tn_text plain)
{
    uint8_t *out = malloc(plain.size + 1);
    z_stream stream = {
        .next_in = (Bytef *)(uintptr_t)compressed.bytes,
        .avail_in = (uInt)compressed.size,
        .next_out = out,
        .avail_out = (uInt)plain.size + 1,
    };
    fuzz_check(inflateInit2(&stream, 15 + 16) == Z_OK);
    fuzz_check(inflate(&stream, Z_FINISH) == Z_STREAM_END);
    fuzz_check(stream.avail_in == 0 && stream.total_out == plain.size);
    fuzz_check(plain.size == 0 || memcmp(out, plain.bytes, plain.size) == 0);
    inflateEnd(&stream);
    free(out);
}

/* The bytes several times over, so that there is something to find again. */
static tn_text repeated(fuzz_input *input)
{
    size_t times = 1 + fuzz_byte(input) * 8;
    tn_text once = fuzz_text(input);
    tn_buffer all;
    tn_buffer_init(&all, 1 << 20);
    for (size_t i = 0; i < times; i++) tn_buffer_append_text(&all, once);
    tn_text text = fuzz_copy(all.bytes, all.size);
    tn_buffer_free(&all);
    fuzz_free(once);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input input = {bytes, bytes + size};
    fuzz_fail_allocation(0);
    tn_gzip *gzip = tn_gzip_new();
    for (int member = 0; member < 4 && !fuzz_is_over(&input); member++) {
        size_t fails_at = fuzz_below(&input, 4), cap = fuzz_byte(&input) * 64 + 64;
        tn_text plain = repeated(&input);
        tn_buffer out;
        tn_buffer_init(&out, cap);
        fuzz_fail_allocation(fails_at);
        tn_status status = tn_gzip_compress(gzip, plain, &out);
        fuzz_fail_allocation(0);
        fuzz_check(status == TN_OK || status == TN_ERROR_MEMORY || status == TN_ERROR_LIMIT);
        if (status == TN_OK) check_inflates(tn_buffer_text(&out), plain);
        fuzz_plant(member == 1 && status == TN_OK && plain.size > 100);
        tn_buffer_free(&out);
        fuzz_free(plain);
    }
    tn_gzip_free(gzip);
    fuzz_check(fuzz_live_allocations() == 0);
    return 0;
}
