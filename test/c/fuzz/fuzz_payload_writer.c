/* Whatever is written into a payload, in whatever order and below whatever limits, is read back: the same pairs, cut
 * where the limits say so. With memory that runs out at times. */
#include "fuzz/fuzz.h"

#include "base/utf8.h"
#include "event/payload.h"
#include "event/timestamp.h"

#define PAIRS 64

static struct {
    tn_text key;
    tn_value value;
} written[PAIRS];

static tn_text valid_text(fuzz_input *input)
{
    tn_text raw = fuzz_text(input);
    tn_text valid = fuzz_copy(raw.bytes, tn_utf8_valid_prefix(raw));
    fuzz_free(raw);
    return valid;
}

/* A piece is valid UTF-8, as the header asks. */
static void write_in_pieces(tn_payload_writer *writer, tn_text text)
{
    size_t opened = tn_payload_open_string(writer), room;
    while (text.size > 0 && (room = tn_payload_string_room(writer, opened)) > 0) {
        tn_text piece = tn_utf8_cut(text, room < 5 ? room : 5);
        if (piece.size == 0) break;
        tn_buffer_append_text(writer->buffer, piece);
        text = (tn_text){text.bytes + piece.size, text.size - piece.size};
    }
    tn_payload_close_string(writer, opened, text.size == 0);
}

/* Returns what it wrote; a String is the caller's to free. */
static tn_value write_value(fuzz_input *input, tn_payload_writer *writer)
{
    tn_value value = {.type = TN_VALUE_STRING, .as.string = TN_NO_TEXT};
    switch (fuzz_below(input, 6)) {
    case 4: value = (tn_value){.type = TN_VALUE_TIME, .as.time = fuzz_number(input)}; break;
    case 0: value = (tn_value){.type = TN_VALUE_INTEGER, .as.integer = (int64_t)fuzz_number(input)}; break;
    case 1: value = (tn_value){.type = TN_VALUE_DOUBLE, .as.number = (double)fuzz_number(input) / 7}; break;
    case 2: value = (tn_value){.type = TN_VALUE_BOOLEAN, .as.boolean = fuzz_below(input, 2)}; break;
    case 3:
        value.as.string = valid_text(input);
        tn_payload_string(writer, value.as.string);
        return value;
    default:
        value.as.string = valid_text(input);
        write_in_pieces(writer, value.as.string);
        return value;
    }
    if (value.type == TN_VALUE_INTEGER) tn_payload_integer(writer, value.as.integer);
    if (value.type == TN_VALUE_DOUBLE) tn_payload_double(writer, value.as.number);
    if (value.type == TN_VALUE_BOOLEAN) tn_payload_boolean(writer, value.as.boolean);
    if (value.type == TN_VALUE_TIME) tn_payload_time(writer, value.as.time, value.as.time & 1);
    return value;
}

/* As a name, or as a text. */
static bool write_key(tn_payload_writer *writer, size_t number, bool named)
{
    static tn_name names[PAIRS];
    names[number] = (tn_name){.text = written[number].key, .id = (uint32_t)number};
    return named ? tn_payload_key_named(writer, &names[number]) : tn_payload_key(writer, written[number].key);
}

static size_t write_pairs(fuzz_input *input, tn_payload_writer *writer)
{
    size_t count = 0;
    while (!fuzz_is_over(input) && count < PAIRS) {
        written[count].key = valid_text(input);
        if (!write_key(writer, count, fuzz_below(input, 2))) {
            fuzz_free(written[count].key);
            continue;
        }
        written[count++].value = write_value(input, writer);
    }
    return count;
}

static void check_text(tn_text read, tn_text expected, size_t limit)
{
    fuzz_check(tn_utf8_valid_prefix(read) == read.size);
    if (limit == 0 || expected.size <= limit) {
        fuzz_check(tn_text_equal(read, expected));
    } else {
        fuzz_check(read.size <= limit);
    }
}

static void check_value(tn_value read, tn_value expected, size_t limit)
{
    if (expected.type == TN_VALUE_TIME && limit > 0 && limit < TN_TIMESTAMP_SIZE) {
        /* A limit that would cut the text of a time makes it text at once. */
        fuzz_check(read.type == TN_VALUE_STRING && read.as.string.size <= limit);
        return;
    }
    fuzz_check(read.type == expected.type);
    switch (read.type) {
    case TN_VALUE_STRING: check_text(read.as.string, expected.as.string, limit); break;
    case TN_VALUE_INTEGER: fuzz_check(read.as.integer == expected.as.integer); break;
    case TN_VALUE_DOUBLE: fuzz_check(read.as.number == expected.as.number); break;
    case TN_VALUE_BOOLEAN: fuzz_check(read.as.boolean == expected.as.boolean); break;
    case TN_VALUE_TIME:
        fuzz_check(read.as.time == expected.as.time && read.milliseconds == (expected.as.time & 1));
        break;
    }
    fuzz_plant(read.type == TN_VALUE_INTEGER && read.as.integer < INT32_MIN);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input input = {bytes, bytes + size};
    uint32_t max_pairs = fuzz_byte(&input) % 20;
    size_t max_value_size = fuzz_byte(&input);
    uint8_t storage[64];
    tn_buffer buffer;
    tn_payload_writer writer;
    tn_buffer_init_on(&buffer, storage, fuzz_below(&input, 2) ? sizeof(storage) : 1, TN_PAYLOAD_BUFFER);
    tn_payload_writer_init(&writer, &buffer, max_pairs, max_value_size);
    fuzz_fail_allocation(fuzz_byte(&input));

    size_t count = write_pairs(&input, &writer), read = 0;
    fuzz_check(writer.count == count && (!max_pairs || count <= max_pairs));
    tn_pair_key key;
    tn_value value;
    tn_payload_reader reader = tn_payload_read(buffer.bytes, buffer.size);
    while (tn_payload_next_key(&reader, &key) && tn_payload_next_value(&reader, &value)) {
        fuzz_check(read < count);
        check_text(key.text, written[read].key, 0);
        check_value(value, written[read].value, max_value_size);
        read++;
    }
    fuzz_check(read == count || buffer.status == TN_ERROR_MEMORY);

    for (size_t i = 0; i < count; i++) {
        fuzz_free(written[i].key);
        if (written[i].value.type == TN_VALUE_STRING) fuzz_free(written[i].value.as.string);
    }
    tn_buffer_free(&buffer);
    fuzz_check(fuzz_live_allocations() == 0);
    return 0;
}
