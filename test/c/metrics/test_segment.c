#include "support_metrics.h"

#include "metrics/slab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(segment, .init = prepare_metrics, .fini = clean_up_metrics); /* .timeout: see test_spool_disk.c */

#define FILE_PATH path_in_folder("metrics.1")
#define DAMAGED_PATH path_in_folder("metrics.1.damaged")
#define HEADER_SIZE 4096
#define HEADER_USED 2104 /* bytes of it that mean something, and some more */

static tn_status try_to_open(const char *path)
{
    tn_segment *segment;
    tn_status status = tn_segment_open(tn_text_of(path), &segment);
    int error = errno;
    if (status == TN_OK) tn_segment_free(segment);
    errno = error;
    return status;
}

static bool exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static ino_t inode_of(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 ? status.st_ino : 0;
}

/* --- Life ---------------------------------------------------------------------------------------------- */

Test(segment, makes_its_folder_and_file_for_its_owner_only)
{
    tn_segment *segment;
    const char *path = path_in_folder("new");
    cr_assert_eq(tn_segment_open(tn_text_of(path), &segment), TN_OK);
    cr_assert(tn_segment_is_shared(segment) && tn_segment_is_current(segment));
    cr_assert_not(tn_segment_was_replaced(segment));
    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0700);
    cr_assert_eq(stat(path_in_folder("new/metrics.1"), &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0600);
    cr_assert_eq(stat(path_in_folder("new/metrics.1.lock"), &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0600);
    tn_segment_free(segment);
}

Test(segment, the_folder_above_has_to_be_there)
{
    cr_assert_eq(try_to_open(path_in_folder("none/metrics")), TN_ERROR_SYSTEM);
    cr_assert_eq(errno, ENOENT);
    cr_assert_eq(try_to_open(""), TN_ERROR_SYSTEM);
}

Test(segment, one_that_lives_is_joined_and_each_has_its_own_slab)
{
    tn_segment *first = open_segment(), *second = open_segment(), *reader = open_segment_to_read();
    cr_assert_eq(tn_segment_own_slab(first), 0);
    cr_assert_eq(tn_segment_own_slab(second), 1);
    cr_assert_eq(tn_segment_own_slab(reader), TN_NO_SLAB);
    cr_assert_not(tn_segment_was_replaced(second));

    unsigned chunk;
    cr_assert_eq(tn_segment_add_chunk(second, &chunk), TN_OK);
    tn_segment_chunk(second, chunk)->used = 88;
    cr_assert_eq(tn_segment_chunk(first, chunk)->used, 88);
    cr_assert_eq(tn_segment_chunk(reader, chunk)->used, 88);
    cr_assert_eq(tn_segment_slab_of(reader, chunk), 1);

    cr_assert(tn_segment_slab_is_owned(first, 0) && tn_segment_slab_is_owned(first, 1));
    cr_assert(tn_segment_slab_is_owned(reader, 0) && tn_segment_slab_is_owned(reader, 1));
    cr_assert_not(tn_segment_slab_is_owned(reader, 2));
    tn_segment_free(second);
    cr_assert_not(tn_segment_slab_is_owned(first, 1));
    cr_assert_not(tn_segment_slab_is_owned(reader, 1));
    tn_segment_free(reader);
    tn_segment_free(first);
}

Test(segment, what_one_has_left_is_taken_over_by_the_next_while_somebody_lives)
{
    tn_segment *holder = open_segment(), *second = open_segment();
    unsigned chunk;
    cr_assert_eq(tn_segment_add_chunk(second, &chunk), TN_OK);
    tn_segment_chunk(second, chunk)->used = 88;
    tn_segment_free(second);
    second = open_segment();
    cr_assert_eq(tn_segment_own_slab(second), 1);
    cr_assert_eq(tn_segment_slab_of(second, chunk), 1);
    cr_assert_eq(tn_segment_chunk(second, chunk)->used, 88);
    tn_segment_free(second);
    tn_segment_free(holder);
}

Test(segment, begins_anew_when_nobody_lives)
{
    tn_segment *segment = open_segment();
    unsigned chunk;
    cr_assert_eq(tn_segment_add_chunk(segment, &chunk), TN_OK);
    tn_segment_free(segment);
    ino_t before = inode_of(FILE_PATH);
    segment = open_segment();
    cr_assert_neq(inode_of(FILE_PATH), before);
    cr_assert_not(tn_segment_was_replaced(segment), "nothing was wrong with it");
    cr_assert_not(exists(DAMAGED_PATH));
    cr_assert_eq(tn_segment_slab_of(segment, chunk), TN_NO_SLAB);
    tn_segment_free(segment);
}

Test(segment, knows_that_its_file_is_no_longer_the_one_of_that_name)
{
    tn_segment *segment = open_segment();
    cr_assert(tn_segment_is_current(segment));
    cr_assert_eq(unlink(FILE_PATH), 0);
    cr_assert_not(tn_segment_is_current(segment));
    unsigned chunk;
    cr_assert_eq(tn_segment_add_chunk(segment, &chunk), TN_OK, "what is mapped stays");

    tn_segment *other = open_segment();
    cr_assert(tn_segment_is_current(other));
    cr_assert_not(tn_segment_is_current(segment));
    cr_assert_eq(tn_segment_own_slab(other), 1);
    tn_segment_free(other);
    tn_segment_free(segment);
}

Test(segment, a_private_one_is_like_a_shared_one_that_nobody_sees)
{
    tn_segment *segment = tn_segment_new_private();
    cr_assert_not(tn_segment_is_shared(segment));
    cr_assert(tn_segment_is_current(segment));
    cr_assert(tn_segment_slab_is_owned(segment, tn_segment_own_slab(segment)));
    for (unsigned i = 0; i < TN_MAX_CHUNKS; i++) {
        unsigned chunk;
        cr_assert_eq(tn_segment_add_chunk(segment, &chunk), TN_OK);
        cr_assert_eq(chunk, i);
        cr_assert_eq(tn_segment_chunk(segment, chunk)->used, 0);
    }
    unsigned chunk;
    cr_assert_eq(tn_segment_add_chunk(segment, &chunk), TN_ERROR_FULL);
    tn_segment_free(segment);
}

Test(segment, grows_to_its_limit_and_says_then_that_it_is_full)
{
    tn_segment *segment = open_segment(), *other = open_segment();
    unsigned chunk;
    for (unsigned i = 0; i < TN_MAX_CHUNKS; i++) {
        cr_assert_eq(tn_segment_add_chunk(i % 2 ? segment : other, &chunk), TN_OK);
        cr_assert_eq(chunk, i);
        cr_assert_gt(tn_segment_chunk_count(segment), i);
        memset(tn_segment_chunk(segment, chunk), 0x55, TN_CHUNK_SIZE); /* it is there: no SIGBUS */
    }
    cr_assert_eq(tn_segment_add_chunk(segment, &chunk), TN_ERROR_FULL);
    cr_assert_eq(tn_segment_add_chunk(other, &chunk), TN_ERROR_FULL);
    cr_assert_eq(tn_segment_chunk_count(segment), TN_MAX_CHUNKS);
    tn_segment_free(other);
    tn_segment_free(segment);
}

Test(segment, references_are_counted)
{
    tn_segment *segment = open_segment();
    cr_assert_eq(tn_segment_keep(segment), segment);
    tn_segment_free(segment);
    cr_assert_eq(tn_segment_chunk_count(segment), 4);
    tn_segment_free(segment);
    tn_segment_free(NULL);
}

Test(segment, there_is_none_to_read_before_somebody_has_made_one)
{
    tn_segment *reader;
    cr_assert_eq(tn_segment_open_to_read(tn_text_of(path_in_folder("none")), &reader), TN_ERROR_SYSTEM);
    cr_assert_eq(errno, ENOENT);
    cr_assert_not(exists(path_in_folder("none")));
    cr_assert_eq(tn_segment_open_to_read(tn_text_of(path_in_folder(".")), &reader), TN_ERROR_SYSTEM);
    cr_assert_eq(errno, ENOENT);
    cr_assert_not(exists(FILE_PATH));
}

Test(segment, memory_that_runs_out_is_an_error_and_no_leak)
{
    for_each_failing_allocation {
        tn_segment *segment = NULL;
        tn_status status = tn_segment_open(tn_text_of(path_in_folder(".")), &segment);
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        tn_segment *private = tn_segment_new_private();
        cr_assert(private || allocation_failed());
        tn_segment_free(private);
        if (status == TN_OK) tn_segment_free(segment);
    }
}

/* --- Other files in its place -------------------------------------------------------------------------- */

static void put_file(const char *path, const void *bytes, size_t size, mode_t mode)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_geq(file, 0);
    cr_assert_eq(write(file, bytes, size), (ssize_t)size);
    fchmod(file, mode);
    close(file);
}

