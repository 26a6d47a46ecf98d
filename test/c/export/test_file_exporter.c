#include "support_export.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void set_up(void)
{
    make_folder();
}

static void tear_down(void)
{
    file_content("/nowhere");
    remove_folder();
    all_memory_is_back();
}

TestSuite(file_exporter, .init = set_up, .fini = tear_down, .timeout = 30);

static tn_exporter *exporter_for(const char *path, size_t max_size)
{
    tn_exporter *exporter = NULL;
    tn_file_exporter_options options = {
        .encoding = test_encoding(),
        .path = tn_text_of(path),
        .max_size = max_size,
    };
    cr_assert_eq(tn_file_exporter_new(&options, &exporter), TN_OK);
    return exporter;
}

/* Asserts that the text is lines of JSON. Returns how many. */
static size_t line_count(tn_text text)
{
    size_t count = 0;
    while (text.size > 0) {
        const char *end = memchr(text.bytes, '\n', text.size);
        cr_assert_not_null(end, "the last line is torn");
        tn_text line = {text.bytes, (size_t)(end - text.bytes)};
        cr_assert(is_json(line), "a torn line: %.*s", (int)line.size, line.bytes);
        text = (tn_text){end + 1, text.size - line.size - 1};
        count++;
    }
    return count;
}

static void assert_storage_drop(const char *path)
{
    tn_exporter *exporter = exporter_for(path, 0);
    uint64_t start = tn_clock_monotonic();
    tn_export_result result = export_spans(exporter, 3);
    cr_assert_lt(tn_clock_monotonic() - start, 2 * TN_SECOND);
    cr_assert_eq(result.exported, 0);
    cr_assert_eq(result.dropped, 3);
    cr_assert_eq(result.reason, TN_DROP_STORAGE);
    cr_assert(contains(tn_text_of(result.message), path), "%s", result.message);
    exporter->free(exporter);
}

Test(file_exporter, writes_a_request_a_line_that_only_the_owner_can_read)
{
    umask(0);
    const char *path = path_in_folder("traces.jsonl");
    tn_exporter *exporter = exporter_for(path, 0);
    cr_assert_str_eq(exporter->name, "file");
    cr_assert_eq(access(path, F_OK), -1, "not before the first batch");

    for (size_t count = 1; count < 4; count++) {
        tn_export_result result = export_spans(exporter, count);
        cr_assert_eq(result.exported, count);
        cr_assert_eq(result.dropped, 0);
        cr_assert_str_eq(result.message, "");
    }
    tn_text content = file_content(path);
    cr_assert_eq(line_count(content), 3);
    cr_assert_eq(count_of(content, "\"traceId\""), 6);

    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 07777, 0600);
    exporter->free(exporter);
}

Test(file_exporter, appends_to_what_is_there)
{
    const char *path = path_in_folder("traces.jsonl");
    for (size_t count = 1; count < 4; count++) {
        tn_exporter *exporter = exporter_for(path, 0);
        cr_assert_eq(export_spans(exporter, 1).exported, 1);
        exporter->free(exporter);
        cr_assert_eq(line_count(file_content(path)), count);
    }
}

enum { WRITERS = 4, BATCHES = 60 };

typedef struct {
    const char *path;
    size_t max_size;
} writing;

static int write_batches(void *argument)
{
    const writing *w = argument;
    tn_exporter *exporter = exporter_for(w->path, w->max_size);
    size_t exported = 0;
    for (int i = 0; i < BATCHES; i++) exported += export_spans(exporter, 20).exported;
    exporter->free(exporter);
    return exported == BATCHES * 20 ? 0 : 1;
}

static void write_at_once(writing w)
{
    pid_t children[WRITERS];
    for (int i = 0; i < WRITERS; i++) children[i] = start_child(write_batches, &w);
    for (int i = 0; i < WRITERS; i++) cr_assert_eq(child_result(children[i]), 0);
}

Test(file_exporter, several_processes_write_whole_lines)
{
    const char *path = path_in_folder("traces.jsonl");
    write_at_once((writing){path, 0});
    cr_assert_eq(line_count(file_content(path)), WRITERS * BATCHES);
}

static size_t size_of_a_line(void)
{
    const char *path = path_in_folder("one");
    tn_exporter *exporter = exporter_for(path, 0);
    export_spans(exporter, 20);
    exporter->free(exporter);
    return file_content(path).size;
}

Test(file_exporter, several_processes_rotate_once_and_lose_nothing)
{
    const char *path = path_in_folder("traces.jsonl"), *rotated = path_in_folder("traces.jsonl.1");
    size_t max_size = WRITERS * BATCHES * size_of_a_line() * 6 / 10;
    write_at_once((writing){path, max_size});

    tn_text old = file_content(rotated);
    cr_assert(old.size >= max_size && old.size < max_size + size_of_a_line());
    size_t lines = line_count(file_content(rotated));
    cr_assert_eq(lines + line_count(file_content(path)), WRITERS * BATCHES);
}

