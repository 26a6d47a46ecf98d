#include "support_export.h"

#include "base/process.h"
#include "export/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void prepare(void)
{
    make_folder();
    tn_process_watch_forks();
}

static void clean_up(void)
{
    remove_folder();
    all_memory_is_back();
}

TestSuite(spool, .init = prepare, .fini = clean_up, .timeout = 30);

static tn_spool *spool_in(const char *directory, uint64_t max_bytes, uint64_t max_age)
{
    tn_spool *spool = tn_spool_new(&tn_spool_real_system);
    tn_spool_options options = {tn_text_of(directory), max_bytes, max_age};
    cr_assert_eq(tn_spool_configure(spool, &options), TN_OK);
    return spool;
}

/* In the tests' folder itself, which is empty then. */
static tn_spool *new_spool(void)
{
    return spool_in(path_in_folder("."), 1 << 20, HOUR);
}

static tn_spool_changes changes; /* of all calls of a test */

static tn_status append(tn_spool *spool, uint8_t n, uint32_t spans, size_t size)
{
    static char body[64 * 1024];
    tn_spool_record record = {.spans = spans, .body = {body, size}};
    memset(record.batch_id.bytes, n, sizeof(record.batch_id.bytes));
    return tn_spool_append(spool, &record, &changes);
}

/* The batch that comes next, by its number, and is done with; -1: there is none. */
static int take(tn_spool *spool)
{
    tn_spool_record record;
    if (!tn_spool_next(spool, &record, &changes)) return -1;
    int n = record.batch_id.bytes[0];
    tn_spool_done(spool, &record);
    return n;
}

