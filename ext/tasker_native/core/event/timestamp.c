#include "event/timestamp.h"

#include "base/clock.h"

#include <stdio.h>

#define SECONDS_A_DAY 86400
#define FIRST_SECOND (-INT64_C(62167219200)) /* of the year 0 */
#define LAST_SECOND INT64_C(253402300799)    /* of the year 9999 */

#define LAST_PARSED INT64_C(7289654399) /* of the year 2200 */

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar, and back: Howard Hinnant,
 * "chrono-Compatible Low-Level Date Algorithms" (eras of 400 years that begin on March 1st). */
static int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

static void date_from_days(int64_t days, int *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned day_of_era = (unsigned)(days - era * 146097);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted_month = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    *month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    *year = (int)((int64_t)year_of_era + era * 400) + (*month <= 2);
}

static char *put_digits(char *at, unsigned value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10) at[i] = (char)('0' + value % 10);
    return at + digits;
}

static char *put_offset(char *at, int32_t offset)
{
    unsigned minutes = (offset < 0 ? 0U - (unsigned)offset : (unsigned)offset) / 60;
    *at++ = offset < 0 ? '-' : '+';
    at = put_digits(at, minutes / 60 % 100, 2);
    *at++ = ':';
    return put_digits(at, minutes % 60, 2);
}

size_t tn_timestamp_format(char out[TN_TIMESTAMP_SIZE], int64_t seconds, uint32_t nanoseconds, int digits, bool utc,
                           int32_t offset)
{
    int64_t local = seconds;
    if (!utc && local > FIRST_SECOND && local < LAST_SECOND) local += offset;
    if (local < FIRST_SECOND) local = FIRST_SECOND;
    if (local > LAST_SECOND) local = LAST_SECOND;

    int64_t days = local / SECONDS_A_DAY - (local % SECONDS_A_DAY < 0);
    unsigned rest = (unsigned)(local - days * SECONDS_A_DAY);
    int year;
    unsigned month, day;
    date_from_days(days, &year, &month, &day);

    char *at = put_digits(out, (unsigned)year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    at = put_digits(at, day, 2);
    *at++ = 'T';
    at = put_digits(at, rest / 3600, 2);
    *at++ = ':';
    at = put_digits(at, rest / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, rest % 60, 2);
    if (digits > 0) {
        *at++ = '.';
        put_digits(at, nanoseconds, 9);
        at += digits;
    }
    if (utc) {
        *at++ = 'Z';
    } else {
        at = put_offset(at, offset);
    }
    return (size_t)(at - out);
}

#define SECOND_SIZE 19 /* 2026-11-21T09:57:23 */

size_t tn_timestamp_format_utc(char out[TN_TIMESTAMP_SIZE], uint64_t unix_time, bool milliseconds,
                               tn_timestamp_second *kept)
{
    uint64_t second = unix_time / TN_SECOND;
    if (kept->second != second || second == 0) {
        tn_timestamp_format(kept->text, (int64_t)second, 0, 0, true, 0);
        kept->second = second;
    }
    memcpy(out, kept->text, SECOND_SIZE);
    char *at = out + SECOND_SIZE;
    if (milliseconds) {
        *at++ = '.';
        at = put_digits(at, (unsigned)(unix_time % TN_SECOND / TN_MILLISECOND), 3);
    }
    *at++ = 'Z';
    return (size_t)(at - out);
}

/* A cursor that remembers whether everything fitted so far. */
typedef struct {
    const char *at, *end;
    bool good;
} scanner;

static unsigned take_digits(scanner *s, int count)
{
    unsigned value = 0;
    for (int i = 0; i < count; i++) {
        if (s->at == s->end || *s->at < '0' || *s->at > '9') {
            s->good = false;
            return 0;
        }
        value = value * 10 + (unsigned)(*s->at++ - '0');
    }
    return value;
}

static bool take_one_of(scanner *s, const char *characters)
{
    if (s->at == s->end || *s->at == '\0' || !strchr(characters, *s->at)) return false;
    s->at++;
    return true;
}

static void expect(scanner *s, const char *characters)
{
    if (!take_one_of(s, characters)) s->good = false;
}

static uint64_t take_fraction(scanner *s)
{
    if (!take_one_of(s, ".,")) return 0;

    uint64_t value = 0, unit = TN_SECOND;
    const char *first = s->at;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
        if (unit == 1) continue;
        unit /= 10;
        value += unit * (uint64_t)(*s->at - '0');
    }
    if (s->at == first) s->good = false;
    return value;
}

static int64_t take_zone(scanner *s)
{
    if (s->at == s->end || take_one_of(s, "Zz")) return 0;

    int sign = *s->at == '-' ? -1 : 1;
    expect(s, "+-");
    unsigned hours = take_digits(s, 2);
    take_one_of(s, ":");
    unsigned minutes = take_digits(s, 2);
    if (hours > 23 || minutes > 59) s->good = false;
    return sign * (int64_t)(hours * 3600 + minutes * 60);
}

static bool is_date(unsigned year, unsigned month, unsigned day)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (unsigned)(leap && month == 2);
}

/* With leap seconds, and 24:00:00 for the end of a day. */
static bool is_time(unsigned hour, unsigned minute, unsigned second)
{
    if (hour == 24) return minute == 0 && second == 0;
    return hour < 24 && minute <= 59 && second <= 60;
}

bool tn_timestamp_parse(tn_text text, uint64_t *nanoseconds_out)
{
    scanner s = {text.bytes, text.bytes + text.size, true};
    unsigned year = take_digits(&s, 4);
    expect(&s, "-");
    unsigned month = take_digits(&s, 2);
    expect(&s, "-");
    unsigned day = take_digits(&s, 2);
    expect(&s, "Tt ");
    unsigned hour = take_digits(&s, 2);
    expect(&s, ":");
    unsigned minute = take_digits(&s, 2);
    expect(&s, ":");
    unsigned second = take_digits(&s, 2);
    uint64_t fraction = take_fraction(&s);
    if (s.at < s.end && *s.at == ' ') s.at++; /* Time#to_s: "2026-11-21 09:57:23 +0200" */
    if (s.end - s.at == 3 && memcmp(s.at, "UTC", 3) == 0) s.at = s.end;
    int64_t offset = take_zone(&s);

    bool possible = year >= 1970 && is_date(year, month, day) && is_time(hour, minute, second);
    if (!s.good || s.at != s.end || !possible) return false;

    int64_t seconds = days_from_date(year, month, day) * SECONDS_A_DAY + (int64_t)(hour * 3600 + minute * 60 + second);
    if (seconds < offset || seconds - offset > LAST_PARSED) return false;
    *nanoseconds_out = (uint64_t)(seconds - offset) * TN_SECOND + fraction;
    return true;
}
