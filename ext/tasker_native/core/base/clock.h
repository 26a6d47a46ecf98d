#ifndef TN_BASE_CLOCK_H
#define TN_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define TN_SECOND UINT64_C(1000000000)
#define TN_MILLISECOND UINT64_C(1000000)

/* One moment on both clocks, in nanoseconds: wall says when (since the Unix epoch), monotonic how long. */
typedef struct {
    uint64_t wall;
    uint64_t monotonic;
} tn_moment;

/* Nanoseconds. Any thread. */
uint64_t tn_clock_wall(void);
uint64_t tn_clock_monotonic(void);
tn_moment tn_clock_now(void);

/* The same, but the wall clock is read anew only when the last reading is older than a millisecond of the monotonic one:
 * in a burst of events, one clock is read for two. `kept` begins as {0}; one thread at a time. */
tn_moment tn_clock_now_kept(tn_moment *kept);

/* An absolute monotonic time, for pthread_cond_timedwait on a monotonic condition. */
struct timespec tn_clock_timespec(uint64_t monotonic);

/* Seconds to nanoseconds; NaN and negatives are 0, and it stops at 100 years. */
uint64_t tn_clock_duration(double seconds);

#endif