static size_t files_in_folder(void)
{
    size_t count = 0;
    DIR *folder = opendir(path_in_folder("."));
    for (struct dirent *entry; (entry = readdir(folder));) count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static tn_spool_stats stats_of_spool(tn_spool *spool)
{
    tn_spool_stats stats;
    tn_spool_stats_read(spool, &stats);
    return stats;
}

Test(spool, gives_back_in_order_what_it_was_given_and_leaves_no_file)
{
    tn_spool *spool = new_spool();
    for (uint8_t n = 1; n <= 5; n++) cr_assert_eq(append(spool, n, 10, 100 * n), TN_OK);
    cr_assert_eq(files_in_folder(), 1);
    for (int n = 1; n <= 5; n++) cr_assert_eq(take(spool), n);
    cr_assert_eq(take(spool), -1);
    cr_assert_eq(files_in_folder(), 0);
    cr_assert_eq(stats_of_spool(spool).bytes, 0);
    tn_spool_free(spool);
}

Test(spool, what_was_not_sent_stays_the_oldest)
{
    tn_spool *spool = new_spool();
    tn_spool_record record;
    cr_assert_eq(append(spool, 1, 1, 10), TN_OK);
    cr_assert_eq(append(spool, 2, 1, 10), TN_OK);
    cr_assert(tn_spool_next(spool, &record, &changes));
    cr_assert_eq(append(spool, 3, 1, 10), TN_OK, "while one is being sent");
    tn_spool_keep(spool);
    for (int n = 1; n <= 3; n++) cr_assert_eq(take(spool), n);
    tn_spool_free(spool);
}

Test(spool, tells_apart_what_survives_a_power_cut)
{
    tn_spool *spool = new_spool();
    cr_assert_eq(append(spool, 1, 7, 10), TN_OK);
    cr_assert_eq(stats_of_spool(spool).synced, 0);
    tn_spool_sync(spool);
    cr_assert_eq(stats_of_spool(spool).synced, 7);
    tn_spool_free(spool);
}

static size_t failing_syncs;

static int fail_to_sync(int descriptor)
{
    struct stat status;
    fstat(descriptor, &status);
    if (S_ISDIR(status.st_mode) || failing_syncs == 0) return tn_spool_real_system.sync(descriptor);
    failing_syncs--;
    errno = EIO;
    return -1;
}

Test(spool, a_failed_fsync_is_not_asked_again_and_another_file_begins)
{
    tn_spool_system system = tn_spool_real_system;
    system.sync = fail_to_sync;
    tn_spool *spool = tn_spool_new(&system);
    tn_spool_options options = {tn_text_of(path_in_folder(".")), 1 << 20, HOUR};
    cr_assert_eq(tn_spool_configure(spool, &options), TN_OK);
    failing_syncs = 1;
    cr_assert_eq(append(spool, 1, 7, 10), TN_OK);
    tn_spool_sync(spool);
    tn_spool_sync(spool);
    cr_assert_eq(stats_of_spool(spool).synced, 0, "the second answer means nothing");
    cr_assert_eq(append(spool, 2, 5, 10), TN_OK);
    tn_spool_sync(spool);
    cr_assert_eq(stats_of_spool(spool).synced, 5);
    cr_assert_eq(files_in_folder(), 2);
    tn_spool_free(spool);
}

static size_t lost_locks;

/* Another process takes a file for an orphan, and removes it, as it is empty. */
static int lose_lock(int descriptor)
{
    struct stat status;
    if (lost_locks == 0 || fstat(descriptor, &status) != 0 || status.st_size > 0)
        return tn_spool_real_system.lock(descriptor);
    lost_locks--;
    errno = EWOULDBLOCK;
    return -1;
}

Test(spool, a_file_that_another_process_takes_for_an_orphan_costs_no_record)
{
    tn_spool_system system = tn_spool_real_system;
    system.lock = lose_lock;
    tn_spool *spool = tn_spool_new(&system);
    tn_spool_options options = {tn_text_of(path_in_folder(".")), 1 << 20, HOUR};
    cr_assert_eq(tn_spool_configure(spool, &options), TN_OK);
    lost_locks = 2;
    cr_assert_eq(append(spool, 1, 7, 10), TN_OK);
    cr_assert_eq(lost_locks, 0);
    cr_assert_eq(stats_of_spool(spool).errors, 0);
    cr_assert_eq(take(spool), 1);

    lost_locks = SIZE_MAX;
    cr_assert_eq(append(spool, 2, 7, 10), TN_ERROR_SYSTEM, "it comes to an end");
    cr_assert_eq(stats_of_spool(spool).errors, 1);
    lost_locks = 0;
    tn_spool_free(spool);
}

Test(spool, takes_over_from_one_that_has_ended_with_its_batch_ids)
{
    tn_spool *first = new_spool(), *second = new_spool();
    cr_assert_eq(append(first, 1, 4, 10), TN_OK);
    cr_assert_eq(append(first, 2, 5, 10), TN_OK);
    cr_assert_eq(take(second), -1, "the first lives");
    cr_assert_eq(take(first), 1);
    tn_spool_free(first);

    tn_spool_options options = {tn_text_of(path_in_folder(".")), 1 << 20, HOUR};
    cr_assert_eq(tn_spool_configure(second, &options), TN_OK); /* or it would look again ten seconds later */
    cr_assert_eq(take(second), 2);
    cr_assert_eq(changes.adopted, 5);
    cr_assert_eq(take(second), -1);
    cr_assert_eq(files_in_folder(), 0);
    tn_spool_free(second);
}

static int use_in_child(void *spool)
{
    tn_spool_reset_in_child(spool);
    bool alone = take(spool) == -1;
    bool good = append(spool, 9, 1, 10) == TN_OK && take(spool) == 9;
    return alone && good ? 0 : 1;
}

Test(spool, a_child_of_a_fork_has_its_own)
{
    tn_spool *spool = new_spool();
    cr_assert_eq(append(spool, 1, 1, 10), TN_OK);
    cr_assert_eq(child_result(start_child(use_in_child, spool)), 0);
    cr_assert_eq(take(spool), 1);
    tn_spool_free(spool);
}

Test(spool, the_oldest_make_room_and_are_counted)
{
    tn_spool *spool = spool_in(path_in_folder("."), 64 * 1024, HOUR);
    size_t dropped = 0, given = 200, left = 0;
    for (size_t i = 0; i < given; i++) cr_assert_eq(append(spool, (uint8_t)i, 1, 1000), TN_OK);
    cr_assert_leq(stats_of_spool(spool).bytes, 64 * 1024);
    dropped = changes.dropped[TN_DROP_SPOOL_FULL];
    int n, before = -1;
    for (; (n = take(spool)) >= 0; left++) {
        cr_assert(before < 0 || n == before + 1);
        before = n;
    }
    cr_assert_eq(before, 199, "the newest are there");
    cr_assert_eq(dropped + left, given);
    cr_assert_geq(left, 48);
    tn_spool_free(spool);
}

Test(spool, what_a_dead_process_left_makes_room_first)
{
    tn_spool *dead = spool_in(path_in_folder("."), 64 * 1024, HOUR);
    for (uint8_t i = 0; i < 40; i++) cr_assert_eq(append(dead, i, 1, 1000), TN_OK);
    tn_spool_free(dead);
    changes = (tn_spool_changes){0};
    tn_spool *spool = spool_in(path_in_folder("."), 64 * 1024, HOUR);
    for (uint8_t i = 100; i < 150; i++) cr_assert_eq(append(spool, i, 1, 1000), TN_OK);
    cr_assert_gt(changes.adopted, 0);
    cr_assert_eq(changes.adopted, changes.dropped[TN_DROP_SPOOL_FULL]);
    cr_assert_eq(take(spool), 100);
    tn_spool_free(spool);
}

Test(spool, no_more_goes_than_has_to)
{
    tn_spool *dead = spool_in(path_in_folder("."), 64 * 1024, HOUR);
    for (uint8_t i = 0; i < 40; i++) cr_assert_eq(append(dead, i, 1, 1000), TN_OK);
    tn_spool_free(dead);
    tn_spool *spool = spool_in(path_in_folder("."), 64 * 1024, HOUR);
    for (uint8_t i = 100; i < 121; i++) cr_assert_eq(append(spool, i, 1, 1000), TN_OK);
    cr_assert_eq(changes.adopted, 0, "61 records of 1,060 bytes have room");
    cr_assert_eq(append(spool, 121, 1, 1000), TN_OK);
    cr_assert_eq(changes.dropped[TN_DROP_SPOOL_FULL], 3, "one segment");
    tn_spool_free(spool);
}

Test(spool, what_it_has_adopted_takes_room_once)
{
    tn_spool *dead = spool_in(path_in_folder("."), 64 * 1024, HOUR);
    for (uint8_t i = 0; i < 40; i++) cr_assert_eq(append(dead, i, 1, 1000), TN_OK);
    tn_spool_free(dead);
    tn_spool *spool = spool_in(path_in_folder("."), 64 * 1024, HOUR);
    cr_assert_eq(append(spool, 100, 1, 1000), TN_OK);
    cr_assert_eq(take(spool), 100);
    cr_assert_eq(take(spool), 0, "adopted");
    for (uint8_t i = 101; i < 121; i++) cr_assert_eq(append(spool, i, 1, 1000), TN_OK);
    cr_assert_eq(changes.dropped[TN_DROP_SPOOL_FULL], 0);
    tn_spool_free(spool);
}

Test(spool, one_that_is_too_large_for_it_costs_no_other)
{
    tn_spool *spool = spool_in(path_in_folder("."), 2000, HOUR);
    cr_assert_eq(append(spool, 1, 1, 100), TN_OK);
    cr_assert_eq(append(spool, 2, 1, 3000), TN_ERROR_FULL);
    cr_assert(contains(tn_text_of(tn_spool_problem(spool)), "spool_max_bytes"));
    cr_assert_eq(take(spool), 1);
    tn_spool_free(spool);
}

Test(spool, what_is_too_old_goes_and_is_counted)
{
    tn_spool *spool = spool_in(path_in_folder("."), 1 << 20, 50 * TN_MILLISECOND);
    cr_assert_eq(append(spool, 1, 3, 10), TN_OK);
    sleep_ms(100);
    cr_assert_eq(append(spool, 2, 4, 10), TN_OK);
    cr_assert_eq(take(spool), 2);
    cr_assert_eq(changes.dropped[TN_DROP_SPOOL_EXPIRED], 3);
    tn_spool_free(spool);
}

static void damage_file(const char *name)
{
    int descriptor = open(path_in_folder(name), O_WRONLY);
    cr_assert_eq(pwrite(descriptor, "x", 1, TN_SPOOL_HEAD_SIZE + 3), 1);
    close(descriptor);
}

static void damage_all(void)
{
    DIR *folder = opendir(path_in_folder("."));
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] != '.') damage_file(entry->d_name);
    }
    closedir(folder);
}

