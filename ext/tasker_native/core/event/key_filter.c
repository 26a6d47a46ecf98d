#include "event/key_filter.h"

#define MAX_NEEDLE_BYTES (256 * 1024)
#define MAX_MASK 1024

static char fold(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

/* false when a byte is not ASCII. */
static bool fold_ascii(char *out, tn_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((unsigned char)text.bytes[i] >= 0x80) return false;
        out[i] = fold(text.bytes[i]);
    }
    return true;
}

tn_status tn_key_filter_init(tn_key_filter *filter, tn_text mask)
{
    *filter = (tn_key_filter){0};
    tn_buffer_init(&filter->keys.bytes, MAX_NEEDLE_BYTES);
    tn_buffer_init(&filter->paths.bytes, MAX_NEEDLE_BYTES);
    tn_buffer_init(&filter->mask, MAX_MASK);
    tn_status status = tn_buffer_append_text(&filter->mask, mask);
    filter->mask_all = status != TN_OK;
    return status;
}

void tn_key_filter_free(tn_key_filter *filter)
{
    tn_buffer_free(&filter->keys.bytes);
    tn_buffer_free(&filter->paths.bytes);
    tn_buffer_free(&filter->mask);
}

static tn_status fail_closed(tn_key_filter *filter, tn_status status)
{
    filter->mask_all = true;
    return status;
}

static tn_status add_needle(tn_needles *needles, tn_text folded)
{
    uint16_t size = (uint16_t)folded.size;
    tn_buffer_append(&needles->bytes, &size, sizeof(size));
    tn_status status = tn_buffer_append_text(&needles->bytes, folded);
    if (status == TN_OK) needles->count++;
    return status;
}

tn_status tn_key_filter_add(tn_key_filter *filter, tn_text literal)
{
    if (literal.size > TN_MAX_FILTERED_KEY || filter->keys.count >= TN_MAX_FILTERS) {
        return fail_closed(filter, TN_ERROR_LIMIT);
    }

    char folded[TN_MAX_FILTERED_KEY];
    bool is_path = literal.size > 0 && memchr(literal.bytes, '.', literal.size);
    if (!fold_ascii(folded, literal)) {
        filter->ask = true;
        if (is_path) filter->ask_paths = true;
        return TN_OK;
    }

    tn_text needle = {folded, literal.size};
    tn_status status = add_needle(&filter->keys, needle);
    if (status == TN_OK && is_path) status = add_needle(&filter->paths, needle);
    return status == TN_OK ? TN_OK : fail_closed(filter, status);
}

static bool any_needle_in(const tn_needles *needles, tn_text folded)
{
    const uint8_t *at = needles->bytes.bytes;
    for (size_t i = 0; i < needles->count; i++) {
        uint16_t size;
        memcpy(&size, at, sizeof(size));
        at += sizeof(size);
        if (size == 0 || memmem(folded.bytes, folded.size, at, size)) return true;
        at += size;
    }
    return false;
}

tn_verdict tn_key_filter_judge(const tn_key_filter *filter, tn_text key)
{
    if (filter->mask_all || key.size > TN_MAX_FILTERED_KEY) return TN_VERDICT_MASK;

    char folded[TN_MAX_FILTERED_KEY];
    if (!fold_ascii(folded, key)) return TN_VERDICT_ASK;
    if (any_needle_in(&filter->keys, (tn_text){folded, key.size})) return TN_VERDICT_MASK;
    return filter->ask ? TN_VERDICT_ASK : TN_VERDICT_KEEP;
}

tn_verdict tn_key_filter_judge_path(const tn_key_filter *filter, tn_text path)
{
    if (filter->mask_all || path.size > TN_MAX_FILTERED_PATH) return TN_VERDICT_MASK;

    char folded[TN_MAX_FILTERED_PATH];
    if (!fold_ascii(folded, path)) return TN_VERDICT_ASK;
    if (any_needle_in(&filter->paths, (tn_text){folded, path.size})) return TN_VERDICT_MASK;
    return filter->ask_paths ? TN_VERDICT_ASK : TN_VERDICT_KEEP;
}
