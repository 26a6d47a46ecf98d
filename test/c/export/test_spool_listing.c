#include "support_export.h"

#include "export/spool_listing.h"
#include "export/spool_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "0000000000000010-0123456789abcdef.spool"

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

TestSuite(spool_listing, .init = prepare, .fini = clean_up, .timeout = 60);

static tn_spool_summary look(const char *name)
{
    tn_spool_summary summary;
    cr_assert_eq(tn_spool_look(directory, name, &summary), TN_OK);
    return summary;
}

static void append(tn_spool_segment *segment, uint32_t spans)
{
    tn_spool_record record = {.spans = spans, .body = TN_TEXT("0123456789")};
    cr_assert_eq(tn_spool_segment_append(segment, &record), TN_OK);
}

static tn_spool_segment segment_of_three(void)
{
    tn_spool_segment segment;
    cr_assert_eq(tn_spool_segment_create(&tn_spool_real_system, directory, 7, &segment), TN_OK);
    append(&segment, 1);
    append(&segment, 20);
    append(&segment, 300);
    return segment;
}

Test(spool_listing, counts_what_is_still_to_be_delivered)
{
    tn_spool_segment segment = segment_of_three();
    tn_spool_record first;
    tn_buffer body;
    uint64_t at = 0;
    tn_buffer_init(&body, 100);
    cr_assert_eq(tn_spool_segment_read(&segment, &at, &first, &body), TN_SPOOL_RECORD);
    tn_spool_segment_mark_done(&segment, &first);
    tn_buffer_free(&body);

    tn_spool_summary summary = look(segment.name);
    cr_assert_eq(summary.created, segment.created);
    cr_assert_eq(summary.bytes, 3 * (TN_SPOOL_HEAD_SIZE + 10));
    cr_assert_eq(summary.requests, 2);
    cr_assert_eq(summary.spans, 320);
    cr_assert_eq(summary.damaged, 0);
    tn_spool_segment_remove(&segment, directory);
}

Test(spool_listing, tells_whether_somebody_has_it)
{
    char name[TN_SPOOL_NAME_SIZE];
    tn_spool_segment segment = segment_of_three();
    memcpy(name, segment.name, sizeof(name));
    cr_assert(look(name).owned);
    cr_assert(look(name).owned, "to look takes nothing away");

    tn_spool_segment_close(&segment);
    cr_assert_not(look(name).owned);
    cr_assert_eq(tn_spool_segment_adopt(&tn_spool_real_system, directory, name, &segment), TN_OK);
    tn_spool_segment_remove(&segment, directory);
}

Test(spool_listing, counts_damage)
{
    tn_spool_segment segment = segment_of_three();
    cr_assert_eq(pwrite(segment.descriptor, "x", 1, TN_SPOOL_HEAD_SIZE + 10 + 70 - 1), 1); /* the second one's body */

    tn_spool_summary summary = look(segment.name);
    cr_assert_eq(summary.requests, 2);
    cr_assert_eq(summary.spans, 301);
    cr_assert_eq(summary.damaged, 1);
    tn_spool_segment_remove(&segment, directory);
}

Test(spool_listing, looks_at_files_of_a_spool_only)
{
    tn_spool_summary summary;
    cr_assert_eq(tn_spool_look(directory, "other", &summary), TN_ERROR_INVALID);
    cr_assert_eq(tn_spool_look(directory, NAME, &summary), TN_ERROR_SYSTEM);
    cr_assert_eq(errno, ENOENT);

    cr_assert_eq(symlinkat("/etc/passwd", directory, NAME), 0);
    cr_assert_eq(tn_spool_look(directory, NAME, &summary), TN_ERROR_INVALID);
    cr_assert_eq(unlinkat(directory, NAME, 0), 0);

    cr_assert_eq(mkfifoat(directory, NAME, 0600), 0);
    cr_assert_eq(tn_spool_look(directory, NAME, &summary), TN_ERROR_INVALID, "a FIFO is not waited for");
    cr_assert_eq(unlinkat(directory, NAME, 0), 0);
}

Test(spool_listing, needs_memory_for_a_body_only)
{
    tn_spool_segment segment = segment_of_three();
    for_each_failing_allocation {
        tn_spool_summary summary;
        tn_status status = tn_spool_look(directory, segment.name, &summary);
        cr_assert(status == TN_OK || status == TN_ERROR_MEMORY);
    }
    cr_assert_eq(look(segment.name).requests, 3);
    tn_spool_segment_remove(&segment, directory);
}
