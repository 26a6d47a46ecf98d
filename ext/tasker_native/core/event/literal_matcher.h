#ifndef TN_EVENT_LITERAL_MATCHER_H
#define TN_EVENT_LITERAL_MATCHER_H

#include "base/status.h"
#include "base/text.h"

#include <stdint.h>

/* Whether any of many literals is somewhere in a text, whatever the case of ASCII letters: one step for each byte, however
 * many literals there are. The automaton of Aho and Corasick ("Efficient string matching: an aid to bibliographic
 * search", CACM 18/6, 1975), with all transitions computed beforehand, over those bytes only that literals have.
 *
 * It does not change once it is made: any thread may ask it. */
typedef enum {
    TN_MATCH_NONE,
    TN_MATCH_FOUND,
    TN_MATCH_FOREIGN, /* none up to a byte that is not ASCII, where it stopped */
} tn_match;

/* Of all literals together; the automaton takes less than 256 times as many words. */
#define TN_MAX_LITERAL_BYTES (32 * 1024)

/* What was read of a text so far. */
typedef uint32_t tn_match_state;

typedef struct {
    tn_match_state *next; /* by state and class of byte; a state is the place of its first transition */
    tn_match_state start; /* nothing was read */
    size_t count;         /* of literals */
    uint8_t classes[128]; /* of ASCII bytes; 0: such a byte is in no literal */
} tn_literal_matcher;

/* literals: ASCII only; an empty one is found in every text, even an empty one. TN_OK, TN_ERROR_LIMIT beyond
 * TN_MAX_LITERAL_BYTES, or TN_ERROR_MEMORY; after a failure it is as if there were no literals. */
tn_status tn_literal_matcher_init(tn_literal_matcher *matcher, const tn_text *literals, size_t count) TN_MUST_CHECK;
void tn_literal_matcher_free(tn_literal_matcher *matcher);

tn_match tn_literal_matcher_find(const tn_literal_matcher *matcher, tn_text text);

/* The same for a text that comes in pieces: *state is `start` before the first of them. What was found stays found. After
 * TN_MATCH_FOREIGN, *state is of no use. */
tn_match tn_literal_matcher_go_on(const tn_literal_matcher *matcher, tn_match_state *state, tn_text piece);

#endif
