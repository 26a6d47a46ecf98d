#include "support.h"

#include "metrics/exponential.h"

#include <float.h>
#include <math.h>

TestSuite(exponential, .fini = all_memory_is_back);

static uint64_t sum_of(const tn_exponential_buckets *buckets)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < buckets->size; i++) sum += buckets->counts[i];
    return sum;
}

static uint64_t count_at(const tn_exponential_buckets *buckets, int32_t index)
{
    int64_t at = (int64_t)index - buckets->offset;
    return at >= 0 && at < buckets->size ? buckets->counts[at] : 0;
}

static void assert_whole(const tn_exponential *all)
{
    cr_assert_eq(sum_of(&all->positive) + sum_of(&all->negative) + all->zero_count, all->count);
    cr_assert_leq(all->positive.size, (uint32_t)TN_EXPONENTIAL_BUCKETS);
    cr_assert_leq(all->negative.size, (uint32_t)TN_EXPONENTIAL_BUCKETS);
    cr_assert_leq(all->scale, TN_EXPONENTIAL_MAX_SCALE);
}

static tn_exponential of(const double *values, size_t count)
{
    tn_exponential all;
    tn_exponential_init(&all);
    for (size_t i = 0; i < count; i++) {
        tn_exponential_observe(&all, values[i]);
        assert_whole(&all);
    }
    return all;
}

#define OF(...) of((double[]){__VA_ARGS__}, sizeof((double[]){__VA_ARGS__}) / sizeof(double))

/* Whether base ** index < value <= base ** (index + 1), where that can be told: base ** n is a double for scales up to 0,
 * and for the powers of two of the others. */
static void assert_index(double value, int32_t scale, int32_t index)
{
    cr_assert_eq(tn_exponential_index(value, scale), index, "%a at scale %d: %d, not %d", value, scale,
                 tn_exponential_index(value, scale), index);
}

Test(exponential, powers_of_two_are_the_upper_bound_of_their_bucket_at_each_scale)
{
    for (int32_t scale = 1; scale <= TN_EXPONENTIAL_MAX_SCALE; scale++) {
        for (int power = -1074; power <= 1023; power++) {
            int32_t index = (int32_t)(power * (INT64_C(1) << scale) - 1);
            assert_index(ldexp(1, power), scale, index);
            if (power >= -1022) assert_index(nextafter(ldexp(1, power), INFINITY), scale, index + 1);
        }
    }
}

Test(exponential, the_coarse_scales_have_several_powers_of_two_in_a_bucket)
{
    for (int32_t scale = 0; scale >= -10; scale--) {
        for (int power = -1074; power <= 1023; power++) {
            assert_index(ldexp(1, power), scale, (int32_t)floor((power - 1) / ldexp(1, -scale)));
            if (power >= -1022 && power < 1023)
                assert_index(ldexp(1.5, power), scale, (int32_t)floor(power / ldexp(1, -scale)));
        }
    }
    assert_index(DBL_MAX, -10, 0);
    assert_index(5e-324, -10, -2);
}

Test(exponential, indexes_rise_with_values)
{
    for (int32_t scale = -10; scale <= TN_EXPONENTIAL_MAX_SCALE; scale++) {
        int32_t last = INT32_MIN;
        for (double value = DBL_MIN; value < DBL_MAX / 1.01; value *= 1.01) {
            int32_t index = tn_exponential_index(value, scale);
            cr_assert_geq(index, last);
            last = index;
        }
    }
}

Test(exponential, begins_as_fine_as_possible)
{
    tn_exponential all = OF(3);
    cr_assert_eq(all.scale, TN_EXPONENTIAL_MAX_SCALE);
    cr_assert_eq(all.positive.size, 1u);
    cr_assert(all.min == 3 && all.max == 3 && all.sum == 3);
}

Test(exponential, keeps_its_scale_as_long_as_all_values_have_room)
{
    double base = exp2(exp2(-TN_EXPONENTIAL_MAX_SCALE)), value = 1.5;
    tn_exponential all;
    tn_exponential_init(&all);
    for (int i = 0; i < TN_EXPONENTIAL_BUCKETS; i++, value *= base) tn_exponential_observe(&all, value);
    cr_assert_eq(all.scale, TN_EXPONENTIAL_MAX_SCALE);
    tn_exponential_observe(&all, value * base);
    cr_assert_eq(all.scale, TN_EXPONENTIAL_MAX_SCALE - 1);
    assert_whole(&all);
}

