#ifndef TN_EVENT_KEY_TABLE_H
#define TN_EVENT_KEY_TABLE_H

#include "base/table.h"
#include "event/key_filter.h"
#include "event/payload.h"

/* What a key of a payload means to the span manager, whatever becomes of its value as an attribute. */
/* clang-format off */
#define TN_FIELDS(X)                                       \
    X(TN_FIELD_TASK_ID, "task_id")                         \
    X(TN_FIELD_STEP_ID, "step_id")                         \
    X(TN_FIELD_STARTED_AT, "started_at")                   \
    X(TN_FIELD_COMPLETED_AT, "completed_at")               \
    X(TN_FIELD_DURATION, "execution_duration")             \
    X(TN_FIELD_TOTAL_DURATION, "total_execution_duration") \
    X(TN_FIELD_ERROR_MESSAGE, "error_message")             \
    X(TN_FIELD_ERROR, "error")                             \
    X(TN_FIELD_ERROR_CLASS, "error_class")                 \
    X(TN_FIELD_EXCEPTION_CLASS, "exception_class")         \
    X(TN_FIELD_EXCEPTION_OBJECT, "exception_object")       \
    X(TN_FIELD_TIMESTAMP, "timestamp")
/* clang-format on */

#define TN_FIELD_ENUM(id, name) id,
typedef enum { TN_FIELD_NONE, TN_FIELDS(TN_FIELD_ENUM) TN_FIELD_COUNT } tn_field;
#undef TN_FIELD_ENUM

typedef struct {
    uint8_t verdict; /* tn_verdict of a key that has none around it; TN_VERDICT_ASK: nobody was asked yet */
    uint8_t field;   /* tn_field */
    bool is_id;      /* "id", or it ends with "_id": Integers become Strings */
} tn_key_info;

/* What is known of a key before its verdict. */
tn_key_info tn_key_describe(tn_text key);

/* A key that is remembered. The worker reads its name; what stands in `info` is the publishing threads'. */
typedef struct {
    tn_table_node node;
    tn_name name;
    tn_key_info info;
} tn_key;

/* Remembers keys for the life of the process, so that each is judged once, and payloads refer to it instead of
 * repeating it. Bounded, since keys come from users: a long key, one too many, or one that may hold a secret is not
 * remembered. Not thread-safe;
 * the names of its keys may be read by any thread that was given one. */
typedef struct {
    tn_table table;
    size_t bytes;
} tn_key_table;

#define TN_MAX_REMEMBERED_KEYS 10000
#define TN_MAX_REMEMBERED_KEY 128

void tn_key_table_init(tn_key_table *keys);

/* No payload may refer to its keys any more. */
void tn_key_table_free(tn_key_table *keys);

/* The key of this name, which is added if it is new. NULL: it is not to be remembered. */
tn_key *tn_key_table_get(tn_key_table *keys, tn_text name);

/* All verdicts are to be asked for anew. */
void tn_key_table_forget_verdicts(tn_key_table *keys);

#endif
