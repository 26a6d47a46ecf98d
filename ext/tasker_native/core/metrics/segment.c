#include "metrics/segment.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/private_file.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "metrics.1" /* the number is that of the format below */
#define LOCK_NAME FILE_NAME ".lock"
#define NEW_NAME FILE_NAME ".new"
#define DAMAGED_NAME FILE_NAME ".damaged"
#define GATE_PATIENCE TN_SECOND /* which a hundred processes that begin at once may need */
#define GATE 0                  /* the byte of the lock file that is locked while a file is opened */
#define FIRST_SLAB 1            /* the byte of slab 0 */
#define FIRST_CHUNKS 4          /* whose room is reserved at first; then twice as many each time */

/* In the byte order of the machine: a file never leaves it. */
typedef struct {
    uint8_t magic[8];
    uint32_t version, header_size, chunk_size, max_chunks;
    uint64_t made_at; /* wall clock, nanoseconds */
    uint32_t crc;     /* CRC-32C of all before it */
    _Atomic uint32_t chunk_count;
    _Atomic uint16_t slabs[TN_MAX_CHUNKS]; /* by chunk: its slab + 1; 0: free */
} header;

#define HEADER_SIZE 4096u
#define FILE_SIZE(chunks) (HEADER_SIZE + TN_CHUNK_SIZE * (size_t)(chunks))

static const uint8_t MAGIC[8] = "TNMETRIC";

struct tn_segment {
    atomic_uint references;
    header *header;      /* mapped, with all chunks there may ever be */
    int file;            /* -1: private */
    int lock;            /* a private file: closed in a child; -1: none */
    unsigned generation; /* of the process that opened it */
    unsigned slab;
    bool replaced, read_only;
    char directory[];
};

_Static_assert(sizeof(header) <= HEADER_SIZE, "the header has its page");

/* --- Life ---------------------------------------------------------------------------------------------- */

static tn_segment *new_segment(tn_text directory)
{
    tn_segment *self = tn_alloc_zeroed(sizeof(*self) + directory.size + 1);
    if (!self) return NULL;

    atomic_init(&self->references, 1);
    self->file = self->lock = -1;
    self->generation = tn_process_generation();
    if (directory.size) memcpy(self->directory, directory.bytes, directory.size);
    return self;
}

tn_segment *tn_segment_keep(tn_segment *self)
{
    atomic_fetch_add_explicit(&self->references, 1, memory_order_relaxed);
    return self;
}

void tn_segment_free(tn_segment *self)
{
    if (!self || atomic_fetch_sub_explicit(&self->references, 1, memory_order_acq_rel) > 1) return;
    int error = errno;
    if (self->generation == tn_process_generation()) tn_private_file_close(self->lock);
    if (self->file >= 0) close(self->file);
    if (self->header) munmap(self->header, FILE_SIZE(TN_MAX_CHUNKS));
    tn_free(self);
    errno = error;
}

static bool map(tn_segment *self)
{
    int protection = self->read_only ? PROT_READ : PROT_READ | PROT_WRITE;
    int flags = self->file >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *memory = mmap(NULL, FILE_SIZE(TN_MAX_CHUNKS), protection, flags, self->file, 0);
    if (memory == MAP_FAILED) return false;
    self->header = memory;
    return true;
}

static uint32_t checksum(const header *h)
{
    return tn_crc32c(0, h, offsetof(header, crc));
}

static void fill(header *h)
{
    memcpy(h->magic, MAGIC, sizeof(MAGIC));
    h->version = 1;
    h->header_size = HEADER_SIZE;
    h->chunk_size = TN_CHUNK_SIZE;
    h->max_chunks = TN_MAX_CHUNKS;
    h->made_at = tn_clock_wall();
    h->crc = checksum(h);
    atomic_store_explicit(&h->chunk_count, FIRST_CHUNKS, memory_order_release);
}

tn_segment *tn_segment_new_private(void)
{
    tn_segment *self = new_segment(TN_NO_TEXT);
    if (self && map(self)) {
        fill(self->header);
        return self;
    }
    tn_segment_free(self);
    return NULL;
}

/* --- Locks --------------------------------------------------------------------------------------------- */

static bool lock_byte(int lock, int command, struct flock *range, off_t first, off_t count)
{
    *range = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = first, .l_len = count};
    return fcntl(lock, command, range) == 0;
}

static tn_status enter_gate(int lock)
{
    uint64_t last = tn_clock_monotonic() + GATE_PATIENCE;
    struct flock range;
    while (!lock_byte(lock, F_OFD_SETLK, &range, GATE, 1)) {
        if (errno != EAGAIN && errno != EACCES) return TN_ERROR_SYSTEM;
        if (tn_clock_monotonic() > last) return TN_ERROR_TIMEOUT;
        usleep(200);
    }
    return TN_OK;
}

static void leave_gate(int lock)
{
    struct flock range = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = GATE, .l_len = 1};
    fcntl(lock, F_OFD_SETLK, &range);
}

