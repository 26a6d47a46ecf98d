#include "base/index.h"

#include "base/process.h"

#define FIRST_SLOTS 64
#define SMALL_SLOTS 8192 /* from here it grows to its final size at once */
#define MOST_AT_ONCE (1024 * 1024)

void tn_index_init(tn_index *index, size_t most)
{
    *index = (tn_index){0};
    tn_index_expect(index, most);
}

void tn_index_expect(tn_index *index, size_t most)
{
    index->most = most < MOST_AT_ONCE ? most : MOST_AT_ONCE;
}

void tn_index_free(tn_index *index)
{
    tn_free(index->slots);
    tn_index_init(index, index->most);
}

static void place(tn_index *index, uint64_t hash, void *item)
{
    size_t mask = index->slot_count - 1, at = hash & mask;
    while (index->slots[at].item) at = (at + 1) & mask;
    index->slots[at] = (tn_index_slot){hash, item};
}

static tn_status resize(tn_index *index, size_t slot_count)
{
    tn_index larger = {.slot_count = slot_count, .count = index->count, .most = index->most};
    larger.slots = tn_alloc_table(slot_count * sizeof(*larger.slots));
    if (!larger.slots) return TN_ERROR_MEMORY;

    for (size_t i = 0; i < index->slot_count; i++) {
        if (index->slots[i].item) place(&larger, index->slots[i].hash, index->slots[i].item);
    }
    tn_free(index->slots);
    *index = larger;
    return TN_OK;
}

/* At most half of the slots are taken: probing stays short. */
static size_t slots_for(const tn_index *index, size_t count)
{
    size_t slots = index->slot_count ? index->slot_count : FIRST_SLOTS;
    while (slots < 2 * count) slots *= 2;
    if (slots > SMALL_SLOTS) {
        while (slots < 2 * index->most) slots *= 2;
    }
    return slots;
}

tn_status tn_index_reserve(tn_index *index, size_t count)
{
    return 2 * count <= index->slot_count ? TN_OK : resize(index, slots_for(index, count));
}

tn_status tn_index_add(tn_index *index, uint64_t hash, void *item)
{
    tn_status status = tn_index_reserve(index, index->count + 1);
    if (status != TN_OK) return status;

    place(index, hash, item);
    index->count++;
    return TN_OK;
}

/* Whether what stands at `at` may move to `gap`: not in front of where its hash wants it. */
static bool may_move(const tn_index *index, size_t at, size_t gap)
{
    size_t mask = index->slot_count - 1, wanted = index->slots[at].hash & mask;
    return ((at - wanted) & mask) >= ((at - gap) & mask);
}

void tn_index_remove(tn_index *index, uint64_t hash, const void *item)
{
    size_t mask = index->slot_count - 1, gap = hash & mask;
    while (index->slots[gap].item != item) gap = (gap + 1) & mask;

    for (size_t at = (gap + 1) & mask; index->slots[at].item; at = (at + 1) & mask) {
        if (!may_move(index, at, gap)) continue;
        index->slots[gap] = index->slots[at];
        gap = at;
    }
    index->slots[gap].item = NULL;
    index->count--;
}
