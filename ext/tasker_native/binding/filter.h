#ifndef TN_BINDING_FILTER_H
#define TN_BINDING_FILTER_H

#include "event/key_filter.h"
#include "event/value_scanner.h"
#include "event/verdict_table.h"
#include "ruby_compat.h"

#include <stdatomic.h>

/* What a Tasker::Native::ParameterFilter holds, and what every value that leaves passes: keys and paths are judged by the
 * core's matcher, by what was remembered, or by Ruby's Regexps; leaves may be changed by Procs; texts are looked through
 * for secrets.
 *
 * It never changes but for what it remembers, so all threads and Ractors may use it at once. Whatever can't be judged is
 * masked and counted. Regexps, Procs and scanners of the application's own are called isolated; nothing else here runs
 * application code. */
#define TN_FILTER_KEYS 1024 /* a power of two */
#define TN_KNOWN_VERDICT 3  /* the bits of a verdict in what is known of a key: no object needs them */

typedef struct {
    _Atomic uint64_t unjudged; /* values masked because nobody could judge them */
    _Atomic uint64_t secrets;  /* found in values, and masked there */
} tn_filter_counts;

typedef struct {
    tn_key_filter literals;
    VALUE regexps, path_regexps; /* Arrays of what answers match?(String), or Qnil */
    VALUE procs;                 /* an Array of Procs of arity 2 or 3, or Qnil */
    VALUE exempt;                /* a Hash whose keys are names of keys that no scanner looks behind, or Qnil */
    VALUE scanners;              /* an Array of what answers call(String) with a String, or Qnil */
    VALUE mask;                  /* in the place of a value: any object */
    uint32_t core_scanners;      /* bits of 1 << tn_scanner */
    bool compiled;               /* false: it masks all */

    tn_verdict_table keys, paths;
    _Atomic uint64_t known[TN_FILTER_KEYS]; /* by object: a key, which is kept, and its verdict */
    tn_filter_counts own_counts, *counts;   /* its own, or those of the process */
} tn_filter;

/* TN_OK, TN_ERROR_LIMIT or TN_ERROR_MEMORY as tn_key_filter_init, with the same consequences. References are the caller's
 * to set. */
tn_status tn_filter_init(tn_filter *filter, const tn_text *literals, size_t count, tn_text mask) TN_MUST_CHECK;
void tn_filter_free(tn_filter *filter);

/* By its key alone, as a key inside of another one; TN_VERDICT_KEEP, TN_VERDICT_TRUST or TN_VERDICT_MASK. `name` is valid
 * UTF-8, and stays where it is when application code runs. */
tn_verdict tn_filter_judge(tn_filter *filter, tn_text name);

/* By the keys down to a value, joined by dots. Only for a filter that has paths. */
tn_verdict tn_filter_judge_path(tn_filter *filter, tn_text path);

/* Both, for a key that has none around it. */
tn_verdict tn_filter_judge_top(tn_filter *filter, tn_text name);

/* As tn_filter_judge and tn_filter_judge_path, but remembered. */
tn_verdict tn_filter_verdict(tn_filter *filter, tn_text name);
tn_verdict tn_filter_path_verdict(tn_filter *filter, tn_text path);

static inline bool tn_filter_has_paths(const tn_filter *filter)
{
    return tn_key_filter_has_paths(&filter->literals);
}

static inline void tn_filter_count_unjudged(tn_filter *filter)
{
    atomic_fetch_add_explicit(&filter->counts->unjudged, 1, memory_order_relaxed);
}

static inline tn_text tn_filter_mask_text(const tn_filter *filter)
{
    return tn_buffer_text(&filter->literals.mask);
}

/* Whether values may meet application code. */
static inline bool tn_filter_calls_ruby(const tn_filter *filter)
{
    return !NIL_P(filter->procs) || !NIL_P(filter->scanners);
}

/* What the Procs make of a leaf: a copy of it that they may have changed, or the mask when one of them raised. There must
 * be Procs. original: what a Proc of arity 3 is given besides. */
VALUE tn_filter_call_procs(tn_filter *filter, VALUE key, VALUE value, VALUE original);

/* A text without its secrets: the text itself, or what `copy` or `kept` hold from then on. Valid UTF-8 stays so. */
tn_text tn_filter_clean(tn_filter *filter, tn_text text, tn_buffer *copy, VALUE *kept);

/* Whether an Integer is to be masked. */
static inline bool tn_filter_hides_integer(tn_filter *filter, int64_t number)
{
    if (number < INT64_C(1000000000000) || !(filter->core_scanners & 1u << TN_SCAN_CARD_NUMBER)) return false;
    if (!tn_scan_is_card_number(number)) return false;
    atomic_fetch_add_explicit(&filter->counts->secrets, 1, memory_order_relaxed);
    return true;
}

void tn_filter_mark(const tn_filter *filter);
size_t tn_filter_memory(const tn_filter *filter);

/* For methods that Regexps and others are asked by. */
void tn_init_filter(void);

#endif