/* Whether somebody has locked one of these bytes, by another descriptor than this one. */
static bool is_locked(int lock, off_t first, off_t count)
{
    struct flock range;
    return !lock_byte(lock, F_OFD_GETLK, &range, first, count) || range.l_type != F_UNLCK;
}

/* --- Files --------------------------------------------------------------------------------------------- */

static bool is_ours(const struct stat *status, mode_t kind, mode_t forbidden)
{
    return (status->st_mode & S_IFMT) == kind && status->st_uid == geteuid() && !(status->st_mode & forbidden);
}

static int open_directory(const char *path, bool make)
{
    if (make && mkdir(path, 0700) != 0 && errno != EEXIST) return -1;
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    struct stat status;
    if (directory < 0) return -1;
    if (fstat(directory, &status) == 0 && is_ours(&status, S_IFDIR, 022)) return directory;
    close(directory);
    errno = EPERM;
    return -1;
}

/* Whether the file can be mapped as it is, and no byte that is read lies beyond its end. */
static bool is_valid(int file, const struct stat *status)
{
    header h;
    if (!is_ours(status, S_IFREG, 077) || status->st_nlink != 1) return false;
    if (pread(file, &h, sizeof(h), 0) != (ssize_t)sizeof(h)) return false;
    if (memcmp(h.magic, MAGIC, sizeof(MAGIC)) != 0 || h.crc != checksum(&h)) return false;
    if (h.version != 1 || h.header_size != HEADER_SIZE || h.chunk_size != TN_CHUNK_SIZE) return false;
    if (h.max_chunks != TN_MAX_CHUNKS || h.chunk_count == 0 || h.chunk_count > TN_MAX_CHUNKS) return false;
    if ((uint64_t)status->st_size < FILE_SIZE(h.chunk_count)) return false;
    for (unsigned i = 0; i < TN_MAX_CHUNKS; i++) {
        if (h.slabs[i] > TN_MAX_SLABS || (h.slabs[i] && i >= h.chunk_count)) return false;
    }
    return true;
}

static bool reserve(int file, size_t size)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && size > limit.rlim_cur) { /* or a signal would end the process */
        errno = EFBIG;
        return false;
    }
    int error;
    do error = posix_fallocate(file, 0, (off_t)size);
    while (error == EINTR);
    errno = error;
    return error == 0;
}

