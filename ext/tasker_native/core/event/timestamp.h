#ifndef TN_EVENT_TIMESTAMP_H
#define TN_EVENT_TIMESTAMP_H

#include "base/text.h"

#include <stdint.h>

/* ISO 8601 in the profile of RFC 3339, as Ruby's Time#iso8601 writes it. */
#define TN_TIMESTAMP_SIZE 40

/* Writes `2026-11-21T09:57:23Z` or, with an offset other than UTC's, `...+02:00`, with `digits` (0 to 9)
 * of a second. utc: writes Z, else the offset in seconds. Returns the size; out is not terminated.
 * Years outside 0 to 9999 are clamped to them. */
size_t tn_timestamp_format(char out[TN_TIMESTAMP_SIZE], int64_t seconds, uint32_t nanoseconds, int digits, bool utc,
                           int32_t offset);

/* A second as text, kept for the next one to be formatted: the calendar is what takes time. Begins as {0}. */
typedef struct {
    uint64_t second; /* Unix time; 0: none yet */
    char text[TN_TIMESTAMP_SIZE];
} tn_timestamp_second;

/* The same for a Unix time in nanoseconds, in UTC, with 3 or no digits. */
size_t tn_timestamp_format_utc(char out[TN_TIMESTAMP_SIZE], uint64_t unix_time, bool milliseconds,
                               tn_timestamp_second *kept);

/* The Unix time in nanoseconds of `2026-11-21T09:57:23[.123][Z|+02:00|+0200]` (a blank for the T is fine; no
 * zone means UTC). false when it is no such text, or lies before 1970 or after 2200. */
bool tn_timestamp_parse(tn_text text, uint64_t *nanoseconds_out);

#endif
