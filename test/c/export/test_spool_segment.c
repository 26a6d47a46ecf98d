#include "support_export.h"

#include "export/spool_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int directory;

static void prepare(void)
{
    directory = open(make_folder(), O_RDONLY | O_DIRECTORY);
}

static void clean_up(void)
{
    close(directory);
    remove_folder();
    all_memory_is_back();
}

TestSuite(spool_segment, .init = prepare, .fini = clean_up, .timeout = 60);

static tn_spool_segment new_segment(void)
{
    tn_spool_segment segment;
    cr_assert_eq(tn_spool_segment_create(&tn_spool_real_system, directory, 0x0123456789abcdef, &segment), TN_OK);
    return segment;
}

/* The nth of the tests' records: its body is as long as it says, and not like another's. */
static tn_spool_record nth_record(size_t n)
{
    static char bodies[8][128];
    size_t size = 10 + 13 * n;
    for (size_t i = 0; i < size; i++) bodies[n][i] = (char)(n * 31 + i * 7);
    tn_spool_record record = {
        .created = 1000 + n, .spans = (uint32_t)(n + 1), .gzip = n % 2, .body = {bodies[n], size}};
    memset(record.batch_id.bytes, (int)(n + 1), sizeof(record.batch_id.bytes));
    return record;
}

static void append(tn_spool_segment *segment, size_t n)
{
    tn_spool_record record = nth_record(n);
    cr_assert_eq(tn_spool_segment_append(segment, &record), TN_OK);
}

static bool is_nth(const tn_spool_record *record, size_t n)
{
    tn_spool_record expected = nth_record(n);
    return record->created == expected.created && record->spans == expected.spans && record->gzip == expected.gzip &&
           memcmp(&record->batch_id, &expected.batch_id, sizeof(expected.batch_id)) == 0 &&
           record->body.size == expected.body.size &&
           memcmp(record->body.bytes, expected.body.bytes, expected.body.size) == 0;
}

/* What a reader makes of a segment of three records. */
typedef struct {
    bool found[3];
    size_t records, damaged;
} reading;

static reading read_all(const tn_spool_segment *segment)
{
    reading all = {0};
    tn_buffer body;
    tn_buffer_init(&body, TN_MAX_SPOOL_BODY);
    tn_spool_record record;
    tn_spool_found found;
    uint64_t at = 0, before = 0;
    while ((found = tn_spool_segment_read(segment, &at, &record, &body)) != TN_SPOOL_END) {
        cr_assert_gt(at, before);
        before = at;
        all.damaged += found == TN_SPOOL_DAMAGE;
        if (found != TN_SPOOL_RECORD) continue;
        all.records++;
        for (size_t n = 0; n < 3; n++) all.found[n] |= is_nth(&record, n);
    }
    tn_buffer_free(&body);
    return all;
}

static reading read_again(const char *name)
{
    tn_spool_segment segment;
    cr_assert_eq(tn_spool_segment_adopt(&tn_spool_real_system, directory, name, &segment), TN_OK);
    reading all = read_all(&segment);
    tn_spool_segment_close(&segment);
    return all;
}

static size_t found_count(const reading *all)
{
    return (size_t)all->found[0] + all->found[1] + all->found[2];
}

Test(spool_segment, names_tell_age_and_id)
{
    uint64_t created, id;
    cr_assert(tn_spool_name_parse("00000000000000ff-0123456789abcdef.spool", &created, &id));
    cr_assert_eq(created, 255);
    cr_assert_eq(id, 0x0123456789abcdef);
    static const char *const others[] = {"",
                                         ".",
                                         "00000000000000ff-0123456789abcdef.spoof",
                                         "00000000000000FF-0123456789abcdef.spool",
                                         "00000000000000ff_0123456789abcdef.spool",
                                         "00000000000000ff-0123456789abcdef.spool~",
                                         "0ff-0123456789abcdef.spool"};
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        cr_assert_not(tn_spool_name_parse(others[i], &created, &id), "%s", others[i]);
    }
}

Test(spool_segment, what_was_written_is_read_again_by_another_process)
{
    tn_spool_segment segment = new_segment();
    for (size_t n = 0; n < 3; n++) append(&segment, n);
    cr_assert_eq(segment.spans, 1 + 2 + 3);
    cr_assert_eq(segment.unsynced, 6);
    cr_assert(tn_spool_segment_sync(&segment));
    cr_assert_eq(segment.unsynced, 0);
    reading own = read_all(&segment);
    cr_assert_eq(found_count(&own), 3);
    struct stat status;
    fstat(segment.descriptor, &status);
    cr_assert_eq(status.st_mode & 0777, 0600);
    tn_spool_segment_close(&segment);

    reading all = read_again(segment.name);
    cr_assert_eq(found_count(&all), 3);
    cr_assert_eq(all.records, 3);
    cr_assert_eq(all.damaged, 0);
}