/* What is there is no segment: a reader says so, and who wants to write sets it aside. */
static void assert_set_aside(const char *what)
{
    tn_segment *segment;
    tn_status status = tn_segment_open_to_read(tn_text_of(path_in_folder(".")), &segment);
    cr_assert(status == TN_ERROR_INVALID || status == TN_ERROR_SYSTEM, "%s", what);
    segment = open_segment();
    cr_assert(tn_segment_was_replaced(segment), "%s", what);
    cr_assert(tn_segment_is_current(segment), "%s", what);
    cr_assert(exists(DAMAGED_PATH), "%s", what);
    unsigned chunk;
    cr_assert_eq(tn_segment_add_chunk(segment, &chunk), TN_OK, "%s", what);
    tn_segment_free(segment);
    cr_assert_eq(unlink(FILE_PATH), 0);
    if (unlink(DAMAGED_PATH) != 0) cr_assert_eq(rmdir(DAMAGED_PATH), 0);
}

Test(segment, what_is_no_segment_is_set_aside)
{
    put_file(FILE_PATH, "", 0, 0600);
    assert_set_aside("an empty file");

    char text[300000];
    memset(text, 'x', sizeof(text));
    put_file(FILE_PATH, text, sizeof(text), 0600);
    assert_set_aside("a text");

    put_file(path_in_folder("target"), "precious", 8, 0600);
    cr_assert_eq(symlink(path_in_folder("target"), FILE_PATH), 0);
    assert_set_aside("a symbolic link");
    cr_assert_eq(symlink(path_in_folder("nowhere"), FILE_PATH), 0);
    assert_set_aside("a symbolic link to nowhere");
    cr_assert_not(exists(path_in_folder("nowhere")));
    assert_text(file_content(path_in_folder("target")), "precious");

    cr_assert_eq(mkfifo(FILE_PATH, 0600), 0);
    assert_set_aside("a pipe");
    cr_assert_eq(mkdir(FILE_PATH, 0700), 0);
    assert_set_aside("a folder");
}

