#include "filter.h"

#include "binding.h"

/* All Regexps together: whoever takes longer has not judged. Each of them has a limit of its own (see Ruby's
 * BoundedRegexp), so that a key takes less than twice this. */
#define MAX_JUDGING TN_SECOND

static ID id_match, id_call, id_dup;

tn_status tn_filter_init(tn_filter *filter, const tn_text *literals, size_t count, tn_text mask)
{
    memset(filter, 0, sizeof(*filter));
    filter->regexps = filter->path_regexps = filter->procs = filter->exempt = filter->scanners = filter->mask = Qnil;
    filter->counts = &filter->own_counts;
    tn_verdict_table_init(&filter->keys);
    tn_verdict_table_init(&filter->paths);
    return tn_key_filter_init(&filter->literals, literals, count, mask);
}

void tn_filter_free(tn_filter *filter)
{
    tn_key_filter_free(&filter->literals);
    tn_verdict_table_free(&filter->keys);
    tn_verdict_table_free(&filter->paths);
}

void tn_filter_mark(const tn_filter *filter)
{
    rb_gc_mark(filter->regexps);
    rb_gc_mark(filter->path_regexps);
    rb_gc_mark(filter->procs);
    rb_gc_mark(filter->exempt);
    rb_gc_mark(filter->scanners);
    rb_gc_mark(filter->mask);
    for (size_t i = 0; i < TN_FILTER_KEYS; i++) {
        VALUE key = atomic_load_explicit(&filter->known[i], memory_order_relaxed) & ~(VALUE)TN_KNOWN_VERDICT;
        if (!SPECIAL_CONST_P(key)) rb_gc_mark(key);
    }
}

size_t tn_filter_memory(const tn_filter *filter)
{
    return sizeof(*filter) + tn_verdict_table_bytes(&filter->keys) + tn_verdict_table_bytes(&filter->paths);
}

/* --- Regexps ------------------------------------------------------------------------------------------- */

typedef struct {
    VALUE regexps; /* frozen */
    VALUE text;
} question;

static VALUE ask_regexps(VALUE argument)
{
    const question *asked = (question *)argument;
    uint64_t deadline = tn_clock_monotonic() + MAX_JUDGING;
    for (long i = 0; i < RARRAY_LEN(asked->regexps); i++) {
        if (RTEST(rb_funcall(RARRAY_AREF(asked->regexps, i), id_match, 1, asked->text))) return Qtrue;
        if (tn_clock_monotonic() > deadline) return Qnil;
    }
    return Qfalse;
}

static tn_verdict ask(tn_filter *filter, VALUE regexps, tn_text text)
{
    if (NIL_P(regexps)) return TN_VERDICT_KEEP;

    question question = {regexps, tn_string_of_text(text)};
    VALUE matches = tn_isolate(ask_regexps, (VALUE)&question, Qnil);
    RB_GC_GUARD(question.text);
    if (NIL_P(matches)) tn_filter_count_unjudged(filter);
    return matches == Qfalse ? TN_VERDICT_KEEP : TN_VERDICT_MASK;
}

/* --- Verdicts ------------------------------------------------------------------------------------------ */

static bool is_exempt(const tn_filter *filter, tn_text name)
{
    return !NIL_P(filter->exempt) && RTEST(rb_hash_lookup(filter->exempt, tn_string_of_text(name)));
}

tn_verdict tn_filter_judge(tn_filter *filter, tn_text name)
{
    tn_verdict verdict = tn_key_filter_judge(&filter->literals, name);
    bool exempt = verdict != TN_VERDICT_MASK && is_exempt(filter, name);
    if (verdict == TN_VERDICT_ASK) verdict = ask(filter, filter->regexps, name);
    return verdict == TN_VERDICT_KEEP && exempt ? TN_VERDICT_TRUST : verdict;
}

tn_verdict tn_filter_judge_path(tn_filter *filter, tn_text path)
{
    tn_verdict verdict = tn_key_filter_judge_path(&filter->literals, path);
    return verdict == TN_VERDICT_ASK ? ask(filter, filter->path_regexps, path) : verdict;
}

/* The path first: `name` may be gone when Ruby was asked. */
tn_verdict tn_filter_judge_top(tn_filter *filter, tn_text name)
{
    if (tn_filter_has_paths(filter) && tn_filter_judge_path(filter, name) == TN_VERDICT_MASK) return TN_VERDICT_MASK;
    return tn_filter_judge(filter, name);
}

