#ifndef TN_EVENT_KEY_FILTER_H
#define TN_EVENT_KEY_FILTER_H

#include "base/buffer.h"

/* Which keys of a payload hide their value: literals as ActiveSupport::ParameterFilter takes Strings and
 * Symbols (a substring, anywhere in the key, whatever its ASCII case). One with a dot is looked for in paths, too: in the
 * keys down to a value, joined by dots, elements of Arrays left out ("card.number" hides number below card).
 *
 * What this matcher can't judge alone (a key with a non-ASCII letter folds as Unicode does, a regexp is
 * Ruby's) is told apart as TN_VERDICT_ASK: the caller asks somebody who can, or masks. */
typedef enum {
    TN_VERDICT_KEEP,
    TN_VERDICT_MASK,
    TN_VERDICT_ASK,
} tn_verdict;

#define TN_MAX_FILTERS 1000
#define TN_MAX_FILTERED_KEY 1024  /* a longer key is masked: nobody can read it anyway */
#define TN_MAX_FILTERED_PATH 4096 /* what stands at a longer path is masked */

typedef struct {
    tn_buffer bytes; /* of each: size (2 bytes), bytes, ASCII lower case */
    size_t count;
} tn_needles;

typedef struct {
    tn_needles keys, paths;
    bool ask;       /* there are filters that only the caller can judge */
    bool ask_paths; /* the same, of paths */
    bool mask_all;  /* there are filters that nobody here can judge: everything is masked */
    tn_buffer mask;
} tn_key_filter;

/* mask: what stands in the place of a value. TN_OK, TN_ERROR_LIMIT for one beyond 1024 bytes, or TN_ERROR_MEMORY;
 * after a failure the mask is empty and the filter masks all. */
tn_status tn_key_filter_init(tn_key_filter *filter, tn_text mask) TN_MUST_CHECK;
void tn_key_filter_free(tn_key_filter *filter);

/* An empty literal matches every key. TN_ERROR_LIMIT beyond TN_MAX_FILTERS or 256 KiB in all or for a literal longer
 * than TN_MAX_FILTERED_KEY, TN_ERROR_MEMORY; the filter then masks all. A literal with non-ASCII bytes only
 * sets `ask` (and `ask_paths`). */
tn_status tn_key_filter_add(tn_key_filter *filter, tn_text literal) TN_MUST_CHECK;

tn_verdict tn_key_filter_judge(const tn_key_filter *filter, tn_text key);

/* Whether keys below other keys have to be judged by their path as well: its last key alone is not enough. */
static inline bool tn_key_filter_has_paths(const tn_key_filter *filter)
{
    return filter->paths.count > 0 || filter->ask_paths;
}

tn_verdict tn_key_filter_judge_path(const tn_key_filter *filter, tn_text path);

#endif
