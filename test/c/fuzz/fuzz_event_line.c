/* The line of any event, with any payload (sometimes cut short), in every form: JSON is JSON, logfmt reads back into as
 * many fields as pretty JSON has lines, no byte ends a line or drives a terminal, and no line has too many fields. With
 * memory that runs out at times. */
#include "fuzz/fuzz.h"

#include "base/utf8.h"
#include "event/event_line.h"
#include "event/payload.h"

static const tn_text known[] = {
    {"step_id", 7}, {"step_name", 9}, {"execution_duration", 18}, {"error_message", 13},  {"event_type", 10},
    {"task_id", 7}, {"task_name", 9}, {"step_status", 11},        {"dropped_fields", 14}, {"backtrace", 9},
    {"message", 7},
};
static const tn_text events[] = {
    {"step.failed", 11}, {"task.completed", 14}, {"workflow.task_started", 21}, {"order.packed", 12}, {"", 0}};

/* Valid UTF-8; the caller frees it. */
static tn_text valid_text(fuzz_input *input)
{
    tn_text raw = fuzz_text(input);
    tn_text valid = fuzz_copy(raw.bytes, tn_utf8_valid_prefix(raw));
    fuzz_free(raw);
    return valid;
}

static void write_long_text(fuzz_input *input, tn_payload_writer *writer, tn_text text)
{
    size_t opened = tn_payload_open_string(writer);
    for (size_t left = 4 * (size_t)fuzz_byte(input); left > 0; left--) tn_buffer_append_text(writer->buffer, text);
    tn_payload_close_string(writer, opened, true);
}

static void write_pair(fuzz_input *input, tn_payload_writer *writer)
{
    tn_text text = valid_text(input);
    bool is_known = fuzz_below(input, 2);
    tn_text key = is_known ? known[fuzz_below(input, sizeof(known) / sizeof(*known))] : text;
    if (tn_payload_key(writer, key)) {
        switch (fuzz_below(input, 6)) {
        case 0: tn_payload_integer(writer, (int64_t)fuzz_number(input)); break;
        case 1: tn_payload_double(writer, (double)(int64_t)fuzz_number(input) / 1e17); break;
        case 2: tn_payload_boolean(writer, fuzz_below(input, 2)); break;
        case 3: tn_payload_time(writer, fuzz_number(input), fuzz_below(input, 2)); break;
        case 4: write_long_text(input, writer, text); break;
        default: tn_payload_string(writer, text);
        }
    }
    fuzz_free(text);
}

/* --- What is read here shares nothing with what the core writes ---------------------------------------- */

static bool ends_key(char byte)
{
    return (uint8_t)byte <= ' ' || byte == '=' || byte == '"';
}

static const char *end_of_value(const char *at, const char *end)
{
    if (at < end && *at == '"') {
        for (at++; at < end && *at != '"'; at++) at += *at == '\\';
        return at < end ? at + 1 : end;
    }
    while (at < end && *at != ' ') at++;
    return at;
}

/* Pairs with a blank between them. */
static size_t count_logfmt(tn_text line)
{
    size_t count = 0;
    const char *at = line.bytes, *end = at + line.size;
    for (;; at++, count++) {
        const char *key = at;
        while (at < end && !ends_key(*at)) at++;
        fuzz_check(at > key && at < end && *at == '=');
        const char *value = at + 1;
        at = end_of_value(value, end);
        fuzz_check(fuzz_is_json((tn_text){value, (size_t)(at - value)}));
        if (at == end) return count + 1;
        fuzz_check(*at == ' ');
    }
}

static size_t count_lines(tn_text line)
{
    size_t count = 0;
    for (size_t i = 0; i < line.size; i++) count += line.bytes[i] == '\n';
    return count;
}

static bool is_tame(tn_text line)
{
    for (size_t i = 0; i < line.size; i++) {
        uint8_t byte = (uint8_t)line.bytes[i], next = i + 1 < line.size ? (uint8_t)line.bytes[i + 1] : 0;
        if (byte < 0x20 || byte == 0x7F || (byte == 0xC2 && next < 0xA0)) return false;
    }
    return true;
}

static void check_forms(tn_event_line *about, const tn_buffer *payload)
{
    tn_buffer line;
    tn_buffer_init(&line, TN_PAYLOAD_BUFFER);
    size_t fields[TN_LINE_LOGFMT + 1];
    for (about->format = TN_LINE_JSON; about->format <= TN_LINE_LOGFMT; about->format++) {
        tn_buffer_clear(&line);
        tn_status status = tn_event_line_write(&line, about, payload->bytes, payload->size);
        fuzz_check(status == line.status && (status == TN_OK || status == TN_ERROR_MEMORY));
        if (status != TN_OK) break;

        tn_text text = tn_buffer_text(&line);
        fuzz_check(tn_utf8_valid_prefix(text) == text.size);
        fuzz_check(about->format == TN_LINE_PRETTY_JSON || is_tame(text));
        fuzz_check(about->format != TN_LINE_JSON || fuzz_is_json(text));
        if (about->format == TN_LINE_PRETTY_JSON) fields[TN_LINE_PRETTY_JSON] = count_lines(text) - 1;
        if (about->format != TN_LINE_LOGFMT) continue;

        fields[TN_LINE_LOGFMT] = count_logfmt(text);
        fuzz_check(fields[TN_LINE_LOGFMT] == fields[TN_LINE_PRETTY_JSON]);
        fuzz_check(fields[TN_LINE_LOGFMT] <= TN_LINE_FIELDS);
        fuzz_plant(about->dropped > 9 && memmem(text.bytes, text.size, "very_slow", 9));
    }
    tn_buffer_free(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input input = {bytes, bytes + size};
    uint8_t storage[64];
    tn_buffer payload;
    tn_payload_writer writer;
    tn_buffer_init_on(&payload, storage, sizeof(storage), TN_PAYLOAD_BUFFER);
    tn_payload_writer_init(&writer, &payload, 0, 0);
    tn_text texts[4];
    for (size_t i = 0; i < 4; i++) texts[i] = valid_text(&input);
    tn_event_line about = {
        .event = events[fuzz_below(&input, sizeof(events) / sizeof(*events))],
        .time = fuzz_number(&input),
        .process_id = (int64_t)fuzz_byte(&input),
        .dropped = (uint32_t)fuzz_below(&input, 16),
        .component = texts[0],
        .correlation_id = texts[1],
        .status = texts[2],
        .task_name = texts[3],
    };
    size_t cut = fuzz_byte(&input), fails_at = fuzz_below(&input, 16);
    while (!fuzz_is_over(&input)) write_pair(&input, &writer);
    if (cut < 128 && cut < payload.size) payload.size -= cut;

    fuzz_fail_allocation(fails_at);
    check_forms(&about, &payload);
    fuzz_fail_allocation(0);
    for (size_t i = 0; i < 4; i++) fuzz_free(texts[i]);
    tn_buffer_free(&payload);
    fuzz_check(fuzz_live_allocations() == 0);
    return 0;
}
