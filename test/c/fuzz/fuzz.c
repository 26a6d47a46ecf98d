#include "fuzz/fuzz.h"

/* --- The bytes, as decisions --------------------------------------------------------------------------- */

uint8_t fuzz_byte(fuzz_input *input)
{
    return fuzz_is_over(input) ? 0 : *input->at++;
}

uint64_t fuzz_number(fuzz_input *input)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) number = number << 8 | fuzz_byte(input);
    return number;
}

size_t fuzz_below(fuzz_input *input, size_t limit)
{
    return fuzz_byte(input) % limit;
}

bool fuzz_is_over(const fuzz_input *input)
{
    return input->at == input->end;
}

static tn_text take(fuzz_input *input, size_t size)
{
    size_t left = (size_t)(input->end - input->at);
    tn_text text = fuzz_copy(input->at, size < left ? size : left);
    input->at += text.size;
    return text;
}

tn_text fuzz_text(fuzz_input *input)
{
    size_t size = fuzz_byte(input);
    return take(input, size);
}

tn_text fuzz_rest(fuzz_input *input)
{
    return take(input, SIZE_MAX);
}

tn_text fuzz_copy(const void *bytes, size_t size)
{
    char *copy = malloc(size ? size : 1);
    if (size) memcpy(copy, bytes, size);
    return (tn_text){size ? copy : copy + 1, size};
}

void fuzz_free(tn_text text)
{
    free((char *)(text.size ? text.bytes : text.bytes - 1));
}

/* --- Memory -------------------------------------------------------------------------------------------- */

static struct {
    size_t live, attempts, fails_at;
} memory;

static void *reallocate(void *pointer, size_t size)
{
    if (++memory.attempts == memory.fails_at) return NULL;
    void *result = realloc(pointer, size);
    if (result && !pointer) memory.live++;
    return result;
}

static void release(void *pointer)
{
    memory.live--;
    free(pointer);
}

__attribute__((constructor)) static void install_memory(void)
{
    tn_this_process.reallocate = reallocate;
    tn_this_process.release = release;
}

void fuzz_fail_allocation(size_t nth)
{
    memory.attempts = 0;
    memory.fails_at = nth;
}

size_t fuzz_live_allocations(void)
{
    return memory.live;
}

/* --- Planted faults ------------------------------------------------------------------------------------ */

void fuzz_fault(void)
{
    volatile char *block = malloc(8);
    char behind = block[8];
    free((void *)block);
    exit(behind ? 1 : 2);
}

/* --- JSON: what is read here shares nothing with what the core writes ---------------------------------- */

typedef struct {
    const char *at, *end;
    int depth;
} reader;

static bool value(reader *json);

static bool byte(reader *json, char expected)
{
    if (json->at == json->end || *json->at != expected) return false;
    json->at++;
    return true;
}

static bool literal(reader *json, const char *text)
{
    while (*text && byte(json, *text)) text++;
    return !*text;
}

static bool digits(reader *json)
{
    const char *first = json->at;
    while (json->at < json->end && *json->at >= '0' && *json->at <= '9') json->at++;
    return json->at > first;
}

static bool number(reader *json)
{
    byte(json, '-');
    if (!byte(json, '0') && !digits(json)) return false;
    if (byte(json, '.') && !digits(json)) return false;
    if (json->at < json->end && (*json->at == 'e' || *json->at == 'E')) {
        json->at++;
        if (!byte(json, '+')) byte(json, '-');
        return digits(json);
    }
    return true;
}

static bool escape(reader *json)
{
    if (json->at == json->end) return false;
    char kind = *json->at++;
    if (kind != 'u') return kind && strchr("\"\\/bfnrt", kind);
    for (int i = 0; i < 4; i++, json->at++) {
        if (json->at == json->end || !*json->at || !strchr("0123456789abcdefABCDEF", *json->at)) return false;
    }
    return true;
}

static bool string(reader *json)
{
    if (!byte(json, '"')) return false;
    while (json->at < json->end && *json->at != '"') {
        if ((unsigned char)*json->at < 0x20) return false;
        if (*json->at++ == '\\' && !escape(json)) return false;
    }
    return byte(json, '"');
}

static bool members(reader *json, char close, bool named)
{
    if (byte(json, close)) return true;
    do {
        if (named && !(string(json) && byte(json, ':'))) return false;
        if (!value(json)) return false;
    } while (byte(json, ','));
    return byte(json, close);
}

static bool value(reader *json)
{
    if (json->at == json->end || ++json->depth > 100) return false;
    bool good;
    switch (*json->at) {
    case '{': good = byte(json, '{') && members(json, '}', true); break;
    case '[': good = byte(json, '[') && members(json, ']', false); break;
    case '"': good = string(json); break;
    case 't': good = literal(json, "true"); break;
    case 'f': good = literal(json, "false"); break;
    case 'n': good = literal(json, "null"); break;
    default: good = number(json);
    }
    json->depth--;
    return good;
}

bool fuzz_is_json(tn_text text)
{
    reader json = {text.bytes, text.bytes + text.size, 0};
    return value(&json) && json.at == json.end;
}
