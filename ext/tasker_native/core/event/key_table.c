#include "event/key_table.h"

#include "base/process.h"
#include "event/value_scanner.h"

static const tn_text field_names[] = {[TN_FIELD_NONE] = {"", 0},
#define TN_FIELD_NAME(id, name) [id] = {name, sizeof(name) - 1},
                                      TN_FIELDS(TN_FIELD_NAME)
#undef TN_FIELD_NAME
};

tn_key_info tn_key_describe(tn_text key)
{
    tn_key_info info = {.verdict = TN_VERDICT_ASK, .field = TN_FIELD_NONE};
    for (uint8_t field = TN_FIELD_NONE + 1; field < TN_FIELD_COUNT; field++) {
        if (tn_text_equal(key, field_names[field])) info.field = field;
    }
    bool ends_with_id = key.size > 3 && memcmp(key.bytes + key.size - 3, "_id", 3) == 0;
    info.is_id = ends_with_id || tn_text_equal(key, TN_TEXT("id"));
    return info;
}

static bool has_name(const tn_table_node *node, const void *key)
{
    return tn_text_equal(TN_CONTAINER(node, tn_key, node)->name.text, *(const tn_text *)key);
}

void tn_key_table_init(tn_key_table *keys)
{
    *keys = (tn_key_table){0};
}

static void for_each(const tn_key_table *keys, void (*function)(tn_key *key))
{
    for (size_t i = 0; i < keys->table.bucket_count; i++) {
        for (tn_table_node *node = keys->table.buckets[i], *next; node; node = next) {
            next = node->next;
            function(TN_CONTAINER(node, tn_key, node));
        }
    }
}

static void free_key(tn_key *key)
{
    tn_free(key);
}

void tn_key_table_free(tn_key_table *keys)
{
    for_each(keys, free_key);
    tn_table_free(&keys->table);
    keys->bytes = 0;
}

static void forget_verdict(tn_key *key)
{
    key->info.verdict = TN_VERDICT_ASK;
}

void tn_key_table_forget_verdicts(tn_key_table *keys)
{
    for_each(keys, forget_verdict);
}

static tn_key *add(tn_key_table *keys, tn_text name, uint64_t hash)
{
    if (keys->table.count >= TN_MAX_REMEMBERED_KEYS || tn_scan_is_needed(name)) return NULL;

    tn_key *key = tn_alloc(sizeof(*key) + name.size);
    if (!key) return NULL;

    char *copy = (char *)(key + 1);
    if (name.size > 0) memcpy(copy, name.bytes, name.size);
    key->name = (tn_name){.text = {copy, name.size}, .id = (uint32_t)keys->table.count};
    key->info = tn_key_describe(name);
    if (tn_table_add(&keys->table, &key->node, hash) != TN_OK) {
        tn_free(key);
        return NULL;
    }
    keys->bytes += sizeof(*key) + name.size;
    return key;
}

tn_key *tn_key_table_get(tn_key_table *keys, tn_text name)
{
    if (name.size > TN_MAX_REMEMBERED_KEY) return NULL;

    uint64_t hash = tn_hash(name);
    tn_table_node *node = tn_table_find(&keys->table, hash, has_name, &name);
    return node ? TN_CONTAINER(node, tn_key, node) : add(keys, name, hash);
}
