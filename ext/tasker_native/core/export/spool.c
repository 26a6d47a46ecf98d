#include "export/spool.h"

#include "base/clock.h"
#include "base/ids.h"
#include "base/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SEGMENTS 32                       /* of one process; a directory has about SEGMENTS_PER_SPOOL */
#define SEGMENTS_PER_SPOOL 16                 /* so many make up max_bytes: how finely the oldest go */
#define MAX_SEGMENT_SIZE (UINT64_C(16) << 20) /* bytes; then a new one begins */
#define SEARCH_INTERVAL (10 * TN_SECOND)      /* between two searches for segments of dead processes */
#define CREATE_TRIES 8                        /* while other processes take new files for orphans */
#define SYNC_BYTES (1024 * 1024)              /* that may wait for fsync, as long as more is written */
#define NEVER UINT64_MAX

static const char FIRST[TN_SPOOL_NAME_SIZE] = ""; /* is before all names */

struct tn_spool {
    const tn_spool_system *system;
    tn_buffer path; /* terminated; empty: off */
    int directory;  /* -1: not open */
    uint64_t max_bytes, max_age;
    tn_spool_segment segments[MAX_SEGMENTS]; /* oldest first; the last one is written to, unless it is sealed */
    size_t count;
    bool sending;          /* tn_spool_next gave a record of the first segment, whose body is in use */
    uint64_t cursor_end;   /* where that record ends */
    uint64_t others_bytes; /* of other processes' segments, when the directory was last looked at */
    uint64_t search_at;    /* monotonic: when the directory is looked at for orphans next */
    char searched_up_to[TN_SPOOL_NAME_SIZE]; /* in this search; empty: it begins */
    uint64_t unsynced_bytes;
    tn_id_generator ids;
    tn_buffer body;
    char problem[256];
    /* Read by others. */
    _Atomic uint64_t segment_count, bytes, synced, damaged, errors;
};

/* --- Life ---------------------------------------------------------------------------------------------- */

tn_spool *tn_spool_new(const tn_spool_system *system)
{
    tn_spool *self = tn_alloc_zeroed(sizeof(*self));
    if (!self) return NULL;

    self->system = system;
    self->directory = -1;
    tn_buffer_init(&self->path, 4096);
    tn_buffer_init(&self->body, TN_MAX_SPOOL_BODY);
    tn_id_generator_init(&self->ids);
    return self;
}

static void publish_stats(tn_spool *self)
{
    uint64_t bytes = 0, synced = 0;
    for (size_t i = 0; i < self->count; i++) {
        const tn_spool_segment *segment = &self->segments[i];
        bytes += segment->size;
        synced += segment->spans > segment->unsynced ? segment->spans - segment->unsynced : 0;
    }
    atomic_store(&self->segment_count, self->count);
    atomic_store(&self->bytes, bytes);
    atomic_store(&self->synced, synced);
}

/* Segments stay on disk, and belong to nobody; those without a wanted record go. */
static void close_all(tn_spool *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->segments[i].spans > 0) {
            tn_spool_segment_close(&self->segments[i]);
        } else {
            tn_spool_segment_remove(&self->segments[i], self->directory);
        }
    }
    self->count = 0;
    if (self->directory >= 0) close(self->directory);
    self->directory = -1;
    publish_stats(self);
}

void tn_spool_free(tn_spool *self)
{
    if (!self) return;
    close_all(self);
    tn_buffer_free(&self->path);
    tn_buffer_free(&self->body);
    tn_free(self);
}

static bool is_same_directory(const tn_spool *self, tn_text directory)
{
    tn_text path = tn_buffer_text(&self->path);
    if (path.size == 0) return directory.size == 0;
    return path.size - 1 == directory.size && memcmp(path.bytes, directory.bytes, directory.size) == 0;
}

tn_status tn_spool_configure(tn_spool *self, const tn_spool_options *options)
{
    self->max_bytes = options->max_bytes;
    self->max_age = options->max_age;
    self->search_at = 0;
    self->searched_up_to[0] = '\0';
    if (is_same_directory(self, options->directory)) return TN_OK;

    close_all(self);
    tn_buffer_clear(&self->path);
    if (options->directory.size == 0) return TN_OK;
    tn_buffer_append_text(&self->path, options->directory);
    return tn_buffer_append_byte(&self->path, '\0');
}

bool tn_spool_is_on(const tn_spool *self)
{
    return self->path.size > 0;
}