Test(spool, a_damaged_record_is_lost_alone_and_counted)
{
    tn_spool *spool = new_spool();
    cr_assert_eq(append(spool, 1, 3, 50), TN_OK);
    cr_assert_eq(append(spool, 2, 4, 50), TN_OK);
    damage_all();
    cr_assert_eq(take(spool), 2);
    cr_assert_eq(changes.dropped[TN_DROP_CORRUPT], 3);
    cr_assert_eq(stats_of_spool(spool).damaged, 1);
    tn_spool_free(spool);
}

Test(spool, an_adopted_damaged_record_is_accepted_and_dropped)
{
    tn_spool *dead = new_spool();
    cr_assert_eq(append(dead, 1, 3, 50), TN_OK);
    cr_assert_eq(append(dead, 2, 4, 50), TN_OK);
    tn_spool_free(dead);
    damage_all();
    tn_spool *spool = new_spool();
    cr_assert_eq(take(spool), 2);
    cr_assert_eq(changes.adopted, 7);
    cr_assert_eq(changes.dropped[TN_DROP_CORRUPT], 3);
    tn_spool_free(spool);
}

/* Uses the folder "spool", and leaves it empty. */
static void use_folder(tn_spool *spool)
{
    struct stat status;
    cr_assert_eq(append(spool, 1, 1, 10), TN_OK);
    cr_assert_eq(stat(path_in_folder("spool"), &status), 0);
    cr_assert_eq(status.st_mode & 07777, 0700);
    cr_assert_eq(take(spool), 1);
}

