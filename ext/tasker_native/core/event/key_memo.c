#include "event/key_memo.h"

#include "base/process.h"

typedef struct {
    tn_table_node node;
    tn_key key;
    size_t size;
    char name[];
} entry;

static const tn_text field_names[] = {[TN_FIELD_NONE] = {"", 0},
#define TN_FIELD_NAME(id, name) [id] = {name, sizeof(name) - 1},
                                      TN_FIELDS(TN_FIELD_NAME)
#undef TN_FIELD_NAME
};

tn_key tn_key_describe(tn_text key)
{
    tn_key described = {.verdict = TN_VERDICT_ASK, .field = TN_FIELD_NONE};
    for (int field = TN_FIELD_NONE + 1; field < TN_FIELD_COUNT; field++) {
        if (tn_text_equal(key, field_names[field])) described.field = (tn_field)field;
    }
    bool ends_with_id = key.size > 3 && memcmp(key.bytes + key.size - 3, "_id", 3) == 0;
    described.is_id = ends_with_id || tn_text_equal(key, TN_TEXT("id"));
    return described;
}

static bool has_name(const tn_table_node *node, const void *key)
{
    const entry *candidate = TN_CONTAINER(node, entry, node);
    return tn_text_equal((tn_text){candidate->name, candidate->size}, *(const tn_text *)key);
}

void tn_key_memo_init(tn_key_memo *memo)
{
    *memo = (tn_key_memo){0};
}

void tn_key_memo_clear(tn_key_memo *memo)
{
    for (size_t i = 0; i < memo->table.bucket_count; i++) {
        for (tn_table_node *node = memo->table.buckets[i], *next; node; node = next) {
            next = node->next;
            tn_free(TN_CONTAINER(node, entry, node));
        }
    }
    tn_table_free(&memo->table);
    memo->bytes = 0;
}

const tn_key *tn_key_memo_find(const tn_key_memo *memo, tn_text name)
{
    if (name.size > TN_MAX_REMEMBERED_KEY) return NULL;

    tn_table_node *node = tn_table_find(&memo->table, tn_hash(name), has_name, &name);
    return node ? &TN_CONTAINER(node, entry, node)->key : NULL;
}

void tn_key_memo_add(tn_key_memo *memo, tn_text name, tn_key key)
{
    if (name.size > TN_MAX_REMEMBERED_KEY || memo->table.count >= TN_MAX_REMEMBERED_KEYS) return;

    entry *added = tn_alloc(sizeof(*added) + name.size);
    if (!added) return;
    added->key = key;
    added->size = name.size;
    memcpy(added->name, name.bytes, name.size);

    if (tn_table_add(&memo->table, &added->node, tn_hash(name)) == TN_OK) {
        memo->bytes += sizeof(*added) + name.size;
    } else {
        tn_free(added);
    }
}
