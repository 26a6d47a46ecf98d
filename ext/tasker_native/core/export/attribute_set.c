#include "export/attribute_set.h"

#include "base/process.h"

tn_status tn_attribute_set_init(tn_attribute_set *set, tn_attribute_names *names, uint32_t limit)
{
    *set = (tn_attribute_set){.names = names, .limit = limit < TN_MAX_ATTRIBUTES ? limit : TN_MAX_ATTRIBUTES};
    for (set->slot_count = 16; set->slot_count < 2 * (size_t)set->limit;) set->slot_count *= 2;

    set->items = tn_alloc((set->limit + 1) * sizeof(*set->items));
    set->slots = tn_alloc_zeroed(set->slot_count * sizeof(*set->slots));
    set->round = 1;
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
    if (set->round++ == UINT32_MAX) {
        memset(set->slots, 0, set->slot_count * sizeof(*set->slots));
        set->round = 1;
    }
    set->count = 0;
    set->dropped = 0;
}

/* Two keys with the same hash, one of which may have its prefix apart. */
static bool same_key(const tn_attribute_set *set, const tn_attribute *a, const tn_attribute *b)
{
    if (a->prefixed == b->prefixed) return tn_text_equal(a->key, b->key);

    const tn_attribute *apart = a->prefixed ? a : b, *whole = a->prefixed ? b : a;
    tn_text prefix = set->names->prefix;
    if (whole->key.size != prefix.size + apart->key.size || !tn_text_starts_with(whole->key, prefix)) return false;
    return tn_text_equal(apart->key, (tn_text){whole->key.bytes + prefix.size, apart->key.size});
}

static void set_value(tn_attribute_set *set, tn_attribute *attribute, const tn_value *value)
{
    attribute->value = *value;
    if (value->type != TN_VALUE_TIME) return;

    size_t size = tn_timestamp_format_utc(attribute->time, value->as.time, value->milliseconds, &set->second);
    attribute->value = (tn_value){.type = TN_VALUE_STRING, .as.string = {attribute->time, size}};
}

static void put(tn_attribute_set *set, const tn_attribute *wanted, const tn_value *value)
{
    size_t slot = wanted->hash & (set->slot_count - 1);
    for (; set->slots[slot].round == set->round; slot = (slot + 1) & (set->slot_count - 1)) {
        tn_attribute *known = &set->items[set->slots[slot].position];
        if (known->hash == wanted->hash && same_key(set, known, wanted)) {
            set_value(set, known, value);
            return;
        }
    }
    if (set->count >= set->limit) {
        set->dropped++;
        return;
    }
    tn_attribute *added = &set->items[set->count];
    added->key = wanted->key;
    added->prefixed = wanted->prefixed;
    added->hash = wanted->hash;
    set_value(set, added, value);
    set->slots[slot] = (tn_attribute_slot){set->round, (uint32_t)set->count++};
}

static void add_pair(tn_attribute_set *set, const tn_pair *pair, bool prefixed)
{
    const tn_attribute_name *name = pair->name ? tn_attribute_names_get(set->names, pair->name, prefixed) : NULL;
    tn_attribute wanted;
    if (name) {
        wanted.key = (tn_text){name->bytes, name->size};
        wanted.prefixed = false;
        wanted.hash = name->hash;
    } else {
        wanted.key = pair->key;
        wanted.prefixed = tn_attribute_names_prefixes(set->names, pair->key, prefixed);
        wanted.hash = tn_attribute_name_hash(tn_attribute_prefix(set, &wanted), pair->key);
    }
    put(set, &wanted, &pair->value);
}

void tn_attribute_set_add(tn_attribute_set *set, tn_pairs pairs)
{
    tn_payload_reader reader = tn_payload_read(pairs.bytes, pairs.size);
    for (tn_pair pair; tn_payload_next(&reader, &pair);) add_pair(set, &pair, pairs.prefixed);
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