Test(spool, its_directory_is_made_private)
{
    for (int i = 0; i < 2; i++) {
        tn_spool *spool = spool_in(path_in_folder("spool"), 1 << 20, HOUR);
        use_folder(spool);
        tn_spool_free(spool);
        cr_assert_eq(chmod(path_in_folder("spool"), 0755), 0);
    }
    cr_assert_eq(rmdir(path_in_folder("spool")), 0);
}

Test(spool, a_folder_of_other_things_stays_open_to_others)
{
    struct stat status;
    cr_assert_eq(mkdir(path_in_folder("spool"), 0755), 0);
    cr_assert_eq(mkdir(path_in_folder("spool/cache"), 0755), 0);
    tn_spool *spool = spool_in(path_in_folder("spool"), 1 << 20, HOUR);

    cr_assert_eq(append(spool, 1, 1, 10), TN_ERROR_SYSTEM);
    cr_assert(contains(tn_text_of(tn_spool_problem(spool)), "it holds other things than a spool"));
    cr_assert_eq(stat(path_in_folder("spool"), &status), 0);
    cr_assert_eq(status.st_mode & 07777, 0755);

    cr_assert_eq(rmdir(path_in_folder("spool/cache")), 0);
    use_folder(spool); /* tried again each time */
    tn_spool_free(spool);
    cr_assert_eq(rmdir(path_in_folder("spool")), 0);
}

Test(spool, a_directory_that_is_removed_is_made_again)
{
    tn_spool *spool = spool_in(path_in_folder("spool"), 1 << 20, HOUR);
    for (int i = 0; i < 2; i++) {
        use_folder(spool);
        cr_assert_eq(rmdir(path_in_folder("spool")), 0);
    }
    tn_spool_free(spool);
}

static void remove_files_in(const char *name)
{
    DIR *folder = opendir(path_in_folder(name));
    for (struct dirent *entry; (entry = readdir(folder));) unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
}

Test(spool, nothing_more_is_written_into_a_file_that_somebody_has_removed)
{
    tn_spool *spool = spool_in(path_in_folder("spool"), 1 << 20, HOUR);
    cr_assert_eq(append(spool, 1, 1, 10), TN_OK);
    remove_files_in("spool");
    cr_assert_eq(append(spool, 2, 1, 10), TN_OK);
    remove_files_in("spool");
    cr_assert_eq(rmdir(path_in_folder("spool")), 0);
    cr_assert_eq(append(spool, 3, 1, 10), TN_OK);
    cr_assert_eq(append(spool, 4, 1, 10), TN_OK);

    tn_spool *next = spool_in(path_in_folder("spool"), 1 << 20, HOUR);
    cr_assert_eq(take(next), -1, "the first lives");
    for (int n = 1; n <= 4; n++) cr_assert_eq(take(spool), n, "a file lives as long as it is open");
    cr_assert_eq(append(spool, 5, 1, 10), TN_OK);
    remove_files_in("spool");
    cr_assert_eq(append(spool, 6, 1, 10), TN_OK);
    tn_spool_free(spool);
    tn_spool_free(next);

    next = spool_in(path_in_folder("spool"), 1 << 20, HOUR);
    cr_assert_eq(take(next), 6);
    cr_assert_eq(take(next), -1);
    tn_spool_free(next);
    cr_assert_eq(rmdir(path_in_folder("spool")), 0);
}

