/* A key that contains a literal, whatever the case of its letters, is never kept; an ASCII key that contains none is
 * never masked. The same for a path and the literals with a dot. With memory that runs out at times: then more is masked, never less. */
#include "fuzz/fuzz.h"

#include "event/key_filter.h"

#include <ctype.h>

static bool is_ascii(tn_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((uint8_t)text.bytes[i] >= 0x80) return false;
    }
    return true;
}

static bool starts(const char *at, tn_text literal)
{
    for (size_t i = 0; i < literal.size; i++) {
        if (tolower((uint8_t)at[i]) != tolower((uint8_t)literal.bytes[i])) return false;
    }
    return true;
}

static bool holds(tn_text key, tn_text literal)
{
    for (size_t at = 0; at + literal.size <= key.size; at++) {
        if (starts(key.bytes + at, literal)) return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    enum { LITERALS = 8 };
    fuzz_input input = {bytes, bytes + size};
    fuzz_fail_allocation(fuzz_below(&input, 6));
    bool unsure = fuzz_below(&input, 2), failed = false, contained = false;
    bool unsure_of_paths = false, is_path = false, in_path = false;
    tn_text mask = fuzz_text(&input), key = fuzz_text(&input);
    size_t count = fuzz_below(&input, LITERALS);

    tn_key_filter filter;
    failed = tn_key_filter_init(&filter, mask) != TN_OK;
    filter.ask = unsure;
    for (size_t i = 0; i < count; i++) {
        tn_text literal = fuzz_text(&input);
        failed |= tn_key_filter_add(&filter, literal) != TN_OK;
        unsure |= !is_ascii(literal);
        contained |= holds(key, literal);
        if (literal.size > 0 && memchr(literal.bytes, '.', literal.size)) {
            is_path = true;
            unsure_of_paths |= !is_ascii(literal);
            in_path |= holds(key, literal);
        }
        fuzz_free(literal);
    }

    tn_verdict verdict = tn_key_filter_judge(&filter, key);
    if (failed) fuzz_check(verdict == TN_VERDICT_MASK);
    if (contained) fuzz_check(verdict != TN_VERDICT_KEEP);
    if (!failed && !contained) fuzz_check(verdict != TN_VERDICT_MASK);
    if (!failed && is_ascii(key) && !unsure) fuzz_check(verdict == (contained ? TN_VERDICT_MASK : TN_VERDICT_KEEP));
    verdict = tn_key_filter_judge_path(&filter, key);
    fuzz_check(failed || tn_key_filter_has_paths(&filter) == is_path);
    if (failed) fuzz_check(verdict == TN_VERDICT_MASK);
    if (in_path) fuzz_check(verdict != TN_VERDICT_KEEP);
    if (!failed && is_ascii(key) && !unsure_of_paths)
        fuzz_check(verdict == (in_path ? TN_VERDICT_MASK : TN_VERDICT_KEEP));
    fuzz_plant(contained && !failed && key.size > 2 && count > 1);
    tn_key_filter_free(&filter);
    fuzz_free(mask);
    fuzz_free(key);
    fuzz_check(fuzz_live_allocations() == 0);
    return 0;
}