/* The file of a segment without anything, as bytes: a good one. */
static tn_text good_file(void)
{
    tn_segment_free(open_segment());
    return file_content(FILE_PATH);
}

Test(segment, one_that_others_can_reach_is_set_aside)
{
    tn_segment *holder = open_segment();
    tn_text good = good_file();
    for (mode_t bit = 1; bit <= 040; bit <<= 1) {
        cr_assert_eq(chmod(FILE_PATH, 0600 | bit), 0);
        assert_set_aside("mode");
        put_file(FILE_PATH, good.bytes, good.size, 0600);
    }
    cr_assert_eq(link(FILE_PATH, path_in_folder("link")), 0);
    assert_set_aside("a hard link");

    put_file(FILE_PATH, good.bytes, good.size, 0600);
    tn_segment *segment = open_segment();
    cr_assert_not(tn_segment_was_replaced(segment), "a copy is good");
    tn_segment_free(segment);
    if (geteuid() == 0) {
        cr_assert_eq(chown(FILE_PATH, 1, 1), 0);
        assert_set_aside("another user's");
    }
    tn_segment_free(holder);
}

Test(segment, the_last_one_that_was_set_aside_is_kept)
{
    put_file(FILE_PATH, "first", 5, 0600);
    tn_segment_free(open_segment());
    put_file(FILE_PATH, "second", 6, 0600);
    tn_segment_free(open_segment());
    assert_text(file_content(DAMAGED_PATH), "second");
}

