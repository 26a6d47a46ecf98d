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

/* What a byte that may be part of a secret is part of. Most are told by the byte beside them. */
static bool look(uint32_t scanners, tn_scan *scan)
{
    tn_text text = scan->text;
    uint8_t before = tn_byte_before(text, scan->at), behind = tn_byte_at(text, scan->at + 1);
    switch ((anchor)anchors[(uint8_t)text.bytes[scan->at]]) {
    case DIGIT: return on(scanners, TN_SCAN_CARD_NUMBER) && tn_scan_card_number(scan);
    case UPPER_J: return before == 'y' && on(scanners, TN_SCAN_JWT) && tn_scan_jwt(scan);
    case LETTER_B:
        if (behind == 'E' && on(scanners, TN_SCAN_PRIVATE_KEY) && tn_scan_private_key(scan)) return true;
        if (!on(scanners, TN_SCAN_CREDENTIALS)) return false;
        return tn_lower(behind) == 'e' ? tn_scan_bearer(scan) : tn_lower(behind) == 'a' && tn_scan_basic(scan);
    case LETTER_Z: return tn_lower(before) == 'i' && on(scanners, TN_SCAN_CREDENTIALS) && tn_scan_authorization(scan);
    case COLON:
        if (behind != '/') return false;
        return (on(scanners, TN_SCAN_SLACK_TOKEN) && tn_scan_slack_webhook(scan)) ||
               (on(scanners, TN_SCAN_URL_PASSWORD) && tn_scan_url_password(scan));
    case UPPER_A: return on(scanners, TN_SCAN_AWS_KEY) && tn_scan_aws_id(scan);
    case LETTER_K: return tn_lower(behind) == 'e' && on(scanners, TN_SCAN_AWS_KEY) && tn_scan_aws_secret(scan);
    case UNDERSCORE:
        if (before == 'k' || before == 'c') return on(scanners, TN_SCAN_STRIPE_KEY) && tn_scan_stripe_key(scan);
        return tn_is_letter(before) && on(scanners, TN_SCAN_GITHUB_TOKEN) && tn_scan_github_token(scan);
    case LOWER_X: return on(scanners, TN_SCAN_SLACK_TOKEN) && tn_scan_slack_token(scan);
    default: return false;
    }
}

static size_t next_anchor(tn_text text, size_t at)
{
    while (at < text.size && anchors[(uint8_t)text.bytes[at]] == NOTHING) at++;
    return at;
}

/* Sixteen bytes at once: a compiler makes of it what the processor has. */
typedef uint8_t bytes16 __attribute__((vector_size(16)));

/* All anchors but digits; and what differs from one by its case only. */
static bool has_anchor_in(bytes16 bytes)
{
    bytes16 lower = bytes | 0x20;
    bytes16 found = (bytes16)((bytes == 'A') | (bytes == 'J') | (bytes == ':') | (bytes == '_') | (lower == 'b') |
                              (lower == 'k') | (lower == 'x') | (lower == 'z'));
    uint64_t halves[2];
    memcpy(halves, &found, sizeof(halves));
    return (halves[0] | halves[1]) != 0;
}

/* Of a text that is not shorter than SHORTEST: its first and last bytes may be looked at twice. */
static bool has_anchor(tn_text text)
{
    uint8_t ends[16];
    bytes16 bytes;
    const char *at = text.bytes, *end = text.bytes + text.size;
    for (; end - at > 16; at += 16) {
        memcpy(&bytes, at, sizeof(bytes));
        if (has_anchor_in(bytes)) return true;
    }
    memcpy(ends, text.size < 16 ? at : end - 16, 8);
    memcpy(ends + 8, end - 8, 8);
    memcpy(&bytes, ends, sizeof(bytes));
    return has_anchor_in(bytes);
}

/* Whether there may be a number of a card: of its 13 places or more, two that are so far apart are looked at anyway. */
static bool has_long_number(tn_text text)
{
    enum { STEP = 6 };
    bool before = false;
    for (size_t at = 0; at < text.size; at += STEP) {
        uint8_t byte = (uint8_t)text.bytes[at];
        bool is = tn_is_digit(byte) || byte == ' ' || byte == '-';
        if (is && before) return true;
        before = is;
    }
    return false;
}

/* The scanners that have something to look at: none, for most texts. */
static uint32_t needed(uint32_t scanners, tn_text text)
{
    if (text.size < SHORTEST) return 0;
    uint32_t numbers = has_long_number(text) ? scanners & 1u << TN_SCAN_CARD_NUMBER : 0;
    return has_anchor(text) ? numbers | (scanners & ~(1u << TN_SCAN_CARD_NUMBER)) : numbers;
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

static bool find_any(uint32_t scanners, tn_text text)
{
    tn_scan scan = {.text = text, .mask = TN_NO_TEXT};
    return find(scanners, &scan);
}

bool tn_scan_is_needed(tn_text text)
{
    uint32_t scanners = needed(TN_ALL_SCANNERS, text);
    return scanners && find_any(scanners, text);
}

size_t tn_scan_text(uint32_t scanners, tn_text text, tn_text mask, tn_buffer *out)
{
    tn_scan scan = {.text = text, .mask = mask};
    size_t found = 0, copied = 0;
    scanners = needed(scanners, text);
    while (scanners && find(scanners, &scan)) {
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
