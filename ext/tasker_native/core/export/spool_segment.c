#include "export/spool_segment.h"

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAGIC "TNSR"
#define DONE "DONE"
#define TODO "TODO"
#define FLAG_GZIP 1u
#define SEARCH_STEP (16 * 1024) /* bytes */

enum {
    AT_MAGIC = 0,
    AT_ID = 4,
    AT_STATE = 12,
    AT_BATCH_ID = 16,
    AT_CREATED = 32,
    AT_SPANS = 40,
    AT_BODY_SIZE = 44,
    AT_FLAGS = 48,
    AT_BODY_CHECK = 52,
    AT_HEAD_CHECK = 56,
    STATE_SIZE = AT_BATCH_ID - AT_STATE,
    MARK_SIZE = AT_STATE, /* what a record is found by */
};

/* --- The operating system ------------------------------------------------------------------------------ */

static int lock(int descriptor)
{
    return flock(descriptor, LOCK_EX | LOCK_NB);
}

static ssize_t write_both(int descriptor, const void *head, size_t head_size, const void *body, size_t body_size,
                          off_t offset)
{
    struct iovec parts[] = {{(void *)(uintptr_t)head, head_size}, {(void *)(uintptr_t)body, body_size}};
    return pwritev(descriptor, parts, 2, offset);
}

static int unlink_in(int directory, const char *name)
{
    return unlinkat(directory, name, 0);
}

const tn_spool_system tn_spool_real_system = {
    .open = tn_private_file_open,
    .close = tn_private_file_close,
    .lock = lock,
    .write = write_both,
    .read = pread,
    .sync = fsync,
    .truncate = ftruncate,
    .unlink = unlink_in,
};

/* --- Numbers ------------------------------------------------------------------------------------------- */

static void put_number(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t number(const uint8_t *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) value |= (uint64_t)at[i] << (8 * i);
    return value;
}

/* The state changes later, so it is left out. */
static uint32_t head_check(const uint8_t *head)
{
    uint32_t check = tn_crc32c(0, head, AT_STATE);
    return tn_crc32c(check, head + AT_BATCH_ID, AT_HEAD_CHECK - AT_BATCH_ID);
}

/* --- Names --------------------------------------------------------------------------------------------- */

static bool parse_hex(const char *digits, uint64_t *value_out)
{
    *value_out = 0;
    for (int i = 0; i < 16; i++) {
        char digit = digits[i];
        bool decimal = digit >= '0' && digit <= '9';
        if (!decimal && (digit < 'a' || digit > 'f')) return false;
        *value_out = *value_out << 4 | (uint64_t)(decimal ? digit - '0' : digit - 'a' + 10);
    }
    return true;
}

bool tn_spool_name_parse(const char *name, uint64_t *created_out, uint64_t *id_out)
{
    return strlen(name) == 16 + 1 + 16 + 6 && parse_hex(name, created_out) && name[16] == '-' &&
           parse_hex(name + 17, id_out) && strcmp(name + 33, ".spool") == 0;
}

static void set_name(tn_spool_segment *segment)
{
    snprintf(segment->name, sizeof(segment->name), "%016llx-%016llx.spool", (unsigned long long)segment->created,
             (unsigned long long)segment->id);
}

/* --- Opening and closing ------------------------------------------------------------------------------- */

/* Somebody else may have taken the file away before it was locked. */
static bool is_still_there(const tn_spool_segment *segment, int directory, const struct stat *opened)
{
    struct stat named;
    return fstatat(directory, segment->name, &named, AT_SYMLINK_NOFOLLOW) == 0 && named.st_ino == opened->st_ino &&
           named.st_dev == opened->st_dev;
}

static tn_status lock_segment(tn_spool_segment *segment, int directory)
{
    struct stat status;
    if (fstat(segment->descriptor, &status) != 0) return TN_ERROR_SYSTEM;
    if (!S_ISREG(status.st_mode) || status.st_uid != geteuid()) return TN_ERROR_INVALID;
    if (segment->system->lock(segment->descriptor) != 0)
        return errno == EWOULDBLOCK ? TN_ERROR_CLOSED : TN_ERROR_SYSTEM;
    if (!is_still_there(segment, directory, &status)) return TN_ERROR_CLOSED;

    segment->size = (uint64_t)status.st_size;
    if (segment->size > TN_MAX_SPOOL_SEGMENT) segment->size = TN_MAX_SPOOL_SEGMENT;
    return TN_OK;
}

