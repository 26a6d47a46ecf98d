/* What the targets of the scanners of values share: a target defines SCANNER, and an example of a SECRET with the PART of
 * it that may not be seen.
 *
 * What was masked is not found again. Valid UTF-8 stays so. What stands around a secret stays. And whatever stands around
 * the example, it is found. */
#include "fuzz/fuzz.h"

#include "base/utf8.h"
#include "event/value_scanner.h"

#include <string.h>

#define MASK TN_TEXT("[FILTERED]")

static bool is_valid(tn_text text)
{
    return tn_utf8_valid_prefix(text) == text.size;
}

static bool holds(tn_text text, const char *part)
{
    return text.size > 0 && memmem(text.bytes, text.size, part, strlen(part));
}

/* The rest of a text is there, in its order. */
static void check_rest(tn_text text, tn_text result)
{
    while (result.size > 0) {
        const char *mask = memmem(result.bytes, result.size, MASK.bytes, MASK.size);
        size_t piece = mask ? (size_t)(mask - result.bytes) : result.size;
        const char *found = piece ? memmem(text.bytes, text.size, result.bytes, piece) : text.bytes;
        fuzz_check(found);
        size_t taken = (size_t)(found - text.bytes) + piece, gone = piece + (mask ? MASK.size : 0);
        text = (tn_text){text.bytes + taken, text.size - taken};
        result = (tn_text){result.bytes + gone, result.size - gone};
    }
}

static void check_result(tn_text text, tn_text result, size_t found)
{
    fuzz_check(found > 0 || result.size == 0);
    if (found == 0) return;
    fuzz_check(!is_valid(text) || is_valid(result));
    if (!memchr(text.bytes, '[', text.size)) check_rest(text, result);

    tn_buffer again;
    tn_buffer_init(&again, 1 << 20);
    fuzz_check(tn_scan_text(1u << SCANNER, result, MASK, &again) == 0);
    tn_buffer_free(&again);
}

static void check_text(tn_text text)
{
    tn_buffer out;
    tn_buffer_init(&out, 1 << 20);
    size_t found = tn_scan_text(1u << SCANNER, text, MASK, &out);
    check_result(text, tn_buffer_text(&out), found);
    fuzz_check(found == 0 || tn_scan_is_needed(text));
    fuzz_plant(found > 1);
    tn_buffer_free(&out);
}

static void check_example(tn_text around)
{
    tn_buffer in, out;
    tn_buffer_init(&in, 1 << 20);
    tn_buffer_init(&out, 1 << 20);
    size_t half = around.size / 2;
    tn_buffer_append(&in, around.bytes, half);
    tn_buffer_append_text(&in, TN_TEXT("\n" SECRET "\n"));
    fuzz_check(tn_buffer_append(&in, around.bytes + half, around.size - half) == TN_OK);
    fuzz_check(tn_scan_text(1u << SCANNER, tn_buffer_text(&in), MASK, &out) > 0);
    fuzz_check(holds(around, PART) || !holds(tn_buffer_text(&out), PART));
    tn_buffer_free(&in);
    tn_buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input input = {bytes, bytes + size};
    tn_text text = fuzz_rest(&input);
    check_text(text);
    check_example(text);
    fuzz_free(text);
    fuzz_check(fuzz_live_allocations() == 0);
    return 0;
}
