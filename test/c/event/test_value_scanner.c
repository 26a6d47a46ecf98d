#include "support.h"

#include "event/value_scanner.h"

#include <stdio.h>

TestSuite(value_scanner, .fini = all_memory_is_back, .timeout = 60);

#define MASK TN_TEXT("[FILTERED]")

/* What is left of a text, as a string; valid until the next call. */
static const char *scanned(uint32_t scanners, const char *text, size_t *found_out)
{
    static char result[4096];
    tn_buffer out;
    tn_buffer_init(&out, sizeof(result));
    tn_text copy = exact_copy(text, strlen(text));
    size_t found = tn_scan_text(scanners, copy, MASK, &out);
    tn_text left = found ? tn_buffer_text(&out) : copy;
    cr_assert(left.size < sizeof(result));
    memcpy(result, left.bytes, left.size);
    result[left.size] = '\0';
    if (found_out) *found_out = found;
    tn_buffer_free(&out);
    free_copy(copy);
    return result;
}

/* `expected` has a * for each mask. */
static void assert_scanned(tn_scanner scanner, const char *text, const char *expected)
{
    char whole[4096] = "";
    size_t masks = 0, found;
    for (const char *at = expected; *at; at++) {
        masks += *at == '*';
        strncat(whole, *at == '*' ? "[FILTERED]" : at, *at == '*' ? 10 : 1);
    }
    cr_assert_str_eq(scanned(1u << scanner, text, &found), whole, "%s", text);
    cr_assert_eq(found, masks, "%s", text);
    cr_assert(masks == 0 || tn_scan_is_needed(tn_text_of(text)), "%s", text);
    cr_assert_str_eq(scanned(TN_ALL_SCANNERS, whole, &found), whole, "a second time: %s", text);
    cr_assert_str_eq(scanned(TN_ALL_SCANNERS & ~(1u << scanner), text, NULL), text, "by another scanner: %s", text);
}

static void assert_untouched(const char *text)
{
    size_t found;
    cr_assert_str_eq(scanned(TN_ALL_SCANNERS, text, &found), text);
    cr_assert_eq(found, 0);
    cr_assert_not(tn_scan_is_needed(tn_text_of(text)), "%s", text);
}

typedef struct {
    const char *text, *expected;
} example;

#define ASSERT_ALL(scanner, examples)                                        \
    for (size_t i = 0; i < sizeof(examples) / sizeof((examples)[0]); i++) {  \
        assert_scanned(scanner, (examples)[i].text, (examples)[i].expected); \
    }

#define ASSERT_UNTOUCHED(texts) \
    for (size_t i = 0; i < sizeof(texts) / sizeof((texts)[0]); i++) assert_untouched((texts)[i]);

/* --- Card numbers -------------------------------------------------------------------------------------- */

/* Numbers that payment processors publish for tests. */
Test(value_scanner, finds_card_numbers)
{
    static const example examples[] = {
        {"4111111111111111", "*"},
        {"4222222222222", "*"},
        {"378282246310005", "*"},
        {"3530111333300000", "*"},
        {"30569309025904", "*"},
        {"6011 1111 1111 1117", "*"},
        {"5555-5555-5555-4444", "*"},
        {"3782 822463 10005", "*"},
        {"2223003122003222", "*"},
        {"6205500000000000004", "*"},
        {"paid with 4111111111111111, thanks", "paid with *, thanks"},
        {"card=4111111111111111&cvc=1", "card=*&cvc=1"},
        {"{\"pan\":\"4111 1111 1111 1111\"}", "{\"pan\":\"*\"}"},
        {"(4111111111111111)", "(*)"},
        {"4111111111111111.", "*."},
        {"card_4111111111111111_x", "card_*_x"},
        {"card4111111111111111", "card*"},
        {"4111111111111111USD", "*USD"},
        {"2024 4111 1111 1111 1111 12", "2024 * 12"},
        {"4000 0000 0000 0000 006", "*"},
        {"2026-01-02 4111 1111 1111 1111", "2026-01-02 *"},
        {"4111111111111111 5555555555554444", "* *"},
        {"4111111111111111\n5555555555554444", "*\n*"},
        {"ß4111111111111111ß", "ß*ß"},
        {"a\\n4111111111111111\\nb", "a\\n*\\nb"},
        {"0 4111-1111-1111-1111", "0 *"},
    };
    ASSERT_ALL(TN_SCAN_CARD_NUMBER, examples);
}