Test(file_exporter, several_processes_that_rotate_at_every_line_still_deliver)
{
    const char *path = path_in_folder("traces.jsonl");
    write_at_once((writing){path, 1});
    cr_assert_eq(line_count(file_content(path)), 1);
    cr_assert_eq(line_count(file_content(path_in_folder("traces.jsonl.1"))), 1);
}

Test(file_exporter, keeps_one_full_file_beside_the_current_one)
{
    const char *path = path_in_folder("traces.jsonl"), *rotated = path_in_folder("traces.jsonl.1");
    size_t line = size_of_a_line();
    tn_exporter *exporter = exporter_for(path, 2 * line);
    for (int i = 1; i <= 5; i++) cr_assert_eq(export_spans(exporter, 20).exported, 20);
    cr_assert_eq(line_count(file_content(rotated)), 2);
    cr_assert_eq(line_count(file_content(path)), 1);
    exporter->free(exporter);
}

Test(file_exporter, begins_anew_when_the_file_was_taken_away)
{
    const char *path = path_in_folder("traces.jsonl"), *moved = path_in_folder("moved");
    tn_exporter *exporter = exporter_for(path, 0);
    export_spans(exporter, 1);
    cr_assert_eq(rename(path, moved), 0);
    cr_assert_eq(export_spans(exporter, 1).exported, 1);
    cr_assert_eq(line_count(file_content(path)), 1);
    cr_assert_eq(line_count(file_content(moved)), 1);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(export_spans(exporter, 1).exported, 1);
    cr_assert_eq(line_count(file_content(path)), 1);
    exporter->free(exporter);
}

Test(file_exporter, never_writes_through_a_symbolic_link)
{
    const char *path = path_in_folder("traces.jsonl"), *target = path_in_folder("target");
    cr_assert_eq(symlink(target, path), 0);
    assert_storage_drop(path);
    cr_assert_eq(access(target, F_OK), -1);

    fclose(fopen(target, "w"));
    assert_storage_drop(path);
    cr_assert_eq(file_content(target).size, 0);
}

Test(file_exporter, a_folder_that_is_missing_drops_until_it_is_there)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/traces.jsonl", path_in_folder("log"));
    assert_storage_drop(path);

    tn_exporter *exporter = exporter_for(path, 0);
    cr_assert_eq(export_spans(exporter, 1).dropped, 1);
    cr_assert_eq(mkdir(path_in_folder("log"), 0700), 0);
    cr_assert_eq(export_spans(exporter, 1).exported, 1);
    cr_assert_eq(line_count(file_content(path)), 1);
    exporter->free(exporter);
    unlink(path);
    rmdir(path_in_folder("log"));
}

Test(file_exporter, drops_into_what_is_no_file)
{
    assert_storage_drop("/dev/full");
    assert_storage_drop("/dev/null");
    assert_storage_drop("/tmp");
}

Test(file_exporter, a_fifo_does_not_block_it)
{
    const char *path = path_in_folder("fifo");
    cr_assert_eq(mkfifo(path, 0600), 0);
    assert_storage_drop(path);

    int reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_storage_drop(path);
    char byte;
    cr_assert_eq(read(reader, &byte, 1), 0, "nothing was written");
    close(reader);
}

/* On a disk that has room for ten more bytes. */
static int write_to_a_full_disk(void *path)
{
    struct stat before, after;
    if (stat(path, &before) != 0) return 2;
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {(rlim_t)before.st_size + 10, RLIM_INFINITY};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 3;

    tn_exporter *exporter = exporter_for(path, 0);
    tn_export_result result = export_spans(exporter, 3);
    if (result.exported != 0 || result.dropped != 3 || result.reason != TN_DROP_STORAGE) return 4;
    if (stat(path, &after) != 0 || after.st_size != before.st_size) return 5;

    limit.rlim_cur = RLIM_INFINITY;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 6;
    if (export_spans(exporter, 3).exported != 3) return 7;
    exporter->free(exporter);
    return 0;
}

Test(file_exporter, what_does_not_fit_on_the_disk_leaves_nothing_behind)
{
    const char *path = path_in_folder("traces.jsonl");
    tn_exporter *exporter = exporter_for(path, 0);
    export_spans(exporter, 1);
    cr_assert_eq(child_result(start_child(write_to_a_full_disk, (void *)path)), 0);
    cr_assert_eq(export_spans(exporter, 1).exported, 1);
    cr_assert_eq(line_count(file_content(path)), 3);
    exporter->free(exporter);
}

