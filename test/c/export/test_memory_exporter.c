#include "support_export.h"

TestSuite(memory_exporter, .fini = all_memory_is_back, .timeout = 20);

static tn_exporter *exporter_with(size_t max_size)
{
    tn_exporter *exporter = NULL;
    tn_encoder_options encoding = test_encoding();
    cr_assert_eq(tn_memory_exporter_new(&encoding, max_size, &exporter), TN_OK);
    return exporter;
}

/* Takes what it keeps. Returns how many spans that is. */
static size_t take_spans(tn_exporter *exporter)
{
    tn_buffer taken;
    tn_memory_exporter_take(exporter, &taken);
    cr_assert_eq(taken.status, TN_OK);
    tn_text text = tn_buffer_text(&taken);
    size_t spans = count_of(text, "\"traceId\"");
    while (text.size > 0) {
        const char *end = memchr(text.bytes, '\n', text.size);
        cr_assert_not_null(end);
        cr_assert(is_json((tn_text){text.bytes, (size_t)(end - text.bytes)}));
        text = (tn_text){end + 1, text.size - (size_t)(end + 1 - text.bytes)};
    }
    tn_buffer_free(&taken);
    return spans;
}

Test(memory_exporter, keeps_requests_until_they_are_taken)
{
    tn_exporter *exporter = exporter_with(1 << 20);
    cr_assert_str_eq(exporter->name, "memory");
    cr_assert_eq(take_spans(exporter), 0);
    cr_assert_eq(export_spans(exporter, 2).exported, 2);
    cr_assert_eq(export_spans(exporter, 3).exported, 3);
    cr_assert_eq(take_spans(exporter), 5);
    cr_assert_eq(take_spans(exporter), 0);
    cr_assert_eq(export_spans(exporter, 1).exported, 1);
    exporter->free(exporter);
}

Test(memory_exporter, beyond_its_size_drops_the_newest_and_keeps_the_rest)
{
    tn_exporter *exporter = exporter_with(4000);
    size_t exported = 0, dropped = 0;
    for (int i = 0; i < 30; i++) {
        tn_export_result result = export_spans(exporter, 1);
        exported += result.exported;
        dropped += result.dropped;
        if (result.dropped) cr_assert(result.reason == TN_DROP_MEMORY && result.message[0]);
    }
    cr_assert_gt(exported, 2);
    cr_assert_eq(exported + dropped, 30);
    cr_assert_eq(take_spans(exporter), exported);
    cr_assert_eq(export_spans(exporter, 1).exported, 1, "there is room again");
    exporter->free(exporter);
}

Test(memory_exporter, is_told_from_the_others)
{
    fake_exporter fake;
    tn_exporter *exporter = exporter_with(1000);
    cr_assert(tn_exporter_is_memory(exporter));
    cr_assert_not(tn_exporter_is_memory(fake_init(&fake, "fake")));
    exporter->free(exporter);
}

static void *take_often(void *exporter)
{
    size_t taken = 0;
    for (int i = 0; i < 200; i++) taken += take_spans(exporter);
    return (void *)taken;
}

Test(memory_exporter, can_be_taken_from_while_it_exports)
{
    tn_exporter *exporter = exporter_with(1 << 24);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, take_often, exporter), 0);
    size_t exported = 0;
    for (int i = 0; i < 500; i++) exported += export_spans(exporter, 3).exported;
    void *taken;
    pthread_join(thread, &taken);
    cr_assert_eq((size_t)taken + take_spans(exporter), exported);
    cr_assert_eq(exported, 1500);
    exporter->free(exporter);
}

static int export_in_child(void *argument)
{
    tn_exporter *exporter = argument;
    exporter->reset_in_child(exporter);
    if (export_spans(exporter, 1).exported != 1) return 1;
    tn_buffer taken;
    tn_memory_exporter_take(exporter, &taken);
    return count_of(tn_buffer_text(&taken), "\"traceId\"") == 1 ? 0 : 2;
}

Test(memory_exporter, a_child_begins_empty)
{
    tn_exporter *exporter = exporter_with(1 << 20);
    export_spans(exporter, 2);
    cr_assert_eq(child_result(start_child(export_in_child, exporter)), 0);
    cr_assert_eq(take_spans(exporter), 2);
    exporter->free(exporter);
}

Test(memory_exporter, that_cannot_allocate_keeps_what_it_has)
{
    for_each_failing_allocation {
        enough_memory();
        tn_span_list spans = new_spans(20);
        tn_exporter *exporter = NULL;
        tn_encoder_options encoding = test_encoding();
        scarce_memory();
        tn_status status = tn_memory_exporter_new(&encoding, 1 << 20, &exporter);
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        if (status == TN_OK) {
            size_t exported = 0, dropped = 0;
            for (int i = 0; i < 3; i++) {
                tn_export_result result;
                exporter->export_batch(exporter, &spans, UINT64_MAX, &result);
                exported += result.exported;
                dropped += result.dropped;
            }
            cr_assert_eq(dropped, allocation_failed() ? 20 : 0);
            cr_assert_eq(exported + dropped, 60);
            cr_assert_eq(take_spans(exporter), exported);
            exporter->free(exporter);
        }
        tn_span_list_free(&spans);
    }
}
