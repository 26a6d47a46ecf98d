#include "metrics/exponential.h"

#include <float.h>
#include <math.h>
#include <string.h>

void tn_exponential_init(tn_exponential *self)
{
    *self = (tn_exponential){.scale = TN_EXPONENTIAL_MAX_SCALE};
}

/* --- Which bucket -------------------------------------------------------------------------------------- */

/* Rounds down, also below 0. */
static int32_t halve(int32_t index, int32_t times)
{
    int64_t wide = index;
    return (int32_t)(wide >= 0 ? wide >> times : -((-wide + (INT64_C(1) << times) - 1) >> times));
}

/* value = fraction * 2 ** exponent, where 0.5 <= fraction < 1. Powers of two are the upper bound of their bucket at every
 * scale, and exact; between them it takes a logarithm (Metrics Data Model, "All Scales: Use the Logarithm Function"). */
int32_t tn_exponential_index(double value, int32_t scale)
{
    int exponent;
    double fraction = frexp(value, &exponent);
    bool is_power = fraction == 0.5;
    if (scale <= 0) return halve(exponent - (is_power ? 2 : 1), -scale);

    int64_t per_power = INT64_C(1) << scale, above = exponent * per_power; /* of the power of two above it */
    if (is_power) return (int32_t)(above - per_power - 1);
    int64_t below = (int64_t)ceil(log2(fraction) * (double)per_power); /* from there */
    if (below > 0) below = 0;
    if (below <= -per_power) below = -per_power + 1; /* rounding errors do not cross a power of two */
    return (int32_t)(above + below - 1);
}

/* --- How fine ------------------------------------------------------------------------------------------ */

static void coarsen(tn_exponential_buckets *buckets, int32_t by)
{
    if (buckets->size == 0) return;
    int32_t first = halve(buckets->offset, by);
    uint32_t size = 0;
    for (uint32_t i = 0; i < buckets->size; i++) {
        uint64_t count = buckets->counts[i];
        uint32_t at = (uint32_t)(halve(buckets->offset + (int32_t)i, by) - first);
        buckets->counts[i] = 0;
        buckets->counts[at] += count; /* at <= i */
        size = at + 1;
    }
    buckets->offset = first;
    buckets->size = size;
}

void tn_exponential_coarsen(tn_exponential *self, int32_t scale)
{
    if (scale >= self->scale) return;
    coarsen(&self->positive, self->scale - scale);
    coarsen(&self->negative, self->scale - scale);
    self->scale = scale;
}

/* By how much, so that buckets from `low` to `high` are not too many. */
static int32_t excess(int64_t low, int64_t high)
{
    int32_t by = 0;
    for (; high - low >= TN_EXPONENTIAL_BUCKETS; by++) {
        low = halve((int32_t)low, 1);
        high = halve((int32_t)high, 1);
    }
    return by;
}

static int32_t excess_with(const tn_exponential_buckets *buckets, int32_t low, int32_t high)
{
    if (buckets->size == 0) return excess(low, high);
    int32_t last = buckets->offset + (int32_t)buckets->size - 1;
    return excess(low < buckets->offset ? low : buckets->offset, high > last ? high : last);
}

/* --- Counting ------------------------------------------------------------------------------------------ */

/* There is room for that index. */
static void count_at(tn_exponential_buckets *buckets, int32_t index, uint64_t count)
{
    if (buckets->size == 0) buckets->offset = index;
    if (index < buckets->offset) {
        uint32_t by = (uint32_t)(buckets->offset - index);
        memmove(buckets->counts + by, buckets->counts, buckets->size * sizeof(*buckets->counts));
        memset(buckets->counts, 0, by * sizeof(*buckets->counts));
        buckets->offset = index;
        buckets->size += by;
    }
    uint32_t at = (uint32_t)(index - buckets->offset);
    if (at >= buckets->size) buckets->size = at + 1;
    buckets->counts[at] += count;
}

static double limited(double sum)
{
    return isfinite(sum) ? sum : copysign(DBL_MAX, sum);
}

static void count_value(tn_exponential *self, tn_exponential_buckets *buckets, double value)
{
    int32_t index = tn_exponential_index(value, self->scale);
    int32_t by = excess_with(buckets, index, index);
    if (by > 0) {
        tn_exponential_coarsen(self, self->scale - by);
        index = tn_exponential_index(value, self->scale);
    }
    count_at(buckets, index, 1);
}

void tn_exponential_observe(tn_exponential *self, double value)
{
    if (self->count == 0 || value < self->min) self->min = value;
    if (self->count == 0 || value > self->max) self->max = value;
    self->count++;
    self->sum = limited(self->sum + value);
    if (value == 0) {
        self->zero_count++;
    } else {
        count_value(self, value > 0 ? &self->positive : &self->negative, fabs(value));
    }
}

/* --- Several ------------------------------------------------------------------------------------------- */

static void make_room(tn_exponential *self, tn_exponential_buckets *buckets, const tn_exponential_buckets *for_these)
{
    if (for_these->size == 0) return;
    int32_t by = excess_with(buckets, for_these->offset, for_these->offset + (int32_t)for_these->size - 1);
    if (by > 0) tn_exponential_coarsen(self, self->scale - by);
}

static void add_buckets(tn_exponential_buckets *into, const tn_exponential_buckets *from, int32_t by)
{
    for (uint32_t i = 0; i < from->size; i++) {
        if (from->counts[i]) count_at(into, halve(from->offset + (int32_t)i, by), from->counts[i]);
    }
}

void tn_exponential_add(tn_exponential *self, const tn_exponential *other)
{
    if (other->count == 0) return;
    tn_exponential part = *other;
    tn_exponential_coarsen(self, part.scale);
    tn_exponential_coarsen(&part, self->scale);
    make_room(self, &self->positive, &part.positive);
    tn_exponential_coarsen(&part, self->scale);
    make_room(self, &self->negative, &part.negative);
    add_buckets(&self->positive, &part.positive, part.scale - self->scale);
    add_buckets(&self->negative, &part.negative, part.scale - self->scale);
    if (self->count == 0 || part.min < self->min) self->min = part.min;
    if (self->count == 0 || part.max > self->max) self->max = part.max;
    self->count += part.count;
    self->zero_count += part.zero_count;
    self->sum = limited(self->sum + part.sum);
}

static uint64_t *count_of(tn_exponential_buckets *buckets, int32_t index)
{
    int64_t at = (int64_t)index - buckets->offset;
    return at >= 0 && at < buckets->size ? &buckets->counts[at] : NULL;
}

static bool subtract_buckets(tn_exponential_buckets *from, const tn_exponential_buckets *before)
{
    for (uint32_t i = 0; i < before->size; i++) {
        if (before->counts[i] == 0) continue;
        uint64_t *count = count_of(from, before->offset + (int32_t)i);
        if (!count || *count < before->counts[i]) return false;
        *count -= before->counts[i];
    }
    return true;
}

bool tn_exponential_subtract(tn_exponential *self, const tn_exponential *before)
{
    tn_exponential part = *before;
    tn_exponential rest = *self;
    if (part.scale < rest.scale || part.count > rest.count || part.zero_count > rest.zero_count) return false;
    tn_exponential_coarsen(&part, rest.scale);
    if (!subtract_buckets(&rest.positive, &part.positive) || !subtract_buckets(&rest.negative, &part.negative))
        return false;
    rest.count -= part.count;
    rest.zero_count -= part.zero_count;
    rest.sum -= part.sum;
    *self = rest;
    return true;
}
