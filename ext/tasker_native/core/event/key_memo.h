#ifndef TN_EVENT_KEY_MEMO_H
#define TN_EVENT_KEY_MEMO_H

#include "base/table.h"
#include "event/key_filter.h"

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
    X(TN_FIELD_BACKTRACE, "backtrace")                     \
    X(TN_FIELD_EXCEPTION_OBJECT, "exception_object")       \
    X(TN_FIELD_TIMESTAMP, "timestamp")
/* clang-format on */

#define TN_FIELD_ENUM(id, name) id,
typedef enum { TN_FIELD_NONE, TN_FIELDS(TN_FIELD_ENUM) TN_FIELD_COUNT } tn_field;
#undef TN_FIELD_ENUM

typedef struct {
    tn_verdict verdict; /* never TN_VERDICT_ASK */
    tn_field field;
    bool is_id; /* "id", or it ends with "_id": Integers become Strings */
} tn_key;

/* What is known of a key before its verdict. */
tn_key tn_key_describe(tn_text key);

/* Remembers verdicts, so that a key is judged once. Bounded: keys come from users, so a long key or one
 * too many is judged every time. Not thread-safe. */
typedef struct {
    tn_table table;
    size_t bytes;
} tn_key_memo;

#define TN_MAX_REMEMBERED_KEYS 10000
#define TN_MAX_REMEMBERED_KEY 128

void tn_key_memo_init(tn_key_memo *memo);

/* Forgets all and frees all; usable again at once. */
void tn_key_memo_clear(tn_key_memo *memo);

/* NULL when the key is not remembered; valid until the next clear. */
const tn_key *tn_key_memo_find(const tn_key_memo *memo, tn_text name);

/* Remembers if there is room. */
void tn_key_memo_add(tn_key_memo *memo, tn_text name, tn_key key);

#endif
