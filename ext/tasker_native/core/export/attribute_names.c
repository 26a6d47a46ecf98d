#include "export/attribute_names.h"

#include "base/process.h"
#include "base/table.h"
#include "export/protobuf.h"

#define FIRST_CAPACITY 64

void tn_attribute_names_init(tn_attribute_names *names, tn_text prefix)
{
    *names = (tn_attribute_names){.prefix = prefix};
}

void tn_attribute_names_free(tn_attribute_names *names)
{
    for (int kind = 0; kind < 2; kind++) {
        for (size_t id = 0; id < names->capacity[kind]; id++) tn_free(names->names[kind][id]);
        tn_free(names->names[kind]);
    }
    *names = (tn_attribute_names){0};
}

bool tn_attribute_names_prefixes(const tn_attribute_names *names, tn_text key, bool prefixed)
{
    return prefixed && names->prefix.size > 0 && !tn_text_starts_with(key, names->prefix);
}

uint64_t tn_attribute_name_hash(tn_text prefix, tn_text key)
{
    char whole[TN_MAX_KEY * 2];
    if (prefix.size == 0 || prefix.size + key.size > sizeof(whole)) return tn_hash(key);

    memcpy(whole, prefix.bytes, prefix.size);
    if (key.size > 0) memcpy(whole + prefix.size, key.bytes, key.size);
    return tn_hash((tn_text){whole, prefix.size + key.size});
}

static bool make_room(tn_attribute_names *names, uint32_t id, bool prefixed)
{
    size_t before = names->capacity[prefixed], capacity = before ? before : FIRST_CAPACITY;
    while (capacity <= id) capacity *= 2;
    if (capacity == before) return true;

    tn_attribute_name **grown = tn_realloc(names->names[prefixed], capacity * sizeof(*grown));
    if (!grown) return false;
    memset(grown + before, 0, (capacity - before) * sizeof(*grown));
    names->names[prefixed] = grown;
    names->capacity[prefixed] = capacity;
    return true;
}

const tn_attribute_name *tn_attribute_names_make(tn_attribute_names *names, const tn_name *name, bool prefixed)
{
    if (!make_room(names, name->id, prefixed)) return NULL;

    tn_text prefix = tn_attribute_names_prefixes(names, name->text, prefixed) ? names->prefix : TN_NO_TEXT;
    size_t size = prefix.size + name->text.size, encoded_size = 1 + tn_protobuf_varint_size(size) + size;
    size_t steps = encoded_size / TN_ATTRIBUTE_NAME_STEP + 1;
    tn_attribute_name *made = tn_alloc_zeroed(sizeof(*made) + steps * TN_ATTRIBUTE_NAME_STEP);
    if (!made) return NULL;

    made->hash = tn_attribute_name_hash(prefix, name->text);
    made->encoded_size = encoded_size;
    uint8_t *at = tn_protobuf_put_message(made->encoded, TN_KEY_VALUE_KEY, size);
    made->text = (tn_text){(const char *)at, size};
    if (prefix.size > 0) memcpy(at, prefix.bytes, prefix.size);
    if (name->text.size > 0) memcpy(at + prefix.size, name->text.bytes, name->text.size);
    names->names[prefixed][name->id] = made;
    return made;
}
