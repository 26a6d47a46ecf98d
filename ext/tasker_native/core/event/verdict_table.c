#include "event/verdict_table.h"

#include "base/process.h"

struct tn_verdict_entry {
    uint64_t hash;
    uint8_t verdict, size;
    char bytes[];
};

_Static_assert(TN_MAX_REMEMBERED_TEXT <= UINT8_MAX, "a text's size is a byte");

/* Slots are a power of two and twice as many as entries, so that each search meets an empty one. */
static const size_t slots_of[] = {512, 2 * TN_MAX_VERDICTS};
#define PARTS (sizeof(slots_of) / sizeof(slots_of[0]))

typedef tn_verdict_entry *_Atomic slot;

void tn_verdict_table_init(tn_verdict_table *table)
{
    for (size_t part = 0; part < PARTS; part++) atomic_init(&table->parts[part], NULL);
    atomic_init(&table->count, 0);
    atomic_init(&table->bytes, 0);
}

void tn_verdict_table_free(tn_verdict_table *table)
{
    for (size_t part = 0; part < PARTS; part++) {
        slot *slots = atomic_load(&table->parts[part]);
        if (!slots) continue;
        for (size_t i = 0; i < slots_of[part]; i++) tn_free(atomic_load(&slots[i]));
        tn_free((void *)slots);
    }
    tn_verdict_table_init(table);
}

static bool is(const tn_verdict_entry *entry, tn_text text, uint64_t hash)
{
    return entry->hash == hash && entry->size == text.size && memcmp(entry->bytes, text.bytes, text.size) == 0;
}

/* The slot of a text, or the empty one where it would be; what stood there is in `entry_out`. */
static slot *find(slot *slots, size_t count, tn_text text, uint64_t hash, tn_verdict_entry **entry_out)
{
    size_t at = hash & (count - 1);
    for (;; at = (at + 1) & (count - 1)) {
        tn_verdict_entry *entry = atomic_load_explicit(&slots[at], memory_order_acquire);
        if (entry && !is(entry, text, hash)) continue;
        *entry_out = entry;
        return &slots[at];
    }
}

tn_verdict tn_verdict_table_get(const tn_verdict_table *table, tn_text text, uint64_t hash)
{
    if (text.size > TN_MAX_REMEMBERED_TEXT) return TN_VERDICT_ASK;

    for (size_t part = 0; part < PARTS; part++) {
        slot *slots = atomic_load_explicit(&table->parts[part], memory_order_acquire);
        if (!slots) break;
        tn_verdict_entry *entry;
        find(slots, slots_of[part], text, hash, &entry);
        if (entry) return (tn_verdict)entry->verdict;
    }
    return TN_VERDICT_ASK;
}

/* NULL: there is no memory. */
static slot *slots_for(tn_verdict_table *table, size_t part)
{
    slot *slots = atomic_load_explicit(&table->parts[part], memory_order_acquire);
    if (slots) return slots;

    size_t size = slots_of[part] * sizeof(slot);
    slot *made = tn_alloc_zeroed(size);
    if (!made) return NULL;
    if (atomic_compare_exchange_strong(&table->parts[part], &slots, made)) {
        atomic_fetch_add_explicit(&table->bytes, size, memory_order_relaxed);
        return made;
    }
    tn_free((void *)made); /* another thread was faster */
    return slots;
}

static tn_verdict_entry *entry_of(tn_text text, uint64_t hash, tn_verdict verdict)
{
    tn_verdict_entry *entry = tn_alloc(sizeof(*entry) + text.size);
    if (!entry) return NULL;
    *entry = (tn_verdict_entry){.hash = hash, .verdict = (uint8_t)verdict, .size = (uint8_t)text.size};
    if (text.size > 0) memcpy(entry->bytes, text.bytes, text.size);
    return entry;
}

/* false: it is there already. */
static bool insert(slot *slots, size_t count, tn_verdict_entry *entry)
{
    tn_text text = {entry->bytes, entry->size};
    for (;;) {
        tn_verdict_entry *there;
        slot *free_slot = find(slots, count, text, entry->hash, &there);
        if (there) return false;
        if (atomic_compare_exchange_strong(free_slot, &there, entry)) return true;
    }
}

static bool add(tn_verdict_table *table, size_t part, tn_verdict_entry *entry)
{
    slot *slots = slots_for(table, part);
    return slots && insert(slots, slots_of[part], entry);
}

void tn_verdict_table_add(tn_verdict_table *table, tn_text text, uint64_t hash, tn_verdict verdict)
{
    if (text.size > TN_MAX_REMEMBERED_TEXT) return;
    if (atomic_load_explicit(&table->count, memory_order_relaxed) >= TN_MAX_VERDICTS) return;

    size_t before = atomic_fetch_add(&table->count, 1);
    tn_verdict_entry *entry = before < TN_MAX_VERDICTS ? entry_of(text, hash, verdict) : NULL;
    if (entry && add(table, before < slots_of[0] / 2 ? 0 : 1, entry)) {
        atomic_fetch_add_explicit(&table->bytes, sizeof(*entry) + text.size, memory_order_relaxed);
        return;
    }
    tn_free(entry);
    atomic_fetch_sub(&table->count, 1);
}

size_t tn_verdict_table_bytes(const tn_verdict_table *table)
{
    return atomic_load_explicit(&table->bytes, memory_order_relaxed);
}
