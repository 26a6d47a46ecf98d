#include "event/scan.h"

#define LEAST_DIGITS 13
#define MOST_DIGITS 19
#define MOST_LETTERS 15 /* beside a number; with more it is a token */
#define FIRST_GROUP 4   /* digits, at least */
#define LEAST_GROUP 3   /* the same of others, but for the last */
#define UUID_SIZE 36

static bool passes_luhn(const uint8_t *digits, size_t count)
{
    static const uint8_t doubled[] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) sum += (count - i) % 2 == 0 ? doubled[digits[i]] : digits[i];
    return sum % 10 == 0;
}

static bool begins_as_an_issuers(const uint8_t *digits, size_t count)
{
    unsigned four = digits[0] * 1000u + digits[1] * 100u + digits[2] * 10u + digits[3];
    switch (digits[0]) {
    case 1: return count == 15;
    case 2: return count >= 16 && ((four >= 2200 && four <= 2204) || (four >= 2221 && four <= 2720));
    case 8: return count == 16 && digits[1] <= 2 && digits[1] >= 1;
    case 9: return count == 16 && four == 9792;
    default: return digits[0] >= 3 && digits[0] <= 6;
    }
}

static bool is_card(const uint8_t *digits, size_t count)
{
    return count >= LEAST_DIGITS && count <= MOST_DIGITS && begins_as_an_issuers(digits, count) &&
           passes_luhn(digits, count);
}

bool tn_scan_is_card_number(int64_t number)
{
    uint8_t digits[MOST_DIGITS];
    size_t first = MOST_DIGITS;
    for (; number > 0; number /= 10) digits[--first] = (uint8_t)(number % 10);
    return is_card(digits + first, MOST_DIGITS - first);
}

/* What digests have in hexadecimal: MD5, the SHA family. */
static bool is_digest_size(size_t size)
{
    return size == 32 || size == 40 || size == 56 || size == 64 || size == 96 || size == 128;
}

static bool is_uuid(tn_text text, size_t at)
{
    if (at > text.size || text.size - at < UUID_SIZE) return false;
    for (size_t i = 0; i < UUID_SIZE; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        uint8_t byte = (uint8_t)text.bytes[at + i];
        if (dash ? byte != '-' : !tn_is_hex(byte)) return false;
    }
    return !tn_is_alnum(tn_byte_before(text, at)) && !tn_is_alnum(tn_byte_at(text, at + UUID_SIZE));
}

/* Whether a place is in one of the groups of a UUID. */
static bool is_in_uuid(tn_text text, size_t at)
{
    static const size_t groups[] = {0, 9, 14, 19, 24};
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (at >= groups[i] && is_uuid(text, at - groups[i])) return true;
    }
    return false;
}

/* Where letters before a number begin, if only letters are there. */
static size_t letters_before(tn_text text, size_t at)
{
    size_t first = at;
    while (first > 0 && at - first <= MOST_LETTERS && tn_is_letter((uint8_t)text.bytes[first - 1])) first--;
    return first;
}

static size_t letters_behind(tn_text text, size_t at)
{
    size_t last = at;
    while (last < text.size && last - at <= MOST_LETTERS && tn_is_letter((uint8_t)text.bytes[last])) last++;
    return last;
}

static bool may_begin(tn_text text, size_t at)
{
    uint8_t before = tn_byte_before(text, at);
    if (before == '+') return false;
    return before != '.' || !tn_is_digit(tn_byte_before(text, at - 1));
}

static bool may_end(tn_text text, size_t end)
{
    return tn_byte_at(text, end) != '.' || !tn_is_digit(tn_byte_at(text, end + 1));
}

/* Whether letters and digits beside it make something else of it. */
static bool is_part_of_a_token(tn_text text, size_t from, size_t to)
{
    bool border = tn_is_border(text, from);
    size_t first = border ? from : letters_before(text, from), last = letters_behind(text, to);
    bool mixed = (!border && tn_is_digit(tn_byte_before(text, first))) || tn_is_digit(tn_byte_at(text, last));
    if (mixed || (first < from && last > to)) return true;
    if (from - first > MOST_LETTERS || last - to > MOST_LETTERS) return true;

    size_t size = last - first;
    if (!is_digest_size(size)) return false;
    for (size_t at = first; at < last; at++) {
        if (!tn_is_hex((uint8_t)text.bytes[at])) return false;
    }
    return true;
}

/* Reads the digits of a group: where it ends. Those beyond MOST_DIGITS are counted, not kept. */
static size_t read_group(tn_text text, size_t at, uint8_t *digits, size_t *count)
{
    for (; at < text.size && tn_is_digit((uint8_t)text.bytes[at]); at++) {
        if (*count < MOST_DIGITS) digits[*count] = (uint8_t)text.bytes[at] - '0';
        ++*count;
    }
    return at;
}

static bool goes_on(tn_text text, size_t end, uint8_t separator)
{
    uint8_t byte = tn_byte_at(text, end);
    bool separates = separator ? byte == separator : byte == ' ' || byte == '-';
    return separates && tn_is_digit(tn_byte_at(text, end + 1));
}

static bool is_number_of_card(tn_text text, size_t from, size_t to, const uint8_t *digits, size_t count)
{
    return is_card(digits, count) && may_begin(text, from) && may_end(text, to) &&
           !is_part_of_a_token(text, from, to) && !is_in_uuid(text, from);
}

/* Of digits that say which character is meant: %20, \u0022. 0: they do not. */
static size_t size_of_escape(tn_text text, size_t at)
{
    if (tn_byte_before(text, at) == '%' && tn_is_hex(tn_byte_at(text, at + 1))) return 2;
    return tn_text_before(text, at, TN_TEXT("\\u")) && tn_skip_some(text, at, 4, tn_is_hex) == at + 4 ? 4 : 0;
}

/* Tries one group, two, three... The longest number wins: of 16 digits, the first 13 may pass Luhn's check, too. */
bool tn_scan_card_number(tn_scan *scan)
{
    tn_text text = scan->text;
    size_t escape = size_of_escape(text, scan->at);
    if (escape > 0) {
        scan->next = scan->at + escape;
        return false;
    }

    uint8_t digits[MOST_DIGITS], separator = 0;
    size_t count = 0, end = read_group(text, scan->at, digits, &count), group = count, found = 0;
    scan->next = end;
    while (count <= MOST_DIGITS) {
        if (is_number_of_card(text, scan->at, end, digits, count)) found = end;
        if (group < (separator ? LEAST_GROUP : FIRST_GROUP) || !goes_on(text, end, separator)) break;
        separator = (uint8_t)text.bytes[end];
        group = count;
        end = read_group(text, end + 1, digits, &count);
        group = count - group;
    }
    return found > 0 && tn_found(scan, scan->at, found);
}
