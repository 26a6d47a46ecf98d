/* A text that is taken for a time is a time between 1970 and 2200: written out and read again it is the same one. */
#include "fuzz/fuzz.h"

#include "base/clock.h"
#include "event/timestamp.h"

#define LATEST UINT64_C(7289654400) /* the end of the year 2200 */

static void check_round_trip(uint64_t time, int32_t offset)
{
    char text[TN_TIMESTAMP_SIZE];
    uint64_t again;
    size_t size = tn_timestamp_format(text, (int64_t)(time / TN_SECOND), (uint32_t)(time % TN_SECOND), 9, offset == 0,
                                      offset);
    fuzz_check(size <= sizeof(text));
    fuzz_check(tn_timestamp_parse((tn_text){text, size}, &again));
    fuzz_check(again == time);
}

static void format_anything(fuzz_input *input)
{
    char *text = malloc(TN_TIMESTAMP_SIZE);
    int64_t seconds = (int64_t)fuzz_number(input);
    uint32_t nanoseconds = (uint32_t)(fuzz_number(input) % TN_SECOND);
    int32_t offset = (int32_t)fuzz_number(input);
    size_t size = tn_timestamp_format(text, seconds, nanoseconds, (int)fuzz_below(input, 10), fuzz_below(input, 2),
                                      offset);
    fuzz_check(size >= 20 && size <= TN_TIMESTAMP_SIZE);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input input = {bytes, bytes + size};
    tn_text text = fuzz_rest(&input);
    uint64_t time;
    if (tn_timestamp_parse(text, &time)) {
        fuzz_check(time < LATEST * TN_SECOND);
        check_round_trip(time, 0);
        if (time > 86400 * TN_SECOND) check_round_trip(time, 5400);
        fuzz_plant(time % TN_SECOND == 123000000);
    }
    fuzz_free(text);
    input.at = bytes;
    format_anything(&input);
    return 0;
}
