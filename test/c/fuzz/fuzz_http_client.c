/* Settings of the HTTP client: an URL or headers of any bytes make a client or are refused, and what is shown of the
 * URL has neither user nor password, query nor fragment. Nothing is sent. */
#include "fuzz/fuzz.h"

#include "export/http_client.h"

static bool has(tn_text text, const char *part)
{
    return memmem(text.bytes, text.size, part, strlen(part)) != NULL;
}

static void check_display(tn_text shown)
{
    const char *host = memmem(shown.bytes, shown.size, "://", 3);
    fuzz_check(tn_text_starts_with(shown, TN_TEXT("http://")) || tn_text_starts_with(shown, TN_TEXT("https://")));
    const char *end = shown.bytes + shown.size, *path = host + 3;
    while (path < end && *path != '/') path++;
    fuzz_check(!memchr(host, '@', (size_t)(path - host)));
    fuzz_check(!has(shown, "?") && !has(shown, "#"));
}

/* scheme://us3r:pa55word@HOST: what a secret would look like. */
static tn_text with_secret(tn_text host)
{
    static const char start[] = "http://us3r:pa55word@";
    char *url = malloc(sizeof(start) - 1 + host.size);
    memcpy(url, start, sizeof(start) - 1);
    if (host.size) memcpy(url + sizeof(start) - 1, host.bytes, host.size);
    return (tn_text){url, sizeof(start) - 1 + host.size};
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static bool ready;
    if (!ready) tn_http_global_init();
    ready = true;

    fuzz_input input = {bytes, bytes + size};
    bool secret = fuzz_below(&input, 2);
    fuzz_fail_allocation(fuzz_below(&input, 8));
    tn_text agent = fuzz_text(&input), headers = fuzz_text(&input), text = fuzz_rest(&input);
    tn_text url = secret ? with_secret(text) : fuzz_copy(text.bytes, text.size);
    tn_http_client *client = NULL;
    tn_http_client_options options = {.url = url, .headers = headers, .user_agent = agent};
    tn_status status = tn_http_client_new(&options, &client);
    fuzz_check(status == TN_OK || status == TN_ERROR_INVALID || status == TN_ERROR_MEMORY);
    fuzz_check((status == TN_OK) == (client != NULL));
    if (client) {
        tn_text shown = tn_http_client_display_url(client);
        check_display(shown);
        fuzz_check(!secret || !has(shown, "pa55word") || has(text, "pa55word"));
        fuzz_plant(secret && headers.size > 0 && text.size > 0);
    }
    tn_http_client_free(client);
    fuzz_free(url);
    fuzz_free(text);
    fuzz_free(headers);
    fuzz_free(agent);
    fuzz_check(fuzz_live_allocations() == 0);
    return 0;
}