Test(spool_segment, what_is_done_is_passed_over)
{
    tn_spool_segment segment = new_segment();
    for (size_t n = 0; n < 3; n++) append(&segment, n);
    tn_buffer body;
    tn_buffer_init(&body, TN_MAX_SPOOL_BODY);
    tn_spool_record record;
    uint64_t at = 0;
    cr_assert_eq(tn_spool_segment_read(&segment, &at, &record, &body), TN_SPOOL_RECORD);
    tn_spool_segment_mark_done(&segment, &record);
    tn_buffer_free(&body);
    reading all = read_all(&segment);
    cr_assert_not(all.found[0]);
    cr_assert_eq(found_count(&all), 2);
    cr_assert_eq(all.damaged, 0);
    tn_spool_segment_close(&segment);
}

Test(spool_segment, one_that_lives_is_left_alone_and_no_link_is_followed)
{
    tn_spool_segment segment = new_segment(), other;
    cr_assert_eq(tn_spool_segment_adopt(&tn_spool_real_system, directory, segment.name, &other), TN_ERROR_CLOSED);
    char name[TN_SPOOL_NAME_SIZE] = "0000000000000001-0000000000000001.spool";
    cr_assert_eq(symlink(path_in_folder(segment.name), path_in_folder(name)), 0);
    cr_assert_eq(tn_spool_segment_adopt(&tn_spool_real_system, directory, name, &other), TN_ERROR_INVALID);
    name[15] = '2';
    cr_assert_eq(tn_spool_segment_adopt(&tn_spool_real_system, directory, name, &other), TN_ERROR_CLOSED);
    cr_assert_eq(mkfifo(path_in_folder(name), 0600), 0);
    cr_assert_eq(tn_spool_segment_adopt(&tn_spool_real_system, directory, name, &other), TN_ERROR_INVALID);
    tn_spool_segment_remove(&segment, directory);
    cr_assert_eq(access(path_in_folder(segment.name), F_OK), -1);
}