static int make_file(int directory)
{
    unlinkat(directory, NEW_NAME, 0); /* of somebody who was killed at it */
    int file = openat(directory, NEW_NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return -1;

    header h = {0};
    fill(&h);
    if (fchmod(file, 0600) == 0 && reserve(file, FILE_SIZE(FIRST_CHUNKS)) &&
        pwrite(file, &h, sizeof(h), 0) == (ssize_t)sizeof(h) &&
        renameat(directory, NEW_NAME, directory, FILE_NAME) == 0)
        return file;

    int error = errno;
    unlinkat(directory, NEW_NAME, 0);
    close(file);
    errno = error;
    return -1;
}

static int open_file(int directory, int mode)
{
    return openat(directory, FILE_NAME, mode | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

/* Whether this is why what is there can't be opened, rather than what this process lacks at the moment. */
static bool is_of_the_file(int error)
{
    return error == ELOOP || error == EISDIR || error == ENXIO || error == EACCES;
}

/* The file, a new one where there is none that lives, or it can't be used. Within the gate. */
static int find_file(tn_segment *self, int directory)
{
    int file = open_file(directory, O_RDWR);
    if (file < 0 && errno == ENOENT) return make_file(directory);
    if (file < 0 && !is_of_the_file(errno)) return -1;

    struct stat status;
    bool valid = file >= 0 && fstat(file, &status) == 0 && is_valid(file, &status);
    bool lives = is_locked(self->lock, FIRST_SLAB, TN_MAX_SLABS);
    if (valid && lives) return file;
    if (file >= 0) close(file);
    if (!valid && renameat(directory, FILE_NAME, directory, DAMAGED_NAME) != 0) return -1;
    self->replaced = !valid;
    return make_file(directory);
}

static tn_status claim_slab(tn_segment *self)
{
    struct flock range;
    for (self->slab = 0; self->slab < TN_MAX_SLABS; self->slab++) {
        if (lock_byte(self->lock, F_OFD_SETLK, &range, FIRST_SLAB + (off_t)self->slab, 1)) return TN_OK;
    }
    return TN_ERROR_FULL;
}

/* Both within the gate: or the file might be given up by the next one to come, before anybody is seen to live in it. */
static tn_status find_and_claim(tn_segment *self, int directory)
{
    self->file = find_file(self, directory);
    return self->file >= 0 ? claim_slab(self) : TN_ERROR_SYSTEM;
}

static tn_status open_shared(tn_segment *self, int directory)
{
    self->lock = tn_private_file_open(directory, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (self->lock < 0) return TN_ERROR_SYSTEM;

    tn_status status = enter_gate(self->lock);
    if (status != TN_OK) return status;
    status = find_and_claim(self, directory);
    leave_gate(self->lock);
    if (status != TN_OK) return status;
    return map(self) ? TN_OK : TN_ERROR_SYSTEM;
}

static tn_status open_existing(tn_segment *self, int directory)
{
    struct stat status;
    self->read_only = true;
    self->slab = TN_NO_SLAB;
    self->file = open_file(directory, O_RDONLY);
    if (self->file < 0 || fstat(self->file, &status) != 0) return TN_ERROR_SYSTEM;
    if (!is_valid(self->file, &status)) return TN_ERROR_INVALID;

    self->lock = tn_private_file_open(directory, LOCK_NAME, O_RDONLY | O_NOFOLLOW, 0);
    return self->lock >= 0 && map(self) ? TN_OK : TN_ERROR_SYSTEM;
}

static tn_status open_in(tn_text path, bool make, tn_status (*open_segment)(tn_segment *, int),
                         tn_segment **segment_out)
{
    tn_segment *self = new_segment(path);
    if (!self) return TN_ERROR_MEMORY;

    tn_status status = TN_ERROR_SYSTEM;
    int directory = open_directory(self->directory, make);
    if (directory >= 0) {
        status = open_segment(self, directory);
        int error = errno;
        close(directory);
        errno = error;
    }
    if (status == TN_OK) {
        *segment_out = self;
    } else {
        tn_segment_free(self);
    }
    return status;
}

tn_status tn_segment_open(tn_text directory, tn_segment **segment_out)
{
    return open_in(directory, true, open_shared, segment_out);
}

tn_status tn_segment_open_to_read(tn_text directory, tn_segment **segment_out)
{
    return open_in(directory, false, open_existing, segment_out);
}

bool tn_segment_was_replaced(const tn_segment *self)
{
    return self->replaced;
}

bool tn_segment_is_shared(const tn_segment *self)
{
    return self->file >= 0;
}

bool tn_segment_is_current(const tn_segment *self)
{
    if (self->file < 0) return true;
    struct stat named, opened;
    int directory = open(self->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    bool current = directory >= 0 && fstatat(directory, FILE_NAME, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
                   fstat(self->file, &opened) == 0 && named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
    if (directory >= 0) close(directory);
    return current;
}

unsigned tn_segment_own_slab(const tn_segment *self)
{
    return self->slab;
}

bool tn_segment_slab_is_owned(const tn_segment *self, unsigned slab)
{
    if (slab == self->slab || self->file < 0) return true;
    return is_locked(self->lock, FIRST_SLAB + (off_t)slab, 1);
}

/* --- Chunks -------------------------------------------------------------------------------------------- */

unsigned tn_segment_chunk_count(const tn_segment *self)
{
    unsigned count = atomic_load_explicit(&self->header->chunk_count, memory_order_acquire);
    return count < TN_MAX_CHUNKS ? count : TN_MAX_CHUNKS; /* whatever somebody has written there */
}

unsigned tn_segment_slab_of(const tn_segment *self, unsigned chunk)
{
    unsigned slab = atomic_load_explicit(&self->header->slabs[chunk], memory_order_acquire);
    return slab >= 1 && slab <= TN_MAX_SLABS ? slab - 1 : TN_NO_SLAB;
}

tn_chunk *tn_segment_chunk(tn_segment *self, unsigned chunk)
{
    return (tn_chunk *)(void *)((uint8_t *)self->header + FILE_SIZE(chunk));
}

/* Twice as many chunks. Whoever is killed between the two steps leaves a file that is longer than it says, which is
 * what it was before to everybody. */
static tn_status grow(tn_segment *self, unsigned count)
{
    if (count == 0 || count >= TN_MAX_CHUNKS) return TN_ERROR_FULL; /* 0: whatever somebody has written there */
    unsigned more = count * 2 < TN_MAX_CHUNKS ? count * 2 : TN_MAX_CHUNKS;
    if (self->file >= 0 && !reserve(self->file, FILE_SIZE(more))) return TN_ERROR_SYSTEM;

    uint32_t expected = count; /* another process may have been faster */
    atomic_compare_exchange_strong(&self->header->chunk_count, &expected, more);
    return TN_OK;
}

static bool take_chunk(tn_segment *self, unsigned chunk)
{
    uint16_t nobody = 0;
    if (!atomic_compare_exchange_strong(&self->header->slabs[chunk], &nobody, (uint16_t)(self->slab + 1))) return false;
    atomic_store_explicit(&tn_segment_chunk(self, chunk)->used, 0, memory_order_release);
    return true;
}

/* The first one behind all that it has. */
static unsigned behind_own(const tn_segment *self)
{
    unsigned chunk = tn_segment_chunk_count(self);
    while (chunk > 0 && tn_segment_slab_of(self, chunk - 1) != self->slab) chunk--;
    return chunk;
}

tn_status tn_segment_add_chunk(tn_segment *self, unsigned *chunk_out)
{
    for (unsigned chunk = behind_own(self);;) {
        unsigned count = tn_segment_chunk_count(self);
        for (; chunk < count; chunk++) {
            if (!take_chunk(self, chunk)) continue;
            *chunk_out = chunk;
            return TN_OK;
        }
        tn_status status = grow(self, count);
        if (status != TN_OK) return status;
    }
}
