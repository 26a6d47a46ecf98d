#include "support_export.h"

#include "export/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a disk may do to a spool: each of its calls fails, and the power goes away at each moment. */

#define BODY_SIZE 100
#define MAX_BYTES (8 * 1024) /* so that three records make up a segment, and the last ones need room */
#define RECORDS 60
#define NEVER SIZE_MAX

static char directory[512];

static void prepare(void)
{
    make_folder();
    snprintf(directory, sizeof(directory), "%s", path_in_folder("spool"));
    cr_assert_eq(mkdir(directory, 0700), 0);
}

static void remove_files(const char *folder)
{
    DIR *entries = opendir(folder);
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (entry->d_name[0] != '.') unlinkat(dirfd(entries), entry->d_name, 0);
    }
    closedir(entries);
}

static void clean_up(void)
{
    remove_files(directory);
    rmdir(directory);
    remove_folder();
    all_memory_is_back();
}

TestSuite(spool_disk, .init = prepare, .fini = clean_up); /* no .timeout: Criterion leaks some that end behind others */

static tn_spool *open_spool(const tn_spool_system *system, const char *path)
{
    tn_spool *spool = tn_spool_new(system);
    tn_spool_options options = {tn_text_of(path), MAX_BYTES, HOUR};
    cr_assert_eq(tn_spool_configure(spool, &options), TN_OK);
    return spool;
}

/* A body tells whose it is. */
static const char *body_of(size_t n)
{
    static char body[BODY_SIZE];
    for (size_t i = 0; i < sizeof(body); i++) body[i] = (char)(n * 31 + i * 7);
    return body;
}

/* --- What happened to each record ----------------------------------------------------------------------- */

/* Moments are counts of calls to the system. */
typedef struct {
    bool appended;
    size_t confirmed; /* from then on fsync has said that it is there; NEVER */
    size_t released;  /* from then on nobody needs it: it was being delivered, or dropped and counted; NEVER */
} fate;

static fate fates[RECORDS];
static size_t calls; /* so far */
static tn_spool_changes changes;

static size_t live_records(void)
{
    size_t live = 0;
    for (size_t n = 0; n < RECORDS; n++) live += fates[n].appended && fates[n].released == NEVER;
    return live;
}

/* The oldest go first. */
static void release_oldest(size_t count, size_t moment)
{
    for (size_t n = 0; n < RECORDS && count > 0; n++) {
        if (!fates[n].appended || fates[n].released != NEVER) continue;
        fates[n].released = moment;
        count--;
    }
}

static size_t dropped(void)
{
    size_t sum = 0;
    for (int reason = 0; reason < TN_DROP_COUNT; reason++) sum += changes.dropped[reason];
    return sum;
}

static void append(tn_spool *spool, size_t n)
{
    size_t began = calls, before = dropped();
    tn_spool_record record = {.spans = 1, .body = {body_of(n), BODY_SIZE}};
    memset(record.batch_id.bytes, (int)n, sizeof(record.batch_id.bytes));
    bool accepted = tn_spool_append(spool, &record, &changes) == TN_OK;
    release_oldest(dropped() - before, began);
    fates[n] = (fate){accepted, NEVER, NEVER};
}

static void confirm(tn_spool *spool)
{
    tn_spool_stats stats;
    tn_spool_sync(spool);
    tn_spool_stats_read(spool, &stats);
    if (stats.synced != live_records()) return;
    for (size_t n = 0; n < RECORDS; n++) {
        if (fates[n].appended && fates[n].confirmed == NEVER) fates[n].confirmed = calls;
    }
}

static bool take_next(tn_spool *spool, tn_spool_record *record)
{
    size_t began = calls, before = dropped();
    bool taken = tn_spool_next(spool, record, &changes);
    release_oldest(dropped() - before, began);
    if (taken) {
        size_t n = record->batch_id.bytes[0];
        cr_assert_lt(n, RECORDS);
        cr_assert(fates[n].appended && record->body.size == BODY_SIZE);
        cr_assert_eq(memcmp(record->body.bytes, body_of(n), BODY_SIZE), 0, "what comes back is what was given");
    }
    return taken;
}

static void deliver(tn_spool *spool)
{
    tn_spool_record record;
    if (!take_next(spool, &record)) return;
    fates[record.batch_id.bytes[0]].released = calls;
    tn_spool_done(spool, &record);
}

static void try(tn_spool *spool)
{
    tn_spool_record record;
    if (take_next(spool, &record)) tn_spool_keep(spool);
}

