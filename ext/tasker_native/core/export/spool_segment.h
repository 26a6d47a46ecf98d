#ifndef TN_EXPORT_SPOOL_SEGMENT_H
#define TN_EXPORT_SPOOL_SEGMENT_H

#include "base/buffer.h"

#include <sys/types.h>

/* A file of the spool: records one after the other, each of them an export request that could not be delivered yet.
 *
 * Its name is CREATED-ID.spool, both as 16 hexadecimal digits: nanoseconds since the Unix epoch, so that names sort by
 * age, and a random number that stands in front of each record, so that nothing within a body passes for one. The
 * process that a segment belongs to holds its lock (flock). A record is a head of 60 bytes and the body; numbers are
 * little-endian:
 *
 *      0   4  "TNSR"
 *      4   8  the segment's id
 *     12   4  "TODO" or "DONE": anything but the latter is still to be delivered
 *     16  16  the batch's id
 *     32   8  when it was written, in nanoseconds since the Unix epoch
 *     40   4  how many spans it holds
 *     44   4  bytes of the body
 *     48   4  1: the body is compressed by gzip
 *     52   4  CRC-32C of the body
 *     56   4  CRC-32C of all the above but the state
 *
 * One thread at a time. Files are hostile: whoever reads one stays within bounds and comes to an end. */

/* What is asked of the operating system; each like the function whose name it has, with -1 and errno. Tests have their own. */
typedef struct {
    int (*open)(int directory, const char *name, int flags, mode_t mode);
    void (*close)(int descriptor);
    int (*lock)(int descriptor); /* exclusively, without waiting */
    ssize_t (*write)(int descriptor, const void *head, size_t head_size, const void *body, size_t body_size,
                     off_t offset);
    ssize_t (*read)(int descriptor, void *bytes, size_t size, off_t offset);
    int (*sync)(int descriptor);
    int (*truncate)(int descriptor, off_t size);
    int (*unlink)(int directory, const char *name);
} tn_spool_system;

extern const tn_spool_system tn_spool_real_system;

#define TN_SPOOL_HEAD_SIZE 60
#define TN_SPOOL_NAME_SIZE 40                    /* with the terminator */
#define TN_MAX_SPOOL_BODY (64 * 1024 * 1024)     /* bytes, as TN_MAX_REQUEST */
#define TN_MAX_SPOOL_SEGMENT (UINT64_C(1) << 32) /* bytes that are looked at in one file */

typedef struct {
    uint8_t bytes[16];
} tn_batch_id;

typedef struct {
    tn_batch_id batch_id;
    uint64_t created; /* wall clock */
    uint32_t spans;
    bool gzip;
    tn_text body;
    uint64_t offset; /* where it was read */
} tn_spool_record;

typedef struct {
    const tn_spool_system *system;
    char name[TN_SPOOL_NAME_SIZE];
    uint64_t created, id;
    uint64_t opened; /* monotonic; 0: it is another process' work */
    int descriptor;
    uint64_t size;
    uint64_t cursor;          /* where to look for the oldest record that is wanted */
    uint64_t spans, unsynced; /* of records that are wanted; of those, what fsync has not confirmed */
    bool sealed;              /* nothing more is written into it */
} tn_spool_segment;

/* Whether it is the name of a segment. */
bool tn_spool_name_parse(const char *name, uint64_t *created_out, uint64_t *id_out);

/* Makes and locks a new, empty one. TN_ERROR_SYSTEM with errno. */
tn_status tn_spool_segment_create(const tn_spool_system *system, int directory, uint64_t id,
                                  tn_spool_segment *segment_out) TN_MUST_CHECK;

/* Opens and locks one that is there, never through a link, and only a file of the process' own user. TN_ERROR_CLOSED
 * when a living process holds it, or it is gone; TN_ERROR_INVALID; TN_ERROR_SYSTEM with errno. */
tn_status tn_spool_segment_adopt(const tn_spool_system *system, int directory, const char *name,
                                 tn_spool_segment *segment_out) TN_MUST_CHECK;

/* Whether its file still has a name: without one, it ends with this process. */
bool tn_spool_segment_is_there(const tn_spool_segment *segment);

/* All or nothing. TN_ERROR_LIMIT; TN_ERROR_SYSTEM with errno, and sealed when half a record could not be removed. */
tn_status tn_spool_segment_append(tn_spool_segment *segment, const tn_spool_record *record) TN_MUST_CHECK;

typedef enum {
    TN_SPOOL_RECORD,
    TN_SPOOL_DAMAGE, /* bytes that are no record; record->spans says how many spans are lost, as far as it is known */
    TN_SPOOL_END,
    TN_SPOOL_MEMORY, /* there is none for the body */
} tn_spool_found;

/* What comes at *at, which is moved behind it. Records that are done are passed over. The body lies in `body`. */
tn_spool_found tn_spool_segment_read(const tn_spool_segment *segment, uint64_t *at, tn_spool_record *record_out,
                                     tn_buffer *body);

/* Marks a record as delivered, so that nobody sends it again. A failure only means that somebody may. */
void tn_spool_segment_mark_done(const tn_spool_segment *segment, const tn_spool_record *record);

/* false: it failed, and says nothing about what was written; don't write any more into this segment. */
bool tn_spool_segment_sync(tn_spool_segment *segment) TN_MUST_CHECK;

/* Ends the lock; and the file: where it can't be removed, it is empty. */
void tn_spool_segment_close(tn_spool_segment *segment);
void tn_spool_segment_remove(tn_spool_segment *segment, int directory);

#endif
