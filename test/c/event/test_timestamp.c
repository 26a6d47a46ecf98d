#include "support.h"

#include "event/timestamp.h"

#include <stdio.h>
#include <time.h>

#define FIRST_SECOND (-INT64_C(62167219200)) /* 0000-01-01T00:00:00Z */
#define LAST_SECOND INT64_C(253402300799)    /* 9999-12-31T23:59:59Z */
#define LAST_PARSED INT64_C(7289654399)      /* 2200-12-31T23:59:59Z */
#define TWO_DAYS INT64_C(172800)

static void assert_format(int64_t seconds, uint32_t nanoseconds, int digits, bool utc, int32_t offset,
                          const char *expected)
{
    char out[TN_TIMESTAMP_SIZE];
    size_t size = tn_timestamp_format(out, seconds, nanoseconds, digits, utc, offset);
    cr_assert_leq(size, sizeof(out));
    assert_text(((tn_text){out, size}), expected);
}

static void assert_parse(const char *text, uint64_t expected)
{
    uint64_t nanoseconds = 0;
    tn_text copy = exact_copy(text, strlen(text));
    cr_assert(tn_timestamp_parse(copy, &nanoseconds), "%s", text);
    cr_assert_eq(nanoseconds, expected, "%s is %llu", text, (unsigned long long)nanoseconds);
    free_copy(copy);
}

static void assert_refused(const char *text)
{
    uint64_t nanoseconds;
    tn_text copy = exact_copy(text, strlen(text));
    cr_assert_not(tn_timestamp_parse(copy, &nanoseconds), "%s", text);
    free_copy(copy);
}

Test(timestamp, is_written_as_iso8601_does)
{
    assert_format(0, 0, 0, true, 0, "1970-01-01T00:00:00Z");
    assert_format(1795255043, 0, 0, true, 0, "2026-11-21T09:57:23Z");
    assert_format(951782400, 0, 0, true, 0, "2000-02-29T00:00:00Z");
    assert_format(-1, 0, 0, true, 0, "1969-12-31T23:59:59Z");
}

Test(timestamp, has_as_many_digits_of_a_second_as_asked_for)
{
    assert_format(1795255043, 123456789, 1, true, 0, "2026-11-21T09:57:23.1Z");
    assert_format(1795255043, 123456789, 3, true, 0, "2026-11-21T09:57:23.123Z");
    assert_format(1795255043, 123456789, 9, true, 0, "2026-11-21T09:57:23.123456789Z");
    assert_format(1795255043, 5, 9, true, 0, "2026-11-21T09:57:23.000000005Z");
}

Test(timestamp, is_written_in_the_zone_asked_for)
{
    assert_format(1795255043, 0, 0, false, 7200, "2026-11-21T11:57:23+02:00");
    assert_format(1795255043, 0, 0, false, -12600, "2026-11-21T06:27:23-03:30");
    assert_format(1795255043, 0, 0, false, 0, "2026-11-21T09:57:23+00:00");
    assert_format(1795255043, 7, 9, false, 86340, "2026-11-22T09:56:23.000000007+23:59");
}

Test(timestamp, outside_of_the_years_of_four_digits_is_clamped)
{
    assert_format(FIRST_SECOND, 0, 0, true, 0, "0000-01-01T00:00:00Z");
    assert_format(LAST_SECOND, 0, 0, true, 0, "9999-12-31T23:59:59Z");
    assert_format(INT64_MIN, 0, 0, true, 0, "0000-01-01T00:00:00Z");
    assert_format(INT64_MAX, 0, 0, true, 0, "9999-12-31T23:59:59Z");
    assert_format(LAST_SECOND - 1, 0, 0, false, 3600, "9999-12-31T23:59:59+01:00");
    assert_format(FIRST_SECOND + 1, 0, 0, false, -3600, "0000-01-01T00:00:00-01:00");
}

