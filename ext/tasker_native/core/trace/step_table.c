#include "trace/step_table.h"

#include "base/process.h"

/* Small, because thousands of them are walked through: what they cost are cache misses. */
struct tn_ended_step {
    tn_table_node node;
    uint64_t key_rest;
    tn_link link;
};

static bool is_open_step(const tn_table_node *node, const void *key)
{
    return TN_CONTAINER(node, tn_open_step, node)->key_rest == ((const tn_step_key *)key)->rest;
}

static bool is_ended_step(const tn_table_node *node, const void *key)
{
    return TN_CONTAINER(node, tn_ended_step, node)->key_rest == ((const tn_step_key *)key)->rest;
}

void tn_step_table_init(tn_step_table *steps)
{
    tn_table_init(&steps->open);
    tn_table_init(&steps->ended);
    tn_list_init(&steps->open_list);
    tn_list_init(&steps->ended_list);
}

static tn_ended_step *oldest_ended(const tn_step_table *steps)
{
    tn_link *link = tn_list_oldest(&steps->ended_list);
    return link ? TN_CONTAINER(link, tn_ended_step, link) : NULL;
}

static void take_out_ended(tn_step_table *steps, tn_ended_step *step)
{
    tn_list_remove(&steps->ended_list, &step->link);
    tn_table_remove(&steps->ended, &step->node);
}

static void take_out_open(tn_step_table *steps, tn_open_step *step)
{
    tn_list_remove(&steps->open_list, &step->link);
    tn_table_remove(&steps->open, &step->node);
}

void tn_step_table_clear(tn_step_table *steps)
{
    for (tn_open_step *step; (step = tn_step_table_oldest(steps));) {
        take_out_open(steps, step);
        tn_free(step->tombstone);
        tn_span_free(tn_open_step_span(step));
    }
    for (tn_ended_step *step; (step = oldest_ended(steps));) {
        take_out_ended(steps, step);
        tn_free(step);
    }
}

void tn_step_table_free(tn_step_table *steps)
{
    tn_step_table_clear(steps);
    tn_table_free(&steps->open);
    tn_table_free(&steps->ended);
}

tn_open_step *tn_step_table_find(const tn_step_table *steps, tn_step_key key)
{
    tn_table_node *node = tn_table_find(&steps->open, key.first, is_open_step, &key);
    return node ? TN_CONTAINER(node, tn_open_step, node) : NULL;
}

static tn_ended_step *find_ended(const tn_step_table *steps, tn_step_key key)
{
    tn_table_node *node = tn_table_find(&steps->ended, key.first, is_ended_step, &key);
    return node ? TN_CONTAINER(node, tn_ended_step, node) : NULL;
}

bool tn_step_table_has_ended(const tn_step_table *steps, tn_step_key key)
{
    return find_ended(steps, key) != NULL;
}

static tn_ended_step *steal_oldest(tn_step_table *steps)
{
    tn_ended_step *oldest = oldest_ended(steps);
    if (oldest) take_out_ended(steps, oldest);
    return oldest;
}

static bool has_enough_ended(const tn_step_table *steps)
{
    return steps->ended_list.count >= TN_MAX_ENDED_STEPS;
}

/* Its own, if it has ended before. false: there is no memory. */
static bool get_tombstone(tn_step_table *steps, tn_open_step *step, tn_step_key key)
{
    if (tn_table_prepare(&steps->ended) != TN_OK) return false;

    step->tombstone = find_ended(steps, key);
    if (step->tombstone) {
        take_out_ended(steps, step->tombstone);
    } else if (!has_enough_ended(steps)) {
        step->tombstone = tn_alloc(sizeof(*step->tombstone));
        return step->tombstone != NULL;
    }
    return true;
}

tn_open_step *tn_step_table_open(tn_step_table *steps, tn_step_key key, tn_span *span, uint64_t now)
{
    tn_open_step *step = tn_span_head(span);
    *step = (tn_open_step){.key_rest = key.rest, .since = now};
    if (!get_tombstone(steps, step, key)) return NULL;
    if (tn_table_add(&steps->open, &step->node, key.first) != TN_OK) {
        tn_free(step->tombstone);
        return NULL;
    }
    tn_list_add(&steps->open_list, &step->link);
    return step;
}

/* tombstone: NULL to find one. */
static void bury(tn_step_table *steps, tn_step_key key, tn_ended_step *tombstone)
{
    if (!tombstone && !has_enough_ended(steps)) tombstone = tn_alloc(sizeof(*tombstone));
    if (!tombstone) tombstone = steal_oldest(steps);
    if (!tombstone) return;
    if (tn_list_oldest(&steps->ended_list)) __builtin_prefetch(oldest_ended(steps), 1); /* the next to be stolen */

    tombstone->key_rest = key.rest;
    if (tn_table_add(&steps->ended, &tombstone->node, key.first) != TN_OK) {
        tn_free(tombstone);
        return;
    }
    tn_list_add(&steps->ended_list, &tombstone->link);
    if (steps->ended_list.count > TN_MAX_ENDED_STEPS) tn_free(steal_oldest(steps));
}

void tn_step_table_bury(tn_step_table *steps, tn_step_key key)
{
    bury(steps, key, NULL);
}

tn_span *tn_step_table_end(tn_step_table *steps, tn_open_step *step)
{
    tn_step_key key = {step->node.hash, step->key_rest};
    take_out_open(steps, step);
    bury(steps, key, step->tombstone);
    return tn_open_step_span(step);
}

tn_open_step *tn_step_table_oldest(const tn_step_table *steps)
{
    tn_link *link = tn_list_oldest(&steps->open_list);
    return link ? TN_CONTAINER(link, tn_open_step, link) : NULL;
}

size_t tn_step_table_memory(const tn_step_table *steps)
{
    size_t buckets = steps->open.bucket_count + steps->ended.bucket_count;
    return buckets * sizeof(void *) + steps->ended.count * sizeof(tn_ended_step);
}