static void write_file(const char *name, const uint8_t *bytes, size_t size)
{
    int descriptor = open(path_in_folder(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_eq(write(descriptor, bytes, size), (ssize_t)size);
    close(descriptor);
}

/* A segment of three records as bytes; where each begins is left in `starts`, with the end. */
static size_t three_records(char *name, uint8_t *bytes, size_t starts[4])
{
    tn_spool_segment segment = new_segment();
    for (size_t n = 0; n < 3; n++) {
        starts[n] = segment.size;
        append(&segment, n);
    }
    starts[3] = segment.size;
    memcpy(name, segment.name, TN_SPOOL_NAME_SIZE);
    cr_assert_eq(pread(segment.descriptor, bytes, segment.size, 0), (ssize_t)segment.size);
    tn_spool_segment_close(&segment);
    return starts[3];
}

Test(spool_segment, a_flipped_bit_costs_its_own_record_only)
{
    char name[TN_SPOOL_NAME_SIZE];
    uint8_t bytes[1024];
    size_t starts[4], size = three_records(name, bytes, starts);
    for (size_t at = 0; at < size; at++) {
        size_t hit = at < starts[1] ? 0 : at < starts[2] ? 1 : 2, within = at - starts[hit];
        bool is_state = within >= 12 && within < 16; /* no single bit makes DONE of TODO */
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[at] ^= (uint8_t)(1u << bit);
            write_file(name, bytes, size);
            reading all = read_again(name);
            for (size_t n = 0; n < 3; n++) cr_assert_eq(all.found[n], n != hit || is_state, "byte %zu", at);
            cr_assert_eq(all.damaged, is_state ? 0 : 1, "byte %zu", at);
            bytes[at] ^= (uint8_t)(1u << bit);
        }
    }
}

Test(spool_segment, what_is_cut_off_costs_no_record_before_it)
{
    char name[TN_SPOOL_NAME_SIZE];
    uint8_t bytes[1024];
    size_t starts[4], size = three_records(name, bytes, starts);
    for (size_t length = 0; length <= size; length++) {
        write_file(name, bytes, length);
        reading all = read_again(name);
        size_t whole = length == size ? 3 : length >= starts[2] ? 2 : length >= starts[1] ? 1 : 0;
        cr_assert_eq(found_count(&all), whole, "%zu bytes", length);
        cr_assert_eq(all.damaged, length == starts[whole] ? 0 : 1, "%zu bytes", length);
    }
}

Test(spool_segment, garbage_is_damage_and_a_record_of_another_segment_is_none)
{
    char name[TN_SPOOL_NAME_SIZE];
    uint8_t bytes[1024];
    size_t starts[4], size = three_records(name, bytes, starts);
    write_file("0000000000000001-0000000000000001.spool", bytes, size);
    reading all = read_again("0000000000000001-0000000000000001.spool");
    cr_assert_eq(all.records, 0);
    cr_assert_eq(all.damaged, 1);

    uint8_t garbage[100000];
    for (size_t i = 0; i < sizeof(garbage); i++) garbage[i] = (uint8_t)random_number();
    memcpy(garbage + 50000, bytes, size);
    write_file(name, garbage, sizeof(garbage));
    all = read_again(name);
    cr_assert_eq(found_count(&all), 3);
    cr_assert_eq(all.damaged, 2);
}

/* --- A disk that fails --------------------------------------------------------------------------------- */

static size_t room; /* bytes that can still be written */
static bool cannot_truncate, cannot_sync;

static ssize_t write_while_there_is_room(int descriptor, const void *head, size_t head_size, const void *body,
                                         size_t body_size, off_t offset)
{
    size_t wanted = head_size + body_size, given = wanted < room ? wanted : room;
    if (given == 0) {
        errno = ENOSPC;
        return -1;
    }
    room -= given;
    size_t of_head = given < head_size ? given : head_size;
    return tn_spool_real_system.write(descriptor, head, of_head, body, given - of_head, offset);
}

static int fail_to_truncate(int descriptor, off_t size)
{
    errno = EIO;
    return cannot_truncate ? -1 : tn_spool_real_system.truncate(descriptor, size);
}

static int fail_to_sync(int descriptor)
{
    errno = EIO;
    return cannot_sync ? -1 : tn_spool_real_system.sync(descriptor);
}

static tn_spool_system failing_system(void)
{
    tn_spool_system system = tn_spool_real_system;
    system.write = write_while_there_is_room;
    system.truncate = fail_to_truncate;
    system.sync = fail_to_sync;
    return system;
}

Test(spool_segment, a_full_disk_keeps_the_records_before_and_leaves_no_half_one)
{
    tn_spool_system system = failing_system();
    tn_spool_record second = nth_record(1);
    for (size_t extra = 0; extra < TN_SPOOL_HEAD_SIZE + second.body.size; extra++) {
        tn_spool_segment segment = new_segment();
        append(&segment, 0);
        segment.system = &system;
        room = extra;
        errno = 0;
        cr_assert_eq(tn_spool_segment_append(&segment, &second), TN_ERROR_SYSTEM);
        cr_assert_eq(errno, ENOSPC);
        cr_assert_not(segment.sealed);
        cr_assert_eq(segment.spans, 1);
        room = SIZE_MAX;
        append(&segment, 2);
        reading all = read_all(&segment);
        cr_assert(all.found[0] && all.found[2] && !all.damaged);
        tn_spool_segment_remove(&segment, directory);
    }
}

Test(spool_segment, a_half_record_that_cannot_be_removed_is_the_last_of_its_segment)
{
    tn_spool_system system = failing_system();
    tn_spool_segment segment = new_segment();
    tn_spool_record second = nth_record(1);
    append(&segment, 0);
    segment.system = &system;
    room = 70;
    cannot_truncate = true;
    cr_assert_eq(tn_spool_segment_append(&segment, &second), TN_ERROR_SYSTEM);
    cr_assert(segment.sealed);
    tn_spool_segment_close(&segment);
    reading all = read_again(segment.name);
    cr_assert(all.found[0]);
    cr_assert_eq(all.damaged, 1);
}

Test(spool_segment, a_failed_fsync_confirms_nothing)
{
    tn_spool_system system = failing_system();
    tn_spool_segment segment = new_segment();
    append(&segment, 2);
    segment.system = &system;
    cannot_sync = true;
    cr_assert_not(tn_spool_segment_sync(&segment));
    cr_assert_eq(segment.unsynced, 3);
    tn_spool_segment_close(&segment);
}
