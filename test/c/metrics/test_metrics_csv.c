#include "support_metrics.h"

#include <stdio.h>

TestSuite(metrics_csv, .fini = all_memory_is_back);

static const double bounds[] = {0.005, 1};

static tn_metrics *rich_metrics(void)
{
    tn_metrics *metrics = private_metrics(10);
    tn_instrument_spec counter = counter_spec("requests_total"), gauge = gauge_spec("depth", TN_COMBINE_SUM);
    tn_instrument_spec histogram = histogram_spec("seconds", bounds, 2);
    tn_counter_add(series_in(metrics, &counter, "path", "/a\"b,c\nd", "verb", "get", NULL), 3);
    tn_counter_add(series_in(metrics, &counter, "le", "x", NULL), 4);
    tn_gauge_set(series_in(metrics, &gauge, NULL), -1.5);
    tn_histogram_observe(series_in(metrics, &histogram, "queue", "q", NULL), 0.5);
    tn_histogram_observe(series_in(metrics, &histogram, "queue", "q", NULL), 2);
    return metrics;
}

Test(metrics_csv, has_a_row_for_each_sample_and_a_column_for_each_label)
{
    tn_metrics *metrics = rich_metrics();
    view seen = look_at_metrics(metrics);
    cr_assert_str_eq(seen_text(&seen, AS_CSV), "timestamp,name,type,value,label_le,label_path,label_queue,label_verb\n"
                                               "T,depth,gauge,-1.5,,,,\n"
                                               "T,requests_total,counter,4,x,,,\n"
                                               "T,requests_total,counter,3,,\"/a\"\"b,c\nd\",,get\n"
                                               "T,seconds_bucket,histogram,0,0.005,,q,\n"
                                               "T,seconds_bucket,histogram,1,1.0,,q,\n"
                                               "T,seconds_bucket,histogram,2,'+Inf,,q,\n"
                                               "T,seconds_sum,histogram,2.5,,,q,\n"
                                               "T,seconds_count,histogram,2,,,q,\n");
    look_away(&seen);
    tn_metrics_free(metrics);
}

static const char *cell_of(const char *value)
{
    tn_metrics *metrics = private_metrics(10);
    tn_instrument_spec spec = counter_spec("c");
    series_in(metrics, &spec, "a", value, NULL);
    view seen = look_at_metrics(metrics);
    static char cell[256];
    const char *text = seen_text(&seen, AS_CSV), *row = strstr(text, "T,c,counter,0,");
    cr_assert_not_null(row, "%s", text);
    snprintf(cell, sizeof(cell), "%s", row + sizeof("T,c,counter,0,") - 1);
    look_away(&seen);
    tn_metrics_free(metrics);
    return cell;
}

Test(metrics_csv, a_cell_that_a_spreadsheet_would_run_is_a_text)
{
    cr_assert_str_eq(cell_of("plain"), "plain\n");
    cr_assert_str_eq(cell_of("=1+1"), "'=1+1\n");
    cr_assert_str_eq(cell_of("+1"), "'+1\n");
    cr_assert_str_eq(cell_of("-1"), "'-1\n");
    cr_assert_str_eq(cell_of("@x"), "'@x\n");
    cr_assert_str_eq(cell_of("\tx"), "'\tx\n");
    cr_assert_str_eq(cell_of("\rx"), "\"'\rx\"\n");
    cr_assert_str_eq(cell_of("=\"a\",b"), "\"'=\"\"a\"\",b\"\n");
    cr_assert_str_eq(cell_of("a=1"), "a=1\n");
    cr_assert_str_eq(cell_of("a\nb"), "\"a\nb\"\n");
    cr_assert_str_eq(cell_of("\""), "\"\"\"\"\n");
}

Test(metrics_csv, of_nothing_is_its_header)
{
    view seen = look_at(NULL, 0);
    cr_assert_str_eq(seen_text(&seen, AS_CSV), "timestamp,name,type,value\n");
    look_away(&seen);
}

Test(metrics_csv, memory_that_runs_out_leaves_no_half_text)
{
    tn_metrics *metrics = rich_metrics();
    for_each_failing_allocation {
        enough_memory();
        view seen = look_at_metrics(metrics);
        scarce_memory();
        tn_buffer out;
        tn_buffer_init(&out, 100000);
        tn_status status = tn_metrics_csv(&out, &seen.snapshot, TN_TEXT("T"));
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        cr_assert(status == TN_OK || out.size == 0);
        tn_buffer_free(&out);
        enough_memory();
        look_away(&seen);
    }
    tn_metrics_free(metrics);
}