static int hold_the_lock(void *path)
{
    int descriptor = open(path, O_WRONLY | O_APPEND);
    if (flock(descriptor, LOCK_EX) != 0 || write(descriptor, "[1,", 3) != 3) return 1;
    sleep_ms(300);
    return write(descriptor, "2]\n", 3) == 3 ? 0 : 1;
}

Test(file_exporter, waits_for_the_line_that_another_process_is_writing)
{
    const char *path = path_in_folder("traces.jsonl");
    tn_exporter *exporter = exporter_for(path, 0);
    export_spans(exporter, 1);
    size_t before = file_content(path).size;
    pid_t child = start_child(hold_the_lock, (void *)path);
    eventually(file_content(path).size > before);
    cr_assert_eq(export_spans(exporter, 1).exported, 1);
    cr_assert_eq(child_result(child), 0);
    cr_assert_eq(line_count(file_content(path)), 3);
    exporter->free(exporter);
}

static int export_in_child(void *argument)
{
    tn_exporter *exporter = argument;
    exporter->reset_in_child(exporter);
    return export_spans(exporter, 1).exported == 1 ? 0 : 1;
}

Test(file_exporter, a_child_goes_on_in_the_same_file)
{
    const char *path = path_in_folder("traces.jsonl");
    tn_exporter *exporter = exporter_for(path, 0);
    export_spans(exporter, 1);
    cr_assert_eq(child_result(start_child(export_in_child, exporter)), 0);
    cr_assert_eq(export_spans(exporter, 1).exported, 1);
    cr_assert_eq(line_count(file_content(path)), 3);
    exporter->free(exporter);
}

static int sleep_a_while(void *unused)
{
    (void)unused;
    sleep_ms(3000);
    return 0;
}

/* A child that was forked shares the open file, and with it the lock. */
static int fail_beside_a_child(void *path)
{
    tn_exporter *exporter = exporter_for(path, 0);
    if (export_spans(exporter, 1).exported != 1) return 2;
    pid_t child = start_child(sleep_a_while, NULL);

    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {1, RLIM_INFINITY};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 3;
    if (export_spans(exporter, 1).dropped != 1) return 4;
    limit.rlim_cur = RLIM_INFINITY;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 5;

    uint64_t start = tn_clock_monotonic();
    if (export_spans(exporter, 1).exported != 1) return 6;
    if (tn_clock_monotonic() - start > TN_SECOND) return 7;
    exporter->free(exporter);
    kill(child, SIGKILL);
    child_result(child);
    return 0;
}

Test(file_exporter, what_failed_leaves_no_lock_to_a_child_that_knows_nothing_of_it)
{
    const char *path = path_in_folder("traces.jsonl");
    cr_assert_eq(child_result(start_child(fail_beside_a_child, (void *)path)), 0);
    cr_assert_eq(line_count(file_content(path)), 2);
}

static tn_status new_status(tn_text path)
{
    tn_exporter *exporter = NULL;
    tn_file_exporter_options options = {.encoding = test_encoding(), .path = path};
    tn_status status = tn_file_exporter_new(&options, &exporter);
    cr_assert_eq(exporter != NULL, status == TN_OK);
    if (exporter) exporter->free(exporter);
    return status;
}

Test(file_exporter, refuses_what_can_be_no_path)
{
    static char path[5000];
    memset(path, 'x', sizeof(path));
    cr_assert_eq(new_status(TN_NO_TEXT), TN_ERROR_INVALID);
    cr_assert_eq(new_status(TN_TEXT("a\0b")), TN_ERROR_INVALID);
    cr_assert_eq(new_status((tn_text){path, sizeof(path)}), TN_ERROR_LIMIT);
}

Test(file_exporter, that_cannot_allocate_says_so_and_writes_nothing)
{
    const char *path = path_in_folder("traces.jsonl");
    for_each_failing_allocation {
        enough_memory();
        tn_span_list spans = new_spans(20);
        tn_exporter *exporter = NULL;
        tn_file_exporter_options options = {.encoding = test_encoding(), .path = tn_text_of(path)};
        scarce_memory();
        tn_status status = tn_file_exporter_new(&options, &exporter);
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        if (status == TN_OK) {
            tn_export_result result;
            exporter->export_batch(exporter, &spans, UINT64_MAX, &result);
            cr_assert_eq(result.dropped, allocation_failed() ? 20 : 0);
            cr_assert_eq(result.exported, allocation_failed() ? 0 : 20);
            if (result.dropped) cr_assert_eq(result.reason, TN_DROP_MEMORY);
            exporter->free(exporter);
        }
        tn_span_list_free(&spans);
    }
    cr_assert_eq(line_count(file_content(path)), 1);
}
