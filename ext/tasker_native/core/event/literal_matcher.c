#include "event/literal_matcher.h"

#include "base/process.h"

#define FOUND UINT32_MAX
#define ROOT 0

/* While it is made, states are numbers from ROOT on, and 0 in `next` is no transition yet. */
typedef struct {
    tn_match_state *next;
    uint32_t *fallback; /* the state of the longest end of what was read that begins a literal, too */
    uint32_t *queue;    /* all states but the root, nearer ones first */
    bool *ends;         /* a literal was read */
    uint32_t states, classes;
} construction;

static uint8_t fold(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte;
}

/* Counts the classes, among them that of all bytes that no literal has. */
static uint32_t classify(tn_literal_matcher *matcher, const tn_text *literals, size_t count)
{
    uint32_t classes = 1;
    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; at < literals[i].size; at++) {
            uint8_t *class = &matcher->classes[fold((uint8_t)literals[i].bytes[at])];
            if (*class == 0) *class = (uint8_t)classes++;
        }
    }
    for (uint8_t byte = 'A'; byte <= 'Z'; byte++) matcher->classes[byte] = matcher->classes[fold(byte)];
    return classes;
}

/* A literal that begins with another one needs no states of its own: that one is found first. */
static void add_literal(construction *made, const uint8_t *classes, tn_text literal)
{
    uint32_t state = ROOT;
    for (size_t at = 0; at < literal.size && !made->ends[state]; at++) {
        uint32_t *next = &made->next[state * made->classes + classes[(uint8_t)literal.bytes[at]]];
        if (*next == 0) *next = made->states++;
        state = *next;
    }
    made->ends[state] = true;
}

/* Fills in where a state goes for a class: what was read goes on, or a shorter end of it does. */
static void complete_transition(construction *made, uint32_t state, uint32_t class, size_t *queued)
{
    uint32_t *next = &made->next[state * made->classes + class];
    uint32_t otherwise = state == ROOT ? ROOT : made->next[made->fallback[state] * made->classes + class];
    if (*next == 0) {
        *next = otherwise;
        return;
    }
    made->fallback[*next] = otherwise;
    made->ends[*next] |= made->ends[otherwise];
    made->queue[(*queued)++] = *next;
}

static void complete(construction *made)
{
    size_t queued = 0;
    for (uint32_t class = 0; class < made->classes; class ++) complete_transition(made, ROOT, class, &queued);
    for (size_t i = 0; i < queued; i++) {
        for (uint32_t class = 0; class < made->classes; class ++) {
            complete_transition(made, made->queue[i], class, &queued);
        }
    }
}

/* From numbers of states to their places. */
static void place(const construction *made)
{
    for (size_t i = 0; i < (size_t)made->states * made->classes; i++) {
        made->next[i] = made->ends[made->next[i]] ? FOUND : made->next[i] * made->classes;
    }
}

static size_t total_size(const tn_text *literals, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count && size <= TN_MAX_LITERAL_BYTES; i++) size += literals[i].size;
    return size;
}

static tn_status construct(tn_literal_matcher *matcher, const tn_text *literals, size_t count, size_t max_states)
{
    construction made = {.states = 1, .classes = classify(matcher, literals, count)};
    made.next = tn_alloc_zeroed(max_states * made.classes * sizeof(*made.next));
    made.fallback = tn_alloc_zeroed(max_states * (2 * sizeof(*made.fallback) + sizeof(*made.ends)));
    if (!made.next || !made.fallback) {
        tn_free(made.next);
        tn_free(made.fallback);
        return TN_ERROR_MEMORY;
    }
    made.queue = made.fallback + max_states;
    made.ends = (bool *)(made.queue + max_states);

    for (size_t i = 0; i < count; i++) add_literal(&made, matcher->classes, literals[i]);
    complete(&made);
    matcher->start = made.ends[ROOT] ? FOUND : ROOT;
    place(&made);
    matcher->next = made.next;
    matcher->count = count;
    tn_free(made.fallback);
    return TN_OK;
}

tn_status tn_literal_matcher_init(tn_literal_matcher *matcher, const tn_text *literals, size_t count)
{
    *matcher = (tn_literal_matcher){0};
    if (count == 0) return TN_OK;

    size_t size = total_size(literals, count);
    return size > TN_MAX_LITERAL_BYTES ? TN_ERROR_LIMIT : construct(matcher, literals, count, size + 1);
}

void tn_literal_matcher_free(tn_literal_matcher *matcher)
{
    tn_free(matcher->next);
    *matcher = (tn_literal_matcher){0};
}

tn_match tn_literal_matcher_go_on(const tn_literal_matcher *matcher, tn_match_state *state, tn_text piece)
{
    if (matcher->count == 0) return TN_MATCH_NONE;

    tn_match_state at = *state;
    for (size_t i = 0; i < piece.size && at != FOUND; i++) {
        uint8_t byte = (uint8_t)piece.bytes[i];
        if (byte >= sizeof(matcher->classes)) return TN_MATCH_FOREIGN;
        at = matcher->next[at + matcher->classes[byte]];
    }
    *state = at;
    return at == FOUND ? TN_MATCH_FOUND : TN_MATCH_NONE;
}

tn_match tn_literal_matcher_find(const tn_literal_matcher *matcher, tn_text text)
{
    tn_match_state state = matcher->start;
    return tn_literal_matcher_go_on(matcher, &state, text);
}
