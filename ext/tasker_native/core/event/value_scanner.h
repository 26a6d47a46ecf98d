#ifndef TN_EVENT_VALUE_SCANNER_H
#define TN_EVENT_VALUE_SCANNER_H

#include "base/buffer.h"

/* Finds secrets inside of texts by what they look like, and puts a mask in their place; the text around them stays.
 *
 * Each kind has a form that others have not: a prefix, a length, a check digit. Entropy is no reason: ids and digests are
 * what one reads a trace for. One pass, in which each byte is looked at a bounded number of times; no memory but what
 * the result needs. What was masked once is not found again. A secret may stand behind an escape (\n, \u003d,
 * %3D) as behind the character that is meant. Any thread.
 *
 * TN_SCAN_CARD_NUMBER   13 to 19 digits, together or in groups between single spaces or dashes (the first of four digits or
 *                       more, others of three), which pass Luhn's check (ISO/IEC 7812-1, annex B) and begin as an
 *                       issuer's do: 3 to 6; 2200 to 2204 and 2221 to 2720 with 16 digits or more; 81, 82, 9792 with 16;
 *                       1 with 15. Up to 15 letters may stand on one side of them. Not in digests, UUIDs, fractions,
 *                       behind "+", and not some of more than 19 digits without a gap.
 * TN_SCAN_JWT           JSON Web Tokens: JWS and JWE in their compact form (RFC 7519, RFC 7515 section 7.1, RFC 7516
 *                       section 7.1).
 * TN_SCAN_PRIVATE_KEY   PEM blocks (RFC 7468) whose label ends with PRIVATE KEY, or PRIVATE KEY BLOCK as OpenPGP has it, to
 *                       their end, or to that of the text.
 * TN_SCAN_CREDENTIALS   what follows Bearer or Basic (RFC 6750 section 2.1, RFC 7617), if it is no word of a sentence;
 *                       what follows a scheme after "Authorization:" (RFC 9110 section 11.6.2).
 * TN_SCAN_URL_PASSWORD  what stands between ":" and the last "@" of a URL's authority (RFC 3986 section 3.2.1), also with
 *                       a "/", "?" or "#" in it that should have been escaped; a user without a password that looks like
 *                       a token.
 * TN_SCAN_AWS_KEY       ids of access keys (AKIA, ASIA, ABIA, ACCA; AWS IAM, "Unique identifiers"), and 40 characters
 *                       behind secret_access_key, secret_key or SecretAccessKey.
 * TN_SCAN_GITHUB_TOKEN  ghp_, gho_, ghu_, ghs_, ghr_, github_pat_ (GitHub, "About authentication", token formats).
 * TN_SCAN_SLACK_TOKEN   xoxb- and its relatives, xapp- (Slack, "Token types"), paths of hooks.slack.com.
 * TN_SCAN_STRIPE_KEY    sk_live_, rk_live_, pk_live_, the same with test, whsec_ (Stripe, "API keys"). */
typedef enum {
    TN_SCAN_CARD_NUMBER,
    TN_SCAN_JWT,
    TN_SCAN_PRIVATE_KEY,
    TN_SCAN_CREDENTIALS,
    TN_SCAN_URL_PASSWORD,
    TN_SCAN_AWS_KEY,
    TN_SCAN_GITHUB_TOKEN,
    TN_SCAN_SLACK_TOKEN,
    TN_SCAN_STRIPE_KEY,
    TN_SCANNER_COUNT
} tn_scanner;

#define TN_ALL_SCANNERS ((1u << TN_SCANNER_COUNT) - 1)

/* As settings call it: "card_numbers". */
const char *tn_scanner_name(tn_scanner scanner);

/* Whether any scanner finds something. Made for texts in which there is nothing, which is most of them. */
bool tn_scan_is_needed(tn_text text);

/* scanners: 1 << tn_scanner for each that is to look. Returns how many secrets they have found. 0: nothing is appended to
 * `out`; else all of the text with `mask` in the place of each, unless out->status says why not. Valid UTF-8 stays so. */
size_t tn_scan_text(uint32_t scanners, tn_text text, tn_text mask, tn_buffer *out);

/* A message of somebody else for the log, terminated: the secrets of all scanners are masked, then it is cut to `size` bytes.
 * Of more than 4 KiB the rest is not looked at. size > 0. */
void tn_scan_message(char *out, size_t size, tn_text message);

/* Whether the digits of a number are those of a card. */
bool tn_scan_is_card_number(int64_t number);

#endif
