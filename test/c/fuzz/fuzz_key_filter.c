/* A key that contains a literal, whatever the case of its letters, is never kept; an ASCII key that contains none is
 * never masked. The same for a path and the literals with a dot, as a whole and in pieces. With memory that runs out at
 * times: then more is masked, never less. */
#include "fuzz/fuzz.h"

#include "event/key_filter.h"

#include <ctype.h>

enum { LITERALS = 8 };

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

static bool is_path(tn_text literal)
{
    return literal.size > 0 && memchr(literal.bytes, '.', literal.size);
}

/* What must be so of a text, by the literals of its kind. */
static void check_verdict(tn_verdict verdict, tn_text text, const tn_text *literals, size_t count, bool paths,
                          bool asks)
{
    bool held = false;
    for (size_t i = 0; i < count; i++) {
        if (is_path(literals[i]) != paths) continue;
        held |= holds(text, literals[i]);
        asks |= !is_ascii(literals[i]);
    }
    fuzz_check(!held || verdict != TN_VERDICT_KEEP);
    fuzz_check(held || verdict != TN_VERDICT_MASK);
    if (is_ascii(text) && !asks) fuzz_check(verdict == (held ? TN_VERDICT_MASK : TN_VERDICT_KEEP));
    fuzz_plant(held && text.size > 2 && count > 1);
}

static void check_pieces(const tn_key_filter *filter, tn_text path, size_t cut)
{
    tn_match_state state = tn_key_filter_begin_path(filter);
    tn_verdict first = tn_key_filter_go_on(filter, &state, (tn_text){path.bytes, cut}), verdict = first;
    if (first != TN_VERDICT_ASK) {
        verdict = tn_key_filter_go_on(filter, &state, (tn_text){path.bytes + cut, path.size - cut});
    }
    fuzz_check(verdict == TN_VERDICT_ASK || verdict == tn_key_filter_judge_path(filter, path));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input input = {bytes, bytes + size};
    fuzz_fail_allocation(fuzz_below(&input, 10));
    bool asks = fuzz_below(&input, 2);
    tn_text mask = fuzz_text(&input), key = fuzz_text(&input), literals[LITERALS];
    size_t count = fuzz_below(&input, LITERALS + 1), cut = fuzz_below(&input, key.size + 1);
    for (size_t i = 0; i < count; i++) literals[i] = fuzz_text(&input);

    tn_key_filter filter;
    bool failed = tn_key_filter_init(&filter, literals, count, mask) != TN_OK;
    filter.ask |= asks;
    if (failed) {
        fuzz_check(tn_key_filter_judge(&filter, key) == TN_VERDICT_MASK);
        fuzz_check(tn_key_filter_judge_path(&filter, key) == TN_VERDICT_MASK);
    } else {
        check_verdict(tn_key_filter_judge(&filter, key), key, literals, count, false, asks);
        check_verdict(tn_key_filter_judge_path(&filter, key), key, literals, count, true, false);
        check_pieces(&filter, key, cut);
    }
    tn_key_filter_free(&filter);
    for (size_t i = 0; i < count; i++) fuzz_free(literals[i]);
    fuzz_free(mask);
    fuzz_free(key);
    fuzz_check(fuzz_live_allocations() == 0);
    return 0;
}
