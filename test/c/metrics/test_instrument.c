#include "support_metrics.h"

TestSuite(instrument, .fini = all_memory_is_back);

static bool collide(tn_metric_type a, const char *a_name, tn_metric_type b, const char *b_name)
{
    bool there = tn_instruments_collide(a, tn_text_of(a_name), b, tn_text_of(b_name));
    cr_assert_eq(tn_instruments_collide(b, tn_text_of(b_name), a, tn_text_of(a_name)), there, "%s %s", a_name, b_name);
    return there;
}

Test(instrument, collides_with_another_that_has_a_sample_of_the_same_name)
{
    cr_assert(collide(TN_COUNTER, "x", TN_GAUGE, "x"));
    cr_assert(collide(TN_COUNTER, "x", TN_COUNTER, "x_total"));
    cr_assert(collide(TN_COUNTER, "x_total", TN_GAUGE, "x"), "in OpenMetrics both are called x");
    cr_assert(collide(TN_COUNTER, "x", TN_GAUGE, "x_total"));
    cr_assert(collide(TN_COUNTER, "x", TN_GAUGE, "x_created"));
    cr_assert(collide(TN_HISTOGRAM, "x", TN_GAUGE, "x"));
    cr_assert(collide(TN_HISTOGRAM, "x", TN_GAUGE, "x_bucket"));
    cr_assert(collide(TN_HISTOGRAM, "x", TN_COUNTER, "x_sum"));
    cr_assert(collide(TN_HISTOGRAM, "x", TN_COUNTER, "x_count"));
    cr_assert(collide(TN_HISTOGRAM, "x", TN_COUNTER, "x_count_total"));
    cr_assert(collide(TN_HISTOGRAM, "x", TN_COUNTER, "x"));
}

Test(instrument, does_not_collide_with_one_whose_name_only_begins_alike)
{
    cr_assert_not(collide(TN_COUNTER, "x", TN_COUNTER, "y"));
    cr_assert_not(collide(TN_COUNTER, "x", TN_GAUGE, "x_sum"));
    cr_assert_not(collide(TN_GAUGE, "x", TN_GAUGE, "x_total"));
    cr_assert_not(collide(TN_HISTOGRAM, "x", TN_GAUGE, "x_buckets"));
    cr_assert_not(collide(TN_HISTOGRAM, "x", TN_HISTOGRAM, "x_"));
    cr_assert_not(collide(TN_COUNTER, "x", TN_COUNTER, "xy"));
}

Test(instrument, a_counters_family_has_no_total_in_its_name)
{
    assert_text(tn_family_name(TN_COUNTER, TN_TEXT("x_total")), "x");
    assert_text(tn_family_name(TN_COUNTER, TN_TEXT("x")), "x");
    assert_text(tn_family_name(TN_COUNTER, TN_TEXT("_total")), "_total");
    assert_text(tn_family_name(TN_COUNTER, TN_TEXT("x_total_total")), "x_total");
    assert_text(tn_family_name(TN_GAUGE, TN_TEXT("x_total")), "x_total");
}

Test(instrument, is_the_same_when_all_that_is_said_of_it_is)
{
    static const double bounds[] = {1, 2}, others[] = {1, 3};
    tn_instrument_spec spec = histogram_spec("h", bounds, 2), other;
    other = spec;
    cr_assert(tn_same_instrument(&spec, &other));
    other.bounds = others;
    cr_assert_not(tn_same_instrument(&spec, &other));
    other.bound_count = 1;
    cr_assert_not(tn_same_instrument(&spec, &other));
    other = spec, other.name = TN_TEXT("i");
    cr_assert_not(tn_same_instrument(&spec, &other));
    other = spec, other.help = TN_TEXT("i");
    cr_assert_not(tn_same_instrument(&spec, &other));
    other = spec, other.unit = TN_TEXT("i");
    cr_assert_not(tn_same_instrument(&spec, &other));
    other = spec, other.type = TN_GAUGE;
    cr_assert_not(tn_same_instrument(&spec, &other));
    other = spec, other.combine = TN_COMBINE_MAX;
    cr_assert_not(tn_same_instrument(&spec, &other));
}

Test(instrument, types_have_names)
{
    cr_assert_str_eq(tn_metric_type_name(TN_COUNTER), "counter");
    cr_assert_str_eq(tn_metric_type_name(TN_GAUGE), "gauge");
    cr_assert_str_eq(tn_metric_type_name(TN_HISTOGRAM), "histogram");
    cr_assert_str_eq(tn_metric_type_name((tn_metric_type)9), "unknown");
}
