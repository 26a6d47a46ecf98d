#ifndef TN_EXPORT_SPOOL_LISTING_H
#define TN_EXPORT_SPOOL_LISTING_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* What lies in a segment of a spool (see spool_segment.h). Records that are done are left out. */
typedef struct {
    uint64_t created;         /* wall clock, nanoseconds */
    uint64_t bytes;           /* of the file */
    uint64_t requests, spans; /* that are still to be delivered, and intact */
    uint64_t damaged;         /* places that are no record */
    bool owned;               /* a living process has it, and may change it meanwhile */
} tn_spool_summary;

/* Reads the segment of this name, checksums and all, and changes nothing. Any thread. TN_ERROR_INVALID: it is no file of
 * a spool's; TN_ERROR_SYSTEM with errno; TN_ERROR_MEMORY. */
tn_status tn_spool_look(int directory, const char *name, tn_spool_summary *summary_out) TN_MUST_CHECK;

#endif
