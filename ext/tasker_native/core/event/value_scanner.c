#include "event/value_scanner.h"

#include "event/scan.h"

#define MASK TN_TEXT("[FILTERED]")
#define SHORTEST 8 /* bytes, of a text that may have a secret: a://b:c@ */

/* Bytes at which scanners look: such as few texts have, of those that their secrets have. */
typedef enum { NOTHING, DIGIT, UPPER_J, LETTER_B, LETTER_Z, COLON, UPPER_A, LETTER_K, UNDERSCORE, LOWER_X } anchor;

/* clang-format off */
static const uint8_t anchors[256] = {
    ['0'] = DIGIT, ['1'] = DIGIT, ['2'] = DIGIT, ['3'] = DIGIT, ['4'] = DIGIT, ['5'] = DIGIT, ['6'] = DIGIT,
    ['7'] = DIGIT, ['8'] = DIGIT, ['9'] = DIGIT,
    ['J'] = UPPER_J, ['B'] = LETTER_B, ['b'] = LETTER_B, ['Z'] = LETTER_Z, ['z'] = LETTER_Z, [':'] = COLON,
    ['A'] = UPPER_A, ['K'] = LETTER_K, ['k'] = LETTER_K, ['_'] = UNDERSCORE, ['x'] = LOWER_X,
};
/* clang-format on */

static bool on(uint32_t scanners, tn_scanner scanner)
{
    return scanners & 1u << scanner;
}

/* What a byte that may be part of a secret is part of. */
static bool look(uint32_t scanners, tn_scan *scan)
{
    switch ((anchor)anchors[(uint8_t)scan->text.bytes[scan->at]]) {
    case DIGIT: return on(scanners, TN_SCAN_CARD_NUMBER) && tn_scan_card_number(scan);
    case UPPER_J: return on(scanners, TN_SCAN_JWT) && tn_scan_jwt(scan);
    case LETTER_B:
        return (on(scanners, TN_SCAN_PRIVATE_KEY) && tn_scan_private_key(scan)) ||
               (on(scanners, TN_SCAN_CREDENTIALS) && (tn_scan_bearer(scan) || tn_scan_basic(scan)));
    case LETTER_Z: return on(scanners, TN_SCAN_CREDENTIALS) && tn_scan_authorization(scan);
    case COLON:
        return (on(scanners, TN_SCAN_SLACK_TOKEN) && tn_scan_slack_webhook(scan)) ||
               (on(scanners, TN_SCAN_URL_PASSWORD) && tn_scan_url_password(scan));
    case UPPER_A: return on(scanners, TN_SCAN_AWS_KEY) && tn_scan_aws_id(scan);
    case LETTER_K: return on(scanners, TN_SCAN_AWS_KEY) && tn_scan_aws_secret(scan);
    case UNDERSCORE:
        return (on(scanners, TN_SCAN_GITHUB_TOKEN) && tn_scan_github_token(scan)) ||
               (on(scanners, TN_SCAN_STRIPE_KEY) && tn_scan_stripe_key(scan));
    case LOWER_X: return on(scanners, TN_SCAN_SLACK_TOKEN) && tn_scan_slack_token(scan);
    default: return false;
    }
}

static size_t next_anchor(tn_text text, size_t at)
{
    for (; text.size - at >= 4; at += 4) { /* most have none */
        const uint8_t *bytes = (const uint8_t *)text.bytes + at;
        if (anchors[bytes[0]] | anchors[bytes[1]] | anchors[bytes[2]] | anchors[bytes[3]]) break;
    }
    while (at < text.size && anchors[(uint8_t)text.bytes[at]] == NOTHING) at++;
    return at;
}

/* The first secret from scan->next on. One that began before that was found already. */
static bool find(uint32_t scanners, tn_scan *scan)
{
    size_t begin = scan->next;
    for (;;) {
        scan->at = next_anchor(scan->text, scan->next);
        if (scan->at >= scan->text.size) return false;
        scan->next = scan->at + 1;
        if (look(scanners, scan) && scan->from >= begin) {
            scan->next = scan->to;
            return true;
        }
    }
}

bool tn_scan_is_needed(tn_text text)
{
    if (text.size < SHORTEST) return false;
    tn_scan scan = {.text = text, .mask = TN_NO_TEXT};
    return find(TN_ALL_SCANNERS, &scan);
}

size_t tn_scan_text(uint32_t scanners, tn_text text, tn_text mask, tn_buffer *out)
{
    tn_scan scan = {.text = text, .mask = mask};
    size_t found = 0, copied = 0;
    while (text.size >= SHORTEST && find(scanners, &scan)) {
        tn_buffer_append(out, text.bytes + copied, scan.from - copied);
        tn_buffer_append_text(out, mask);
        copied = scan.to;
        found++;
    }
    if (found > 0) tn_buffer_append(out, text.bytes + copied, text.size - copied);
    return found;
}

void tn_scan_message(char *out, size_t size, tn_text message)
{
    enum { MOST = 4096 };
    char storage[1024];
    tn_buffer clean;
    tn_buffer_init_on(&clean, storage, sizeof(storage), 16 * MOST);
    if (message.size > MOST) message.size = MOST;
    if (tn_scan_text(TN_ALL_SCANNERS, message, MASK, &clean) > 0) {
        message = clean.status == TN_OK ? tn_buffer_text(&clean) : MASK;
    }
    if (message.size >= size) message.size = size - 1;
    memcpy(out, message.bytes, message.size);
    out[message.size] = '\0';
    tn_buffer_free(&clean);
}

const char *tn_scanner_name(tn_scanner scanner)
{
    static const char *const names[TN_SCANNER_COUNT] = {
        [TN_SCAN_CARD_NUMBER] = "card_numbers",   [TN_SCAN_JWT] = "jwts",
        [TN_SCAN_PRIVATE_KEY] = "private_keys",   [TN_SCAN_CREDENTIALS] = "credentials",
        [TN_SCAN_URL_PASSWORD] = "url_passwords", [TN_SCAN_AWS_KEY] = "aws_keys",
        [TN_SCAN_GITHUB_TOKEN] = "github_tokens", [TN_SCAN_SLACK_TOKEN] = "slack_tokens",
        [TN_SCAN_STRIPE_KEY] = "stripe_keys",
    };
    return names[scanner];
}
