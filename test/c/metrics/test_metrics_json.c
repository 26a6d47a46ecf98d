#include "support_metrics.h"

TestSuite(metrics_json, .fini = all_memory_is_back);

static const double bounds[] = {0.005, 1};

static tn_metrics *rich_metrics(void)
{
    tn_metrics *metrics = private_metrics(10);
    tn_instrument_spec counter = counter_spec("requests_total"), gauge = gauge_spec("depth", TN_COMBINE_SUM);
    tn_instrument_spec histogram = histogram_spec("seconds", bounds, 2);
    counter.help = TN_TEXT("How \"many\"");
    tn_counter_add(series_in(metrics, &counter, "path", "/a\"b\\c\nd", "verb", "get", NULL), 3);
    tn_gauge_set(series_in(metrics, &gauge, NULL), -1.5);
    tn_histogram_observe(series_in(metrics, &histogram, "queue", "q", NULL), 0.5);
    tn_histogram_observe(series_in(metrics, &histogram, "queue", "q", NULL), 2);
    return metrics;
}

Test(metrics_json, has_a_member_for_each_series)
{
    tn_metrics *metrics = rich_metrics();
    view seen = look_at_metrics(metrics);
    cr_assert_str_eq(seen_text(&seen, AS_JSON),
                     "{\"metrics\":{"
                     "\"depth\":{\"name\":\"depth\",\"type\":\"gauge\",\"value\":-1.5,\"labels\":{}},"
                     "\"requests_total{path=\\\"/a\\\\\\\"b\\\\\\\\c\\\\nd\\\",verb=\\\"get\\\"}\":"
                     "{\"name\":\"requests_total\",\"type\":\"counter\",\"value\":3,"
                     "\"labels\":{\"path\":\"/a\\\"b\\\\c\\nd\",\"verb\":\"get\"},\"help\":\"How \\\"many\\\"\"},"
                     "\"seconds{queue=\\\"q\\\"}\":{\"name\":\"seconds\",\"type\":\"histogram\","
                     "\"buckets\":{\"0.005\":0,\"1.0\":1,\"+Inf\":2},\"sum\":2.5,\"count\":2,"
                     "\"labels\":{\"queue\":\"q\"}}},\"total_metrics\":3}");
    cr_assert(is_json(tn_text_of(seen_text(&seen, AS_JSON))));
    look_away(&seen);
    tn_metrics_free(metrics);
}

Test(metrics_json, of_nothing_has_no_members)
{
    view seen = look_at(NULL, 0);
    cr_assert_str_eq(seen_text(&seen, AS_JSON), "{\"metrics\":{},\"total_metrics\":0}");
    look_away(&seen);
}

Test(metrics_json, memory_that_runs_out_leaves_no_half_text)
{
    tn_metrics *metrics = rich_metrics();
    view seen = look_at_metrics(metrics);
    for_each_failing_allocation {
        tn_buffer out;
        tn_buffer_init(&out, 100000);
        tn_metrics_json(&out, &seen.snapshot);
        cr_assert_eq(out.status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        tn_buffer_free(&out);
    }
    look_away(&seen);
    tn_metrics_free(metrics);
}