void tn_spool_reset_in_child(tn_spool *self)
{
    self->sending = false;
    self->count = 0; /* the child has closed their files when it began */
    self->searched_up_to[0] = '\0';
    self->search_at = self->unsynced_bytes = 0;
    self->problem[0] = '\0';
    tn_buffer_init(&self->body, TN_MAX_SPOOL_BODY); /* the parent's thread may have been at it */
    atomic_store(&self->damaged, 0);
    atomic_store(&self->errors, 0);
    publish_stats(self);
}

void tn_spool_stats_read(tn_spool *self, tn_spool_stats *stats)
{
    *stats = (tn_spool_stats){
        .segments = atomic_load(&self->segment_count),
        .bytes = atomic_load(&self->bytes),
        .synced = atomic_load(&self->synced),
        .damaged = atomic_load(&self->damaged),
        .errors = atomic_load(&self->errors),
    };
}

/* --- Trouble ------------------------------------------------------------------------------------------- */

const char *tn_spool_problem(const tn_spool *self)
{
    return self->problem;
}

static void tell(tn_spool *self, const char *name, const char *what)
{
    snprintf(self->problem, sizeof(self->problem), "spool %.120s%s%.40s: %s", (const char *)self->path.bytes,
             name[0] ? "/" : "", name, what);
}

static void fail(tn_spool *self, const char *name, int error)
{
    atomic_fetch_add(&self->errors, 1);
    tell(self, name, strerror(error));
}

static void refuse(tn_spool *self, const char *why)
{
    atomic_fetch_add(&self->errors, 1);
    tell(self, "", why);
}

/* --- The directory ------------------------------------------------------------------------------------- */

/* The caller closes it. */
static DIR *list(int directory)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = copy < 0 ? NULL : fdopendir(copy);
    if (!listing && copy >= 0) close(copy);
    return listing;
}

static bool is_segment_name(const char *name)
{
    uint64_t created, id;
    return tn_spool_name_parse(name, &created, &id);
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool has_only_segments(int directory)
{
    DIR *listing = list(directory);
    if (!listing) return false;

    bool only = true;
    for (struct dirent *entry; only && (entry = readdir(listing));) {
        only = is_dot(entry->d_name) || is_segment_name(entry->d_name);
    }
    closedir(listing);
    return only;
}

/* Nobody else may put files into it, or read them. A folder that others may use, and that holds other things, is not
 * for us to close: somebody has given the wrong path. */
static bool make_private(tn_spool *self)
{
    struct stat status;
    if (fstat(self->directory, &status) != 0) {
        fail(self, "", errno);
        return false;
    }
    if (status.st_uid != geteuid()) {
        refuse(self, "it belongs to another user");
        return false;
    }
    if ((status.st_mode & 077) == 0) return true;
    if (!has_only_segments(self->directory)) {
        refuse(self, "others may use it (chmod 0700 it), and it holds other things than a spool");
        return false;
    }
    if (fchmod(self->directory, 0700) == 0) return true;
    fail(self, "", errno);
    return false;
}

/* Somebody may have removed it, and somebody else made it anew. */
static void leave_removed_directory(tn_spool *self)
{
    struct stat status;
    if (self->directory < 0 || (fstat(self->directory, &status) == 0 && status.st_nlink > 0)) return;
    close(self->directory);
    self->directory = -1;
}

static bool open_directory(tn_spool *self)
{
    leave_removed_directory(self);
    if (self->directory >= 0) return true;

    const char *path = (const char *)self->path.bytes;
    int made = mkdir(path, 0700);
    if (made != 0 && errno != EEXIST) {
        fail(self, "", errno);
        return false;
    }
    self->directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (self->directory < 0) {
        fail(self, "", errno);
        return false;
    }
    if (make_private(self)) return true;
    close(self->directory);
    self->directory = -1;
    return false;
}

static bool is_own(const tn_spool *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp(self->segments[i].name, name) == 0) return true;
    }
    return false;
}

/* Of the segments that are not this process' own: how many bytes they have, and which is the first behind a name, in
 * the order of age (empty: there is none). */
