#include "event/scan.h"

/* Secrets that have a prefix of their own. */

static bool is_alnum(uint8_t byte)
{
    return tn_is_alnum(byte);
}

static bool is_word(uint8_t byte)
{
    return tn_is_alnum(byte) || byte == '_';
}

static bool is_base64url(uint8_t byte)
{
    return tn_is_base64url(byte);
}

static bool is_base64(uint8_t byte)
{
    return tn_is_alnum(byte) || byte == '+' || byte == '/' || byte == '=';
}

static bool is_alnum_or_dash(uint8_t byte)
{
    return tn_is_alnum(byte) || byte == '-';
}

static bool is_upper_or_digit(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || tn_is_digit(byte);
}

/* A prefix that begins at `from`, and at least `least` bytes of a kind behind `at`. */
static bool found_behind(tn_scan *scan, size_t from, size_t at, bool (*is)(uint8_t byte), size_t least)
{
    if (!tn_is_border(scan->text, from)) return false;
    size_t end = tn_skip(scan->text, at, is);
    return end - at >= least && tn_found(scan, from, end);
}

#define MOST_PARTS 5    /* of a JWE; a JWS has three */
#define LEAST_HEADER 15 /* of {"alg":"x"} */
#define LEAST_PAYLOAD 10

/* header.payload.signature, of which the signature may be empty, or cut off. */
bool tn_scan_jwt(tn_scan *scan)
{
    tn_text text = scan->text;
    if (!tn_text_before(text, scan->at, TN_TEXT("ey"))) return false;
    size_t from = scan->at - 2;
    uint8_t before = tn_byte_before(text, from);
    if (before == '-' || before == '_' || !tn_is_border(text, from)) return false;

    size_t end = tn_skip(text, from, is_base64url), payload = end + 1;
    if (end - from < LEAST_HEADER || tn_byte_at(text, end) != '.') return false;
    for (int part = 2; part <= MOST_PARTS && tn_byte_at(text, end) == '.'; part++) {
        size_t next = tn_skip(text, end + 1, is_base64url);
        if (part == 2 && next - payload < LEAST_PAYLOAD && tn_byte_at(text, next) != '.') return false;
        if (next == end + 1 && tn_byte_at(text, next) != '.' && part > 3) break;
        end = next;
    }
    return tn_found(scan, from, end);
}

bool tn_scan_aws_id(tn_scan *scan)
{
    enum { PREFIX = 4, REST = 16 };
    tn_text text = scan->text;
    size_t from = scan->at;
    if (!tn_text_at(text, from, TN_TEXT("AKIA")) && !tn_text_at(text, from, TN_TEXT("ASIA")) &&
        !tn_text_at(text, from, TN_TEXT("ABIA")) && !tn_text_at(text, from, TN_TEXT("ACCA")))
        return false;
    return found_behind(scan, from, from + PREFIX, is_upper_or_digit, REST) && scan->to == from + PREFIX + REST &&
           !tn_is_alnum(tn_byte_at(text, scan->to));
}

static size_t before_separator(tn_text text, size_t at)
{
    uint8_t before = tn_byte_before(text, at);
    return before == '_' || before == '-' || before == ' ' ? at - 1 : at;
}

/* Whether secret_access_key, secret_key and so on ends before "key". */
static bool is_secret_key(tn_text text, size_t key)
{
    size_t at = before_separator(text, key);
    if (tn_word_before(text, at, TN_TEXT("access"))) at = before_separator(text, at - strlen("access"));
    return tn_word_before(text, at, TN_TEXT("secret"));
}

static bool is_between(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == ':' || byte == '=' || byte == '>' || byte == '"' || byte == '\'' ||
           byte == '\\';
}