Test(segment, whoever_was_killed_while_making_one_does_not_stand_in_the_way)
{
    put_file(path_in_folder("metrics.1.new"), "half", 4, 0600);
    tn_segment *segment = open_segment();
    cr_assert_not(tn_segment_was_replaced(segment));
    cr_assert_not(exists(path_in_folder("metrics.1.new")));
    tn_segment_free(segment);

    cr_assert_eq(unlink(FILE_PATH), 0);
    cr_assert_eq(symlink(path_in_folder("victim"), path_in_folder("metrics.1.new")), 0);
    tn_segment_free(open_segment());
    cr_assert_not(exists(path_in_folder("victim")));
}

Test(segment, a_folder_that_others_may_write_to_is_refused)
{
    static const mode_t bad[] = {0777, 0770, 0707, 01777, 0722, 0702, 0720};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        cr_assert_eq(chmod(path_in_folder("."), bad[i]), 0);
        cr_assert_eq(try_to_open(path_in_folder(".")), TN_ERROR_SYSTEM, "%o", bad[i]);
        cr_assert_eq(errno, EPERM);
    }
    cr_assert_eq(chmod(path_in_folder("."), 0755), 0);
    cr_assert_eq(try_to_open(path_in_folder(".")), TN_OK, "reading is no harm: the file is 0600");
    if (geteuid() == 0) {
        cr_assert_eq(chown(path_in_folder("."), 1, 1), 0);
        cr_assert_eq(try_to_open(path_in_folder(".")), TN_ERROR_SYSTEM, "another user's");
        cr_assert_eq(errno, EPERM);
        cr_assert_eq(chown(path_in_folder("."), 0, 0), 0);
    }
}

Test(segment, a_folder_that_is_none_is_refused)
{
    put_file(path_in_folder("file"), "x", 1, 0600);
    cr_assert_eq(try_to_open(path_in_folder("file")), TN_ERROR_SYSTEM);
    cr_assert_eq(mkdir(path_in_folder("folder"), 0700), 0);
    cr_assert_eq(symlink(path_in_folder("folder"), path_in_folder("link")), 0);
    cr_assert_eq(try_to_open(path_in_folder("link")), TN_ERROR_SYSTEM);
    cr_assert_eq(mkfifo(path_in_folder("pipe"), 0600), 0);
    cr_assert_eq(try_to_open(path_in_folder("pipe")), TN_ERROR_SYSTEM);
}

Test(segment, a_lock_file_that_is_a_link_or_a_folder_is_an_error)
{
    cr_assert_eq(symlink(path_in_folder("victim"), path_in_folder("metrics.1.lock")), 0);
    cr_assert_eq(try_to_open(path_in_folder(".")), TN_ERROR_SYSTEM);
    cr_assert_not(exists(path_in_folder("victim")));
    cr_assert_eq(unlink(path_in_folder("metrics.1.lock")), 0);
    cr_assert_eq(mkdir(path_in_folder("metrics.1.lock"), 0700), 0);
    cr_assert_eq(try_to_open(path_in_folder(".")), TN_ERROR_SYSTEM);
}

Test(segment, whoever_stays_in_the_gate_keeps_the_others_out_for_a_moment_only)
{
    tn_segment_free(open_segment());
    int lock = open(path_in_folder("metrics.1.lock"), O_RDWR);
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    cr_assert_eq(fcntl(lock, F_OFD_SETLK, &range), 0);
    uint64_t before = tn_clock_monotonic();
    cr_assert_eq(try_to_open(path_in_folder(".")), TN_ERROR_TIMEOUT);
    cr_assert_lt(tn_clock_monotonic() - before, 3 * TN_SECOND);
    close(lock);
    cr_assert_eq(try_to_open(path_in_folder(".")), TN_OK);
}

/* As somebody else, where the tests run as root. */
static int open_as_nobody(void *path)
{
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return 2;
    return try_to_open(path) == TN_ERROR_SYSTEM ? 0 : 1;
}