static tn_status open_segment(tn_spool_segment *segment, int directory, int flags)
{
    segment->descriptor = segment->system->open(directory, segment->name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | flags,
                                                0600);
    if (segment->descriptor < 0) {
        if (errno == ENOENT && !(flags & O_CREAT)) return TN_ERROR_CLOSED;
        return errno == ELOOP || errno == EISDIR ? TN_ERROR_INVALID : TN_ERROR_SYSTEM;
    }
    tn_status status = lock_segment(segment, directory);
    if (status != TN_OK) {
        int error = errno;
        tn_spool_segment_close(segment);
        errno = error;
    }
    return status;
}

tn_status tn_spool_segment_create(const tn_spool_system *system, int directory, uint64_t id, tn_spool_segment *segment)
{
    tn_moment now = tn_clock_now();
    *segment = (tn_spool_segment){.system = system, .created = now.wall, .id = id, .opened = now.monotonic};
    set_name(segment);
    tn_status status = open_segment(segment, directory, O_CREAT | O_EXCL);
    if (status == TN_ERROR_CLOSED) errno = EBUSY; /* somebody took it for an orphan */
    return status == TN_OK ? TN_OK : TN_ERROR_SYSTEM;
}

tn_status tn_spool_segment_adopt(const tn_spool_system *system, int directory, const char *name,
                                 tn_spool_segment *segment)
{
    *segment = (tn_spool_segment){.system = system, .sealed = true};
    if (!tn_spool_name_parse(name, &segment->created, &segment->id)) return TN_ERROR_INVALID;
    set_name(segment);
    return open_segment(segment, directory, 0);
}

void tn_spool_segment_close(tn_spool_segment *segment)
{
    if (segment->descriptor >= 0) segment->system->close(segment->descriptor);
    segment->descriptor = -1;
}

void tn_spool_segment_remove(tn_spool_segment *segment, int directory)
{
    if (segment->system->unlink(directory, segment->name) != 0) {
        (void)segment->system->truncate(segment->descriptor, 0); /* or its records would come back */
    }
    tn_spool_segment_close(segment);
}

bool tn_spool_segment_is_there(const tn_spool_segment *segment)
{
    struct stat status;
    return fstat(segment->descriptor, &status) == 0 && status.st_nlink > 0;
}

/* --- Writing ------------------------------------------------------------------------------------------- */

static void make_head(uint8_t *head, const tn_spool_segment *segment, const tn_spool_record *record)
{
    memcpy(head + AT_MAGIC, MAGIC, AT_ID);
    put_number(head + AT_ID, segment->id, 8);
    memcpy(head + AT_STATE, TODO, STATE_SIZE);
    memcpy(head + AT_BATCH_ID, record->batch_id.bytes, sizeof(record->batch_id.bytes));
    put_number(head + AT_CREATED, record->created, 8);
    put_number(head + AT_SPANS, record->spans, 4);
    put_number(head + AT_BODY_SIZE, record->body.size, 4);
    put_number(head + AT_FLAGS, record->gzip ? FLAG_GZIP : 0, 4);
    put_number(head + AT_BODY_CHECK, tn_crc32c(0, record->body.bytes, record->body.size), 4);
    put_number(head + AT_HEAD_CHECK, head_check(head), 4);
}

static bool write_all(tn_spool_segment *segment, const uint8_t *head, tn_text body)
{
    size_t done = 0, whole = TN_SPOOL_HEAD_SIZE + body.size;
    while (done < whole) {
        size_t of_head = done < TN_SPOOL_HEAD_SIZE ? done : TN_SPOOL_HEAD_SIZE, of_body = done - of_head;
        ssize_t written = segment->system->write(segment->descriptor, head + of_head, TN_SPOOL_HEAD_SIZE - of_head,
                                                 body.bytes + of_body, body.size - of_body,
                                                 (off_t)(segment->size + done));
        if (written < 0 && errno == EINTR) continue;
        if (written == 0) errno = ENOSPC;
        if (written <= 0) return false;
        done += (size_t)written;
    }
    return true;
}

tn_status tn_spool_segment_append(tn_spool_segment *segment, const tn_spool_record *record)
{
    if (record->body.size > TN_MAX_SPOOL_BODY) return TN_ERROR_LIMIT;

    uint8_t head[TN_SPOOL_HEAD_SIZE];
    make_head(head, segment, record);
    if (!write_all(segment, head, record->body)) {
        int error = errno;
        if (segment->system->truncate(segment->descriptor, (off_t)segment->size) != 0) segment->sealed = true;
        errno = error;
        return TN_ERROR_SYSTEM;
    }
    segment->size += TN_SPOOL_HEAD_SIZE + record->body.size;
    segment->spans += record->spans;
    segment->unsynced += record->spans;
    return TN_OK;
}

