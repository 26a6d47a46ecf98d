#ifndef TN_EVENT_SCAN_H
#define TN_EVENT_SCAN_H

#include "event/value_scanner.h"

/* What the scanners of value_scanner.h are made of; for them alone. Each is called where a byte stands that its secrets
 * have, looks around it, and says from where to where a secret is. */
typedef struct {
    tn_text text;
    tn_text mask;    /* is no secret */
    size_t at;       /* the byte */
    size_t from, to; /* the secret, when one was found */
    size_t next;     /* where to go on, when none was found */
} tn_scan;

bool tn_scan_card_number(tn_scan *scan);   /* at a digit behind none */
bool tn_scan_jwt(tn_scan *scan);           /* at the J of eyJ */
bool tn_scan_private_key(tn_scan *scan);   /* at the B of -----BEGIN */
bool tn_scan_bearer(tn_scan *scan);        /* at the B of Bearer, in any case */
bool tn_scan_basic(tn_scan *scan);         /* at the B of Basic */
bool tn_scan_authorization(tn_scan *scan); /* at the z */
bool tn_scan_url_password(tn_scan *scan);  /* at the colon of :// */
bool tn_scan_slack_webhook(tn_scan *scan); /* the same */
bool tn_scan_aws_id(tn_scan *scan);        /* at its A */
bool tn_scan_aws_secret(tn_scan *scan);    /* at the k of key, in any case */
bool tn_scan_github_token(tn_scan *scan);  /* at the last _ of the prefix */
bool tn_scan_slack_token(tn_scan *scan);   /* at its x */
bool tn_scan_stripe_key(tn_scan *scan);    /* at the first _ */

static inline bool tn_is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static inline uint8_t tn_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

static inline bool tn_is_letter(uint8_t byte)
{
    return tn_lower(byte) >= 'a' && tn_lower(byte) <= 'z';
}

static inline bool tn_is_alnum(uint8_t byte)
{
    return tn_is_letter(byte) || tn_is_digit(byte);
}

static inline bool tn_is_base64url(uint8_t byte)
{
    return tn_is_alnum(byte) || byte == '-' || byte == '_';
}

/* A byte before or behind the text is 0. */
static inline uint8_t tn_byte_at(tn_text text, size_t at)
{
    return at < text.size ? (uint8_t)text.bytes[at] : 0;
}

static inline uint8_t tn_byte_before(tn_text text, size_t at)
{
    return at > 0 ? (uint8_t)text.bytes[at - 1] : 0;
}

/* Whether `word`, lower case, stands there, in any case. */
static inline bool tn_word_at(tn_text text, size_t at, tn_text word)
{
    if (at > text.size || text.size - at < word.size) return false;
    for (size_t i = 0; i < word.size; i++) {
        if (tn_lower((uint8_t)text.bytes[at + i]) != (uint8_t)word.bytes[i]) return false;
    }
    return true;
}

static inline bool tn_word_before(tn_text text, size_t at, tn_text word)
{
    return at >= word.size && tn_word_at(text, at - word.size, word);
}

/* The same, exactly. */
static inline bool tn_text_at(tn_text text, size_t at, tn_text part)
{
    return at <= text.size && text.size - at >= part.size && memcmp(text.bytes + at, part.bytes, part.size) == 0;
}

static inline bool tn_text_before(tn_text text, size_t at, tn_text part)
{
    return at >= part.size && tn_text_at(text, at - part.size, part);
}

static inline bool tn_is_hex(uint8_t byte)
{
    return tn_is_digit(byte) || (tn_lower(byte) >= 'a' && tn_lower(byte) <= 'f');
}

/* Whether a word may begin there: behind none, or behind what stands for another character: \n in JSON and where something
 * was inspected, \u003d, %3D. */
static inline bool tn_is_border(tn_text text, size_t at)
{
    const char *end = text.bytes + at;
    if (at == 0 || at > text.size || !tn_is_alnum((uint8_t)end[-1])) return true;
    if (at >= 2 && end[-2] == '\\') return strchr("nrtbf", end[-1]) != NULL;
    bool hex = at >= 3 && tn_is_hex((uint8_t)end[-1]) && tn_is_hex((uint8_t)end[-2]);
    if (!hex) return false;
    if (end[-3] == '%') return true;
    return at >= 6 && end[-6] == '\\' && end[-5] == 'u' && tn_is_hex((uint8_t)end[-4]) && tn_is_hex((uint8_t)end[-3]);
}

/* Behind all bytes from `at` on for which `is` says so. */
static inline size_t tn_skip(tn_text text, size_t at, bool (*is)(uint8_t byte))
{
    while (at < text.size && is((uint8_t)text.bytes[at])) at++;
    return at;
}

/* The same for `most` bytes at most. */
static inline size_t tn_skip_some(tn_text text, size_t at, size_t most, bool (*is)(uint8_t byte))
{
    tn_text part = {text.bytes, text.size - at < most ? text.size : at + most};
    return tn_skip(part, at, is);
}

static inline bool tn_found(tn_scan *scan, size_t from, size_t to)
{
    scan->from = from;
    scan->to = to;
    return true;
}

#endif