static void look_at_others(tn_spool *self, const char *given, char *first_out)
{
    char behind[TN_SPOOL_NAME_SIZE]; /* the two may be one */
    memcpy(behind, given, sizeof(behind));
    first_out[0] = '\0';
    self->others_bytes = 0;
    DIR *listing = list(self->directory);
    if (!listing) {
        fail(self, "", errno);
        return;
    }
    for (struct dirent *entry; (entry = readdir(listing));) {
        struct stat status;
        const char *name = entry->d_name;
        if (!is_segment_name(name) || is_own(self, name)) continue; /* of our own, the size is known */
        if (fstatat(self->directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode)) continue;
        self->others_bytes += (uint64_t)status.st_size;
        bool behind_it = strcmp(name, behind) > 0, before = !first_out[0] || strcmp(name, first_out) < 0;
        if (behind_it && before) memcpy(first_out, name, TN_SPOOL_NAME_SIZE);
    }
    closedir(listing);
}

/* --- Segments of our own ------------------------------------------------------------------------------- */

static void forget_segment(tn_spool *self, size_t at)
{
    memmove(&self->segments[at], &self->segments[at + 1], (self->count - at - 1) * sizeof(*self->segments));
    self->count--;
}

/* With all that is still in it. */
static void drop_segment(tn_spool *self, size_t at, tn_drop reason, tn_spool_changes *changes)
{
    changes->dropped[reason] += (size_t)self->segments[at].spans;
    tn_spool_segment_remove(&self->segments[at], self->directory);
    forget_segment(self, at);
}

static uint64_t own_bytes(const tn_spool *self)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < self->count; i++) bytes += self->segments[i].size;
    return bytes;
}

static uint64_t segment_limit(const tn_spool *self)
{
    uint64_t limit = self->max_bytes / SEGMENTS_PER_SPOOL;
    return limit < MAX_SEGMENT_SIZE ? limit : MAX_SEGMENT_SIZE;
}

static tn_spool_segment *writable_segment(tn_spool *self)
{
    if (self->count == 0) return NULL;
    tn_spool_segment *last = &self->segments[self->count - 1];
    return last->sealed ? NULL : last;
}

/* Before it is locked, a new file looks like an orphan: whoever searches just then takes it, and another one is made. */
static bool create_segment(tn_spool *self, tn_spool_segment *segment)
{
    for (int tries = 0; tries < CREATE_TRIES; tries++) {
        uint64_t id;
        tn_trace_id random = tn_trace_id_random(&self->ids);
        memcpy(&id, random.bytes, sizeof(id));
        if (tn_spool_segment_create(self->system, self->directory, id, segment) == TN_OK) return true;
        if (errno != EBUSY) return false;
    }
    return false;
}

static bool add_segment(tn_spool *self)
{
    tn_spool_segment *segment = &self->segments[self->count];
    bool made = create_segment(self, segment);
    if (!made && errno == ENOENT) { /* the directory is removed just now, or where that is not seen in its links */
        close(self->directory);
        self->directory = -1;
        made = open_directory(self) && create_segment(self, segment);
    }
    if (!made) {
        fail(self, "", errno);
        return false;
    }
    self->count++;
    if (self->system->sync(self->directory) != 0) fail(self, "", errno); /* else its name may not survive */
    return true;
}

static void sync_segment(tn_spool *self, tn_spool_segment *segment)
{
    if (segment->unsynced == 0 || segment->sealed || tn_spool_segment_sync(segment)) return;
    fail(self, segment->name, errno);
    segment->sealed = true; /* after a failed fsync, the success of another one would mean nothing */
}

/* The one to write to, with room for so many bytes. */
static tn_spool_segment *segment_for(tn_spool *self, uint64_t size)
{
    tn_spool_segment *segment = writable_segment(self);
    if (segment && !tn_spool_segment_is_there(segment)) { /* somebody has removed it */
        segment->sealed = true;
        segment = NULL;
    }
    if (segment && segment->size > 0 && segment->size + size > segment_limit(self)) {
        sync_segment(self, segment);
        segment->sealed = true;
        segment = NULL;
    }
    if (segment) return segment;
    if (self->count == MAX_SEGMENTS) {
        fail(self, "", EMFILE);
        return NULL;
    }
    char unused[TN_SPOOL_NAME_SIZE];
    look_at_others(self, FIRST, unused);
    return add_segment(self) ? &self->segments[self->count - 1] : NULL;
}

void tn_spool_sync(tn_spool *self)
{
    for (size_t i = 0; i < self->count; i++) sync_segment(self, &self->segments[i]);
    self->unsynced_bytes = 0;
    publish_stats(self);
}

/* --- Segments of the dead ------------------------------------------------------------------------------ */