bool tn_spool_segment_sync(tn_spool_segment *segment)
{
    if (segment->system->sync(segment->descriptor) != 0) return false;
    segment->unsynced = 0;
    return true;
}

void tn_spool_segment_mark_done(const tn_spool_segment *segment, const tn_spool_record *record)
{
    segment->system->write(segment->descriptor, DONE, STATE_SIZE, NULL, 0, (off_t)(record->offset + AT_STATE));
}

/* --- Reading ------------------------------------------------------------------------------------------- */

/* How many bytes were there; fewer than asked for at the end of the file, and where the disk can't be read. */
static size_t read_at(const tn_spool_segment *segment, void *bytes, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = segment->system->read(segment->descriptor, (uint8_t *)bytes + done, size - done,
                                            (off_t)(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        done += (size_t)got;
    }
    return done;
}

static bool is_head(const tn_spool_segment *segment, const uint8_t *head)
{
    return memcmp(head + AT_MAGIC, MAGIC, AT_ID) == 0 && number(head + AT_ID, 8) == segment->id &&
           number(head + AT_HEAD_CHECK, 4) == head_check(head) && number(head + AT_BODY_SIZE, 4) <= TN_MAX_SPOOL_BODY;
}

/* Where the next record may begin; the end when there is none. */
static uint64_t find_mark(const tn_spool_segment *segment, uint64_t from)
{
    uint8_t mark[MARK_SIZE], bytes[SEARCH_STEP];
    memcpy(mark, MAGIC, AT_ID);
    put_number(mark + AT_ID, segment->id, 8);
    while (segment->size - from >= MARK_SIZE) {
        uint64_t left = segment->size - from;
        size_t got = read_at(segment, bytes, left < sizeof(bytes) ? (size_t)left : sizeof(bytes), from);
        if (got < MARK_SIZE) break;
        const uint8_t *found = memmem(bytes, got, mark, sizeof(mark));
        if (found) return from + (uint64_t)(found - bytes);
        from += got - MARK_SIZE + 1;
    }
    return segment->size;
}

static bool read_body(const tn_spool_segment *segment, uint64_t offset, size_t size, tn_buffer *body)
{
    tn_buffer_clear(body);
    if (tn_buffer_reserve(body, size) != TN_OK) return false;
    tn_buffer_advance(body, read_at(segment, body->bytes, size, offset));
    return true;
}

static tn_spool_record record_of(const uint8_t *head, uint64_t offset)
{
    tn_spool_record record = {
        .created = number(head + AT_CREATED, 8),
        .spans = (uint32_t)number(head + AT_SPANS, 4),
        .gzip = number(head + AT_FLAGS, 4) & FLAG_GZIP,
        .offset = offset,
    };
    memcpy(record.batch_id.bytes, head + AT_BATCH_ID, sizeof(record.batch_id.bytes));
    return record;
}

tn_spool_found tn_spool_segment_read(const tn_spool_segment *segment, uint64_t *at, tn_spool_record *record,
                                     tn_buffer *body)
{
    *record = (tn_spool_record){0};
    while (*at < segment->size) {
        uint8_t head[TN_SPOOL_HEAD_SIZE];
        uint64_t start = *at;
        size_t got = read_at(segment, head, sizeof(head), start);
        if (got < sizeof(head) || !is_head(segment, head)) {
            *at = find_mark(segment, start + 1);
            return TN_SPOOL_DAMAGE;
        }
        size_t size = (size_t)number(head + AT_BODY_SIZE, 4);
        uint64_t end = start + TN_SPOOL_HEAD_SIZE + size;
        *at = end < segment->size ? end : segment->size;
        if (memcmp(head + AT_STATE, DONE, STATE_SIZE) == 0) continue;

        *record = record_of(head, start);
        if (end > segment->size) return TN_SPOOL_DAMAGE;
        if (!read_body(segment, start + TN_SPOOL_HEAD_SIZE, size, body)) {
            *at = start;
            return TN_SPOOL_MEMORY;
        }
        record->body = tn_buffer_text(body);
        bool whole = body->size == size && tn_crc32c(0, body->bytes, size) == number(head + AT_BODY_CHECK, 4);
        return whole ? TN_SPOOL_RECORD : TN_SPOOL_DAMAGE;
    }
    return TN_SPOOL_END;
}
