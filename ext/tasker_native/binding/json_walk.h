#ifndef TN_BINDING_JSON_WALK_H
#define TN_BINDING_JSON_WALK_H

#include "payload_walk.h"

/* Nested values as JSON (RFC 8259) at the end of a walk's buffer, filtered: times as ISO 8601, other objects by to_s, what
 * is a cycle or lies deeper than TN_MAX_DEPTH as the mask. */
#define TN_MAX_DEPTH 100

/* A container that a walk is inside of, and those around it. */
typedef struct tn_enclosing {
    const struct tn_enclosing *outer;
    VALUE object;
    int depth;
} tn_enclosing;

/* Sets `here` to a container inside of `outer` (NULL: of none). false: it is a cycle, or too deep. */
static inline bool tn_enclose(tn_enclosing *here, const tn_enclosing *outer, VALUE container)
{
    *here = (tn_enclosing){outer, container, outer ? outer->depth + 1 : 1};
    if (here->depth > TN_MAX_DEPTH) return false;
    for (; outer; outer = outer->outer) {
        if (outer->object == container) return false;
    }
    return true;
}

/* A Hash or an Array below walk->key. end: how large the buffer may become. false: it was cut there. */
bool tn_json_container(tn_walk *walk, VALUE container, size_t end);

/* The pairs of a Hash with commas between them and no braces. first: whether they are the first of their object. The same
 * result. */
bool tn_json_pairs(tn_walk *walk, VALUE hash, bool first, size_t end);

#endif