Test(timestamp, with_a_nonsensical_offset_stays_within_its_size)
{
    static const int32_t offsets[] = {INT32_MIN, INT32_MIN + 1, INT32_MAX, 1000000, -1000000};
    for (size_t i = 0; i < 5; i++) {
        char out[TN_TIMESTAMP_SIZE];
        cr_assert_eq(tn_timestamp_format(out, 1795255043, 0, 9, false, offsets[i]), 35);
    }
}

Test(timestamp, of_any_second_is_written_as_libc_does)
{
    for (int round = 0; round < 50000; round++) {
        time_t seconds = FIRST_SECOND + (time_t)random_below((uint64_t)(LAST_SECOND - FIRST_SECOND + 1));
        struct tm date;
        cr_assert_not_null(gmtime_r(&seconds, &date));
        char expected[64];
        snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02dZ", date.tm_year + 1900, date.tm_mon + 1,
                 date.tm_mday, date.tm_hour, date.tm_min, date.tm_sec);
        assert_format(seconds, 0, 0, true, 0, expected);
    }
}

Test(timestamp, of_any_date_is_read_as_libc_does)
{
    for (int round = 0; round < 50000; round++) {
        struct tm date = {
            .tm_year = 70 + (int)random_below(231),
            .tm_mon = (int)random_below(12),
            .tm_mday = 1 + (int)random_below(28),
            .tm_hour = (int)random_below(24),
            .tm_min = (int)random_below(60),
            .tm_sec = (int)random_below(60),
        };
        char text[64];
        snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", date.tm_year + 1900, date.tm_mon + 1,
                 date.tm_mday, date.tm_hour, date.tm_min, date.tm_sec);
        assert_parse(text, (uint64_t)timegm(&date) * TN_SECOND);
    }
}

Test(timestamp, reads_back_as_the_same_moment_in_any_zone)
{
    for (int round = 0; round < 50000; round++) {
        int64_t seconds = TWO_DAYS + (int64_t)random_below(LAST_PARSED - 2 * TWO_DAYS);
        uint32_t nanoseconds = (uint32_t)random_below(TN_SECOND);
        bool utc = random_below(4) == 0;
        int32_t offset = 60 * ((int32_t)random_below(2 * 1439 + 1) - 1439);

        char out[TN_TIMESTAMP_SIZE];
        size_t size = tn_timestamp_format(out, seconds, nanoseconds, 9, utc, offset);
        uint64_t read_back;
        cr_assert(tn_timestamp_parse((tn_text){out, size}, &read_back), "%.*s", (int)size, out);
        cr_assert_eq(read_back, (uint64_t)seconds * TN_SECOND + nanoseconds, "%.*s", (int)size, out);
    }
}

Test(timestamp, is_read_in_all_the_forms_that_ruby_writes)
{
    const uint64_t moment = 1795255043 * TN_SECOND;
    assert_parse("2026-11-21T09:57:23Z", moment);
    assert_parse("2026-11-21t09:57:23z", moment);
    assert_parse("2026-11-21T11:57:23+02:00", moment);
    assert_parse("2026-11-21T11:57:23+0200", moment);
    assert_parse("2026-11-21 11:57:23 +0200", moment);
    assert_parse("2026-11-21 09:57:23 UTC", moment);
    assert_parse("2026-11-21 09:57:23.000000000 UTC", moment);
    assert_parse("2026-11-21T09:57:23", moment);
    assert_parse("2026-11-21T09:57:23.5", moment + TN_SECOND / 2);
    assert_parse("2026-11-21T09:57:23,25Z", moment + TN_SECOND / 4);
    assert_parse("2026-11-21T09:57:23.1234567899999Z", moment + 123456789);
}

Test(timestamp, knows_leap_years)
{
    assert_parse("2024-02-29T00:00:00Z", 1709164800 * TN_SECOND);
    assert_parse("2000-02-29T00:00:00Z", 951782400 * TN_SECOND);
    assert_refused("2023-02-29T00:00:00Z");
    assert_refused("2100-02-29T00:00:00Z");
}

