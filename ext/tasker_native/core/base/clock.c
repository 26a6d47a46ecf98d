#include "base/clock.h"

#define HUNDRED_YEARS (3153600000.0)

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * TN_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t tn_clock_wall(void)
{
    return read_clock(CLOCK_REALTIME);
}

uint64_t tn_clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

tn_moment tn_clock_now(void)
{
    return (tn_moment){.wall = tn_clock_wall(), .monotonic = tn_clock_monotonic()};
}

tn_moment tn_clock_now_kept(tn_moment *kept)
{
    uint64_t monotonic = tn_clock_monotonic();
    if (monotonic - kept->monotonic > TN_MILLISECOND) *kept = (tn_moment){tn_clock_wall(), monotonic};
    return (tn_moment){kept->wall + (monotonic - kept->monotonic), monotonic};
}

struct timespec tn_clock_timespec(uint64_t monotonic)
{
    return (struct timespec){.tv_sec = (time_t)(monotonic / TN_SECOND), .tv_nsec = (long)(monotonic % TN_SECOND)};
}

uint64_t tn_clock_duration(double seconds)
{
    if (!(seconds > 0.0)) return 0;
    if (seconds > HUNDRED_YEARS) seconds = HUNDRED_YEARS;
    return (uint64_t)(seconds * (double)TN_SECOND);
}