Test(segment, a_folder_that_is_not_ours_or_read_only_is_an_error)
{
    tn_segment_free(open_segment());
    cr_assert_eq(chmod(path_in_folder("."), 0555), 0);
    cr_assert_eq(child_result(start_metrics_child(open_as_nobody, (void *)path_in_folder("."))), 0);
    cr_assert_eq(chmod(path_in_folder("."), 0700), 0);
}

static int open_in_own_read_only_folder(void *path)
{
    if (geteuid() == 0 && (chown(path, 65534, 65534) != 0 || setgid(65534) != 0 || setuid(65534) != 0)) return 2;
    if (chmod(path, 0500) != 0) return 3;
    return try_to_open(path) == TN_ERROR_SYSTEM && errno == EACCES ? 0 : 1;
}

Test(segment, a_read_only_folder_is_an_error)
{
    cr_assert_eq(chmod(path_in_folder("."), 0711), 0);
    cr_assert_eq(mkdir(path_in_folder("own"), 0700), 0);
    cr_assert_eq(child_result(start_metrics_child(open_in_own_read_only_folder, (void *)path_in_folder("own"))), 0);
}

static int open_without_descriptors(void *unused)
{
    (void)unused;
    tn_segment *holder = open_segment();
    ino_t before = inode_of(FILE_PATH);
    for (rlim_t most = 1;; most++) { /* each of the files is once the first that can't be opened */
        struct rlimit limit;
        if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || most > limit.rlim_max) return 2;
        limit.rlim_cur = most;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 2;
        tn_status status = try_to_open(path_in_folder("."));
        if (status == TN_OK) break;
        if (status != TN_ERROR_SYSTEM || errno != EMFILE) return 3;
    }
    tn_segment_free(holder);
    return inode_of(FILE_PATH) == before ? 0 : 1;
}

Test(segment, a_process_without_descriptors_gets_an_error_and_sets_nothing_aside)
{
    cr_assert_eq(child_result(start_metrics_child(open_without_descriptors, NULL)), 0);
    cr_assert_not(exists(DAMAGED_PATH));
}

/* --- Full disks ---------------------------------------------------------------------------------------- */

static int open_beyond_the_limit(void *unused)
{
    (void)unused;
    struct rlimit limit = {100000, RLIM_INFINITY};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    if (try_to_open(path_in_folder(".")) != TN_ERROR_SYSTEM || errno != EFBIG) return 3;
    if (exists(FILE_PATH) || exists(path_in_folder("metrics.1.new"))) return 4;

    limit.rlim_cur = HEADER_SIZE + 5 * TN_CHUNK_SIZE;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 5;
    tn_segment *segment = open_segment();
    unsigned chunk;
    for (unsigned i = 0; i < 4; i++) {
        if (tn_segment_add_chunk(segment, &chunk) != TN_OK) return 6;
    }
    if (tn_segment_add_chunk(segment, &chunk) != TN_ERROR_SYSTEM || errno != EFBIG) return 7;
    if (tn_segment_chunk_count(segment) != 4) return 8;

    limit.rlim_cur = RLIM_INFINITY;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 9;
    if (tn_segment_add_chunk(segment, &chunk) != TN_OK || chunk != 4) return 10;
    tn_segment_free(segment);
    return 0;
}

Test(segment, a_limit_of_file_size_is_an_error_and_no_signal)
{
    cr_assert_eq(child_result(start_metrics_child(open_beyond_the_limit, NULL)), 0);
}

static void fill_disk(const char *path)
{
    static char bytes[4096];
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    while (write(file, bytes, sizeof(bytes)) > 0) continue;
    close(file);
}