/* A life of a spool: several segments, deliveries, failures to deliver, and no room at the end. */
static void live(const tn_spool_system *system)
{
    size_t n = 0;
    calls = 0;
    changes = (tn_spool_changes){0};
    for (size_t i = 0; i < RECORDS; i++) fates[i] = (fate){false, NEVER, NEVER};

    tn_spool *spool = open_spool(system, directory);
    while (n < 8) append(spool, n++);
    confirm(spool);
    deliver(spool);
    try(spool);
    deliver(spool);
    append(spool, n++);
    append(spool, n++);
    deliver(spool); /* the first segment's last one */
    append(spool, n++);
    confirm(spool);
    deliver(spool);
    while (n < RECORDS) append(spool, n++);
    confirm(spool);
    append(spool, 0); /* again, and nobody knows whether it will be there */
    tn_spool_free(spool);
}

/* --- Calls that fail ------------------------------------------------------------------------------------ */

typedef enum { FAIL, WRITE_HALF } failure;

static size_t failing; /* the call that fails; NEVER */
static failure how;
static int failing_errno;

static bool fails(void)
{
    if (calls++ != failing || how != FAIL) return false;
    errno = failing_errno;
    return true;
}

static int open_or_fail(int folder, const char *name, int flags, mode_t mode)
{
    return fails() ? -1 : tn_spool_real_system.open(folder, name, flags, mode);
}

static int lock_or_fail(int descriptor)
{
    return fails() ? -1 : tn_spool_real_system.lock(descriptor);
}

static ssize_t write_or_fail(int descriptor, const void *head, size_t head_size, const void *body, size_t body_size,
                             off_t offset)
{
    bool half = calls == failing && how == WRITE_HALF;
    if (fails()) return -1;
    if (half) return tn_spool_real_system.write(descriptor, head, head_size / 2, body, 0, offset);
    return tn_spool_real_system.write(descriptor, head, head_size, body, body_size, offset);
}

static ssize_t read_or_fail(int descriptor, void *bytes, size_t size, off_t offset)
{
    return fails() ? -1 : tn_spool_real_system.read(descriptor, bytes, size, offset);
}

static int sync_or_fail(int descriptor)
{
    return fails() ? -1 : tn_spool_real_system.sync(descriptor);
}

static int truncate_or_fail(int descriptor, off_t size)
{
    return fails() ? -1 : tn_spool_real_system.truncate(descriptor, size);
}

static int unlink_or_fail(int folder, const char *name)
{
    return fails() ? -1 : tn_spool_real_system.unlink(folder, name);
}

static tn_spool_system failing_system(void)
{
    return (tn_spool_system){
        .open = open_or_fail,
        .close = tn_spool_real_system.close,
        .lock = lock_or_fail,
        .write = write_or_fail,
        .read = read_or_fail,
        .sync = sync_or_fail,
        .truncate = truncate_or_fail,
        .unlink = unlink_or_fail,
    };
}

/* Which records an heir finds, how often; none that is damaged. */
static void inherit(const char *path, size_t found[RECORDS])
{
    tn_spool_record record;
    tn_spool_changes its = {0};
    tn_spool *spool = open_spool(&tn_spool_real_system, path);
    memset(found, 0, RECORDS * sizeof(*found));
    while (tn_spool_next(spool, &record, &its)) {
        size_t n = record.batch_id.bytes[0];
        cr_assert_lt(n, RECORDS);
        cr_assert(record.body.size == BODY_SIZE && memcmp(record.body.bytes, body_of(n), BODY_SIZE) == 0);
        found[n]++;
        tn_spool_done(spool, &record);
    }
    tn_spool_free(spool);
}

/* What was accepted, and neither delivered nor counted as lost, is there. */
static void nothing_is_missing(size_t call)
{
    size_t found[RECORDS];
    inherit(directory, found);
    for (size_t n = 1; n < RECORDS; n++) {
        bool wanted = fates[n].appended && fates[n].released == NEVER;
        cr_assert(found[n] >= wanted, "record %zu is missing when call %zu fails by %d", n, call, failing_errno);
    }
    remove_files(directory);
}

static size_t all_calls(const tn_spool_system *system)
{
    failing = NEVER;
    live(system);
    nothing_is_missing(NEVER);
    return calls;
}

static void fail_each_call(failure what, int error)
{
    tn_spool_system system = failing_system();
    size_t count = all_calls(&system);
    cr_assert_gt(count, 100);
    how = what;
    failing_errno = error;
    for (size_t call = 0; call < count; call++) {
        failing = call;
        live(&system);
        nothing_is_missing(call);
    }
}

Test(spool_disk, each_call_may_fail)
{
    fail_each_call(FAIL, EIO);
}

Test(spool_disk, each_call_may_be_interrupted)
{
    fail_each_call(FAIL, EINTR);
}

