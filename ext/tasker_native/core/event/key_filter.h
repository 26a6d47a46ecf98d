#ifndef TN_EVENT_KEY_FILTER_H
#define TN_EVENT_KEY_FILTER_H

#include "base/buffer.h"
#include "event/literal_matcher.h"

/* Which keys of a payload hide their value: literals as ActiveSupport::ParameterFilter takes Strings and
 * Symbols (a substring, anywhere in the key, whatever its ASCII case). One with a dot is looked for in paths instead: in
 * the keys down to a value, joined by dots, elements of Arrays left out ("card.number" hides number below card).
 *
 * What this filter can't judge alone (a key with a non-ASCII letter folds as Unicode does, a regexp is
 * Ruby's) is told apart as TN_VERDICT_ASK: the caller asks somebody who can, or masks.
 *
 * It does not change once it is made: any thread may ask it. */
typedef enum {
    TN_VERDICT_KEEP,
    TN_VERDICT_MASK,
    TN_VERDICT_ASK,
    TN_VERDICT_TRUST, /* keep, and look for no secrets in the value; only the caller knows which keys these are */
} tn_verdict;

#define TN_MAX_FILTERS 1000

typedef struct {
    tn_literal_matcher keys, paths;
    bool ask;       /* there are filters that only the caller can judge */
    bool ask_paths; /* the same, of paths */
    bool mask_all;  /* there are filters that nobody here can judge: everything is masked */
    tn_buffer mask;
} tn_key_filter;

/* literals: an empty one matches every key; one with non-ASCII bytes only sets `ask` (or `ask_paths`).
 * mask: what stands in the place of a value. TN_OK, TN_ERROR_MEMORY, or TN_ERROR_LIMIT for more than TN_MAX_FILTERS
 * literals, TN_MAX_LITERAL_BYTES in all, or a mask beyond 1024 bytes; after a failure the filter masks all. */
tn_status tn_key_filter_init(tn_key_filter *filter, const tn_text *literals, size_t count, tn_text mask) TN_MUST_CHECK;
void tn_key_filter_free(tn_key_filter *filter);

/* key, path: of any length; takes a step for each byte. */
tn_verdict tn_key_filter_judge(const tn_key_filter *filter, tn_text key);
tn_verdict tn_key_filter_judge_path(const tn_key_filter *filter, tn_text path);

/* The same for a path that comes in pieces: *state is that of tn_key_filter_begin_path before the first of them. After
 * TN_VERDICT_ASK, the whole path has to be judged, and those below it. */
tn_verdict tn_key_filter_go_on(const tn_key_filter *filter, tn_match_state *state, tn_text piece);

static inline tn_match_state tn_key_filter_begin_path(const tn_key_filter *filter)
{
    return filter->paths.start;
}

/* Whether keys below other keys have to be judged by their path as well: its last key alone is not enough. */
static inline bool tn_key_filter_has_paths(const tn_key_filter *filter)
{
    return filter->paths.count > 0 || filter->ask_paths;
}

/* Whether it keeps all. */
static inline bool tn_key_filter_is_empty(const tn_key_filter *filter)
{
    return filter->keys.count == 0 && !tn_key_filter_has_paths(filter) && !filter->ask && !filter->mask_all;
}

#endif
