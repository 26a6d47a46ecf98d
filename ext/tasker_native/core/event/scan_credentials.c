#include "event/scan.h"

#define MOST_SPACES 4
#define MOST_BETWEEN 8 /* of bytes between "Authorization" and its value */
#define LONGEST_WORD 16
#define MOST_PARAMETERS 1024 /* bytes */
#define MOST_DECODED 1024
#define LEAST_MIXED 16 /* of letters and digits that are no word */

static bool is_token68(uint8_t byte)
{
    return tn_is_alnum(byte) || byte == '-' || byte == '.' || byte == '_' || byte == '~' || byte == '+' || byte == '/';
}

static bool is_padding(uint8_t byte)
{
    return byte == '=';
}

static bool is_alnum_or_dash(uint8_t byte)
{
    return tn_is_alnum(byte) || byte == '-';
}

/* Behind the spaces after a scheme; "%20" is one of URLs. `at` itself: there are none. */
static size_t skip_spaces(tn_text text, size_t at)
{
    for (int i = 0; i < MOST_SPACES; i++) {
        uint8_t byte = tn_byte_at(text, at);
        if (tn_text_at(text, at, TN_TEXT("%20"))) {
            at += 3;
        } else if (byte == ' ' || byte == '\t') {
            at++;
        } else {
            break;
        }
    }
    return at;
}

/* The end of token68 = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" (RFC 9110, section 11.2). */
static size_t end_of_token68(tn_text text, size_t at)
{
    size_t end = tn_skip(text, at, is_token68);
    return end > at ? tn_skip(text, end, is_padding) : at;
}

static bool is_a_words_end(uint8_t byte)
{
    return byte == '-' || byte == '/' || byte == '.' || byte == '_';
}

/* Whether it reads as words do: "token", "Token-based", "AND/OR". */
static bool is_prose(tn_text text, size_t from, size_t to)
{
    size_t word = from, upper = 0;
    for (size_t at = from; at < to; at++) {
        uint8_t byte = (uint8_t)text.bytes[at];
        if (is_a_words_end(byte)) {
            word = at + 1;
            upper = 0;
            continue;
        }
        bool is_upper = byte >= 'A' && byte <= 'Z';
        if (!tn_is_letter(byte) || at - word >= LONGEST_WORD) return false;
        if (is_upper && upper < at - word) return false; /* behind a small letter */
        upper += is_upper;
    }
    return true;
}

static bool found_token(tn_scan *scan, size_t from, size_t to)
{
    bool masked = scan->mask.size > 0 && tn_text_at(scan->text, from, scan->mask);
    return to > from && !masked && tn_found(scan, from, to);
}

static bool begins_a_word(const tn_scan *scan, size_t at)
{
    uint8_t before = tn_byte_before(scan->text, at);
    return !tn_is_alnum(before) || tn_text_before(scan->text, at, TN_TEXT("\\n")) ||
           tn_text_before(scan->text, at, TN_TEXT("%20"));
}

/* That of a sentence is left where it is. */
static size_t before_full_stop(tn_text text, size_t from, size_t to)
{
    while (to > from && strchr(".,;)]}", text.bytes[to - 1])) to--;
    return to;
}

bool tn_scan_bearer(tn_scan *scan)
{
    tn_text text = scan->text;
    if (!tn_word_at(text, scan->at, TN_TEXT("bearer")) || !begins_a_word(scan, scan->at)) return false;

    size_t behind = scan->at + strlen("bearer"), from = skip_spaces(text, behind);
    if (from == behind || is_prose(text, from, tn_skip(text, from, is_token68))) return false;
    size_t end = end_of_token68(text, from);
    bool is_parameter = tn_byte_at(text, end) == '"' && tn_byte_before(text, end) == '=';
    return !is_parameter && found_token(scan, from, before_full_stop(text, from, end));
}

static int digit_of_base64(uint8_t byte)
{
    if (byte >= 'A' && byte <= 'Z') return byte - 'A';
    if (byte >= 'a' && byte <= 'z') return byte - 'a' + 26;
    if (tn_is_digit(byte)) return byte - '0' + 52;
    if (byte == '+' || byte == '-') return 62;
    return byte == '/' || byte == '_' ? 63 : -1;
}