Test(spool_disk, each_write_may_be_short)
{
    fail_each_call(WRITE_HALF, 0);
}

/* --- Power cuts ----------------------------------------------------------------------------------------- */

#define MAX_FILES 64
#define MAX_FILE_SIZE (16 * 1024)
#define MAX_OPERATIONS 4096

typedef enum { CREATE, WRITE, TRUNCATE, SYNC, SYNC_FOLDER, UNLINK } kind;

typedef struct {
    kind kind;
    size_t file, size, offset;
    size_t call; /* how many calls came before it */
    char *bytes; /* of a WRITE */
} operation;

static operation operations[MAX_OPERATIONS];
static size_t operation_count;
static char names[MAX_FILES][TN_SPOOL_NAME_SIZE];
static size_t file_count;
static size_t file_of[1024]; /* by descriptor; 0: a folder, else the file's number + 1 */

static operation *record_operation(kind kind, size_t file)
{
    cr_assert_lt(operation_count, MAX_OPERATIONS);
    operation *recorded = &operations[operation_count++];
    *recorded = (operation){.kind = kind, .file = file, .call = calls++};
    return recorded;
}

static int open_recorded(int folder, const char *name, int flags, mode_t mode)
{
    int descriptor = tn_spool_real_system.open(folder, name, flags, mode);
    if (descriptor < 0 || !(flags & O_CREAT)) return descriptor;
    cr_assert_lt(file_count, MAX_FILES);
    snprintf(names[file_count], sizeof(names[0]), "%s", name);
    file_of[descriptor] = ++file_count;
    record_operation(CREATE, file_count - 1);
    return descriptor;
}

static void close_recorded(int descriptor)
{
    file_of[descriptor] = 0;
    tn_spool_real_system.close(descriptor);
}

static ssize_t write_recorded(int descriptor, const void *head, size_t head_size, const void *body, size_t body_size,
                              off_t offset)
{
    operation *recorded = record_operation(WRITE, file_of[descriptor] - 1);
    recorded->size = head_size + body_size;
    recorded->offset = (size_t)offset;
    recorded->bytes = malloc(recorded->size);
    memcpy(recorded->bytes, head, head_size);
    if (body_size > 0) memcpy(recorded->bytes + head_size, body, body_size);
    return tn_spool_real_system.write(descriptor, head, head_size, body, body_size, offset);
}

static int sync_recorded(int descriptor)
{
    if (file_of[descriptor] > 0) {
        record_operation(SYNC, file_of[descriptor] - 1);
    } else {
        record_operation(SYNC_FOLDER, 0);
    }
    return tn_spool_real_system.sync(descriptor);
}

static int truncate_recorded(int descriptor, off_t size)
{
    record_operation(TRUNCATE, file_of[descriptor] - 1)->size = (size_t)size;
    return tn_spool_real_system.truncate(descriptor, size);
}

static int unlink_recorded(int folder, const char *name)
{
    for (size_t file = 0; file < file_count; file++) {
        if (strcmp(names[file], name) == 0) record_operation(UNLINK, file);
    }
    return tn_spool_real_system.unlink(folder, name);
}

static tn_spool_system recording_system(void)
{
    tn_spool_system system = tn_spool_real_system;
    system.open = open_recorded;
    system.close = close_recorded;
    system.write = write_recorded;
    system.sync = sync_recorded;
    system.truncate = truncate_recorded;
    system.unlink = unlink_recorded;
    return system;
}

/* What a file is like on the platter, and what is only in memory: the operations from `unsynced` on. */
typedef struct {
    uint8_t bytes[MAX_FILE_SIZE];
    size_t size;
    bool is_there, was_there; /* its name: now, and when the folder was synced last */
    size_t unsynced;          /* the first operation that is not on the platter */
} file_state;

/* What becomes of the operations that no fsync has confirmed. */
typedef enum {
    ALL_LOST,
    NONE_LOST,
    LAST_LOST,
    ONLY_LAST_THERE,
    LAST_HALF_THERE,
    LAST_IS_ZEROS,
    LAST_IS_TORN, /* its head is there, zeros behind it */
    CUTS,
} cut;

static void apply(file_state *file, const operation *operation, size_t kept, bool zeros)
{
    if (operation->kind == TRUNCATE) {
        if (kept < operation->size + 1) return; /* lost */
        if (operation->size > file->size) memset(file->bytes + file->size, 0, operation->size - file->size);
        file->size = operation->size;
        return;
    }
    size_t end = operation->offset + (zeros ? operation->size : kept);
    if (end == operation->offset) return;
    cr_assert_leq(end, MAX_FILE_SIZE);
    if (operation->offset > file->size) memset(file->bytes + file->size, 0, operation->offset - file->size);
    memcpy(file->bytes + operation->offset, operation->bytes, kept);
    if (zeros) memset(file->bytes + operation->offset + kept, 0, operation->size - kept);
    if (end > file->size) file->size = end;
}