static void count_damage(tn_spool *self, const tn_spool_segment *segment)
{
    atomic_fetch_add(&self->damaged, 1);
    tell(self, segment->name, "a damaged record was passed over");
}

/* Counts what is in it: intact records, and damaged ones as far as they are known. false: there is no memory. */
static bool take_stock(tn_spool *self, tn_spool_segment *segment, tn_spool_changes *changes)
{
    tn_spool_record record;
    tn_spool_found found;
    uint64_t at = 0;
    while ((found = tn_spool_segment_read(segment, &at, &record, &self->body)) != TN_SPOOL_END) {
        if (found == TN_SPOOL_MEMORY) return false;
        changes->adopted += record.spans;
        if (found == TN_SPOOL_RECORD) {
            segment->spans += record.spans;
        } else {
            changes->dropped[TN_DROP_CORRUPT] += record.spans;
            count_damage(self, segment);
        }
    }
    return true;
}

/* It becomes the oldest of our own. false: it is somebody's, or nothing is in it. */
static bool adopt(tn_spool *self, const char *name, tn_spool_changes *changes)
{
    if (self->count == MAX_SEGMENTS) return false;

    tn_spool_segment segment;
    tn_status status = tn_spool_segment_adopt(self->system, self->directory, name, &segment);
    if (status == TN_ERROR_SYSTEM) fail(self, name, errno);
    if (status != TN_OK) return false;

    tn_spool_changes before = *changes;
    if (!take_stock(self, &segment, changes)) { /* without memory it stays where it is */
        *changes = before;
        tn_spool_segment_close(&segment);
        return false;
    }
    if (segment.spans == 0) {
        tn_spool_segment_remove(&segment, self->directory);
        return false;
    }
    self->others_bytes -= segment.size < self->others_bytes ? segment.size : self->others_bytes;
    memmove(&self->segments[1], &self->segments[0], self->count * sizeof(segment));
    self->segments[0] = segment;
    self->count++;
    return true;
}

/* The next one of the search under way. false: it has come to its end, and another one begins later. */
static bool adopt_next(tn_spool *self, tn_spool_changes *changes)
{
    char name[TN_SPOOL_NAME_SIZE];
    for (;;) {
        look_at_others(self, self->searched_up_to, name);
        if (!name[0]) break;
        snprintf(self->searched_up_to, sizeof(self->searched_up_to), "%s", name);
        if (adopt(self, name, changes)) return true;
    }
    self->searched_up_to[0] = '\0';
    self->search_at = tn_clock_monotonic() + SEARCH_INTERVAL;
    return false;
}

/* --- Making room --------------------------------------------------------------------------------------- */

/* The oldest segment of the directory goes, unless a living process has it. false: there is none. */
static bool drop_oldest(tn_spool *self, tn_spool_changes *changes)
{
    if (self->sending) { /* the oldest is on its way */
        if (self->count < 2) return false;
        drop_segment(self, 1, TN_DROP_SPOOL_FULL, changes);
        return true;
    }
    char name[TN_SPOOL_NAME_SIZE] = "";
    for (;;) {
        look_at_others(self, name, name);
        bool older = name[0] && (self->count == 0 || strcmp(name, self->segments[0].name) < 0);
        if (!older) break;
        if (!adopt(self, name, changes)) continue;
        drop_segment(self, 0, TN_DROP_SPOOL_FULL, changes);
        return true;
    }
    if (self->count == 0) return false;
    drop_segment(self, 0, TN_DROP_SPOOL_FULL, changes);
    return true;
}

static bool make_room(tn_spool *self, uint64_t size, tn_spool_changes *changes)
{
    if (size > self->max_bytes) return false;
    while (own_bytes(self) + self->others_bytes + size > self->max_bytes) {
        if (!drop_oldest(self, changes)) return false;
    }
    return true;
}

/* --- Records ------------------------------------------------------------------------------------------- */

