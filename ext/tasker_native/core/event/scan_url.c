#include "event/scan.h"

#define MOST_LOOKED_AT 1024 /* bytes of a URL */
#define LEAST_TOKEN 20

static bool ends_a_url(uint8_t byte)
{
    return byte <= ' ' || byte == '"' || byte == '\'' || byte == '<' || byte == '>' || byte == '`' || byte == '\\' ||
           byte == 0x7F;
}

/* The places that matter, each SIZE_MAX where there is none. */
typedef struct {
    size_t start;   /* of the authority */
    size_t end;     /* of the URL, as far as it is looked at */
    size_t path;    /* the first of / ? # */
    size_t colon;   /* the first one */
    size_t last_at; /* of the URL */
    size_t last_at_of_authority;
} url;

static url read_url(tn_text text, size_t start)
{
    url u = {start, start, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX};
    for (; u.end < text.size && u.end - start < MOST_LOOKED_AT; u.end++) {
        uint8_t byte = (uint8_t)text.bytes[u.end];
        if (ends_a_url(byte) || tn_text_at(text, u.end, TN_TEXT("://"))) break;
        if (u.path == SIZE_MAX && (byte == '/' || byte == '?' || byte == '#')) u.path = u.end;
        if (u.colon == SIZE_MAX && u.path == SIZE_MAX && byte == ':') u.colon = u.end;
        if (byte != '@') continue;
        u.last_at = u.end;
        if (u.path == SIZE_MAX) u.last_at_of_authority = u.end;
    }
    return u;
}

/* Whether digits and nothing else stand between a colon and the path. */
static bool is_port(tn_text text, const url *u)
{
    size_t at = u->colon + 1;
    while (at < u->path && at < text.size && tn_is_digit((uint8_t)text.bytes[at])) at++;
    return at == u->path;
}

static bool is_token(tn_text text, size_t from, size_t to)
{
    bool letter = false, digit = false;
    for (size_t at = from; at < to; at++) {
        uint8_t byte = (uint8_t)text.bytes[at];
        if (!tn_is_base64url(byte)) return false;
        digit |= tn_is_digit(byte);
        letter |= tn_is_letter(byte);
    }
    return to - from >= LEAST_TOKEN && letter && digit;
}

static bool found_unless_masked(tn_scan *scan, size_t from, size_t to)
{
    tn_text secret = {scan->text.bytes + from, to - from};
    return to > from && !tn_text_equal(secret, scan->mask) && tn_found(scan, from, to);
}

static bool ends_a_scheme(uint8_t byte)
{
    return tn_is_alnum(byte) || byte == '+' || byte == '-' || byte == '.';
}

bool tn_scan_url_password(tn_scan *scan)
{
    tn_text text = scan->text;
    if (!tn_text_at(text, scan->at, TN_TEXT("://")) || !ends_a_scheme(tn_byte_before(text, scan->at))) return false;

    url u = read_url(text, scan->at + strlen("://"));
    if (u.last_at == SIZE_MAX) return false;
    size_t at = u.last_at_of_authority;
    if (at == SIZE_MAX) { /* it is in the path, or a password has what begins one */
        if (u.colon == SIZE_MAX || is_port(text, &u) || tn_byte_at(text, u.start) == '[') return false;
        at = u.last_at;
    }
    if (u.colon < at) return found_unless_masked(scan, u.colon + 1, at);
    return is_token(text, u.start, at) && found_unless_masked(scan, u.start, at);
}

static bool is_of_path(uint8_t byte)
{
    return tn_is_base64url(byte) || byte == '/';
}

bool tn_scan_slack_webhook(tn_scan *scan)
{
    static const char *const places[] = {"://hooks.slack.com/services/", "://hooks.slack.com/workflows/",
                                         "://hooks.slack.com/triggers/"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        tn_text place = tn_text_of(places[i]);
        if (!tn_word_at(scan->text, scan->at, place)) continue;
        size_t from = scan->at + place.size;
        return found_unless_masked(scan, from, tn_skip(scan->text, from, is_of_path));
    }
    return false;
}