Test(timestamp, takes_a_leap_second_and_the_end_of_a_day)
{
    assert_parse("2016-12-31T23:59:60Z", 1483228800 * TN_SECOND);
    assert_parse("2016-12-31T24:00:00Z", 1483228800 * TN_SECOND);
}

Test(timestamp, of_a_day_that_does_not_exist_is_refused)
{
    assert_refused("2026-02-30T00:00:00Z");
    assert_refused("2026-04-31T00:00:00Z");
    assert_refused("2026-00-10T00:00:00Z");
    assert_refused("2026-13-10T00:00:00Z");
    assert_refused("2026-01-00T00:00:00Z");
    assert_refused("2026-01-32T00:00:00Z");
    assert_refused("2026-01-01T24:00:01Z");
    assert_refused("2026-01-01T25:00:00Z");
    assert_refused("2026-01-01T00:60:00Z");
    assert_refused("2026-01-01T00:00:61Z");
    assert_refused("2026-01-01T00:00:00+24:00");
    assert_refused("2026-01-01T00:00:00+01:60");
}

Test(timestamp, before_1970_or_after_2200_is_refused)
{
    assert_parse("1970-01-01T00:00:00Z", 0);
    assert_parse("2200-12-31T23:59:59Z", (uint64_t)LAST_PARSED * TN_SECOND);
    assert_refused("1969-12-31T23:59:59Z");
    assert_refused("1970-01-01T00:00:00+00:01");
    assert_refused("2201-01-01T00:00:00Z");
    assert_refused("9999-12-31T23:59:59Z");
    assert_refused("2200-12-31T24:00:00Z");
    assert_refused("2200-12-31T23:59:59-00:01");
}

Test(timestamp, that_is_cut_or_garbled_is_refused_without_reading_beyond_it)
{
    static const char whole[] = "2026-11-21T09:57:23.123+02:00";
    for (size_t size = 0; size < sizeof(whole) - 1; size++) {
        uint64_t nanoseconds;
        tn_text cut = exact_copy(whole, size);
        bool good = size == 19 || (size > 20 && size <= 23); /* without zone, without digits */
        cr_assert_eq(tn_timestamp_parse(cut, &nanoseconds), good, "%.*s", (int)size, whole);
        free_copy(cut);
    }
    for (size_t at = 0; at < sizeof(whole) - 1; at++) {
        char garbled[sizeof(whole)];
        memcpy(garbled, whole, sizeof(whole));
        garbled[at] = '\0';
        uint64_t nanoseconds;
        cr_assert_not(tn_timestamp_parse((tn_text){garbled, sizeof(whole) - 1}, &nanoseconds));
    }
}

Test(timestamp, that_is_anything_else_is_refused)
{
    assert_refused("");
    assert_refused("now");
    assert_refused("2026-11-21");
    assert_refused("2026-11-21T09:57:23ZZ");
    assert_refused("2026-11-21T09:57:23 CET");
    assert_refused("2026-11-21T09:57:23.Z");
    assert_refused("+2026-11-21T09:57:23Z");
    assert_refused("2026/11/21 09:57:23");
    assert_refused(" 2026-11-21T09:57:23Z");
}

Test(timestamp, in_utc_is_the_same_with_a_kept_second)
{
    tn_timestamp_second kept = {0};
    for (int i = 0; i < 100000; i++) {
        uint64_t time = random_below(4000000000) / (i % 3 ? 1000000000 : 1) * TN_SECOND + random_below(TN_SECOND);
        bool milliseconds = random_below(2);
        char expected[TN_TIMESTAMP_SIZE], text[TN_TIMESTAMP_SIZE];
        size_t expected_size = tn_timestamp_format(expected, (int64_t)(time / TN_SECOND), (uint32_t)(time % TN_SECOND),
                                                   milliseconds ? 3 : 0, true, 0);
        size_t size = tn_timestamp_format_utc(text, time, milliseconds, &kept);
        cr_assert(tn_text_equal((tn_text){text, size}, (tn_text){expected, expected_size}));
    }
}