static tn_status append(tn_spool *self, const tn_spool_record *given, tn_spool_changes *changes)
{
    uint64_t size = TN_SPOOL_HEAD_SIZE + given->body.size;
    if (!open_directory(self)) return TN_ERROR_SYSTEM;
    if (!make_room(self, size, changes)) {
        tell(self, "", "there is no room for more (spool_max_bytes)");
        return TN_ERROR_FULL;
    }
    tn_spool_segment *segment = segment_for(self, size);
    if (!segment) return TN_ERROR_SYSTEM;

    tn_spool_record record = *given;
    record.created = tn_clock_wall();
    tn_status status = tn_spool_segment_append(segment, &record);
    if (status == TN_ERROR_SYSTEM) fail(self, segment->name, errno);
    if (status == TN_ERROR_LIMIT) tell(self, "", "the request is too large");
    if (status != TN_OK) return status;

    self->unsynced_bytes += size;
    if (self->unsynced_bytes > SYNC_BYTES) tn_spool_sync(self);
    return TN_OK;
}

tn_status tn_spool_append(tn_spool *self, const tn_spool_record *record, tn_spool_changes *changes)
{
    self->problem[0] = '\0';
    tn_status status = append(self, record, changes);
    publish_stats(self);
    return status;
}

/* By both clocks where we can: the wall clock may jump. */
static bool is_expired(const tn_spool *self, const tn_spool_segment *segment, const tn_spool_record *record)
{
    tn_moment now = tn_clock_now();
    bool by_wall = now.wall > record->created && now.wall - record->created > self->max_age;
    return by_wall && (!segment->opened || now.monotonic - segment->opened > self->max_age);
}

/* These spans are not wanted any more. Returns how many they are: a damaged head may claim more than there were. */
static size_t take_out(tn_spool_segment *segment, uint64_t spans)
{
    uint64_t taken = spans < segment->spans ? spans : segment->spans;
    segment->spans -= taken;
    if (segment->unsynced > segment->spans) segment->unsynced = segment->spans;
    return (size_t)taken;
}

/* The oldest segment's oldest wanted record. TN_SPOOL_END: nothing is left in it. */
static tn_spool_found next_in_segment(tn_spool *self, tn_spool_segment *segment, tn_spool_record *record,
                                      tn_spool_changes *changes)
{
    for (;;) {
        uint64_t end = segment->cursor;
        tn_spool_found found = tn_spool_segment_read(segment, &end, record, &self->body);
        if (found == TN_SPOOL_END || found == TN_SPOOL_MEMORY) return found;
        if (found == TN_SPOOL_RECORD) {
            self->cursor_end = end;
            if (!is_expired(self, segment, record)) return found;
            changes->dropped[TN_DROP_SPOOL_EXPIRED] += take_out(segment, record->spans);
            tn_spool_segment_mark_done(segment, record);
        } else if (segment->opened) { /* else it was counted when it was adopted */
            changes->dropped[TN_DROP_CORRUPT] += take_out(segment, record->spans);
            count_damage(self, segment);
        }
        segment->cursor = end;
    }
}

/* Our own are open, even if somebody has removed the directory; else one of a dead process, now and then. */
static bool find_segment(tn_spool *self, tn_spool_changes *changes)
{
    if (self->count > 0) return true;
    if (tn_clock_monotonic() < self->search_at) return false;
    if (open_directory(self)) return adopt_next(self, changes);

    self->search_at = tn_clock_monotonic() + SEARCH_INTERVAL;
    return false;
}

static bool next_record(tn_spool *self, tn_spool_record *record, tn_spool_changes *changes)
{
    while (find_segment(self, changes)) {
        tn_spool_found found = next_in_segment(self, &self->segments[0], record, changes);
        if (found != TN_SPOOL_END) return found == TN_SPOOL_RECORD;
        drop_segment(self, 0, TN_DROP_CORRUPT, changes); /* with what could not be found again */
    }
    return false;
}

bool tn_spool_next(tn_spool *self, tn_spool_record *record, tn_spool_changes *changes)
{
    self->problem[0] = '\0';
    self->sending = next_record(self, record, changes);
    publish_stats(self);
    return self->sending;
}

void tn_spool_keep(tn_spool *self)
{
    self->sending = false;
}

void tn_spool_done(tn_spool *self, const tn_spool_record *record)
{
    tn_spool_segment *segment = &self->segments[0];
    self->sending = false;
    tn_spool_segment_mark_done(segment, record);
    take_out(segment, record->spans);
    segment->cursor = self->cursor_end;
    if (segment->spans == 0) {
        tn_spool_segment_remove(segment, self->directory);
        forget_segment(self, 0);
    }
    publish_stats(self);
}

uint64_t tn_spool_due(const tn_spool *self)
{
    if (!tn_spool_is_on(self)) return NEVER;
    return self->count > 0 ? 0 : self->search_at;
}
