#include "metrics/instrument.h"

#include <stdio.h>

const char *tn_metric_type_name(tn_metric_type type)
{
    switch (type) {
    case TN_COUNTER: return "counter";
    case TN_GAUGE: return "gauge";
    case TN_HISTOGRAM: return "histogram";
    }
    return "unknown";
}

bool tn_same_instrument(const tn_instrument_spec *a, const tn_instrument_spec *b)
{
    return a->type == b->type && a->combine == b->combine && tn_text_equal(a->name, b->name) &&
           tn_text_equal(a->unit, b->unit) && tn_text_equal(a->help, b->help) && a->bound_count == b->bound_count &&
           (a->bound_count == 0 || memcmp(a->bounds, b->bounds, a->bound_count * sizeof(double)) == 0);
}

/* --- Names of samples ---------------------------------------------------------------------------------- */

static const char *const counter_ends[] = {"", "_total", "_created", NULL};
static const char *const gauge_ends[] = {"", NULL};
static const char *const histogram_ends[] = {"", "_bucket", "_sum", "_count", "_created", NULL};

const char *const *tn_sample_ends(tn_metric_type type)
{
    return type == TN_COUNTER ? counter_ends : type == TN_GAUGE ? gauge_ends : histogram_ends;
}

tn_text tn_family_name(tn_metric_type type, tn_text name)
{
    tn_text total = TN_TEXT("_total");
    if (type != TN_COUNTER || name.size <= total.size) return name;
    tn_text end = {name.bytes + name.size - total.size, total.size};
    return tn_text_equal(end, total) ? (tn_text){name.bytes, name.size - total.size} : name;
}

static bool has_sample(tn_metric_type type, tn_text name, tn_text sample)
{
    tn_text family = tn_family_name(type, name);
    if (!tn_text_starts_with(sample, family)) return false;
    tn_text end = {sample.bytes + family.size, sample.size - family.size};
    for (const char *const *known = tn_sample_ends(type); *known; known++) {
        if (tn_text_equal(end, tn_text_of(*known))) return true;
    }
    return false;
}

bool tn_instruments_collide(tn_metric_type type, tn_text name, tn_metric_type other_type, tn_text other_name)
{
    char sample[TN_MAX_METRIC_NAME + 32];
    tn_text family = tn_family_name(type, name);
    for (const char *const *end = tn_sample_ends(type); *end; end++) {
        int size = snprintf(sample, sizeof(sample), "%.*s%s", (int)family.size, family.bytes, *end);
        if (size < (int)sizeof(sample) && has_sample(other_type, other_name, (tn_text){sample, (size_t)size}))
            return true;
    }
    return false;
}