Test(segment, a_full_disk_is_an_error_and_no_signal)
{
    const char *path = path_in_folder("disk");
    cr_assert_eq(mkdir(path, 0700), 0);
    if (mount("tmpfs", path, "tmpfs", 0, "size=1m,mode=0700") != 0) cr_skip_test("only root can mount");

    tn_segment *segment;
    cr_assert_eq(tn_segment_open(tn_text_of(path), &segment), TN_OK);
    unsigned chunk = 0;
    tn_status status = TN_OK;
    for (unsigned i = 0; i < 16 && status == TN_OK; i++) {
        status = tn_segment_add_chunk(segment, &chunk);
        if (status == TN_OK) memset(tn_segment_chunk(segment, chunk), 0x55, TN_CHUNK_SIZE);
    }
    cr_assert_eq(status, TN_ERROR_SYSTEM);
    cr_assert_eq(errno, ENOSPC);
    cr_assert_eq(chunk, 7);
    tn_segment_free(segment);

    cr_assert_eq(unlink(path_in_folder("disk/metrics.1")), 0);
    fill_disk(path_in_folder("disk/file"));
    cr_assert_eq(tn_segment_open(tn_text_of(path), &segment), TN_ERROR_SYSTEM);
    cr_assert_eq(errno, ENOSPC);
    cr_assert_not(exists(path_in_folder("disk/metrics.1")));
    cr_assert_not(exists(path_in_folder("disk/metrics.1.new")));
    cr_assert_eq(umount(path), 0);
}

/* --- Many processes ------------------------------------------------------------------------------------ */

/* Pipes: a byte for each segment that was opened, or not; the end of the other one when all may end. */
static int results[2], stop[2];

#define SEGMENTS_EACH 60 /* private files, of which a process may have 64 */

static int open_many(void *unused)
{
    (void)unused;
    close(stop[1]);
    for (int i = 0; i < SEGMENTS_EACH; i++) {
        tn_segment *segment;
        tn_status status = tn_segment_open(tn_text_of(path_in_folder(".")), &segment);
        char result = status == TN_OK ? '+' : status == TN_ERROR_FULL ? '-' : '?';
        if (write(results[1], &result, 1) != 1) return 1;
        if (status != TN_OK) continue;
        unsigned chunk;
        if (tn_segment_add_chunk(segment, &chunk) != TN_OK) return 2;
        tn_segment_chunk(segment, chunk)->used = 8;
    }
    char end;
    return read(stop[0], &end, 1) == 0 ? 0 : 3;
}

Test(segment, one_process_too_many_is_an_error)
{
    enum { CHILDREN = 10 };
    cr_assert(pipe(results) == 0 && pipe(stop) == 0);
    pid_t children[CHILDREN];
    size_t opened = 0, refused = 0;
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = start_metrics_child(open_many, NULL);
        for (int n = 0; n < SEGMENTS_EACH; n++) {
            char result;
            cr_assert_eq(read(results[0], &result, 1), 1);
            cr_assert_neq(result, '?');
            opened += result == '+';
            refused += result == '-';
        }
    }
    cr_assert_eq(opened, TN_MAX_SLABS);
    cr_assert_eq(refused, CHILDREN * SEGMENTS_EACH - TN_MAX_SLABS);
    tn_segment *reader = open_segment_to_read();
    for (unsigned slab = 0; slab < TN_MAX_SLABS; slab++) cr_assert(tn_segment_slab_is_owned(reader, slab));
    cr_assert_eq(try_to_open(path_in_folder(".")), TN_ERROR_FULL);
    close(stop[1]);
    for (int i = 0; i < CHILDREN; i++) cr_assert_eq(child_result(children[i]), 0);
    for (unsigned slab = 0; slab < TN_MAX_SLABS; slab++) cr_assert_not(tn_segment_slab_is_owned(reader, slab));
    tn_segment_free(reader);
    cr_assert_eq(try_to_open(path_in_folder(".")), TN_OK);
}

/* --- Damage -------------------------------------------------------------------------------------------- */

#define SLABS 3 /* two that were left, and that of the holder */

/* The file as it was, and who lives in it. */
static struct {
    uint8_t *bytes;
    size_t size;
    int file;
    tn_segment *holder;
} damaged;

static const double seconds[] = {0.1, 1, 10};

