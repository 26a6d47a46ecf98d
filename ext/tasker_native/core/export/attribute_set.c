#include "export/attribute_set.h"

#include "base/process.h"
#include "base/table.h"

tn_status tn_attribute_set_init(tn_attribute_set *set, tn_text prefix, uint32_t limit)
{
    *set = (tn_attribute_set){.prefix = prefix, .limit = limit < TN_MAX_ATTRIBUTES ? limit : TN_MAX_ATTRIBUTES};
    for (set->slot_count = 16; set->slot_count < 2 * (size_t)set->limit;) set->slot_count *= 2;

    set->items = tn_alloc((set->limit + 1) * sizeof(*set->items));
    set->slots = tn_alloc_zeroed(set->slot_count * sizeof(*set->slots));
    if (set->items && set->slots) return TN_OK;

    tn_attribute_set_free(set);
    return TN_ERROR_MEMORY;
}

void tn_attribute_set_free(tn_attribute_set *set)
{
    tn_free(set->items);
    tn_free(set->slots);
    *set = (tn_attribute_set){0};
}

void tn_attribute_set_clear(tn_attribute_set *set)
{
    if (set->count > 0) memset(set->slots, 0, set->slot_count * sizeof(*set->slots));
    set->count = 0;
    set->dropped = 0;
}

/* Keys that carry the prefix already and keys that are to get it are the same keys. */
static tn_attribute normal(const tn_attribute_set *set, tn_text key, bool prefixed, tn_value value)
{
    if (set->prefix.size > 0 && tn_text_starts_with(key, set->prefix)) {
        tn_text rest = {key.bytes + set->prefix.size, key.size - set->prefix.size};
        return (tn_attribute){rest, true, value};
    }
    return (tn_attribute){key, prefixed && set->prefix.size > 0, value};
}

static bool same_key(const tn_attribute *a, const tn_attribute *b)
{
    return a->prefixed == b->prefixed && tn_text_equal(a->key, b->key);
}

static void put(tn_attribute_set *set, const tn_attribute *attribute)
{
    size_t slot = (tn_hash(attribute->key) + attribute->prefixed) & (set->slot_count - 1);
    for (; set->slots[slot]; slot = (slot + 1) & (set->slot_count - 1)) {
        tn_attribute *known = &set->items[set->slots[slot] - 1];
        if (same_key(known, attribute)) {
            known->value = attribute->value;
            return;
        }
    }
    if (set->count >= set->limit) {
        set->dropped++;
        return;
    }
    set->items[set->count++] = *attribute;
    set->slots[slot] = (uint32_t)set->count;
}

void tn_attribute_set_add(tn_attribute_set *set, tn_pairs pairs)
{
    tn_payload_reader reader = tn_payload_read(pairs.bytes, pairs.size);
    tn_text key;
    tn_value value;
    while (tn_payload_next(&reader, &key, &value)) {
        tn_attribute attribute = normal(set, key, pairs.prefixed, value);
        put(set, &attribute);
    }
    set->dropped += pairs.dropped;
}

void tn_attribute_set_of_span(tn_attribute_set *set, const tn_span *span)
{
    tn_attribute_set_clear(set);
    set->dropped = span->dropped_attributes;

    tn_record record;
    tn_journal_reader reader = tn_span_read(span);
    while (tn_journal_next(&reader, &record)) {
        if (record.kind & TN_RECORD_ATTRIBUTES) tn_attribute_set_add(set, record.pairs);
    }
}
