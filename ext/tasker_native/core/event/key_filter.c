#include "event/key_filter.h"

#include "base/process.h"

#define MAX_MASK 1024

static bool is_ascii(tn_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((uint8_t)text.bytes[i] >= 0x80) return false;
    }
    return true;
}

static bool is_path(tn_text literal)
{
    return literal.size > 0 && memchr(literal.bytes, '.', literal.size);
}

/* Makes one of the two matchers, of the literals that are its own. */
static tn_status add_literals(tn_literal_matcher *matcher, bool *ask, bool paths, const tn_text *literals, size_t count)
{
    tn_text *own = tn_alloc((count + 1) * sizeof(*own));
    if (!own) return TN_ERROR_MEMORY;

    size_t own_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_path(literals[i]) != paths) continue;
        if (is_ascii(literals[i])) {
            own[own_count++] = literals[i];
        } else {
            *ask = true;
        }
    }
    tn_status status = tn_literal_matcher_init(matcher, own, own_count);
    tn_free(own);
    return status;
}

tn_status tn_key_filter_init(tn_key_filter *filter, const tn_text *literals, size_t count, tn_text mask)
{
    *filter = (tn_key_filter){0};
    tn_buffer_init(&filter->mask, MAX_MASK);
    tn_status status = tn_buffer_append_text(&filter->mask, mask);
    if (status == TN_OK && count > TN_MAX_FILTERS) status = TN_ERROR_LIMIT;
    if (status == TN_OK) status = add_literals(&filter->keys, &filter->ask, false, literals, count);
    if (status == TN_OK) status = add_literals(&filter->paths, &filter->ask_paths, true, literals, count);
    filter->mask_all = status != TN_OK;
    return status;
}

void tn_key_filter_free(tn_key_filter *filter)
{
    tn_literal_matcher_free(&filter->keys);
    tn_literal_matcher_free(&filter->paths);
    tn_buffer_free(&filter->mask);
}

static tn_verdict verdict_of(const tn_key_filter *filter, tn_match match, bool ask)
{
    if (filter->mask_all) return TN_VERDICT_MASK;

    switch (match) {
    case TN_MATCH_FOUND: return TN_VERDICT_MASK;
    case TN_MATCH_FOREIGN: return TN_VERDICT_ASK;
    default: return ask ? TN_VERDICT_ASK : TN_VERDICT_KEEP;
    }
}

tn_verdict tn_key_filter_judge(const tn_key_filter *filter, tn_text key)
{
    return verdict_of(filter, tn_literal_matcher_find(&filter->keys, key), filter->ask);
}

tn_verdict tn_key_filter_judge_path(const tn_key_filter *filter, tn_text path)
{
    return verdict_of(filter, tn_literal_matcher_find(&filter->paths, path), filter->ask_paths);
}

tn_verdict tn_key_filter_go_on(const tn_key_filter *filter, tn_match_state *state, tn_text piece)
{
    return verdict_of(filter, tn_literal_matcher_go_on(&filter->paths, state, piece), filter->ask_paths);
}
