#include "export/spool_listing.h"

#include "base/private_file.h"
#include "export/spool_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

/* Shared, so that two who look don't see each other. An owner that comes meanwhile finds it taken, and tries it again
 * later. */
static bool has_owner(int descriptor)
{
    if (flock(descriptor, LOCK_SH | LOCK_NB) != 0) return true;
    flock(descriptor, LOCK_UN);
    return false;
}

static tn_status count(const tn_spool_segment *segment, tn_spool_summary *summary)
{
    tn_buffer body;
    tn_spool_record record;
    tn_spool_found found;
    uint64_t at = 0;
    tn_buffer_init(&body, TN_MAX_SPOOL_BODY);
    while ((found = tn_spool_segment_read(segment, &at, &record, &body)) != TN_SPOOL_END && found != TN_SPOOL_MEMORY) {
        if (found == TN_SPOOL_DAMAGE) {
            summary->damaged++;
        } else {
            summary->requests++;
            summary->spans += record.spans;
        }
    }
    tn_buffer_free(&body);
    return found == TN_SPOOL_END ? TN_OK : TN_ERROR_MEMORY;
}

static tn_status look(tn_spool_segment *segment, tn_spool_summary *summary)
{
    struct stat status;
    if (fstat(segment->descriptor, &status) != 0) return TN_ERROR_SYSTEM;
    if (!S_ISREG(status.st_mode)) return TN_ERROR_INVALID;
    segment->size = (uint64_t)status.st_size;
    if (segment->size > TN_MAX_SPOOL_SEGMENT) segment->size = TN_MAX_SPOOL_SEGMENT;

    *summary = (tn_spool_summary){
        .created = segment->created, .bytes = segment->size, .owned = has_owner(segment->descriptor)};
    return count(segment, summary);
}

tn_status tn_spool_look(int directory, const char *name, tn_spool_summary *summary)
{
    tn_spool_segment segment = {.system = &tn_spool_real_system};
    if (!tn_spool_name_parse(name, &segment.created, &segment.id)) return TN_ERROR_INVALID;

    segment.descriptor = tn_private_file_open(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (segment.descriptor < 0) return errno == ELOOP ? TN_ERROR_INVALID : TN_ERROR_SYSTEM;

    tn_status result = look(&segment, summary);
    int error = errno;
    tn_private_file_close(segment.descriptor);
    errno = error;
    return result;
}
