#ifndef TN_EXPORT_SPOOL_H
#define TN_EXPORT_SPOOL_H

#include "export/drop.h"
#include "export/spool_segment.h"

/* Export requests on disk: those that could not be delivered wait here, in order, for the collector to be back. A
 * directory belongs to a service, and all its processes share it: each writes into segments of its own, and takes over
 * those of processes that have ended. Delivery is at least once: a record has the same batch id whenever it is sent.
 *
 * One thread at a time, but tn_spool_stats_read: any. In the child of a fork it is empty, and open. */
typedef struct tn_spool tn_spool;

typedef struct {
    tn_text directory;  /* absolute; empty: the spool is off */
    uint64_t max_bytes; /* of all segments in it; the oldest make room */
    uint64_t max_age;   /* nanoseconds */
} tn_spool_options;

/* What became of spans beside those of the record at hand. */
typedef struct {
    size_t adopted;                /* found in a dead process' segment: accepted here, and on disk */
    size_t dropped[TN_DROP_COUNT]; /* not on disk any more */
} tn_spool_changes;

typedef struct {
    uint64_t segments, bytes; /* this process' own */
    uint64_t synced;          /* spans that will survive a power cut: fsync has said so */
    uint64_t damaged;         /* places where a record had to be passed over */
    uint64_t errors;          /* system calls that failed */
} tn_spool_stats;

/* Off. NULL when there is no memory. */
tn_spool *tn_spool_new(const tn_spool_system *system);
void tn_spool_free(tn_spool *spool);

/* New limits, and another directory, which is made (0700) when its parent is there. What is spooled stays in the old
 * one, for others. TN_OK, TN_ERROR_MEMORY, or TN_ERROR_LIMIT for a path that is too long. Whether the directory can be
 * used is seen when it is. */
tn_status tn_spool_configure(tn_spool *spool, const tn_spool_options *options) TN_MUST_CHECK;
bool tn_spool_is_on(const tn_spool *spool);

/* Writes a record behind all others: TN_OK when write() has taken it all. Else TN_ERROR_FULL (it does not fit into the
 * directory, with nothing left to make room), TN_ERROR_SYSTEM or TN_ERROR_LIMIT, and tn_spool_problem says more.
 * The record is written as of now: its `created` and `offset` do not count. */
tn_status tn_spool_append(tn_spool *spool, const tn_spool_record *record, tn_spool_changes *changes) TN_MUST_CHECK;

/* What went wrong last, with the path: for the log. Empty: nothing did. */
const char *tn_spool_problem(const tn_spool *spool);

/* The oldest record, to be sent; adopts a dead process' segment when there is none of our own. false: there is none
 * now. Else call one of the two below when it was sent, or was not; meanwhile nothing but tn_spool_append. */
bool tn_spool_next(tn_spool *spool, tn_spool_record *record_out, tn_spool_changes *changes);
void tn_spool_done(tn_spool *spool, const tn_spool_record *record); /* it is delivered, or nobody will ever take it */
void tn_spool_keep(tn_spool *spool);                                /* it stays the oldest */

/* When tn_spool_next may have something: monotonic; UINT64_MAX: never. */
uint64_t tn_spool_due(const tn_spool *spool);

/* Asks the disk to keep what was written. */
void tn_spool_sync(tn_spool *spool);

void tn_spool_stats_read(tn_spool *spool, tn_spool_stats *stats_out);

/* After a fork: what is the parent's is forgotten. */
void tn_spool_reset_in_child(tn_spool *spool);

#endif