Test(exponential, has_room_for_all_numbers_that_there_are)
{
    tn_exponential all = OF(5e-324, DBL_MAX, -5e-324, -DBL_MAX, 0, -0.0, 1, DBL_MIN);
    cr_assert_eq(all.scale, -4);
    cr_assert_eq(all.zero_count, 2u);
    cr_assert(all.min == -DBL_MAX && all.max == DBL_MAX);
    cr_assert(isfinite(all.sum));
}

Test(exponential, a_sum_that_no_number_can_hold_is_the_largest)
{
    tn_exponential all = OF(DBL_MAX, DBL_MAX);
    cr_assert(all.sum == DBL_MAX);
}

Test(exponential, both_sides_have_one_scale)
{
    tn_exponential all = OF(-1.5, 1, 1e9);
    int32_t index = tn_exponential_index(1.5, all.scale);
    cr_assert_lt(all.scale, TN_EXPONENTIAL_MAX_SCALE);
    cr_assert_eq(count_at(&all.negative, index), 1u);
}

static double random_value(unsigned *seed)
{
    double value = ldexp(1 + rand_r(seed) / (RAND_MAX + 1.0), rand_r(seed) % 60 - 30);
    return rand_r(seed) % 3 ? value : -value;
}

/* Whatever the order and the splitting, the same buckets. */
static void assert_same(const tn_exponential *a, const tn_exponential *b)
{
    cr_assert_eq(a->scale, b->scale);
    cr_assert_eq(a->count, b->count);
    cr_assert_eq(a->zero_count, b->zero_count);
    cr_assert(a->min == b->min && a->max == b->max);
    for (int32_t i = -TN_EXPONENTIAL_BUCKETS; i < 2 * TN_EXPONENTIAL_BUCKETS; i++) {
        cr_assert_eq(count_at(&a->positive, a->positive.offset + i), count_at(&b->positive, a->positive.offset + i));
        cr_assert_eq(count_at(&a->negative, a->negative.offset + i), count_at(&b->negative, a->negative.offset + i));
    }
}

Test(exponential, parts_make_the_same_as_the_whole)
{
    for (unsigned seed = 1; seed <= 200; seed++) {
        unsigned random = seed;
        tn_exponential whole, parts[3], sum;
        tn_exponential_init(&whole);
        tn_exponential_init(&sum);
        for (int i = 0; i < 3; i++) tn_exponential_init(&parts[i]);
        for (int i = 0; i < 100; i++) {
            double value = i % 20 ? random_value(&random) : 0;
            tn_exponential_observe(&whole, value);
            tn_exponential_observe(&parts[rand_r(&random) % 3], value);
        }
        for (int i = 0; i < 3; i++) tn_exponential_add(&sum, &parts[i]);
        assert_whole(&sum);
        assert_same(&sum, &whole);
    }
}

Test(exponential, what_was_before_can_be_taken_away)
{
    for (unsigned seed = 1; seed <= 200; seed++) {
        unsigned random = seed;
        tn_exponential all, before, later;
        tn_exponential_init(&all);
        tn_exponential_init(&later);
        for (int i = 0; i < 50; i++) tn_exponential_observe(&all, random_value(&random));
        before = all;
        for (int i = 0; i < 50; i++) {
            double value = random_value(&random);
            tn_exponential_observe(&all, value);
            tn_exponential_observe(&later, value);
        }
        tn_exponential_coarsen(&later, all.scale);
        cr_assert(tn_exponential_subtract(&all, &before));
        later.min = all.min;
        later.max = all.max;
        assert_whole(&all);
        assert_same(&all, &later);
    }
}

Test(exponential, what_was_not_there_is_not_taken_away)
{
    tn_exponential all = OF(1, 2), other = OF(4), more = OF(1, 1, 1), finer = all;
    tn_exponential before = all;
    cr_assert_not(tn_exponential_subtract(&all, &other));
    cr_assert_not(tn_exponential_subtract(&all, &more));
    assert_same(&all, &before);
    tn_exponential_coarsen(&before, 3);
    cr_assert_not(tn_exponential_subtract(&finer, &before));
}

Test(exponential, nothing_added_changes_nothing)
{
    tn_exponential all = OF(1, -2), before = all, none = OF(1);
    tn_exponential_init(&none);
    tn_exponential_add(&all, &none);
    assert_same(&all, &before);
    tn_exponential_add(&none, &all);
    assert_same(&none, &all);
}
