#include "support_export.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

TestSuite(console_exporter, .fini = all_memory_is_back, .timeout = 20);

static tn_exporter *exporter_for(int descriptor)
{
    tn_exporter *exporter = NULL;
    tn_encoder_options encoding = test_encoding();
    cr_assert_eq(tn_console_exporter_new(&encoding, descriptor, &exporter), TN_OK);
    return exporter;
}

Test(console_exporter, writes_a_line_a_span)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    tn_exporter *exporter = exporter_for(ends[1]);
    cr_assert_str_eq(exporter->name, "console");
    tn_export_result result = export_spans(exporter, 3);
    cr_assert_eq(result.exported, 3);
    cr_assert_eq(result.dropped, 0);
    exporter->free(exporter);

    char bytes[4096];
    ssize_t size = read(ends[0], bytes, sizeof(bytes));
    cr_assert_gt(size, 0);
    tn_text lines = {bytes, (size_t)size};
    cr_assert_eq(count_of(lines, "\n"), 3);
    cr_assert_eq(count_of(lines, "UNSET tasker.step.execution  "), 3);
    cr_assert_eq(write(ends[1], "x", 1), 1, "the descriptor is not its to close");
    close(ends[0]);
    close(ends[1]);
}

static void assert_storage_drop(int descriptor)
{
    tn_exporter *exporter = exporter_for(descriptor);
    tn_export_result result = export_spans(exporter, 3);
    cr_assert_eq(result.exported, 0);
    cr_assert_eq(result.dropped, 3);
    cr_assert_eq(result.reason, TN_DROP_STORAGE);
    cr_assert_str_neq(result.message, "");
    exporter->free(exporter);
}

Test(console_exporter, counts_what_can_not_be_written)
{
    signal(SIGPIPE, SIG_IGN);
    int ends[2], full = open("/dev/full", O_WRONLY);
    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    assert_storage_drop(ends[1]);
    assert_storage_drop(full);
    assert_storage_drop(-1);
    close(ends[1]);
    close(full);
}

Test(console_exporter, refuses_a_prefix_that_is_too_long)
{
    char prefix[TN_MAX_SCOPE + 1];
    memset(prefix, 'x', sizeof(prefix));
    tn_exporter *exporter = NULL;
    tn_encoder_options encoding = {.prefix = {prefix, sizeof(prefix)}, .attribute_limit = 1};
    cr_assert_eq(tn_console_exporter_new(&encoding, 1, &exporter), TN_ERROR_LIMIT);
    cr_assert_null(exporter);
}

Test(console_exporter, that_cannot_allocate_says_so)
{
    int null = open("/dev/null", O_WRONLY);
    for_each_failing_allocation {
        enough_memory();
        tn_span_list spans = {0};
        tn_span_list_add(&spans, rich_span());
        tn_exporter *exporter = NULL;
        tn_encoder_options encoding = test_encoding();
        scarce_memory();
        tn_status status = tn_console_exporter_new(&encoding, null, &exporter);
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        if (status == TN_OK) {
            tn_export_result result;
            exporter->export_batch(exporter, &spans, UINT64_MAX, &result);
            cr_assert_eq(result.dropped, allocation_failed() ? 1 : 0);
            cr_assert_eq(result.exported, allocation_failed() ? 0 : 1);
            if (result.dropped) cr_assert_eq(result.reason, TN_DROP_MEMORY);
            exporter->free(exporter);
        }
        tn_span_list_free(&spans);
    }
    close(null);
}