static void record_some(tn_segment *segment, uint64_t amount)
{
    tn_slab slab;
    cr_assert_eq(tn_slab_open(&slab, segment), TN_OK);
    tn_instrument_spec counter = counter_spec("requests_total"), gauge = gauge_spec("depth", TN_COMBINE_MAX);
    tn_instrument_spec histogram = histogram_spec("seconds", seconds, 3);
    counter.help = TN_TEXT("How many");
    slab_series(&slab, &counter, labels("path", "/", NULL))->cells[0] = amount;
    slab_series(&slab, &counter, TN_NO_TEXT)->cells[1] = tn_cell_of_double(0.5);
    tn_slab_series *depth = slab_series(&slab, &gauge, labels("queue", "q", NULL));
    depth->cells[0] = tn_cell_of_double(7);
    depth->cells[1] = 1;
    tn_slab_series *times = slab_series(&slab, &histogram, labels("path", "/", NULL));
    for (size_t i = 0; i < 4; i++) times->cells[i] = i;
    times->cells[4] = tn_cell_of_double(12.5);
    cr_assert_eq(tn_slab_add_exemplars(&slab, times), TN_OK);
    times->exemplars[TN_EXEMPLAR_TIME] = 1;
    tn_slab_close(&slab);
}

static void begin_damage(void)
{
    tn_segment *left[2] = {open_segment(), open_segment()};
    damaged.holder = open_segment();
    for (size_t i = 0; i < 2; i++) record_some(left[i], 10 * (i + 1));
    record_some(damaged.holder, 30);
    for (size_t i = 0; i < 2; i++) tn_segment_free(left[i]);
    tn_text content = file_content(FILE_PATH);
    damaged.bytes = malloc(content.size);
    damaged.size = content.size;
    memcpy(damaged.bytes, content.bytes, content.size);
    cr_assert_eq(damaged.size, HEADER_SIZE + 4 * TN_CHUNK_SIZE);
    damaged.file = open(FILE_PATH, O_RDWR);
}

/* Takes all back that has been done to the file: it may have another name by now. */
static void repair(void)
{
    if (exists(DAMAGED_PATH)) cr_assert_eq(rename(DAMAGED_PATH, FILE_PATH), 0);
    size_t records = 2048; /* of each chunk, and more than there are */
    cr_assert_eq(pwrite(damaged.file, damaged.bytes, HEADER_SIZE, 0), HEADER_SIZE);
    for (size_t at = HEADER_SIZE; at < damaged.size; at += TN_CHUNK_SIZE)
        cr_assert_eq(pwrite(damaged.file, damaged.bytes + at, records, (off_t)at), (ssize_t)records);
}

static void end_damage(void)
{
    close(damaged.file);
    free(damaged.bytes);
    tn_segment_free(damaged.holder);
}

static view look_while_open(tn_segment *segment)
{
    view seen = look_at(&segment, 1);
    assert_sane(&seen, SLABS + 1);
    return seen;
}

/* Reads the file as it is, joins it, records to it, and reads it again. Whether it was good enough to be joined. */
static bool survive(size_t at)
{
    tn_segment *segment;
    tn_status status = tn_segment_open_to_read(tn_text_of(path_in_folder(".")), &segment);
    bool readable = status == TN_OK;
    cr_assert(readable || status == TN_ERROR_INVALID, "byte %zu", at);
    if (readable) {
        view seen = look_while_open(segment);
        look_away(&seen);
        tn_segment_free(segment);
    }
    segment = open_segment();
    cr_assert_eq(tn_segment_was_replaced(segment), !readable, "byte %zu", at);
    record_some(segment, 40);
    view seen = look_while_open(segment);
    cr_assert_geq(seen_value(&seen, "requests_total", labels("path", "/", NULL)), 40, "byte %zu", at);
    look_away(&seen);
    tn_segment_free(segment);
    return readable;
}

static void flip(size_t at, uint8_t bits)
{
    uint8_t byte = damaged.bytes[at] ^ bits;
    cr_assert_eq(pwrite(damaged.file, &byte, 1, (off_t)at), 1);
}

