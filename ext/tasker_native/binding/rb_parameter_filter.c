#include "base/utf8.h"
#include "binding.h"
#include "json_walk.h"

/* Tasker::Native::ParameterFilter: Hashes in, Hashes out, as ActiveSupport::ParameterFilter does it; and JSON for lines in
 * logs. Any thread, any Ractor. */

static ID id_new, id_dup, id_each, id_set, id_set_default, id_by_identity;

/* --- The object ---------------------------------------------------------------------------------------- */

static void filter_mark(void *filter)
{
    tn_filter_mark(filter);
}

static void filter_free(void *filter)
{
    tn_filter_free(filter);
    xfree(filter);
}

static size_t filter_size(const void *filter)
{
    return tn_filter_memory(filter);
}

static const rb_data_type_t filter_type = {
    .wrap_struct_name = "Tasker::Native::ParameterFilter",
    .function = {.dmark = filter_mark, .dfree = filter_free, .dsize = filter_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED | RUBY_TYPED_FROZEN_SHAREABLE,
};

/* Until it is compiled it masks all. */
static VALUE filter_alloc(VALUE class)
{
    tn_filter *filter;
    VALUE object = TypedData_Make_Struct(class, tn_filter, &filter_type, filter);
    if (tn_filter_init(filter, NULL, 0, TN_TEXT("[FILTERED]")) != TN_OK) rb_memerror();
    filter->literals.mask_all = true;
    return object;
}

tn_filter *tn_filter_of(VALUE object)
{
    return rb_check_typeddata(object, &filter_type);
}

static VALUE list_or_nil(VALUE list)
{
    if (NIL_P(list)) return Qnil;
    Check_Type(list, T_ARRAY);
    return RARRAY_LEN(list) == 0 ? Qnil : rb_ary_freeze(rb_ary_dup(list));
}

/* The texts of an Array of Strings, as long as that is not changed: `memory` keeps them. */
static tn_text *texts_of(VALUE strings, VALUE *memory)
{
    long count = RARRAY_LEN(strings);
    tn_text *texts = rb_alloc_tmp_buffer2(memory, count + 1, sizeof(*texts));
    for (long i = 0; i < count; i++) texts[i] = tn_text_of_string(RARRAY_AREF(strings, i));
    return texts;
}

static VALUE strings_of(VALUE list)
{
    Check_Type(list, T_ARRAY);
    VALUE strings = rb_ary_dup(list); /* nobody else changes it */
    for (long i = 0; i < RARRAY_LEN(strings); i++) {
        Check_Type(RARRAY_AREF(strings, i), T_STRING);
        rb_ary_store(strings, i, rb_str_new_frozen(RARRAY_AREF(strings, i)));
    }
    return strings;
}

/* compile(literals, regexps, path_regexps, asks, asks_paths, procs, mask, mask_text, core_scanners, exempt, scanners) ->
 * self; once, before anything is filtered. What each is: see struct tn_filter. */
static VALUE filter_compile(int argc, VALUE *argv, VALUE object)
{
    rb_check_arity(argc, 11, 11);
    tn_filter *filter = tn_filter_of(object), compiled;
    if (filter->compiled) rb_raise(rb_eFrozenError, "a filter does not change once it is made");
    VALUE literals = strings_of(argv[0]), regexps = list_or_nil(argv[1]), path_regexps = list_or_nil(argv[2]);
    VALUE procs = list_or_nil(argv[5]), mask = argv[6], mask_text = StringValue(argv[7]);
    VALUE exempt = argv[9], scanners = list_or_nil(argv[10]), memory;
    uint32_t core_scanners = NUM2UINT(argv[8]) & TN_ALL_SCANNERS;
    if (!NIL_P(exempt)) Check_Type(exempt, T_HASH);

    tn_text *texts = texts_of(literals, &memory);
    tn_status status = tn_filter_init(&compiled, texts, (size_t)RARRAY_LEN(literals), tn_text_of_string(mask_text));
    rb_free_tmp_buffer(&memory);
    RB_GC_GUARD(literals);
    if (status == TN_ERROR_MEMORY) {
        tn_filter_free(&compiled);
        rb_memerror();
    }
    tn_filter_free(filter);
    *filter = compiled;
    filter->counts = &filter->own_counts;
    filter->literals.ask |= RTEST(argv[3]);
    filter->literals.ask_paths |= RTEST(argv[4]);
    filter->core_scanners = core_scanners;
    filter->compiled = true;
    RB_OBJ_WRITE(object, &filter->regexps, regexps);
    RB_OBJ_WRITE(object, &filter->path_regexps, path_regexps);
    RB_OBJ_WRITE(object, &filter->procs, procs);
    RB_OBJ_WRITE(object, &filter->mask, mask);
    RB_OBJ_WRITE(object, &filter->exempt, exempt);
    RB_OBJ_WRITE(object, &filter->scanners, scanners);
    if (status != TN_OK) rb_warn("tasker-native: a filter is too long or one too many: every value is masked");
    return object;
}

#define WHOLE (LONG_MAX / 8)   /* bytes of a text that is not cut */
#define MAX_PATH (1024 * 1024) /* bytes; what stands at a longer one is masked */

/* --- Filtering a Hash ---------------------------------------------------------------------------------- */

/* Memory that few calls need; the garbage collector frees it when application code unwinds. */
typedef struct {
    tn_buffer path, copy, clean;
} scratch;

static void scratch_free(void *pointer)
{
    scratch *self = pointer;
    tn_buffer_free(&self->path);
    tn_buffer_free(&self->copy);
    tn_buffer_free(&self->clean);
    xfree(self);
}

static const rb_data_type_t scratch_type = {
    .wrap_struct_name = "Tasker::Native::ParameterFilter scratch",
    .function = {.dfree = scratch_free},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

/* Keys down to a value: how the matcher stands, and how much of the text of it there is, which is kept for what can be
 * judged as a whole only. */
typedef struct {
    size_t size, keys;
    tn_match_state state;
    bool whole;
} path_place;

typedef struct {
    VALUE object; /* the filter's */
    tn_filter *filter;
    VALUE original; /* what Procs of arity 3 are given */
    VALUE scratch_object;
    scratch *scratch;               /* NULL until it is needed */
    bool has_paths, changes_leaves; /* by Procs or scanners */
    path_place path;
    const tn_enclosing *inside; /* the containers around */
} filtering;

static scratch *scratch_of(filtering *f)
{
    if (f->scratch) return f->scratch;
    f->scratch_object = TypedData_Make_Struct(0, scratch, &scratch_type, f->scratch);
    tn_buffer_init(&f->scratch->path, MAX_PATH);
    tn_buffer_init(&f->scratch->copy, SIZE_MAX / 2);
    tn_buffer_init(&f->scratch->clean, SIZE_MAX / 2);
    return f->scratch;
}

static VALUE unjudged(filtering *f)
{
    tn_filter_count_unjudged(f->filter);
    return f->filter->mask;
}

/* The name of a key. `string` keeps it, and does not change. */
typedef struct {
    tn_text text;
    VALUE string;
    bool judgeable;
} key_name;

static key_name strange_name(filtering *f, VALUE key)
{
    key_name name;
    name.text = tn_key_text(key, WHOLE, &name.string, &scratch_of(f)->copy, &name.judgeable);
    return name;
}

static inline key_name name_of(filtering *f, VALUE key)
{
    VALUE string = RB_SYMBOL_P(key) ? rb_sym2str(key) : key;
    bool plain = !SPECIAL_CONST_P(string) && RB_BUILTIN_TYPE(string) == T_STRING && OBJ_FROZEN(string) &&
                 tn_is_utf8(string);
    return plain ? (key_name){tn_text_of_string(string), string, true} : strange_name(f, key);
}

static tn_verdict unjudged_key(filtering *f)
{
    tn_filter_count_unjudged(f->filter);
    return TN_VERDICT_MASK;
}

static tn_verdict verdict_of_name(filtering *f, key_name name)
{
    tn_verdict verdict = name.judgeable ? tn_filter_verdict(f->filter, name.text) : unjudged_key(f);
    RB_GC_GUARD(name.string);
    return verdict;
}

/* Which keys are remembered by object: Symbols that are never collected, and Strings that are neither large nor changed,
 * which the filter keeps from then on. Ruby has keys in Hashes once, mostly. */
static bool is_lasting(VALUE key)
{
    if (RB_STATIC_SYM_P(key)) return true;
    return RB_TYPE_P(key, T_STRING) && OBJ_FROZEN(key) && RSTRING_LEN(key) <= TN_MAX_REMEMBERED_TEXT;
}

/* Two places, of which the newer key has the first one. */
static _Atomic uint64_t *places_of(tn_filter *filter, VALUE key)
{
    return &filter->known[((key * UINT64_C(0x9E3779B97F4A7C15)) >> 32) % TN_FILTER_KEYS & ~(size_t)1];
}

static tn_verdict first_verdict_of(filtering *f, VALUE key)
{
    tn_verdict verdict = verdict_of_name(f, name_of(f, key));
    if (!is_lasting(key)) return verdict;
    _Atomic uint64_t *places = places_of(f->filter, key);
    atomic_store_explicit(&places[1], atomic_load_explicit(&places[0], memory_order_relaxed), memory_order_relaxed);
    atomic_store_explicit(&places[0], key | verdict, memory_order_relaxed);
    RB_OBJ_WRITTEN(f->object, Qundef, key);
    return verdict;
}

static inline bool is_known(uint64_t known, VALUE key)
{
    return known && (known & ~(uint64_t)TN_KNOWN_VERDICT) == key;
}

/* A key and its verdict are one number. Of a Symbol that may be collected, its name is the key. */
static inline tn_verdict verdict_of(filtering *f, VALUE key)
{
    if (RB_UNLIKELY(RB_DYNAMIC_SYM_P(key))) key = rb_sym2str(key);
    _Atomic uint64_t *places = places_of(f->filter, key);
    uint64_t known = atomic_load_explicit(&places[0], memory_order_relaxed);
    if (!is_known(known, key)) known = atomic_load_explicit(&places[1], memory_order_relaxed);
    return is_known(known, key) ? (tn_verdict)(known & TN_KNOWN_VERDICT) : first_verdict_of(f, key);
}

/* --- Paths --------------------------------------------------------------------------------------------- */

/* false: it would be too long, and is as it was. */
static bool append_to_path(filtering *f, key_name name)
{
    tn_buffer *path = &scratch_of(f)->path;
    if (!tn_buffer_make_room(path, name.text.size + 1)) return false;
    if (f->path.keys > 0) tn_buffer_append_byte(path, '.');
    return tn_buffer_append_text(path, name.text) == TN_OK;
}

static tn_verdict judge_whole_path(filtering *f, key_name name)
{
    f->path.whole = true;
    if (!append_to_path(f, name)) return unjudged_key(f);
    tn_verdict verdict = tn_filter_path_verdict(f->filter, tn_buffer_text(&f->scratch->path));
    tn_buffer_truncate(&f->scratch->path, f->path.size);
    return verdict;
}

/* Of the path with one more key, at which f->path stands then. */
static tn_verdict enter_path(filtering *f, key_name name)
{
    if (!name.judgeable) return unjudged_key(f);
    if (f->path.whole) return judge_whole_path(f, name);
    tn_verdict verdict = tn_key_filter_go_on(&f->filter->literals, &f->path.state, name.text);
    return verdict == TN_VERDICT_ASK ? judge_whole_path(f, name) : verdict;
}

/* Whatever comes now is below this key. */
static bool go_below(filtering *f, key_name name)
{
    if (!append_to_path(f, name)) return false;
    f->path.size = f->scratch->path.size;
    f->path.keys++;
    if (!f->path.whole) tn_key_filter_go_on(&f->filter->literals, &f->path.state, TN_TEXT("."));
    return true;
}

static VALUE filter_hash(filtering *f, VALUE hash);
static VALUE filter_array(filtering *f, VALUE key, tn_verdict verdict, VALUE array);

/* All of a text, valid and without secrets; `string` and `kept` hold it. changed: whether there were any. */
static tn_text clean_text(filtering *f, VALUE *string, VALUE *kept, bool *changed)
{
    bool valid;
    scratch *scratch = scratch_of(f);
    tn_buffer_clear(&scratch->copy);
    tn_text text = tn_utf8_of(string, WHOLE, &scratch->copy, &valid);
    bool whole = scratch->copy.status == TN_OK;
    if (!whole) tn_filter_count_unjudged(f->filter);
    tn_text clean = whole ? tn_filter_clean(f->filter, text, &scratch->clean, kept) : tn_filter_mask_text(f->filter);
    *changed = clean.bytes != text.bytes;
    return clean;
}

static VALUE clean_string(filtering *f, VALUE string)
{
    bool changed, plain = tn_is_utf8(string) && NIL_P(f->filter->scanners);
    if (plain && !tn_scan_is_needed(tn_text_of_string(string))) return string;

    VALUE kept = Qnil, whole = string;
    tn_text clean = clean_text(f, &whole, &kept, &changed);
    VALUE result = changed ? tn_string_of_text(clean) : string;
    RB_GC_GUARD(whole);
    RB_GC_GUARD(kept);
    return result;
}

static VALUE clean_symbol(filtering *f, VALUE symbol)
{
    VALUE string = rb_sym2str(symbol), clean = clean_string(f, string);
    return clean == string ? symbol : clean;
}

static VALUE clean_bignum(filtering *f, VALUE bignum)
{
    int64_t number;
    int sign = rb_integer_pack(bignum, &number, 1, sizeof(number), 0,
                               INTEGER_PACK_NATIVE_BYTE_ORDER | INTEGER_PACK_2COMP);
    bool fits = sign == 1 && number >= 0;
    return fits && tn_filter_hides_integer(f->filter, number) ? f->filter->mask : bignum;
}

static VALUE clean_leaf(filtering *f, VALUE value)
{
    switch (rb_type(value)) {
    case T_STRING: return clean_string(f, value);
    case T_SYMBOL: return clean_symbol(f, value);
    case T_FIXNUM: return tn_filter_hides_integer(f->filter, FIX2LONG(value)) ? f->filter->mask : value;
    case T_BIGNUM: return clean_bignum(f, value);
    default: return value;
    }
}

static VALUE filter_leaf(filtering *f, VALUE key, tn_verdict verdict, VALUE value)
{
    tn_filter *filter = f->filter;
    if (!NIL_P(filter->procs)) value = tn_filter_call_procs(filter, key, value, f->original);
    bool scanned = verdict != TN_VERDICT_TRUST && (filter->core_scanners || !NIL_P(filter->scanners));
    return scanned ? clean_leaf(f, value) : value;
}

static inline VALUE filter_below(filtering *f, VALUE key, tn_verdict verdict, VALUE value)
{
    if (tn_is_container(value)) {
        return RB_TYPE_P(value, T_HASH) ? filter_hash(f, value) : filter_array(f, key, verdict, value);
    }
    return f->changes_leaves ? filter_leaf(f, key, verdict, value) : value;
}

static VALUE filter_on_path(filtering *f, VALUE key, tn_verdict verdict, VALUE value)
{
    path_place above = f->path;
    key_name name = name_of(f, key);
    bool masked = enter_path(f, name) == TN_VERDICT_MASK;
    if (!masked && tn_is_container(value) && !go_below(f, name)) masked = unjudged_key(f) == TN_VERDICT_MASK;
    RB_GC_GUARD(name.string);
    VALUE filtered = masked ? f->filter->mask : filter_below(f, key, verdict, value);
    f->path = above;
    if (f->scratch) tn_buffer_truncate(&f->scratch->path, above.size);
    return filtered;
}

static inline VALUE filter_value(filtering *f, VALUE key, VALUE value)
{
    tn_verdict verdict = verdict_of(f, key);
    if (verdict == TN_VERDICT_MASK) return f->filter->mask;
    return f->has_paths ? filter_on_path(f, key, verdict, value) : filter_below(f, key, verdict, value);
}

/* false: it is a cycle, or too deep. */
static bool enter(filtering *f, tn_enclosing *here, VALUE container)
{
    if (!tn_enclose(here, f->inside, container)) return false;
    f->inside = here;
    return true;
}

static VALUE filter_array(filtering *f, VALUE key, tn_verdict verdict, VALUE array)
{
    tn_enclosing here;
    if (!enter(f, &here, array)) return unjudged(f);

    VALUE filtered = rb_ary_new_capa(RARRAY_LEN(array));
    for (long i = 0; i < RARRAY_LEN(array); i++) {
        rb_ary_push(filtered, filter_below(f, key, verdict, RARRAY_AREF(array, i)));
    }
    f->inside = here.outer;
    return filtered;
}

typedef struct {
    filtering *f;
    VALUE copy;
} copying;

/* Of a copy of all pairs. */
static int change_pair(VALUE key, VALUE value, VALUE argument)
{
    const copying *c = (copying *)argument;
    VALUE filtered = filter_value(c->f, key, value);
    if (filtered != value) rb_hash_aset(c->copy, key, filtered);
    return ST_CONTINUE;
}

static void add_pair(const copying *c, VALUE key, VALUE value)
{
    VALUE filtered = filter_value(c->f, key, value);
    if (RBASIC_CLASS(c->copy) == rb_cHash) {
        rb_hash_aset(c->copy, key, filtered);
    } else {
        rb_funcall(c->copy, id_set, 2, key, filtered);
    }
}

static int add_each(VALUE key, VALUE value, VALUE argument)
{
    add_pair((copying *)argument, key, value);
    return ST_CONTINUE;
}

static VALUE new_like(VALUE object)
{
    return rb_funcall(rb_obj_class(object), id_new, 0);
}

/* What Ruby keeps to itself of a Hash's flags, learned when it is loaded: to ask by methods takes longer than to copy. */
static struct {
    VALUE default_proc, table; /* has one; is a real table, as all large ones and those by identity are */
} hash_flags;

static VALUE flags_of(VALUE hash)
{
    rb_hash_aset(hash, Qtrue, Qtrue);
    return RBASIC(hash)->flags & ~(((VALUE)1 << FL_USHIFT) - 1);
}

static VALUE no_value(RB_BLOCK_CALL_FUNC_ARGLIST(yielded, argument))
{
    (void)yielded, (void)argument, (void)argc, (void)argv, (void)blockarg;
    return Qnil;
}

static void learn_hash_flags(void)
{
    VALUE plain = flags_of(rb_hash_new());
    VALUE with_proc = flags_of(rb_block_call(rb_cHash, id_new, 0, NULL, no_value, Qnil));
    VALUE by_identity = flags_of(rb_funcall(rb_hash_new(), rb_intern("compare_by_identity"), 0));
    hash_flags.default_proc = with_proc & ~plain;
    hash_flags.table = by_identity & ~plain;
}

static bool is_by_identity(VALUE hash)
{
    if (hash_flags.table && !(RBASIC(hash)->flags & hash_flags.table)) return false;
    return RTEST(rb_funcallv(hash, id_by_identity, 0, NULL));
}

static void drop_default(VALUE hash)
{
    VALUE none = Qnil;
    if (hash_flags.default_proc && !(RBASIC(hash)->flags & hash_flags.default_proc)) {
        RHASH_SET_IFNONE(hash, none);
    } else {
        rb_funcallv(hash, id_set_default, 1, &none);
    }
}

/* A Hash of the same class with no default, and the pairs of this one. */
static VALUE filter_pairs(filtering *f, VALUE hash)
{
    copying c = {f, Qnil};
    if (RBASIC_CLASS(hash) == rb_cHash && !is_by_identity(hash)) {
        c.copy = rb_hash_dup(hash); /* copies bytes, where adding pair by pair would hash each key */
        drop_default(c.copy);
        rb_hash_foreach(hash, change_pair, (VALUE)&c);
    } else {
        c.copy = new_like(hash);
        rb_hash_foreach(hash, add_each, (VALUE)&c);
    }
    return c.copy;
}

static VALUE filter_hash(filtering *f, VALUE hash)
{
    tn_enclosing here;
    if (!enter(f, &here, hash)) return unjudged(f);

    VALUE filtered = filter_pairs(f, hash);
    f->inside = here.outer;
    return filtered;
}

static VALUE add_yielded(RB_BLOCK_CALL_FUNC_ARGLIST(yielded, argument))
{
    VALUE pair = argc == 2 ? rb_assoc_new(argv[0], argv[1]) : yielded;
    Check_Type(pair, T_ARRAY);
    add_pair((copying *)argument, rb_ary_entry(pair, 0), rb_ary_entry(pair, 1));
    return Qnil;
}

/* Parameters of a class of their own, which have each, and []= in a new object. */
static VALUE filter_parameters(filtering *f, VALUE parameters)
{
    tn_enclosing here;
    copying c = {f, new_like(parameters)};
    enter(f, &here, parameters);
    rb_block_call(parameters, id_each, 0, NULL, add_yielded, (VALUE)&c);
    return c.copy;
}

static void end(filtering *f)
{
    RB_GC_GUARD(f->original);
    if (!f->scratch) return;
    RTYPEDDATA_DATA(f->scratch_object) = NULL;
    scratch_free(f->scratch);
}

static filtering begin(VALUE object, VALUE original)
{
    tn_filter *filter = tn_filter_of(object);
    path_place path = {.state = tn_key_filter_begin_path(&filter->literals), .whole = filter->literals.ask_paths};
    return (filtering){.object = object,
                       .filter = filter,
                       .original = original,
                       .scratch_object = Qnil,
                       .has_paths = tn_filter_has_paths(filter),
                       .path = path,
                       .changes_leaves = filter->core_scanners || tn_filter_calls_ruby(filter)};
}

static bool does_nothing(const tn_filter *filter)
{
    return tn_key_filter_is_empty(&filter->literals) && NIL_P(filter->regexps) && NIL_P(filter->path_regexps) &&
           NIL_P(filter->procs) && NIL_P(filter->scanners) && !filter->core_scanners;
}

/* filter(hash) -> a Hash of the same class */
static VALUE filter_filter(VALUE object, VALUE parameters)
{
    tn_filter *filter = tn_filter_of(object);
    if (does_nothing(filter)) return rb_funcall(parameters, id_dup, 0);

    filtering f = begin(object, parameters);
    VALUE filtered = RB_TYPE_P(parameters, T_HASH) ? filter_hash(&f, parameters) : filter_parameters(&f, parameters);
    end(&f);
    RB_GC_GUARD(object);
    return filtered;
}

/* filter_param(key, value) -> the value, or what is to stand in its place */
static VALUE filter_filter_param(VALUE object, VALUE key, VALUE value)
{
    tn_filter *filter = tn_filter_of(object);
    if (does_nothing(filter)) return value;

    filtering f = begin(object, Qnil);
    VALUE filtered = filter_value(&f, key, value);
    end(&f);
    RB_GC_GUARD(object);
    return filtered;
}

/* --- What Ruby writes itself --------------------------------------------------------------------------- */

/* masks?(name) -> whether the value of a key of this name is to be hidden */
static VALUE filter_masks(VALUE object, VALUE name)
{
    filtering f = begin(object, Qnil);
    bool masked = verdict_of(&f, name) == TN_VERDICT_MASK;
    if (!masked && f.has_paths) masked = enter_path(&f, name_of(&f, name)) == TN_VERDICT_MASK;
    end(&f);
    RB_GC_GUARD(object);
    return masked ? Qtrue : Qfalse;
}

/* clean(text) -> a String of valid UTF-8 without secrets */
static VALUE filter_clean(VALUE object, VALUE text)
{
    bool changed;
    VALUE kept = Qnil, string = rb_str_new_frozen(StringValue(text));
    filtering f = begin(object, Qnil);
    VALUE clean = tn_string_of_text(clean_text(&f, &string, &kept, &changed));
    end(&f);
    RB_GC_GUARD(object);
    RB_GC_GUARD(string);
    RB_GC_GUARD(kept);
    return clean;
}

typedef struct {
    VALUE fields;
    tn_walk walk;
} json_object;

static VALUE write_json(VALUE argument)
{
    json_object *j = (json_object *)argument;
    tn_buffer_append_byte(&j->walk.buffer, '{');
    j->walk.original = j->fields;
    bool complete = tn_json_pairs(&j->walk, j->fields, true, TN_PAYLOAD_BUFFER / 2);
    tn_buffer_append_byte(&j->walk.buffer, '}');
    tn_status status = j->walk.buffer.status;
    if (status != TN_OK || !complete) tn_raise(status ? status : TN_ERROR_LIMIT, "fields could not be filtered");
    return tn_string_of_text(tn_buffer_text(&j->walk.buffer));
}

static VALUE free_json(VALUE argument)
{
    tn_walk_free(&((json_object *)argument)->walk);
    return Qnil;
}

/* json(fields) -> the text of a JSON object. Raises Error for more text than anybody reads. */
static VALUE filter_json(VALUE object, VALUE fields)
{
    tn_filter *filter = tn_filter_of(object);
    Check_Type(fields, T_HASH);
    json_object j = {.fields = fields};
    tn_walk_init(&j.walk, true);
    j.walk.filter_object = object;
    j.walk.filter = filter;
    return rb_ensure(write_json, (VALUE)&j, free_json, (VALUE)&j);
}

/* count_for_process -> self: what it counts belongs to Tasker::Native.filter_counts */
static VALUE filter_count_for_process(VALUE object)
{
    tn_filter_of(object)->counts = &tn_ruby.filter_counts;
    return object;
}

static VALUE counts_of(const tn_filter_counts *counts)
{
    VALUE hash = rb_hash_new();
    rb_hash_aset(hash, ID2SYM(rb_intern("masked_unjudged")), ULL2NUM(atomic_load(&counts->unjudged)));
    rb_hash_aset(hash, ID2SYM(rb_intern("masked_secrets")), ULL2NUM(atomic_load(&counts->secrets)));
    return hash;
}

/* stats -> { masked_unjudged:, masked_secrets: } */
static VALUE filter_stats(VALUE object)
{
    return counts_of(tn_filter_of(object)->counts);
}

/* filter_counts -> the same, of all filters of the settings */
static VALUE process_counts(VALUE self)
{
    (void)self;
    return counts_of(&tn_ruby.filter_counts);
}

static VALUE scanner_names(void)
{
    VALUE names = rb_ary_new();
    for (int i = 0; i < TN_SCANNER_COUNT; i++) {
        rb_ary_push(names, ID2SYM(rb_intern(tn_scanner_name((tn_scanner)i))));
    }
    return rb_ary_freeze(names);
}

static void allow_ractors(bool allowed)
{
#ifdef HAVE_RB_EXT_RACTOR_SAFE
    rb_ext_ractor_safe(allowed);
#else
    (void)allowed;
#endif
}

void tn_init_parameter_filter(void)
{
    id_new = rb_intern("new");
    id_dup = rb_intern("dup");
    id_each = rb_intern("each");
    id_set = rb_intern("[]=");
    id_set_default = rb_intern("default=");
    id_by_identity = rb_intern("compare_by_identity?");
    tn_init_filter();
    learn_hash_flags();

    VALUE class = rb_define_class_under(tn_ruby.native, "ParameterFilter", rb_cObject);
    rb_define_const(class, "SCANNERS", scanner_names());
    rb_define_alloc_func(class, filter_alloc);
    allow_ractors(true);
    rb_define_private_method(class, "compile", filter_compile, -1);
    rb_define_method(class, "filter", filter_filter, 1);
    rb_define_method(class, "filter_param", filter_filter_param, 2);
    rb_define_method(class, "masks?", filter_masks, 1);
    rb_define_method(class, "clean", filter_clean, 1);
    rb_define_method(class, "stats", filter_stats, 0);
    allow_ractors(false);
    rb_define_method(class, "json", filter_json, 1);
    rb_define_method(class, "count_for_process", filter_count_for_process, 0);
    rb_define_module_function(tn_ruby.native, "filter_counts", process_counts, 0);

    rb_gc_register_address(&tn_ruby.filter_object);
    tn_ruby.filter_object = filter_alloc(class);
    tn_ruby.filter = tn_filter_of(tn_ruby.filter_object);
}