Test(value_scanner, leaves_other_numbers)
{
    static const char *const texts[] = {
        "4111111111111112",     /* Luhn says no */
        "411111111111",         /* too short */
        "41111111111111111111", /* too long */
        "0000000000000000",     /* no issuer's */
        "1735689600000",        /* milliseconds */
        "20260102030405",
        "9783161484100", /* ISBN */
        "978-3-16-148410-0",
        "4111  1111 1111 1111", /* two spaces */
        "4111 1111-1111 1111",  /* two separators */
        "4111.1111.1111.1111",
        "4111,1111,1111,1111",
        "0.4111111111111111",
        "3.4111111111111111e5",
        "4111111111111111.5",
        "+4111111111111111",
        "a1b24111111111111111",
        "4111111111111111f2",
        "x4111111111111111y",
        "d41d8cd98f00b2044111111111111111",         /* a digest */
        "aaaaaaaaaaaaaaaa4111111111111111",         /* a digest of MD5's size */
        "4111111111111111abcdefabcdefabcdefabcdef", /* SHA-1 */
        "f47ac10b-58cc-4372-4111-111111111111",
        "00000000-0000-4000-8000-411111111111",
        "41111111-1111-1111-1111-111111111111",
        "192.168.100.200:41111",
        "+49 30 901820 4711",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "41 11 11 11 11 11 11 11",
        "411-111111-1111111",
        "abcdefabcdefabcdef4111111111111111",
        "1,234,567,890,123.45",
        "2026-01-02T03:04:05.123456789Z",
        "DE89 3704 0044 0532 0130 00",
    };
    ASSERT_UNTOUCHED(texts);
}

Test(value_scanner, judges_integers)
{
    cr_assert(tn_scan_is_card_number(INT64_C(4111111111111111)));
    cr_assert(tn_scan_is_card_number(INT64_C(4222222222222)));
    cr_assert(tn_scan_is_card_number(INT64_C(6205500000000000004)));
    cr_assert_not(tn_scan_is_card_number(INT64_C(4111111111111112)));
    cr_assert_not(tn_scan_is_card_number(INT64_C(1735689600000)));
    cr_assert_not(tn_scan_is_card_number(411111));
    cr_assert_not(tn_scan_is_card_number(0));
    cr_assert_not(tn_scan_is_card_number(INT64_C(-4111111111111111)));
    cr_assert_not(tn_scan_is_card_number(INT64_MAX));
    cr_assert_not(tn_scan_is_card_number(INT64_MIN));
}

/* An implementation that shares nothing: digits from the right, doubled ones by their cross sum. */
static bool luhn(const char *digits)
{
    int sum = 0, twice = 0;
    for (size_t i = strlen(digits); i-- > 0; twice = !twice) {
        int digit = (digits[i] - '0') << twice;
        sum += digit / 10 + digit % 10;
    }
    return sum % 10 == 0;
}

Test(value_scanner, agrees_with_another_luhn_on_random_numbers)
{
    size_t masked = 0;
    for (int round = 0; round < 100000; round++) {
        char digits[20] = "4";
        size_t count = 13 + random_below(7);
        for (size_t i = 1; i < count; i++) digits[i] = (char)('0' + random_below(10));
        size_t found;
        scanned(1u << TN_SCAN_CARD_NUMBER, digits, &found);
        cr_assert_eq(found, luhn(digits), "%s", digits);
        masked += found;
    }
    cr_assert_gt(masked, 9000);
}

/* --- Tokens -------------------------------------------------------------------------------------------- */

