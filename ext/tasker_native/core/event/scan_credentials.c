#include "event/scan.h"

#define MOST_SPACES 4
#define MOST_BETWEEN 8 /* of bytes between "Authorization" and its value */
#define LONGEST_WORD 16
#define LONGEST_NUMBER 7
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

/* The same behind a colon, which is no HTTP, but what people write. */
static size_t skip_separator(tn_text text, size_t at)
{
    bool colon = tn_byte_at(text, at) == ':' || tn_byte_at(text, at) == '=';
    return skip_spaces(text, at + colon);
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

/* Words, and small numbers: "token", "Token-based", "AND/OR", "42". */
static bool is_a_word(tn_text word)
{
    size_t upper = 0, digits = 0;
    for (size_t at = 0; at < word.size; at++) {
        uint8_t byte = (uint8_t)word.bytes[at];
        bool is_upper = byte >= 'A' && byte <= 'Z', is_digit = tn_is_digit(byte);
        if (!tn_is_alnum(byte) || (is_upper && upper < at) || digits != (is_digit ? at : 0)) return false;
        upper += is_upper;
        digits += is_digit;
    }
    return word.size <= LONGEST_WORD && digits <= LONGEST_NUMBER;
}

/* Whether a text reads as a sentence does. */
static bool is_prose(tn_text text, size_t from, size_t to)
{
    for (size_t word = from, at = from; at <= to; at++) {
        if (at < to && !is_a_words_end((uint8_t)text.bytes[at])) continue;
        if (!is_a_word((tn_text){text.bytes + word, at - word})) return false;
        word = at + 1;
    }
    return true;
}

static bool is_masked(const tn_scan *scan, size_t at)
{
    return scan->mask.size > 0 && tn_text_at(scan->text, at, scan->mask);
}

static bool found_token(tn_scan *scan, size_t from, size_t to)
{
    return to > from && !is_masked(scan, from) && tn_found(scan, from, to);
}

static bool is_visible(uint8_t byte)
{
    return byte > ' ' && byte != '"' && byte != '\'' && byte != '\\' && byte != '<' && byte != '>' && byte != 0x7F;
}

/* What may be a value, or was one. */
static bool is_value(const tn_scan *scan, size_t at)
{
    return tn_is_alnum(tn_byte_at(scan->text, at)) || is_masked(scan, at);
}

/* Whether name="value" comes, the quotes escaped or not. The end of what is quoted is no value. */
static bool has_quoted_parameter(const tn_scan *scan, size_t from)
{
    size_t value = tn_skip(scan->text, from, is_token68);
    if (tn_text_at(scan->text, value, TN_TEXT("=\""))) return is_value(scan, value + 2);
    return tn_text_at(scan->text, value, TN_TEXT("=\\\"")) && is_value(scan, value + 3);
}

/* Whether name = value pairs come, as Digest and others have them; padding of base64 is none. */
static bool has_parameters(const tn_scan *scan, size_t from)
{
    size_t sign = tn_skip(scan->text, from, is_token68);
    uint8_t value = tn_byte_at(scan->text, sign + 1);
    if (tn_byte_at(scan->text, sign) != '=') return false;
    return (value != '=' && is_visible(value)) || has_quoted_parameter(scan, from);
}

/* What a server asks for (RFC 6750, section 3): Bearer realm="example", error=invalid_token. */
static bool is_challenge(const tn_scan *scan, size_t from)
{
    static const char *const names[] = {"realm=", "scope=", "error=", "error_description=", "error_uri="};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (tn_word_at(scan->text, from, tn_text_of(names[i]))) return true;
    }
    return has_quoted_parameter(scan, from);
}

/* That of a sentence is left where it is. */
static size_t before_full_stop(tn_text text, size_t from, size_t to)
{
    while (to > from && strchr(".,;)]}", text.bytes[to - 1])) to--;
    return to;
}

/* Whether it is name "=" and a mask up to its end, as it stands where it was masked before. */
static bool is_masked_parameter(const tn_scan *scan, size_t from, size_t to)
{
    size_t value = tn_skip(scan->text, from, is_token68) + 1;
    return is_masked(scan, value) && value + scan->mask.size == to;
}

bool tn_scan_bearer(tn_scan *scan)
{
    tn_text text = scan->text;
    if (!tn_word_at(text, scan->at, TN_TEXT("bearer")) || !tn_is_border(text, scan->at)) return false;

    size_t behind = scan->at + strlen("bearer"), from = skip_separator(text, behind);
    if (from == behind || is_challenge(scan, from)) return false;
    if (has_parameters(scan, from)) {
        size_t end = tn_skip(text, from, is_visible);
        return !is_masked_parameter(scan, from, end) && found_token(scan, from, end);
    }
    if (is_prose(text, from, tn_skip(text, from, is_token68))) return false;
    return found_token(scan, from, before_full_stop(text, from, end_of_token68(text, from)));
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
    if (!tn_word_at(text, scan->at, TN_TEXT("basic")) || !tn_is_border(text, scan->at)) return false;

    size_t behind = scan->at + strlen("basic"), from = skip_separator(text, behind);
    if (from == behind) return false;
    size_t end = before_full_stop(text, from, end_of_token68(text, from));
    return (is_user_and_password(text, from, end) || is_mixed(text, from, end)) && found_token(scan, from, end);
}

static bool is_between(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == ':' || byte == '=' || byte == '>' || byte == '"' || byte == '\'' ||
           byte == '[' || byte == '\\';
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

/* Whose credentials may look like words. */
static bool is_scheme(tn_text text, size_t from, size_t to)
{
    static const char *const schemes[] = {"bearer", "basic", "token", "apikey", "negotiate", "ntlm", "bot", "key"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        tn_text scheme = tn_text_of(schemes[i]);
        if (to - from == scheme.size && tn_word_at(text, from, scheme)) return true;
    }
    return false;
}

/* A scheme and what follows it, or that alone. Any word may be a scheme, but "authorization: not granted" has none. */
static bool found_value(tn_scan *scan, size_t from)
{
    tn_text text = scan->text;
    size_t scheme = tn_skip(text, from, is_alnum_or_dash), value = skip_spaces(text, scheme);
    if (value == scheme || value == text.size) return found_unless_prose(scan, from);
    if (is_masked(scan, value)) return false;

    if (has_parameters(scan, value)) return found_token(scan, value, end_of_parameters(text, value));
    if (is_scheme(text, from, scheme)) {
        return found_token(scan, value, before_full_stop(text, value, tn_skip(text, value, is_visible)));
    }
    return (!is_prose(text, from, scheme) && found_unless_prose(scan, from)) || found_unless_prose(scan, value);
}

static bool is_quote_or_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '"' || byte == '\'' || byte == '[' || byte == '\\';
}

bool tn_scan_authorization(tn_scan *scan)
{
    tn_text text = scan->text;
    if (!tn_word_before(text, scan->at, TN_TEXT("authori")) || !tn_word_at(text, scan->at, TN_TEXT("zation")))
        return false;

    size_t behind = scan->at + strlen("zation"), from = tn_skip_some(text, behind, MOST_BETWEEN, is_between);
    if (from == text.size) return false;
    bool separated = tn_skip(text, behind, is_quote_or_space) < from;
    return separated && found_value(scan, from);
}