Test(segment, survives_every_flipped_bit_of_its_header)
{
    begin_damage();
    size_t set_aside = 0;
    for (size_t at = 0; at < HEADER_SIZE; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            if (at >= HEADER_USED && bit != at % 8) continue;
            flip(at, (uint8_t)(1u << bit));
            bool readable = survive(at);
            cr_assert(!readable || at >= 36, "byte %zu has a checksum", at);
            cr_assert(readable || at < HEADER_USED, "byte %zu means nothing", at);
            set_aside += !readable;
            repair();
        }
    }
    cr_assert_gt(set_aside, 36 * 8);
    end_damage();
}

Test(segment, survives_every_changed_byte_of_its_chunks)
{
    begin_damage();
    static const uint8_t changes[] = {0x01, 0x80, 0xFF};
    for (size_t chunk = 0; chunk < 4; chunk++) {
        for (size_t i = 0; i < 1536; i++) { /* that is more than there are records */
            size_t at = HEADER_SIZE + chunk * TN_CHUNK_SIZE + i;
            for (size_t n = 0; n < sizeof(changes); n++) {
                flip(at, changes[n]);
                cr_assert(survive(at), "no chunk makes the file unusable");
                repair();
            }
        }
    }
    end_damage();
}

Test(segment, what_lies_behind_the_records_means_nothing)
{
    begin_damage();
    for (size_t at = HEADER_SIZE; at < damaged.size; at += TN_CHUNK_SIZE) {
        for (size_t i = 2048; i < TN_CHUNK_SIZE; i++) flip(at + i, 0xFF);
    }
    survive(0);
    view seen = look_at_folder();
    cr_assert_eq(seen.snapshot.damaged, 0);
    look_away(&seen);
    repair();
    end_damage();
}

Test(segment, survives_chunks_of_random_bytes)
{
    begin_damage();
    for (int round = 0; round < 500; round++) {
        for (size_t at = HEADER_SIZE; at < damaged.size; at += TN_CHUNK_SIZE) {
            uint8_t bytes[2048];
            for (size_t i = 0; i < sizeof(bytes); i++) bytes[i] = (uint8_t)(random_below(4) ? 0 : random_number());
            uint32_t used = (uint32_t)random_below(round % 2 ? TN_CHUNK_SIZE : UINT32_MAX);
            memcpy(bytes, &used, sizeof(used));
            cr_assert_eq(pwrite(damaged.file, bytes, sizeof(bytes), (off_t)at), (ssize_t)sizeof(bytes));
        }
        survive((size_t)round);
        repair();
    }
    end_damage();
}

Test(segment, survives_every_length)
{
    begin_damage();
    for (size_t size = 0; size < damaged.size; size += size < HEADER_SIZE + 100 ? 1 : 241) {
        cr_assert_eq(ftruncate(damaged.file, (off_t)size), 0);
        cr_assert_not(survive(size), "%zu bytes", size);
        cr_assert_eq(ftruncate(damaged.file, (off_t)damaged.size), 0);
        repair();
    }
    for (size_t missing = 1; missing < 100; missing++) {
        cr_assert_eq(ftruncate(damaged.file, (off_t)(damaged.size - missing)), 0);
        cr_assert_not(survive(missing));
        cr_assert_eq(ftruncate(damaged.file, (off_t)damaged.size), 0);
        repair();
    }
    for (size_t more = 1; more < 5000; more += 7) {
        cr_assert_eq(ftruncate(damaged.file, (off_t)(damaged.size + more)), 0);
        cr_assert(survive(more), "somebody was killed while it grew");
        repair();
    }
    end_damage();
}

Test(segment, without_chunks_is_set_aside)
{
    tn_segment *holder = open_segment();
    int file = open(FILE_PATH, O_RDWR);
    uint32_t none = 0;
    cr_assert_eq(pwrite(file, &none, sizeof(none), 36), (ssize_t)sizeof(none));
    close(file);
    tn_segment *segment = open_segment();
    unsigned chunk;
    cr_assert_eq(tn_segment_add_chunk(segment, &chunk), TN_OK);
    cr_assert(tn_segment_was_replaced(segment));
    cr_assert_eq(tn_segment_add_chunk(holder, &chunk), TN_ERROR_FULL, "whoever lives in it finds an end");
    tn_segment_free(segment);
    tn_segment_free(holder);
}
