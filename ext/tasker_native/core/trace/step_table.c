#include "trace/step_table.h"

#include "base/process.h"

#define ENDED_WAYS TN_ENDED_WAYS
#define ENDED_SIZE (TN_ENDED_SETS * ENDED_WAYS * sizeof(uint64_t))
#define FIRST_ORDER 64
#define SMALL_ORDER 4096 /* from here it grows to its final size at once, as the index does */

static bool is_open_step(const void *item, const void *key)
{
    return ((const tn_open_step *)item)->key.rest == ((const tn_step_key *)key)->rest;
}

void tn_step_table_init(tn_step_table *steps, size_t most)
{
    *steps = (tn_step_table){0};
    tn_index_init(&steps->open, most);
}

void tn_step_table_configure(tn_step_table *steps, size_t most)
{
    tn_index_expect(&steps->open, most);
}

/* --- The order ----------------------------------------------------------------------------------------- */

static tn_open_step **place_of(const tn_step_order *order, uint64_t sequence)
{
    return &order->ring[sequence & (order->size - 1)];
}

static void skip_gaps(tn_step_order *order)
{
    while (order->first < order->next && !*place_of(order, order->first)) order->first++;
}

/* Moves all steps together, so that gaps are free again. */
static void close_gaps(tn_step_order *order)
{
    uint64_t to = order->first;
    for (uint64_t from = order->first; from < order->next; from++) {
        tn_open_step *step = *place_of(order, from);
        if (!step) continue;
        *place_of(order, from) = NULL;
        *place_of(order, to) = step;
        step->sequence = to++;
    }
    order->next = to;
}

static size_t next_size(const tn_step_order *order, size_t most)
{
    size_t next = order->size ? order->size * 2 : FIRST_ORDER;
    if (next > SMALL_ORDER) {
        while (next < most) next *= 2;
    }
    return next;
}

static tn_status enlarge(tn_step_order *order, size_t most)
{
    tn_step_order larger = {.size = next_size(order, most), .first = order->first, .next = order->next};
    larger.ring = tn_alloc_zeroed(larger.size * sizeof(*larger.ring));
    if (!larger.ring) return TN_ERROR_MEMORY;

    for (uint64_t i = order->first; i < order->next; i++) *place_of(&larger, i) = *place_of(order, i);
    tn_free(order->ring);
    *order = larger;
    return TN_OK;
}

static tn_status make_place(tn_step_order *order, size_t count, size_t most)
{
    skip_gaps(order);
    if (order->next - order->first < order->size) return TN_OK;
    if (2 * count > order->size || order->size == 0) return enlarge(order, most);

    close_gaps(order);
    return TN_OK;
}

/* --- Ended steps --------------------------------------------------------------------------------------- */

/* Where it stands in its set; ENDED_WAYS: nowhere. */
static size_t way_of(const uint64_t *set, tn_step_key key)
{
    size_t way = 0;
    while (way < ENDED_WAYS && set[way] != key.rest) way++;
    return way;
}

static bool is_ended(const tn_ended_steps *ended, tn_step_key key)
{
    return ended->sets && way_of(tn_ended_set(ended, key), key) < ENDED_WAYS;
}

static void remember_end(const tn_ended_steps *ended, tn_step_key key)
{
    if (!ended->sets) return;
    uint64_t *set = tn_ended_set(ended, key);
    memmove(set + 1, set, (ENDED_WAYS - 1) * sizeof(*set));
    set[0] = key.rest;
}

static void forget_end(const tn_ended_steps *ended, tn_step_key key)
{
    uint64_t *set = tn_ended_set(ended, key);
    size_t way = way_of(set, key);
    if (way == ENDED_WAYS) return;
    memmove(set + way, set + way + 1, (ENDED_WAYS - way - 1) * sizeof(*set));
    set[ENDED_WAYS - 1] = 0;
}

/* Each set is a line of the cache. */
static tn_status make_sets(tn_ended_steps *ended)
{
    if (ended->sets) return TN_OK;
    ended->memory = tn_alloc_zeroed(ENDED_SIZE + TN_SPAN_LINE);
    if (!ended->memory) return TN_ERROR_MEMORY;

    size_t over = (uintptr_t)ended->memory % TN_SPAN_LINE;
    ended->sets = (void *)((char *)ended->memory + (TN_SPAN_LINE - over));
    return TN_OK;
}