Test(value_scanner, finds_json_web_tokens)
{
    static const example examples[] = {
        {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", "*"},
        {"token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln was refused", "token * was refused"},
        {"jwt=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln&x=1", "jwt=*&x=1"},
        {"\"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln\"", "\"*\""},
        {"It is eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln. So", "It is *. So"},
        {"eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "*"},
        {"eyJhbGciOiJSU0EifQ.a2V5.aXY.Y2lwaGVydGV4dA.dGFn", "*"},
        {"eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVydGV4dA.dGFn", "*"},
        {"cut off: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx", "cut off: *"},
    };
    ASSERT_ALL(TN_SCAN_JWT, examples);
    static const char *const texts[] = {
        "eyJ",
        "eyJhbGciOiJIUzI1NiJ9",
        "eyJhbGciOiJIUzI1NiJ9.",
        "eyJhbGciOiJIUzI1NiJ9.txt",
        "eyJ.eyJ.eyJ",
        "eyJhbGciOi.payload.signature",
        "heyJude.sang.something",
        "abceyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    };
    ASSERT_UNTOUCHED(texts);
}

Test(value_scanner, finds_keys_of_services)
{
    static const example aws[] = {
        {"AKIAIOSFODNN7EXAMPLE", "*"},
        {"key ASIAIOSFODNN7EXAMPLE.", "key *."},
        {"\"ABIAIOSFODNN7EXAMPLE\"", "\"*\""},
        {"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = *"},
        {"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n", "AWS_SECRET_ACCESS_KEY=*\n"},
        {"{\"SecretAccessKey\": \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\"}", "{\"SecretAccessKey\": \"*\"}"},
        {":secret_key=>\"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\"", ":secret_key=>\"*\""},
    };
    ASSERT_ALL(TN_SCAN_AWS_KEY, aws);
    static const example github[] = {
        {"ghp_0123456789abcdefghijABCDEFGHIJ012345", "*"},
        {"a gho_0123456789abcdefghijABCDEFGHIJ012345 b", "a * b"},
        {"ghu_0123456789abcdefghijABCDEFGHIJ0123456789", "*"},
        {"(ghs_0123456789abcdefghijABCDEFGHIJ012345)", "(*)"},
        {"ghr_0123456789abcdefghijABCDEFGHIJ012345", "*"},
        {"github_pat_11ABCDEFG0123456789abc_0123456789", "*"},
    };
    ASSERT_ALL(TN_SCAN_GITHUB_TOKEN, github);
    static const example slack[] = {
        {"xoxb-123456789012-abcdefABCDEF", "*"},
        {"token=xoxp-123456789012-abcdefABCDEF;", "token=*;"},
        {"xoxe.xoxp-1-abcdefABCDEF", "xoxe.*"},
        {"xapp-1-A0123456789-012345", "*"},
        {"https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXX", "https://hooks.slack.com/services/*"},
    };
    ASSERT_ALL(TN_SCAN_SLACK_TOKEN, slack);
    static const example stripe[] = {
        {"sk_"
         "live_0123456789abcdef",
         "*"},
        {"key: rk_"
         "test_0123456789abcdef!",
         "key: *!"},
        {"\"pk_"
         "live_0123456789abcdef\"",
         "\"*\""},
        {"whsec_"
         "0123456789abcdef+/=",
         "*"},
    };
    ASSERT_ALL(TN_SCAN_STRIPE_KEY, stripe);
    static const char *const texts[] = {
        "AKIA",
        "AKIAIOSFODNN7EXAMPL",
        "AKIAIOSFODNN7EXAMPLE1",
        "XAKIAIOSFODNN7EXAMPLE",
        "AKIAiosfodnn7example",
        "secret_key",
        "secret_key: short",
        "secret key is wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "public_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "monkey business",
        "ghp_short",
        "ghx_0123456789abcdefghijABCDEFGHIJ012345",
        "highp_0123456789abcdefghijABCDEFGHIJ0123",
        "github_path_0123456789abcdefghij0123",
        "github_pat_short",
        "xoxo-love-and-kisses-all",
        "xoxq-1234567890",
        "xoxb-1",
        "boxoxb-123456789012",
        "xapp-",
        "foxox-trot-and-more-words",
        "https://hooks.slack.com/help",
        "sk_live_",
        "sk_live_short",
        "task_test_0123456789abcdef",
        "sk_liver_0123456789abcdef",
        "whsec_short",
        "disk_test_0123456789abcdef",
        "payment_gateway",
        "fetch_cart_items_and_check_out",
    };
    ASSERT_UNTOUCHED(texts);
}

Test(value_scanner, finds_private_keys)
{
    static const example examples[] = {
        {"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "*"},
        {"a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----\nb", "a\n*\nb"},
        {"-----BEGIN EC PRIVATE KEY-----\\nMHcC\\n-----END EC PRIVATE KEY-----\\n", "*\\n"},
        {"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb", "*"},
        {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII\n-----END ENCRYPTED PRIVATE KEY-----.", "*."},
        {"-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQ\n-----END PGP PRIVATE KEY BLOCK-----", "*"},
        {"-----BEGIN PRIVATE KEY-----a-----END PRIVATE KEY----- -----BEGIN PRIVATE KEY-----b", "* *"},
    };
    ASSERT_ALL(TN_SCAN_PRIVATE_KEY, examples);
    static const char *const texts[] = {
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY-----",
        "BEGIN PRIVATE KEY",
        "-----BEGIN PRIVATE KEY",
        "-----END PRIVATE KEY-----",
        "-----BEGIN-----",
    };
    ASSERT_UNTOUCHED(texts);
}

/* --- Credentials --------------------------------------------------------------------------------------- */

Test(value_scanner, finds_credentials)
{
    static const example examples[] = {
        {"Bearer mF_9.B5f-4.1JqM", "Bearer *"},
        {"bearer 0123456789", "bearer *"},
        {"BEARER abcDEF==", "BEARER *"},
        {"sent Bearer abc123, got 401", "sent Bearer *, got 401"},
        {"Bearer%20abc123", "Bearer%20*"},
        {"\\nBearer abc123\\n", "\\nBearer *\\n"},
        {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Basic *"},
        {"basic dXNlcjpwYXNz.", "basic *."},
        {"Basic dXNlcjrDvA==", "Basic *"},
        {"Authorization: Bearer token", "Authorization: Bearer *"},
        {"authorization: bearer abc123\r\nAccept: */*", "authorization: bearer *\r\nAccept: */*"},
        {"Authorization: Basic x", "Authorization: Basic *"},
        {"\"Authorization\"=>\"Token abc123\"", "\"Authorization\"=>\"Token *\""},
        {"{\\\"Authorization\\\": \\\"ApiKey a1b2c3\\\"}", "{\\\"Authorization\\\": \\\"ApiKey *\\\"}"},
        {"Proxy-Authorization: Basic QWxhZGRpbjpvcGVu", "Proxy-Authorization: Basic *"},
        {"HTTP_AUTHORIZATION=Bearer abc123", "HTTP_AUTHORIZATION=Bearer *"},
        {"Authorization: a1b2c3d4", "Authorization: *"},
        {"Authorization: Digest username=\"Mufasa\", response=\"6629fae4\"\nHost: x",
         "Authorization: Digest *\nHost: x"},
        {"Bearer: abc123", "Bearer: *"},
        {"bearer=abc123", "bearer=*"},
        {"\"Bearer QWxhZGRpbg==\"", "\"Bearer *\""},
        {"\"Bearer QWxhZGRpbjE=\", 5", "\"Bearer *\", 5"},
        {"Bearer token=abc123", "Bearer *"},
        {"Bearer Bearer==@a=", "Bearer Bearer=*"},
        {"Bearer of-MostProxyAuthorization=\"9955)e4i", "Bearer of-MostProxyAuthorization=\"*"},
        {"HTTP_AUTHORIZATION=Token secret", "HTTP_AUTHORIZATION=Token *"},
        {"\\\"Authorization\\\":\\\"Token abc-def\\\"", "\\\"Authorization\\\":\\\"Token *\\\""},
        {"<Authorization>Bearer abc</Authorization>", "<Authorization>Bearer *</Authorization>"},
        {"Authorization: Digest username=\\\"Mufasa\\\", response=\\\"8ca5\\\"", "Authorization: Digest *"},
        {"Authorization: 0c5bb40deadbeef was sent", "Authorization: * was sent"},
        {"Authorization: user:pass", "Authorization: *"},
        {"Authorization: AWS4-HMAC-SHA256 Credential=AKI/2026/s3, Signature=fe5f80",
         "Authorization: AWS4-HMAC-SHA256 *"},
    };
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        char expected[256] = "";
        const char *at = examples[i].expected;
        if (strstr(at, "*/*")) at = "authorization: bearer *\r\nAccept: any";
        strcpy(expected, at);
        char text[256];
        strcpy(text, examples[i].text);
        char *any = strstr(text, "*/*");
        if (any) memcpy(any, "any", 3);
        assert_scanned(TN_SCAN_CREDENTIALS, text, expected);
    }
    static const char *const texts[] = {
        "Bearer of bad news",
        "bearer 2 of 3",
        "Bearer error=invalid_token",
        "Authorization: User 42 may not",
        "the bearer token is missing",
        "Bearer TOKEN",
        "Bearer token-based authentication",
        "WWW-Authenticate: Bearer realm=\"example\", error=\"invalid_token\"",
        "Bearer",
        "Bearer ",
        "forbearer abc123",
        "bearers abc123",
        "Basic plan",
        "basic auth failed for user 5",
        "Basic understanding",
        "basically 5 times",
        "Authorization required",
        "Authorization: none",
        "authorization: not granted",
        "authorization failed: 403",
        "Authorization",
        "Authorization: ",
        "reauthorization",
    };
    ASSERT_UNTOUCHED(texts);
}

Test(value_scanner, finds_passwords_of_urls)
{
    static const example examples[] = {
        {"http://user:pass@host", "http://user:*@host"},
        {"postgres://shop:s3cret@db.example:5432/shop?pool=5", "postgres://shop:*@db.example:5432/shop?pool=5"},
        {"redis://:secret@host:6379/0", "redis://:*@host:6379/0"},
        {"amqp://user:p@ss:word@host/vhost", "amqp://user:*@host/vhost"},
        {"mysql2://user:p/a?s#s@host/db", "mysql2://user:*@host/db"},
        {"http://user:pass@[::1]:80/", "http://user:*@[::1]:80/"},
        {"'http://user:pass@host' and <http://a:b@c>", "'http://user:*@host' and <http://a:*@c>"},
        {"http://a:b@c http://d:e@f", "http://a:*@c http://d:*@f"},
        {"http://user:größe@host", "http://user:*@host"},
        {"https://0123456789abcdef0123@sentry.example/1", "https://*@sentry.example/1"},
        {"git+ssh://user:pass@host", "git+ssh://user:*@host"},
        {"1388777777777777 \\u5l://user:pass@host", "1388777777777777 \\u5l://user:*@host"},
    };
    ASSERT_ALL(TN_SCAN_URL_PASSWORD, examples);
    static const char *const texts[] = {
        "http://host:8080/a@b",
        "http://host:/a@b",
        "https://shop.example/@ada",
        "http://shop.example/a?mail=ada@example.org",
        "http://ada@example.org:8080/",
        "http://[::1]:8080/a@b",
        "http://user:@host",
        "mailto:ada@example.org",
        "://user:pass@host",
        "12:30 ada@example.org",
        "http://host and user:pass@host",
        "https://0123456789@host",
        "https://cdn.example/image@2x.png",
    };
    ASSERT_UNTOUCHED(texts);
}

/* Where something was inspected, made JSON, or put into a URL, what stands before a secret is escaped. */
Test(value_scanner, finds_secrets_behind_escapes)
{
    static const struct {
        tn_scanner scanner;
        const char *shown, *secret;
    } samples[] = {
        {TN_SCAN_CARD_NUMBER, "", "4111111111111111"},
        {TN_SCAN_CARD_NUMBER, "", "4111 1111 1111 1111"},
        {TN_SCAN_JWT, "", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"},
        {TN_SCAN_CREDENTIALS, "Bearer ", "abc123"},
        {TN_SCAN_CREDENTIALS, "basic ", "dXNlcjpwYXNz"},
        {TN_SCAN_AWS_KEY, "", "AKIAIOSFODNN7EXAMPLE"},
        {TN_SCAN_GITHUB_TOKEN, "", "ghp_0123456789abcdefghijABCDEFGHIJ012345"},
        {TN_SCAN_SLACK_TOKEN, "", "xoxb-123456789012-abcdefABCDEF"},
        {TN_SCAN_STRIPE_KEY, "",
         "sk_"
         "live_0123456789abcdef"},
    };
    static const char *const before[] = {"\\n",     "\\t",      "a\\r\\n", "x%3D", "%3a",
                                         "\\u003d", "a\\u0022", "a=",      "\"",   "_"};
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        for (size_t b = 0; b < sizeof(before) / sizeof(before[0]); b++) {
            if (samples[i].scanner == TN_SCAN_JWT && before[b][0] == '_') continue;
            char text[256], expected[256];
            snprintf(text, sizeof(text), "%s%s%s\\n", before[b], samples[i].shown, samples[i].secret);
            snprintf(expected, sizeof(expected), "%s%s*\\n", before[b], samples[i].shown);
            assert_scanned(samples[i].scanner, text, expected);
        }
    }
}

/* --- All of them --------------------------------------------------------------------------------------- */

Test(value_scanner, leaves_what_traces_are_full_of)
{
    char text[128];
    for (int i = 0; i < 300; i++) {
        uint64_t a = random_number(), b = random_number();
        snprintf(text, sizeof(text), "%08x-%04x-4%03x-a%03x-%04x%08x", (unsigned)a, (unsigned)(a >> 32) & 0xffff,
                 (unsigned)(a >> 48) & 0xfff, (unsigned)b & 0xfff, (unsigned)(b >> 12) & 0xffff, (unsigned)(b >> 32));
        assert_untouched(text);
        snprintf(text, sizeof(text), "%016lx%016lx", (unsigned long)a, (unsigned long)b);
        assert_untouched(text);
        snprintf(text, sizeof(text), "%016lx%016lx%08x", (unsigned long)a, (unsigned long)b, (unsigned)(a ^ b));
        assert_untouched(text);
        snprintf(text, sizeof(text), "2026-%02u-%02uT%02u:%02u:%02u.%06uZ", (unsigned)(a % 12), (unsigned)(a >> 8) % 28,
                 (unsigned)(a >> 16) % 24, (unsigned)(a >> 24) % 60, (unsigned)(a >> 32) % 60, (unsigned)(b % 1000000));
        assert_untouched(text);
        snprintf(text, sizeof(text), "%lu", 1700000000000ul + (unsigned long)(a % 100000000000ul));
        assert_untouched(text);
        snprintf(text, sizeof(text), "order ORD-2026-%07u of %u.%02u EUR", (unsigned)a % 10000000, (unsigned)b % 1000,
                 (unsigned)(b >> 32) % 100);
        assert_untouched(text);
    }
}

Test(value_scanner, finds_several_kinds_in_one_text)
{
    size_t found;
    cr_assert_str_eq(scanned(TN_ALL_SCANNERS, "4111111111111111 at http://a:b@c with Bearer a1", &found),
                     "[FILTERED] at http://a:[FILTERED]@c with Bearer [FILTERED]");
    cr_assert_eq(found, 3);
    cr_assert_str_eq(scanned(1u << TN_SCAN_URL_PASSWORD, "4111111111111111 at http://a:b@c with Bearer a1", &found),
                     "4111111111111111 at http://a:[FILTERED]@c with Bearer a1");
    cr_assert_str_eq(scanned(0, "4111111111111111", &found), "4111111111111111");
}

Test(value_scanner, takes_texts_that_end_anywhere)
{
    static const char text[] =
        "Authorization: Digest a=\"b\" http://a:b@c -----BEGIN RSA PRIVATE KEY----- "
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.c 4111 1111 1111 1111 secret_key=\"x whsec_ xoxb- ghp_ AKIA";
    for (size_t from = 0; from < sizeof(text); from++) {
        for (size_t size = 0; from + size < sizeof(text); size++) {
            tn_buffer out;
            tn_buffer_init(&out, 4096);
            tn_text copy = exact_copy(text + from, size);
            size_t found = tn_scan_text(TN_ALL_SCANNERS, copy, MASK, &out);
            cr_assert(found == 0 ? out.size == 0 : tn_scan_is_needed(copy));
            tn_buffer_free(&out);
            free_copy(copy);
        }
    }
}

/* Each is as long as a text can be that is scanned, and would take hours if each place in it were scanned to its end. */
Test(value_scanner, takes_hostile_texts_in_linear_time)
{
    static const char *const patterns[] = {
        "1 ",
        "4 ",
        "4111 ",
        "4111-",
        "4",
        "eyJ",
        "eyJ.",
        ".eyJ",
        "eyJabcdefghi.",
        "://",
        "a://",
        "a://b:",
        "a://b:c/",
        "@",
        "Bearer ",
        "bearer/",
        "Bearer a",
        "bearer-bearer ",
        "Basic ",
        "basic/",
        "basica",
        "Authorization",
        "Authorization:",
        "authorization: a ",
        "authorization=",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY",
        "-----BEGIN X-----",
        "AKIA",
        "AKIA ",
        "secretkey=",
        "secret_key=",
        "key",
        "ghp_",
        "github_pat_",
        "xoxb-",
        "xox",
        "xapp-",
        "sk_live_",
        "whsec_",
        "https://hooks.slack.com/services/",
        "a",
        "%20bearer%20",
        "=",
        "\\n4111111111111111",
        "a4",
    };
    size_t size = 1024 * 1024;
    char *bytes = malloc(size);
    for (size_t n = 0; n < sizeof(patterns) / sizeof(patterns[0]); n++) {
        size_t period = strlen(patterns[n]);
        for (size_t i = 0; i < size; i++) bytes[i] = patterns[n][i % period];
        tn_buffer out;
        tn_buffer_init(&out, 16 * size);
        tn_scan_text(TN_ALL_SCANNERS, (tn_text){bytes, size}, MASK, &out);
        cr_assert_eq(out.status, TN_OK);
        tn_buffer_free(&out);
    }
    free(bytes);
}

Test(value_scanner, tells_when_there_is_no_memory_or_no_room)
{
    for_each_failing_allocation {
        tn_buffer out;
        tn_buffer_init(&out, 4096);
        cr_assert_eq(tn_scan_text(TN_ALL_SCANNERS, TN_TEXT("a 4111111111111111 b"), MASK, &out), 1);
        cr_assert_eq(out.status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        cr_assert(allocation_failed() || tn_text_equal(tn_buffer_text(&out), TN_TEXT("a [FILTERED] b")));
        tn_buffer_free(&out);
    }
    tn_buffer out;
    tn_buffer_init(&out, 5);
    cr_assert_eq(tn_scan_text(TN_ALL_SCANNERS, TN_TEXT("a 4111111111111111 b"), MASK, &out), 1);
    cr_assert_eq(out.status, TN_ERROR_LIMIT);
    tn_buffer_free(&out);
}

static const char *message(const char *text, size_t size)
{
    static char out[64];
    tn_scan_message(out, size, tn_text_of(text));
    return out;
}

Test(value_scanner, takes_secrets_out_of_messages_before_it_cuts_them)
{
    cr_assert_str_eq(message("all is well", 64), "all is well");
    cr_assert_str_eq(message("no: 4111111111111111", 64), "no: [FILTERED]");
    cr_assert_str_eq(message("no: 4111111111111111", 10), "no: [FILT");
    cr_assert_str_eq(message("all is well", 4), "all");
    cr_assert_str_eq(message("", 1), "");
    for_each_failing_allocation {
        static char text[3000] = "no: 4111111111111111";
        memset(text + 20, ' ', sizeof(text) - 21);
        cr_assert_null(strstr(message(text, 64), "4111"));
    }
}

Test(value_scanner, names_its_scanners)
{
    cr_assert_str_eq(tn_scanner_name(TN_SCAN_CARD_NUMBER), "card_numbers");
    cr_assert_str_eq(tn_scanner_name(TN_SCAN_STRIPE_KEY), "stripe_keys");
    for (int i = 0; i < TN_SCANNER_COUNT; i++) cr_assert_not_null(tn_scanner_name((tn_scanner)i));
}
