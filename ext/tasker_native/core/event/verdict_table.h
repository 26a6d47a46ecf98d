#ifndef TN_EVENT_VERDICT_TABLE_H
#define TN_EVENT_VERDICT_TABLE_H

#include "event/key_filter.h"

#include <stdatomic.h>

/* Remembers verdicts on keys or paths as long as their filter lives, so that each is judged once. Bounded, since keys come
 * from users: a long text, or one too many, is judged each time.
 *
 * Any number of threads may get and add at once, without a lock: entries do not change, are never taken out, and appear
 * by one atomic store. Of two threads that add the same text, one has worked for nothing. */
#define TN_MAX_VERDICTS 8192
#define TN_MAX_REMEMBERED_TEXT 128 /* bytes */

typedef struct tn_verdict_entry tn_verdict_entry;

/* The first part holds what most filters ever see; the second is made when that is full. */
typedef struct {
    tn_verdict_entry *_Atomic *_Atomic parts[2];
    _Atomic size_t count, bytes;
} tn_verdict_table;

/* Allocates nothing yet. */
void tn_verdict_table_init(tn_verdict_table *table);

/* Nobody may use it any more. */
void tn_verdict_table_free(tn_verdict_table *table);

/* hash: tn_hash(text). TN_VERDICT_ASK: it is not known. */
tn_verdict tn_verdict_table_get(const tn_verdict_table *table, tn_text text, uint64_t hash);

/* Does nothing when it is full, the text is too long, or there is no memory. */
void tn_verdict_table_add(tn_verdict_table *table, tn_text text, uint64_t hash, tn_verdict verdict);

/* Bytes of memory that it has. */
size_t tn_verdict_table_bytes(const tn_verdict_table *table);

#endif
