#include "support.h"

#include "export/gzip.h"

#include <stdlib.h>
#include <zlib.h>

TestSuite(gzip, .fini = all_memory_is_back);

#define MIB (1024 * 1024)

static void assert_inflates_to(tn_text compressed, tn_text plain)
{
    z_stream stream = {0};
    cr_assert_eq(inflateInit2(&stream, 15 + 16), Z_OK);
    uint8_t *out = malloc(plain.size + 1);
    stream.next_in = (Bytef *)(uintptr_t)compressed.bytes;
    stream.avail_in = (uInt)compressed.size;
    stream.next_out = out;
    stream.avail_out = (uInt)plain.size + 1;
    cr_assert_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
    cr_assert_eq(stream.avail_in, 0, "one member and nothing behind it");
    cr_assert_eq(stream.total_out, plain.size);
    cr_assert_eq(memcmp(out, plain.bytes, plain.size), 0);
    inflateEnd(&stream);
    free(out);
}

static void fill(char *bytes, size_t size, bool random)
{
    static const char words[] = "tasker.step.execution tasker.task_id ";
    for (size_t i = 0; i < size; i++) bytes[i] = random ? (char)random_number() : words[i % (sizeof(words) - 1)];
}

static void assert_round_trip(tn_gzip *gzip, const char *bytes, size_t size)
{
    tn_text plain = exact_copy(bytes, size);
    tn_buffer out;
    tn_buffer_init(&out, 2 * MIB);
    cr_assert_eq(tn_gzip_compress(gzip, plain, &out), TN_OK);
    assert_inflates_to(tn_buffer_text(&out), plain);
    tn_buffer_free(&out);
    free_copy(plain);
}

Test(gzip, inflates_back_at_every_size)
{
    static const size_t sizes[] = {0, 1, 2, 255, 256, 257, 32767, 32768, 32769, 65535, 65536, 65537, MIB - 1, MIB};
    static char bytes[MIB];
    tn_gzip *gzip = tn_gzip_new();
    for (int random = 0; random < 2; random++) {
        fill(bytes, sizeof(bytes), random);
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) assert_round_trip(gzip, bytes, sizes[i]);
    }
    tn_gzip_free(gzip);
}

Test(gzip, makes_what_repeats_small)
{
    static char bytes[MIB];
    fill(bytes, sizeof(bytes), false);
    tn_gzip *gzip = tn_gzip_new();
    tn_buffer out;
    tn_buffer_init(&out, 2 * MIB);
    cr_assert_eq(tn_gzip_compress(gzip, (tn_text){bytes, sizeof(bytes)}, &out), TN_OK);
    cr_assert_lt(out.size, MIB / 50);
    tn_buffer_free(&out);
    tn_gzip_free(gzip);
}

Test(gzip, appends_to_what_the_buffer_holds)
{
    tn_gzip *gzip = tn_gzip_new();
    tn_buffer out;
    tn_buffer_init(&out, 1024);
    tn_buffer_append(&out, "head", 4);
    cr_assert_eq(tn_gzip_compress(gzip, TN_TEXT("body"), &out), TN_OK);
    assert_text(((tn_text){(char *)out.bytes, 4}), "head");
    assert_inflates_to((tn_text){(char *)out.bytes + 4, out.size - 4}, TN_TEXT("body"));
    tn_buffer_free(&out);
    tn_gzip_free(gzip);
}

Test(gzip, beyond_the_cap_fails_and_the_next_use_is_good_again)
{
    static char bytes[65536];
    fill(bytes, sizeof(bytes), true);
    tn_gzip *gzip = tn_gzip_new();
    for (size_t cap = 1; cap < 100; cap += 7) {
        tn_buffer out;
        tn_buffer_init(&out, cap);
        cr_assert_eq(tn_gzip_compress(gzip, (tn_text){bytes, sizeof(bytes)}, &out), TN_ERROR_LIMIT);
        tn_buffer_free(&out);
    }
    assert_round_trip(gzip, bytes, sizeof(bytes));
    tn_gzip_free(gzip);
}

Test(gzip, refuses_more_than_zlib_can_count)
{
    tn_gzip *gzip = tn_gzip_new();
    tn_buffer out;
    tn_buffer_init(&out, 1024);
    cr_assert_eq(tn_gzip_compress(gzip, (tn_text){"", UINT32_MAX}, &out), TN_ERROR_LIMIT);
    tn_buffer_free(&out);
    tn_gzip_free(gzip);
}

Test(gzip, that_cannot_allocate_says_so)
{
    for_each_failing_allocation {
        tn_gzip *gzip = tn_gzip_new();
        cr_assert_eq(gzip == NULL, allocation_failed());
        if (!gzip) continue;

        tn_buffer out;
        tn_buffer_init(&out, 1024);
        tn_status status = tn_gzip_compress(gzip, TN_TEXT("body"), &out);
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        tn_buffer_free(&out);
        tn_gzip_free(gzip);
    }
}

Test(gzip, no_gzip_can_be_freed)
{
    tn_gzip_free(NULL);
}