Test(spool, orphans_are_looked_for_in_the_directory_that_there_is_now)
{
    tn_spool *spool = spool_in(path_in_folder("spool"), 1 << 20, HOUR);
    use_folder(spool);
    cr_assert_eq(rmdir(path_in_folder("spool")), 0);
    tn_spool *dead = spool_in(path_in_folder("spool"), 1 << 20, HOUR);
    cr_assert_eq(append(dead, 1, 1, 10), TN_OK);
    tn_spool_free(dead);

    tn_spool_options options = {tn_text_of(path_in_folder("spool")), 1 << 20, HOUR};
    cr_assert_eq(tn_spool_configure(spool, &options), TN_OK); /* or it would look again ten seconds later */
    cr_assert_eq(take(spool), 1);
    tn_spool_free(spool);
    cr_assert_eq(rmdir(path_in_folder("spool")), 0);
}

Test(spool, one_that_cannot_be_used_says_where_and_why)
{
    tn_spool *spool = spool_in(path_in_folder("none/spool"), 1 << 20, HOUR);
    cr_assert_eq(append(spool, 1, 1, 10), TN_ERROR_SYSTEM);
    cr_assert(contains(tn_text_of(tn_spool_problem(spool)), "none/spool: No such file or directory"));
    cr_assert_eq(take(spool), -1);
    cr_assert_geq(stats_of_spool(spool).errors, 1);
    tn_spool_free(spool);

    cr_assert_eq(symlink(path_in_folder("."), path_in_folder("link")), 0);
    spool = spool_in(path_in_folder("link"), 1 << 20, HOUR);
    cr_assert_eq(append(spool, 1, 1, 10), TN_ERROR_SYSTEM, "a link");
    tn_spool_free(spool);
}

Test(spool, without_a_directory_it_is_off)
{
    tn_spool *spool = spool_in("", 1, 1);
    cr_assert_not(tn_spool_is_on(spool));
    cr_assert_eq(tn_spool_due(spool), UINT64_MAX);
    tn_spool_free(spool);
}

Test(spool, without_memory_nothing_is_lost)
{
    for_each_failing_allocation {
        enough_memory();
        changes = (tn_spool_changes){0};
        tn_spool *spool = new_spool();
        cr_assert_eq(append(spool, 1, 3, 50), TN_OK);
        scarce_memory();
        int n = take(spool);
        cr_assert(n == 1 || allocation_failed());
        enough_memory();
        if (n == -1) cr_assert_eq(take(spool), 1);
        cr_assert_eq(changes.dropped[TN_DROP_CORRUPT], 0);
        tn_spool_free(spool);
        scarce_memory();
    }
}

static int fail_to_unlink(int folder, const char *name)
{
    (void)folder;
    (void)name;
    errno = EROFS;
    return -1;
}

Test(spool, what_was_dropped_does_not_come_back_though_its_file_stays)
{
    tn_spool_system system = tn_spool_real_system;
    system.unlink = fail_to_unlink;
    tn_spool *spool = tn_spool_new(&system);
    tn_spool_options options = {tn_text_of(path_in_folder(".")), 16 * 1024, HOUR};
    cr_assert_eq(tn_spool_configure(spool, &options), TN_OK);
    changes = (tn_spool_changes){0};
    for (uint8_t n = 1; n <= 60; n++) cr_assert_eq(append(spool, n, 1, 1000), TN_OK);
    size_t lost = changes.dropped[TN_DROP_SPOOL_FULL], kept = 0;
    cr_assert_gt(lost, 10);
    cr_assert_gt(files_in_folder(), 50);
    tn_spool_free(spool);

    tn_spool *heir = spool_in(path_in_folder("."), 1 << 20, HOUR);
    while (take(heir) > 0) kept++;
    cr_assert_eq(kept, 60 - lost);
    cr_assert_eq(files_in_folder(), 0);
    tn_spool_free(heir);
}