typedef tn_verdict judge_function(tn_filter *filter, tn_text text);

static tn_verdict remembered(tn_filter *filter, tn_verdict_table *table, tn_text text, judge_function *judge)
{
    uint64_t hash = tn_hash(text);
    tn_verdict verdict = tn_verdict_table_get(table, text, hash);
    if (verdict != TN_VERDICT_ASK) return verdict;

    verdict = judge(filter, text);
    tn_verdict_table_add(table, text, hash, verdict);
    return verdict;
}

tn_verdict tn_filter_verdict(tn_filter *filter, tn_text name)
{
    return remembered(filter, &filter->keys, name, tn_filter_judge);
}

tn_verdict tn_filter_path_verdict(tn_filter *filter, tn_text path)
{
    return remembered(filter, &filter->paths, path, tn_filter_judge_path);
}

/* --- Procs --------------------------------------------------------------------------------------------- */

typedef struct {
    VALUE procs, key, value, original;
} leaf;

static VALUE call_procs(VALUE argument)
{
    leaf *l = (leaf *)argument;
    l->key = rb_funcall(l->key, id_dup, 0);
    l->value = rb_funcall(l->value, id_dup, 0);
    for (long i = 0; i < RARRAY_LEN(l->procs); i++) {
        VALUE proc = RARRAY_AREF(l->procs, i), arguments[] = {l->key, l->value, l->original};
        rb_proc_call_with_block(proc, rb_proc_arity(proc) == 2 ? 2 : 3, arguments, Qnil);
    }
    return l->value;
}

VALUE tn_filter_call_procs(tn_filter *filter, VALUE key, VALUE value, VALUE original)
{
    leaf leaf = {filter->procs, key, value, original};
    VALUE changed = tn_isolate(call_procs, (VALUE)&leaf, Qundef);
    if (changed != Qundef) return changed;
    tn_filter_count_unjudged(filter);
    return filter->mask;
}

/* --- Values -------------------------------------------------------------------------------------------- */

static tn_text masked(tn_filter *filter)
{
    tn_filter_count_unjudged(filter);
    return tn_filter_mask_text(filter);
}

static bool is_utf8(VALUE string)
{
    int range = rb_enc_str_coderange(string);
    if (range == ENC_CODERANGE_7BIT) return rb_enc_asciicompat(rb_enc_get(string));
    return range == ENC_CODERANGE_VALID && rb_enc_get(string) == rb_utf8_encoding();
}

/* nil: one of them gave something else than text. */
static VALUE call_scanners(VALUE argument)
{
    const VALUE *pair = (const VALUE *)argument; /* scanners, text */
    VALUE text = pair[1];
    for (long i = 0; i < RARRAY_LEN(pair[0]); i++) {
        VALUE scanned = rb_funcall(RARRAY_AREF(pair[0], i), id_call, 1, text);
        if (!RB_TYPE_P(scanned, T_STRING) || !is_utf8(scanned)) return Qnil;
        text = rb_str_new_frozen(scanned);
    }
    return text;
}

static tn_text scanned_by_ruby(tn_filter *filter, tn_text text, VALUE *kept)
{
    VALUE arguments[] = {filter->scanners, rb_str_freeze(tn_string_of_text(text))};
    *kept = tn_isolate(call_scanners, (VALUE)arguments, Qnil);
    return NIL_P(*kept) ? masked(filter) : tn_text_of_string(*kept);
}

tn_text tn_filter_clean(tn_filter *filter, tn_text text, tn_buffer *copy, VALUE *kept)
{
    if (filter->core_scanners && tn_scan_is_needed(text)) {
        tn_buffer_clear(copy);
        size_t found = tn_scan_text(filter->core_scanners, text, tn_filter_mask_text(filter), copy);
        if (copy->status != TN_OK) return masked(filter);
        if (found > 0) {
            atomic_fetch_add_explicit(&filter->counts->secrets, found, memory_order_relaxed);
            text = tn_buffer_text(copy);
        }
    }
    return NIL_P(filter->scanners) ? text : scanned_by_ruby(filter, text, kept);
}

void tn_init_filter(void)
{
    id_match = rb_intern("match?");
    id_call = rb_intern("call");
    id_dup = rb_intern("dup");
}
