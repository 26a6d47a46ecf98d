#ifndef TN_METRICS_SEGMENT_H
#define TN_METRICS_SEGMENT_H

#include "base/status.h"
#include "base/text.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The memory in which metrics are kept: a file that all processes of an application map, or memory of this process alone.
 *
 *   DIRECTORY/metrics.1           a header, then chunks of 64 KiB. Each chunk belongs to a slab, each slab to one process,
 *                                 which is the only one to write into it.
 *   DIRECTORY/metrics.1.lock      empty. Byte 0 is locked by who opens the file above, byte 1 + n by the owner of slab n
 *                                 (locks of open file descriptions: they end with their process, however it ends).
 *   DIRECTORY/metrics.1.damaged   what could not be used, set aside: the last one.
 *
 * A process that ends leaves its slab as it is, and the next one to come takes it over with all that was counted there:
 * nothing has to be moved, so nothing can be lost or counted twice by being killed. When no process holds a slab any more,
 * the next one begins a new file.
 *
 * Disk is reserved before it is used, so that a full disk is an error of tn_segment_open or tn_segment_add_chunk, and no
 * SIGBUS. What others have written is validated by who reads it; nobody trusts it.
 *
 * Any thread may read; one thread at a time may open and add. */
#define TN_CHUNK_SIZE 65536u
#define TN_MAX_CHUNKS 1024u /* 64 MiB */
#define TN_MAX_SLABS 512u   /* processes at the same time */
#define TN_NO_SLAB TN_MAX_SLABS

/* The first bytes of a chunk. Its records follow. */
typedef struct {
    _Atomic uint32_t used; /* bytes of records that are there as a whole */
    uint32_t unused;
} tn_chunk;

#define TN_CHUNK_ROOM (TN_CHUNK_SIZE - (uint32_t)sizeof(tn_chunk))

typedef struct tn_segment tn_segment;

/* Of this process alone. NULL when there is no memory. */
tn_segment *tn_segment_new_private(void);

/* The file of a directory, which is made if it is not there (0700; the one above it has to be there), and a slab of it that
 * is this process' own from now on: one that a dead process has left, else a new one. Waits at most a second for other
 * processes that do the same. TN_OK; TN_ERROR_SYSTEM with errno (EPERM: the directory belongs to another user, or others
 * may write into it; ENOSPC; EINVAL: no such locks here); TN_ERROR_TIMEOUT; TN_ERROR_FULL: too many processes;
 * TN_ERROR_MEMORY.
 *
 * In a forked child it is still its parent's: the child frees it, and opens its own. */
tn_status tn_segment_open(tn_text directory, tn_segment **segment_out) TN_MUST_CHECK;

/* As it is, to read: makes and claims nothing. TN_ERROR_SYSTEM with ENOENT when there is none; TN_ERROR_INVALID for one
 * that can't be used. */
tn_status tn_segment_open_to_read(tn_text directory, tn_segment **segment_out) TN_MUST_CHECK;

/* References are counted, from any thread. */
tn_segment *tn_segment_keep(tn_segment *segment);
void tn_segment_free(tn_segment *segment);

/* Whether the file was damaged or of another kind, and a new one was made. */
bool tn_segment_was_replaced(const tn_segment *segment);

/* Whether other processes see it. */
bool tn_segment_is_shared(const tn_segment *segment);

/* Whether the file is still the one of that name: somebody may have removed it, or set it aside. */
bool tn_segment_is_current(const tn_segment *segment);

/* This process' own; TN_NO_SLAB for one that is open to read. */
unsigned tn_segment_own_slab(const tn_segment *segment);

/* Whether a process that lives owns it. Costs a system call. */
bool tn_segment_slab_is_owned(const tn_segment *segment, unsigned slab);

/* Another chunk for the own slab, empty, behind those that it has. TN_ERROR_FULL when there is none left, TN_ERROR_SYSTEM
 * when the disk is full. */
tn_status tn_segment_add_chunk(tn_segment *segment, unsigned *chunk_out) TN_MUST_CHECK;

/* How many there are, of all slabs; chunks are numbered from 0. Only grows. */
unsigned tn_segment_chunk_count(const tn_segment *segment);

/* TN_NO_SLAB: nobody's. */
unsigned tn_segment_slab_of(const tn_segment *segment, unsigned chunk);

/* Aligned to 8 bytes, TN_CHUNK_SIZE long; stays where it is as long as the segment. */
tn_chunk *tn_segment_chunk(tn_segment *segment, unsigned chunk);

#endif