/* --- Steps --------------------------------------------------------------------------------------------- */

void tn_step_table_clear(tn_step_table *steps)
{
    for (tn_open_step *step; (step = tn_step_table_oldest(steps));) tn_span_free(tn_step_table_end(steps, step));
    if (steps->ended.sets) memset(steps->ended.sets, 0, ENDED_SIZE);
}

void tn_step_table_free(tn_step_table *steps)
{
    size_t most = steps->open.most;
    tn_step_table_clear(steps);
    tn_index_free(&steps->open);
    tn_free(steps->order.ring);
    tn_free(steps->ended.memory);
    tn_step_table_init(steps, most);
}

tn_open_step *tn_step_table_find(const tn_step_table *steps, tn_step_key key)
{
    if (tn_step_table_is_newest(steps, key)) return steps->newest;

    tn_open_step *step = tn_index_find(&steps->open, key.first, is_open_step, &key);
    if (step) tn_span_fetch(tn_open_step_span(step));
    return step;
}

bool tn_step_table_has_ended(const tn_step_table *steps, tn_step_key key)
{
    return is_ended(&steps->ended, key);
}

/* Also for its end, which must not be told twice for lack of memory. */
static tn_status reserve(tn_step_table *steps)
{
    size_t count = tn_step_table_count(steps);
    tn_status status = tn_index_reserve(&steps->open, count + 1);
    if (status == TN_OK) status = make_place(&steps->order, count, steps->open.most);
    return status == TN_OK ? make_sets(&steps->ended) : status;
}

tn_open_step *tn_step_table_open(tn_step_table *steps, tn_step_key key, tn_span *span, uint64_t now)
{
    tn_open_step *step = tn_span_head(span);
    *step = (tn_open_step){.key = key, .since = now};
    tn_open_step *before = steps->newest;
    if (reserve(steps) != TN_OK) return NULL;
    if (before && tn_index_add(&steps->open, before->key.first, before) != TN_OK) return NULL;

    step->sequence = steps->order.next++;
    *place_of(&steps->order, step->sequence) = step;
    forget_end(&steps->ended, key);
    return steps->newest = step;
}

static const tn_open_step *step_behind(const tn_step_order *order, uint64_t sequence)
{
    return sequence < order->next ? *place_of(order, sequence) : NULL;
}

/* Whoever began next will often end next: its place in the index, whose key was fetched with the one before it, and the
 * step behind it. */
static void fetch_next(const tn_step_table *steps, uint64_t sequence)
{
    const tn_open_step *next = step_behind(&steps->order, sequence + 1);
    const tn_open_step *one_more = step_behind(&steps->order, sequence + 2);
    if (one_more) tn_span_fetch(tn_span_of_const_head(one_more));
    if (next) tn_step_table_fetch(steps, next->key);
}

tn_span *tn_step_table_end(tn_step_table *steps, tn_open_step *step)
{
    *place_of(&steps->order, step->sequence) = NULL;
    fetch_next(steps, step->sequence);
    if (steps->newest == step) {
        steps->newest = NULL;
    } else {
        tn_index_remove(&steps->open, step->key.first, step);
    }
    remember_end(&steps->ended, step->key);
    return tn_open_step_span(step);
}

void tn_step_table_bury(tn_step_table *steps, tn_step_key key)
{
    if (make_sets(&steps->ended) == TN_OK) remember_end(&steps->ended, key);
}

tn_open_step *tn_step_table_oldest(tn_step_table *steps)
{
    tn_step_order *order = &steps->order;
    skip_gaps(order);
    return order->first < order->next ? *place_of(order, order->first) : NULL;
}

size_t tn_step_table_memory(const tn_step_table *steps)
{
    return steps->open.slot_count * sizeof(tn_index_slot) + steps->order.size * sizeof(*steps->order.ring) +
           (steps->ended.sets ? ENDED_SIZE : 0);
}