/* Whether it decodes to user ":" password (RFC 7617, section 2): text with a colon. */
static bool is_user_and_password(tn_text text, size_t from, size_t to)
{
    uint32_t bits = 0;
    int held = 0;
    bool colon = false;
    for (size_t at = from; at < to && at - from < MOST_DECODED && text.bytes[at] != '='; at++) {
        int digit = digit_of_base64((uint8_t)text.bytes[at]);
        if (digit < 0) return false;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held < 8) continue;
        held -= 8;
        uint8_t byte = (uint8_t)(bits >> held);
        if (byte < 0x20 || byte == 0x7F) return false;
        colon |= byte == ':';
    }
    return colon;
}

static bool is_mixed(tn_text text, size_t from, size_t to)
{
    bool lower = false, upper = false, digit = false;
    for (size_t at = from; at < to; at++) {
        uint8_t byte = (uint8_t)text.bytes[at];
        digit |= tn_is_digit(byte);
        lower |= byte >= 'a' && byte <= 'z';
        upper |= byte >= 'A' && byte <= 'Z';
    }
    return to - from >= LEAST_MIXED && lower && upper && digit;
}

bool tn_scan_basic(tn_scan *scan)
{
    tn_text text = scan->text;
    if (!tn_word_at(text, scan->at, TN_TEXT("basic")) || !begins_a_word(scan, scan->at)) return false;

    size_t behind = scan->at + strlen("basic"), from = skip_spaces(text, behind);
    if (from == behind) return false;
    size_t end = before_full_stop(text, from, end_of_token68(text, from));
    return (is_user_and_password(text, from, end) || is_mixed(text, from, end)) && found_token(scan, from, end);
}

static bool is_between(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == ':' || byte == '=' || byte == '>' || byte == '"' || byte == '\'' ||
           byte == '[' || byte == '\\';
}

static bool is_visible(uint8_t byte)
{
    return byte > ' ' && byte != '"' && byte != '\'' && byte != '\\' && byte != 0x7F;
}

/* Whether name = value pairs come, as Digest and others have them; padding of base64 is none. */
static bool has_parameters(tn_text text, size_t from)
{
    size_t name = tn_skip(text, from, is_token68);
    uint8_t next = tn_byte_at(text, name + 1);
    if (tn_byte_at(text, name) != '=') return false;
    return next == '"' ? tn_is_alnum(tn_byte_at(text, name + 2)) : next != '=' && is_visible(next);
}

/* To the end of the line. */
static size_t end_of_parameters(tn_text text, size_t from)
{
    size_t end = from;
    while (end < text.size && end - from < MOST_PARAMETERS && text.bytes[end] != '\n' && text.bytes[end] != '\r') end++;
    while (end < text.size && ((uint8_t)text.bytes[end] & 0xC0) == 0x80) end++; /* a character is not cut */
    return end;
}

static bool found_unless_prose(tn_scan *scan, size_t from)
{
    size_t end = before_full_stop(scan->text, from, tn_skip(scan->text, from, is_visible));
    return !is_prose(scan->text, from, end) && found_token(scan, from, end);
}

/* A scheme and what follows it, or that alone. What follows Bearer and Basic is always masked; any other word may be a
 * scheme, but "authorization: not granted" has none. */
static bool found_value(tn_scan *scan, size_t from)
{
    tn_text text = scan->text;
    size_t scheme = tn_skip(text, from, is_alnum_or_dash), value = skip_spaces(text, scheme);
    if (value == scheme || value == text.size) return found_unless_prose(scan, from);

    if (tn_word_at(text, from, TN_TEXT("bearer")) || tn_word_at(text, from, TN_TEXT("basic"))) {
        return found_token(scan, value, end_of_token68(text, value));
    }
    if (has_parameters(text, value)) return found_token(scan, value, end_of_parameters(text, value));
    return found_unless_prose(scan, value);
}

bool tn_scan_authorization(tn_scan *scan)
{
    tn_text text = scan->text;
    if (!tn_word_before(text, scan->at, TN_TEXT("authori")) || !tn_word_at(text, scan->at, TN_TEXT("zation")))
        return false;

    size_t behind = scan->at + strlen("zation"), from = tn_skip_some(text, behind, MOST_BETWEEN, is_between);
    if (from == text.size) return false;
    bool has_value = memchr(text.bytes + behind, ':', from - behind) || memchr(text.bytes + behind, '=', from - behind);
    return has_value && found_value(scan, from);
}
