#include "json_walk.h"

#include "base/json.h"
#include "base/utf8.h"
#include "ruby_text.h"

typedef struct {
    tn_walk *walk;
    size_t end;
    bool complete;
    const tn_enclosing *inside; /* the containers around, innermost first */
    bool first;                 /* of its container */
} json_walk;

static void write_value(json_walk *json, VALUE value);

static size_t room(const json_walk *json)
{
    size_t size = json->walk->buffer.size;
    return json->walk->buffer.status == TN_OK && size < json->end ? json->end - size : 0;
}

static bool has_room(json_walk *json)
{
    if (room(json) > 0) return true;
    json->complete = false;
    return false;
}

static void write_mask(json_walk *json)
{
    tn_json_string(&json->walk->buffer, tn_filter_mask_text(json->walk->filter));
}

static void write_separator(json_walk *json)
{
    if (!json->first) tn_buffer_append_byte(&json->walk->buffer, ',');
    json->first = false;
}

/* Cut only after it was looked through: half a secret is none that a scanner knows. */
static void write_text(json_walk *json, VALUE string)
{
    VALUE kept = Qnil;
    tn_text text = tn_walk_clean_text(json->walk, &string, &kept), whole = text;
    text = tn_utf8_cut(text, room(json));
    if (text.size < whole.size || (size_t)RSTRING_LEN(string) > TN_MAX_SCANNED) json->complete = false;
    tn_json_string(&json->walk->buffer, text);
    RB_GC_GUARD(string);
    RB_GC_GUARD(kept);
}

static void write_integer(json_walk *json, VALUE value)
{
    if (tn_walk_hides_integer(json->walk, FIX2LONG(value))) {
        write_mask(json);
    } else {
        tn_json_integer(&json->walk->buffer, FIX2LONG(value));
    }
}

/* Writes the name of a pair and tells what is to become of its value. */
static tn_verdict write_key(json_walk *json, VALUE key)
{
    tn_text name;
    VALUE kept[2];
    tn_verdict verdict = tn_walk_enter_key(json->walk, key, &name, kept);
    tn_json_string(&json->walk->buffer, name);
    RB_GC_GUARD(kept[0]);
    RB_GC_GUARD(kept[1]);
    return verdict;
}

static int write_pair(VALUE key, VALUE value, VALUE argument)
{
    json_walk *json = (json_walk *)argument;
    if (!has_room(json)) return ST_STOP;

    tn_walk_place above = tn_walk_place_of(json->walk);
    write_separator(json);
    tn_verdict verdict = write_key(json, key);
    tn_buffer_append_byte(&json->walk->buffer, ':');
    if (verdict == TN_VERDICT_MASK) {
        write_mask(json);
    } else {
        tn_walk_go_below(json->walk, key, verdict);
        write_value(json, value);
    }
    tn_walk_go_back(json->walk, above);
    return ST_CONTINUE;
}

static void write_array(json_walk *json, VALUE array)
{
    for (long i = 0; i < RARRAY_LEN(array) && has_room(json); i++) {
        write_separator(json);
        write_value(json, RARRAY_AREF(array, i));
    }
}

static void write_container(json_walk *json, VALUE container)
{
    tn_enclosing here;
    if (!tn_enclose(&here, json->inside, container)) {
        tn_filter_count_unjudged(json->walk->filter);
        write_mask(json);
        return;
    }

    bool is_hash = RB_TYPE_P(container, T_HASH);
    json->inside = &here;
    json->first = true;
    tn_buffer_append_byte(&json->walk->buffer, is_hash ? '{' : '[');
    if (is_hash) {
        rb_hash_foreach(container, write_pair, (VALUE)json);
    } else {
        write_array(json, container);
    }
    tn_buffer_append_byte(&json->walk->buffer, is_hash ? '}' : ']');
    json->inside = here.outer;
    json->first = false;
}

static void write_leaf(json_walk *json, VALUE value)
{
    tn_buffer *buffer = &json->walk->buffer;
    switch (rb_type(value)) {
    case T_NIL: tn_buffer_append_text(buffer, TN_TEXT("null")); break;
    case T_TRUE: tn_buffer_append_text(buffer, TN_TEXT("true")); break;
    case T_FALSE: tn_buffer_append_text(buffer, TN_TEXT("false")); break;
    case T_FIXNUM: write_integer(json, value); break;
    case T_FLOAT: tn_json_double(buffer, RFLOAT_VALUE(value)); break;
    case T_STRING: write_text(json, value); break;
    case T_SYMBOL: write_text(json, rb_sym2str(value)); break;
    case T_BIGNUM: write_text(json, tn_digits(value)); break;
    default: write_text(json, tn_describe(value));
    }
}

static void write_value(json_walk *json, VALUE value)
{
    if (tn_is_container(value)) {
        write_container(json, value);
    } else {
        write_leaf(json, tn_walk_leaf(json->walk, value));
    }
}

bool tn_json_container(tn_walk *walk, VALUE container, size_t end)
{
    json_walk json = {.walk = walk, .end = end, .complete = true, .first = true};
    write_container(&json, container);
    return json.complete;
}

bool tn_json_pairs(tn_walk *walk, VALUE hash, bool first, size_t end)
{
    tn_enclosing here = {NULL, hash, 1};
    json_walk json = {.walk = walk, .end = end, .complete = true, .first = first, .inside = &here};
    rb_hash_foreach(hash, write_pair, (VALUE)&json);
    return json.complete;
}