bool tn_scan_aws_secret(tn_scan *scan)
{
    enum { SIZE = 40, MOST_BETWEEN = 8 };
    tn_text text = scan->text;
    if (!tn_word_at(text, scan->at, TN_TEXT("key")) || !is_secret_key(text, scan->at)) return false;

    size_t behind = scan->at + strlen("key"), from = tn_skip_some(text, behind, MOST_BETWEEN, is_between);
    if (from == behind) return false;
    size_t end = tn_skip_some(text, from, SIZE + 1, is_base64);
    return end - from == SIZE && tn_found(scan, from, end);
}

bool tn_scan_github_token(tn_scan *scan)
{
    enum { LEAST = 36, LEAST_PAT = 22 };
    tn_text text = scan->text;
    size_t at = scan->at;
    if (tn_text_before(text, at, TN_TEXT("github_pat"))) {
        return found_behind(scan, at - strlen("github_pat"), at + 1, is_word, LEAST_PAT);
    }
    uint8_t kind = tn_byte_before(text, at);
    bool known = kind == 'p' || kind == 'o' || kind == 'u' || kind == 's' || kind == 'r';
    return known && tn_text_before(text, at - 1, TN_TEXT("gh")) && found_behind(scan, at - 3, at + 1, is_word, LEAST);
}

bool tn_scan_slack_token(tn_scan *scan)
{
    enum { LEAST = 10 };
    tn_text text = scan->text;
    size_t from = scan->at;
    uint8_t kind = tn_byte_at(text, from + 3);
    bool known = tn_is_letter(kind) && strchr("abcdeprs", kind);
    bool old = kind == 'o' && tn_is_digit(tn_byte_at(text, from + 5)); /* hugs and kisses are none */
    bool token = tn_text_at(text, from, TN_TEXT("xox")) && tn_byte_at(text, from + 4) == '-' && (known || old);
    bool app = tn_text_at(text, from, TN_TEXT("xapp-"));
    return (token || app) && found_behind(scan, from, from + 5, is_alnum_or_dash, LEAST);
}

bool tn_scan_stripe_key(tn_scan *scan)
{
    enum { LEAST = 10, LEAST_WEBHOOK = 16 };
    tn_text text = scan->text;
    size_t at = scan->at;
    if (tn_text_before(text, at, TN_TEXT("whsec"))) {
        return found_behind(scan, at - strlen("whsec"), at + 1, is_base64, LEAST_WEBHOOK);
    }
    bool live = tn_text_at(text, at, TN_TEXT("_live_")) || tn_text_at(text, at, TN_TEXT("_test_"));
    uint8_t kind = at >= 2 ? (uint8_t)text.bytes[at - 2] : 0;
    bool known = tn_byte_before(text, at) == 'k' && (kind == 's' || kind == 'r' || kind == 'p');
    return live && known && found_behind(scan, at - 2, at + strlen("_live_"), is_alnum, LEAST);
}

static bool is_of_label(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || tn_is_digit(byte) || byte == ' ';
}

/* Behind "-----END ...-----", or the end of the text. */
static size_t end_of_block(tn_text text, size_t at)
{
    static const char end[] = "-----END";
    const char *found = memmem(text.bytes + at, text.size - at, end, strlen(end));
    if (!found) return text.size;
    size_t label = tn_skip(text, (size_t)(found - text.bytes) + strlen(end), is_of_label);
    return tn_text_at(text, label, TN_TEXT("-----")) ? label + strlen("-----") : label;
}

bool tn_scan_private_key(tn_scan *scan)
{
    tn_text text = scan->text;
    if (!tn_text_at(text, scan->at, TN_TEXT("BEGIN ")) || !tn_text_before(text, scan->at, TN_TEXT("-----")))
        return false;

    size_t end = tn_skip(text, scan->at, is_of_label);
    bool is_private = tn_text_before(text, end, TN_TEXT("PRIVATE KEY")) ||
                      tn_text_before(text, end, TN_TEXT("PRIVATE KEY BLOCK"));
    if (!is_private || !tn_text_at(text, end, TN_TEXT("-----"))) return false;
    return tn_found(scan, scan->at - strlen("-----"), end_of_block(text, end));
}