static bool changes_contents(const operation *operation, size_t file)
{
    return operation->file == file && (operation->kind == WRITE || operation->kind == TRUNCATE);
}

/* What of an operation that is the last one of its file, or not, is there after this kind of cut. */
static size_t kept_bytes(const operation *operation, bool last, cut cut, bool *zeros_out)
{
    *zeros_out = last && (cut == LAST_IS_ZEROS || cut == LAST_IS_TORN);
    size_t all = operation->size + 1; /* also for a truncation to nothing */
    if (operation->kind == WRITE) all = operation->size;
    switch (cut) {
    case ALL_LOST: return 0;
    case LAST_LOST: return last ? 0 : all;
    case ONLY_LAST_THERE: return last ? all : 0;
    case LAST_HALF_THERE: return last ? all / 2 : all;
    case LAST_IS_ZEROS: return last ? 0 : all;
    case LAST_IS_TORN: return last ? (all < 70 ? all / 2 : 70) : all;
    default: return all;
    }
}

static void settle(file_state *state, size_t file, size_t end, cut cut)
{
    size_t last = end;
    for (size_t i = state->unsynced; i < end; i++) {
        if (changes_contents(&operations[i], file)) last = i;
    }
    for (size_t i = state->unsynced; i < end; i++) {
        if (!changes_contents(&operations[i], file)) continue;
        bool zeros;
        size_t kept = kept_bytes(&operations[i], i == last, cut, &zeros);
        if (operations[i].kind == TRUNCATE) zeros = false;
        apply(state, &operations[i], kept, zeros);
    }
    state->unsynced = end;
}

/* The platter after the first `end` operations, without what is only in memory. */
static void replay(file_state *files, size_t end)
{
    memset(files, 0, MAX_FILES * sizeof(*files));
    for (size_t i = 0; i < end; i++) {
        file_state *file = &files[operations[i].file];
        if (operations[i].kind == CREATE) file->is_there = true;
        if (operations[i].kind == UNLINK) file->is_there = false;
        if (operations[i].kind == SYNC) settle(file, operations[i].file, i, NONE_LOST);
        if (operations[i].kind != SYNC_FOLDER) continue;
        for (size_t f = 0; f < file_count; f++) files[f].was_there = files[f].is_there;
    }
}

static void write_files(const char *folder, const file_state *files, bool names_are_synced)
{
    for (size_t f = 0; f < file_count; f++) {
        if (!(names_are_synced ? files[f].was_there : files[f].is_there)) continue;
        char path[700];
        snprintf(path, sizeof(path), "%s/%.*s", folder, TN_SPOOL_NAME_SIZE, names[f]);
        int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        cr_assert_eq(write(descriptor, files[f].bytes, files[f].size), (ssize_t)files[f].size);
        close(descriptor);
    }
}

/* After the power is back: what fsync had confirmed is there, once, unless it was given away. */
static void check_after(const char *folder, size_t call, cut cut)
{
    size_t found[RECORDS];
    inherit(folder, found);
    for (size_t n = 1; n < RECORDS; n++) {
        bool wanted = fates[n].confirmed <= call && fates[n].released > call;
        cr_assert(found[n] >= wanted, "record %zu is missing after call %zu and cut %d", n, call, cut);
        cr_assert_leq(found[n], 1, "record %zu was found twice", n);
    }
}

Test(spool_disk, the_power_may_go_away_at_any_moment)
{
    static file_state platter[MAX_FILES], after[MAX_FILES];
    static char folder[600];
    tn_spool_system system = recording_system();
    live(&system);
    remove_files(directory);
    snprintf(folder, sizeof(folder), "%s", path_in_folder("after"));
    cr_assert_eq(mkdir(folder, 0700), 0);

    size_t cuts = 0;
    for (size_t end = 0; end <= operation_count; end++) {
        size_t call = end < operation_count ? operations[end].call : calls;
        replay(platter, end);
        for (int c = 0; c < CUTS * 2; c++) {
            cut cut = c / 2;
            memcpy(after, platter, sizeof(after));
            for (size_t f = 0; f < file_count; f++) settle(&after[f], f, end, cut);
            write_files(folder, after, c % 2);
            check_after(folder, call, cut);
            remove_files(folder);
            cuts++;
        }
    }
    cr_assert_gt(cuts, 1000);
    for (size_t i = 0; i < operation_count; i++) free(operations[i].bytes);
    cr_assert_eq(rmdir(folder), 0);
}
