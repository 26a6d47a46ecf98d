#include "export/attribute_set.h"

#include "base/process.h"

tn_status tn_attribute_set_init(tn_attribute_set *set, tn_attribute_names *names, uint32_t limit)
{
    *set = (tn_attribute_set){.names = names, .limit = limit < TN_MAX_ATTRIBUTES ? limit : TN_MAX_ATTRIBUTES};
    for (set->slot_count = 16; set->slot_count < 2 * (size_t)set->limit;) set->slot_count *= 2;

    set->items = tn_alloc((set->limit + 1) * sizeof(*set->items)); /* one more, to read into */
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
    set->source = 0;
    set->from_source = 0;
    set->step = 0;
    set->repeats = true;
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

/* An attribute whose value was read gets what else belongs to a value. */
static void settle_value(tn_attribute_set *set, tn_attribute *attribute)
{
    attribute->source = set->source;
    set->from_source++;
    if (attribute->value.type != TN_VALUE_TIME) return;

    tn_value time = attribute->value;
    size_t size = tn_timestamp_format_utc(attribute->time, time.as.time, time.milliseconds, &set->second);
    attribute->value = (tn_value){.type = TN_VALUE_STRING, .as.string = {attribute->time, size}};
}

static void replace_value(tn_attribute_set *set, tn_attribute *attribute, const tn_value *value)
{
    if (attribute->source == set->source) set->from_source--; /* it is counted */
    attribute->value = *value;
    settle_value(set, attribute);
}

#define DROPPED UINT32_MAX

/* The slot of the item with this key, or the one where it belongs. */
static size_t slot_of(const tn_attribute_set *set, const tn_attribute *attribute)
{
    size_t slot = attribute->hash & (set->slot_count - 1);
    for (; set->slots[slot].round == set->round; slot = (slot + 1) & (set->slot_count - 1)) {
        const tn_attribute *known = &set->items[set->slots[slot].position];
        if (known->hash == attribute->hash && same_key(set, known, attribute)) break;
    }
    return slot;
}

/* read: stands where the next item will be. Returns which item it led to. */
static uint32_t put(tn_attribute_set *set, tn_attribute *read)
{
    size_t slot = slot_of(set, read);
    if (set->slots[slot].round == set->round) {
        replace_value(set, &set->items[set->slots[slot].position], &read->value);
        return set->slots[slot].position;
    }
    if (set->count >= set->limit) {
        set->dropped++;
        return DROPPED;
    }
    settle_value(set, read);
    set->slots[slot] = (tn_attribute_slot){set->round, (uint32_t)set->count++};
    return set->slots[slot].position;
}

static void set_key(const tn_attribute_set *set, tn_attribute *attribute, const tn_pair_key *key, bool prefixed)
{
    const tn_attribute_name *name = key->name ? tn_attribute_names_get(set->names, key->name, prefixed) : NULL;
    attribute->name = name;
    if (name) {
        attribute->key = name->text;
        attribute->prefixed = false;
        attribute->hash = name->hash;
    } else {
        attribute->key = key->text;
        attribute->prefixed = tn_attribute_names_prefixes(set->names, key->text, prefixed);
        attribute->hash = tn_attribute_name_hash(tn_attribute_prefix(set, attribute), key->text);
    }
}

/* Whether the key leads where the last set's did at this step. */
static bool repeats(const tn_attribute_set *set, const tn_pair_key *key, bool prefixed)
{
    const tn_attribute_step *step = &set->steps[set->step];
    return set->repeats && set->step < set->known_steps && step->name == key->name && step->prefixed == prefixed;
}

static void repeat(tn_attribute_set *set, tn_attribute *read)
{
    uint32_t position = set->steps[set->step++].position;
    if (position == set->count) {
        settle_value(set, read);
        set->count++;
    } else {
        replace_value(set, &set->items[position], &read->value);
    }
}

/* From here on, keys are looked up: those that were not are entered. */
static void stop_repeating(tn_attribute_set *set)
{
    set->repeats = false;
    set->known_steps = set->step;
    for (uint32_t i = 0; i < set->count; i++) {
        set->slots[slot_of(set, &set->items[i])] = (tn_attribute_slot){set->round, i};
    }
}

/* Steps are remembered without a gap: those after one that can't be are looked up the next time, too. */
static void remember_step(tn_attribute_set *set, const tn_pair_key *key, bool prefixed, uint32_t position)
{
    if (set->step != set->known_steps || set->step == TN_ATTRIBUTE_STEPS) return;

    if (key->name && position != DROPPED) {
        set->steps[set->known_steps++] = (tn_attribute_step){key->name, position, prefixed};
    }
    set->step++;
}

void tn_attribute_set_add(tn_attribute_set *set, tn_pairs pairs)
{
    set->source++;
    set->from_source = 0;
    set->dropped += pairs.dropped;

    tn_pair_key key;
    tn_payload_reader reader = tn_payload_read(pairs.bytes, pairs.size);
    while (tn_payload_next_key(&reader, &key)) {
        tn_attribute *read = &set->items[set->count]; /* there is always one more than the limit */
        if (!tn_payload_next_value(&reader, &read->value)) return;

        if (repeats(set, &key, pairs.prefixed)) {
            repeat(set, read);
            continue;
        }
        if (set->repeats) stop_repeating(set);
        set_key(set, read, &key, pairs.prefixed);
        remember_step(set, &key, pairs.prefixed, put(set, read));
    }
}

const uint8_t *tn_attribute_set_of_span(tn_attribute_set *set, const tn_span *span)
{
    tn_attribute_set_clear(set);
    set->dropped = span->dropped_attributes;

    const uint8_t *last = NULL;
    tn_record record;
    tn_journal_reader reader = tn_span_read(span);
    while (tn_journal_next(&reader, &record)) {
        if (!(record.kind & TN_RECORD_ATTRIBUTES)) continue;

        tn_attribute_set_add(set, record.pairs);
        last = record.pairs.bytes;
    }
    return last;
}
