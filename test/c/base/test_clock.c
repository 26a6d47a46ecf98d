#include "support.h"

#include "base/clock.h"

#include <math.h>

Test(clock, wall_is_the_system_s_time)
{
    time_t before = time(NULL);
    uint64_t now = tn_clock_wall();
    cr_assert_geq(now / TN_SECOND + 1, (uint64_t)before);
    cr_assert_leq(now / TN_SECOND, (uint64_t)time(NULL) + 1);
}

Test(clock, monotonic_never_goes_back)
{
    uint64_t last = tn_clock_monotonic();
    for (int i = 0; i < 1000; i++) {
        uint64_t now = tn_clock_monotonic();
        cr_assert_geq(now, last);
        last = now;
    }
}

Test(clock, now_is_one_moment_on_both)
{
    uint64_t wall = tn_clock_wall(), monotonic = tn_clock_monotonic();
    tn_moment now = tn_clock_now();
    cr_assert_lt(now.wall - wall, TN_SECOND);
    cr_assert_lt(now.monotonic - monotonic, TN_SECOND);
}

Test(clock, timespec_splits_seconds_and_nanoseconds)
{
    struct timespec time = tn_clock_timespec(12 * TN_SECOND + 345);
    cr_assert_eq(time.tv_sec, 12);
    cr_assert_eq(time.tv_nsec, 345);
}

Test(clock, duration_turns_seconds_into_nanoseconds)
{
    cr_assert_eq(tn_clock_duration(0.0), 0);
    cr_assert_eq(tn_clock_duration(1.5), 1500000000);
    cr_assert_eq(tn_clock_duration(1e-9), 1);
}

Test(clock, duration_of_nonsense_is_nothing)
{
    cr_assert_eq(tn_clock_duration(-1.0), 0);
    cr_assert_eq(tn_clock_duration(-INFINITY), 0);
    cr_assert_eq(tn_clock_duration(NAN), 0);
}

Test(clock, duration_stops_at_a_hundred_years)
{
    uint64_t hundred_years = UINT64_C(3153600000) * TN_SECOND;
    cr_assert_eq(tn_clock_duration(3153600000.0), hundred_years);
    cr_assert_eq(tn_clock_duration(1e300), hundred_years);
    cr_assert_eq(tn_clock_duration(INFINITY), hundred_years);
}

Test(clock, a_kept_reading_is_as_good_as_a_new_one)
{
    tn_moment kept = {0}, last = {0};
    for (int i = 0; i < 100000; i++) {
        tn_moment before = tn_clock_now(), now = tn_clock_now_kept(&kept);
        cr_assert_geq(now.monotonic, last.monotonic);
        cr_assert_lt(now.wall - before.wall + TN_SECOND, 2 * TN_SECOND);
        last = now;
    }
}
