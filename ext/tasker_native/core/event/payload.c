#include "event/payload.h"

#include "base/utf8.h"
#include "event/timestamp.h"

#include <stdio.h>

#define STRING_HEADER 5 /* str 32: 0xdb and four bytes of size */
#define MAX_MARK 64

static uint8_t *put_big_endian(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) at[i] = (uint8_t)(value >> 8 * (size - 1 - i));
    return at + size;
}

static uint8_t *put_string_header(uint8_t *at, size_t size)
{
    if (size < 32) {
        *at++ = (uint8_t)(0xa0 | size);
    } else if (size <= UINT8_MAX) {
        *at++ = 0xd9;
        *at++ = (uint8_t)size;
    } else if (size <= UINT16_MAX) {
        *at++ = 0xda;
        at = put_big_endian(at, size, 2);
    } else {
        *at++ = 0xdb;
        at = put_big_endian(at, size, 4);
    }
    return at;
}

uint8_t *tn_payload_put_long_string(uint8_t *at, tn_text text)
{
    at = put_string_header(at, text.size);
    memcpy(at, text.bytes, text.size);
    return at + text.size;
}

/* Two texts as one String. */
static void write_string(tn_buffer *buffer, tn_text first, tn_text second)
{
    if (tn_buffer_reserve(buffer, STRING_HEADER + first.size + second.size) != TN_OK) return;

    uint8_t *at = put_string_header(buffer->bytes + buffer->size, first.size + second.size);
    if (first.size > 0) memcpy(at, first.bytes, first.size);
    at += first.size;
    if (second.size > 0) memcpy(at, second.bytes, second.size);
    buffer->size = (size_t)(at + second.size - buffer->bytes);
}

/* Where a value of no more than TN_PAYLOAD_SCALAR bytes goes; NULL: there is no room. */
static uint8_t *place(tn_payload_writer *writer)
{
    tn_buffer *buffer = writer->buffer;
    return tn_buffer_reserve(buffer, TN_PAYLOAD_SCALAR) == TN_OK ? buffer->bytes + buffer->size : NULL;
}

static void end_at(tn_payload_writer *writer, const uint8_t *end)
{
    writer->buffer->size = (size_t)(end - writer->buffer->bytes);
}

void tn_payload_writer_init(tn_payload_writer *writer, tn_buffer *buffer, uint32_t max_pairs, size_t max_value_size)
{
    *writer = (tn_payload_writer){.buffer = buffer, .max_pairs = max_pairs, .max_value_size = max_value_size};
}

/* Enough for a key, the smallest values and a mark. */
#define LEAST_ROOM (TN_MAX_KEY + 2 * STRING_HEADER + MAX_MARK)

static bool has_room(tn_payload_writer *writer)
{
    bool enough = writer->max_pairs && writer->count >= writer->max_pairs;
    if (enough || writer->buffer->size + LEAST_ROOM > TN_MAX_PAYLOAD) {
        writer->dropped++;
        return false;
    }
    writer->count++;
    return true;
}

bool tn_payload_key(tn_payload_writer *writer, tn_text key)
{
    if (!has_room(writer)) return false;
    write_string(writer->buffer, tn_utf8_cut(key, TN_MAX_KEY), TN_NO_TEXT);
    return true;
}

bool tn_payload_key_named(tn_payload_writer *writer, const tn_name *key)
{
    if (!has_room(writer)) return false;

    uint8_t *at = place(writer);
    if (at) end_at(writer, tn_payload_put_name(at, key));
    return true;
}

/* How long a String value may be that starts at `at` in the buffer. */
static size_t limit_at(const tn_payload_writer *writer, size_t at)
{
    size_t room = at + STRING_HEADER < TN_MAX_PAYLOAD ? TN_MAX_PAYLOAD - at - STRING_HEADER : 0;
    return writer->max_value_size && writer->max_value_size < room ? writer->max_value_size : room;
}

static int format_mark(char *mark, size_t full_size)
{
    return snprintf(mark, MAX_MARK, "... [truncated, %zu bytes]", full_size);
}

/* The size of the mark, or 0 where the limit has no room for one. */
static size_t mark_within(size_t limit, int size)
{
    return (size_t)size <= limit ? (size_t)size : 0;
}

void tn_payload_string(tn_payload_writer *writer, tn_text text)
{
    tn_payload_cut_string(writer, text, text.size);
}

void tn_payload_cut_string(tn_payload_writer *writer, tn_text text, size_t full_size)
{
    size_t limit = limit_at(writer, writer->buffer->size);
    if (text.size <= limit && full_size == text.size) {
        write_string(writer->buffer, text, TN_NO_TEXT);
        return;
    }

    char mark[MAX_MARK];
    size_t mark_size = mark_within(limit, format_mark(mark, full_size));
    write_string(writer->buffer, tn_utf8_cut(text, limit - mark_size), (tn_text){mark, mark_size});
}

/* The shortest form, for a number that is not negative. */
static uint8_t *put_unsigned(uint8_t *at, uint64_t value)
{
    if (value <= 0x7f) {
        *at++ = (uint8_t)value;
        return at;
    }
    if (value <= UINT8_MAX) {
        *at++ = 0xcc;
        return put_big_endian(at, value, 1);
    }
    if (value <= UINT16_MAX) {
        *at++ = 0xcd;
        return put_big_endian(at, value, 2);
    }
    *at++ = value <= UINT32_MAX ? 0xce : 0xcf;
    return put_big_endian(at, value, value <= UINT32_MAX ? 4 : 8);
}

static uint8_t *put_negative(uint8_t *at, int64_t value)
{
    if (value >= -32) {
        *at++ = (uint8_t)value;
        return at;
    }
    if (value >= INT8_MIN) {
        *at++ = 0xd0;
        return put_big_endian(at, (uint64_t)value, 1);
    }
    if (value >= INT16_MIN) {
        *at++ = 0xd1;
        return put_big_endian(at, (uint64_t)value, 2);
    }
    *at++ = value >= INT32_MIN ? 0xd2 : 0xd3;
    return put_big_endian(at, (uint64_t)value, value >= INT32_MIN ? 4 : 8);
}

uint8_t *tn_payload_put_large_integer(uint8_t *at, int64_t value)
{
    return value >= 0 ? put_unsigned(at, (uint64_t)value) : put_negative(at, value);
}

void tn_payload_integer(tn_payload_writer *writer, int64_t value)
{
    uint8_t *at = place(writer);
    if (at) end_at(writer, tn_payload_put_integer(at, value));
}

void tn_payload_double(tn_payload_writer *writer, double value)
{
    uint8_t *at = place(writer);
    if (at) end_at(writer, tn_payload_put_double(at, value));
}

void tn_payload_boolean(tn_payload_writer *writer, bool value)
{
    uint8_t *at = place(writer);
    if (at) end_at(writer, tn_payload_put_boolean(at, value));
}

/* The text that it becomes is cut as any other, where the limit is that small. */
static void write_time_text(tn_payload_writer *writer, uint64_t unix_time, bool milliseconds)
{
    char text[TN_TIMESTAMP_SIZE];
    tn_timestamp_second second = {0};
    tn_payload_string(writer, (tn_text){text, tn_timestamp_format_utc(text, unix_time, milliseconds, &second)});
}

void tn_payload_time(tn_payload_writer *writer, uint64_t unix_time, bool milliseconds)
{
    if (writer->max_value_size > 0 && writer->max_value_size < TN_TIMESTAMP_SIZE) {
        write_time_text(writer, unix_time, milliseconds);
        return;
    }
    uint8_t *at = place(writer);
    if (at) end_at(writer, tn_payload_put_time(at, unix_time, milliseconds));
}

size_t tn_payload_open_string(tn_payload_writer *writer)
{
    static const uint8_t header[STRING_HEADER] = {0xdb};
    tn_buffer_append(writer->buffer, header, sizeof(header));
    return writer->buffer->size;
}

size_t tn_payload_string_room(const tn_payload_writer *writer, size_t opened)
{
    size_t limit = limit_at(writer, opened - STRING_HEADER), size = writer->buffer->size - opened;
    return limit > size ? limit - size : 0;
}

void tn_payload_close_string(tn_payload_writer *writer, size_t opened, bool complete)
{
    tn_buffer *buffer = writer->buffer;
    if (buffer->status != TN_OK) return;

    size_t size = buffer->size - opened, limit = limit_at(writer, opened - STRING_HEADER);
    if (size > limit || !complete) {
        char mark[MAX_MARK];
        int length = complete ? format_mark(mark, size) : snprintf(mark, sizeof(mark), "... [truncated]");
        size_t mark_size = mark_within(limit, length);
        tn_text text = {(const char *)buffer->bytes + opened, size};
        tn_buffer_truncate(buffer, opened + tn_utf8_cut(text, limit - mark_size).size);
        tn_buffer_append(buffer, mark, mark_size);
        if (buffer->status != TN_OK) return;
    }

    size = buffer->size - opened;
    uint8_t *header = buffer->bytes + opened - STRING_HEADER;
    for (int i = 0; i < 4; i++) header[1 + i] = (uint8_t)(size >> (24 - 8 * i));
}

static uint64_t read_big_endian(const uint8_t *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) value = value << 8 | at[i];
    return value;
}

/* Takes a number of 1, 2, 4 or 8 bytes. */
static bool take_number(tn_payload_reader *reader, size_t size, uint64_t *value_out)
{
    if ((size_t)(reader->end - reader->at) < size) return false;
    *value_out = read_big_endian(reader->at, size);
    reader->at += size;
    return true;
}

static bool take_string(tn_payload_reader *reader, uint64_t size, tn_text *text_out)
{
    if ((uint64_t)(reader->end - reader->at) < size) return false;
    *text_out = (tn_text){(const char *)reader->at, (size_t)size};
    reader->at += size;
    return true;
}

static bool take_sized_string(tn_payload_reader *reader, size_t size_bytes, tn_text *text_out)
{
    uint64_t size;
    return take_number(reader, size_bytes, &size) && take_string(reader, size, text_out);
}

static bool string_value(tn_value *value, bool taken)
{
    value->type = TN_VALUE_STRING;
    return taken;
}

static bool integer_value(tn_value *value, int64_t integer)
{
    value->type = TN_VALUE_INTEGER;
    value->as.integer = integer;
    return true;
}

static bool boolean_value(tn_value *value, bool boolean)
{
    value->type = TN_VALUE_BOOLEAN;
    value->as.boolean = boolean;
    return true;
}

static bool double_value(tn_value *value, uint64_t bits)
{
    value->type = TN_VALUE_DOUBLE;
    memcpy(&value->as.number, &bits, sizeof(bits));
    return true;
}

/* An extension of 8 bytes, without its first byte. */
static bool take_time(tn_payload_reader *reader, tn_value *value)
{
    if ((size_t)(reader->end - reader->at) < 1 + sizeof(value->as.time)) return false;

    uint8_t type = *reader->at;
    value->type = TN_VALUE_TIME;
    value->milliseconds = type == TN_PAYLOAD_MILLISECONDS;
    memcpy(&value->as.time, reader->at + 1, sizeof(value->as.time));
    reader->at += 1 + sizeof(value->as.time);
    return type == TN_PAYLOAD_SECONDS || type == TN_PAYLOAD_MILLISECONDS;
}

bool tn_payload_next_value(tn_payload_reader *reader, tn_value *value)
{
    if (reader->at == reader->end) return false;

    uint64_t bits;
    uint8_t first = *reader->at++;
    if (first <= 0x7f) return integer_value(value, first);
    if (first >= 0xe0) return integer_value(value, (int8_t)first);
    if (first >= 0xa0 && first <= 0xbf) {
        return string_value(value, take_string(reader, first & 31, &value->as.string));
    }

    switch (first) {
    case 0xc2: return boolean_value(value, false);
    case 0xc3: return boolean_value(value, true);
    case 0xcb: return take_number(reader, 8, &bits) && double_value(value, bits);
    case 0xcc: return take_number(reader, 1, &bits) && integer_value(value, (int64_t)bits);
    case 0xcd: return take_number(reader, 2, &bits) && integer_value(value, (int64_t)bits);
    case 0xce: return take_number(reader, 4, &bits) && integer_value(value, (int64_t)bits);
    case 0xcf: return take_number(reader, 8, &bits) && bits <= INT64_MAX && integer_value(value, (int64_t)bits);
    case 0xd0: return take_number(reader, 1, &bits) && integer_value(value, (int8_t)bits);
    case 0xd1: return take_number(reader, 2, &bits) && integer_value(value, (int16_t)bits);
    case 0xd2: return take_number(reader, 4, &bits) && integer_value(value, (int32_t)bits);
    case 0xd3: return take_number(reader, 8, &bits) && integer_value(value, (int64_t)bits);
    case 0xd7: return take_time(reader, value);
    case 0xd9: return string_value(value, take_sized_string(reader, 1, &value->as.string));
    case 0xda: return string_value(value, take_sized_string(reader, 2, &value->as.string));
    case 0xdb: return string_value(value, take_sized_string(reader, 4, &value->as.string));
    default: return false;
    }
}

static bool take_name(tn_payload_reader *reader, tn_pair_key *key)
{
    if ((size_t)(reader->end - reader->at) < 2 + sizeof(key->name) || reader->at[1] != TN_PAYLOAD_NAME) return false;
    memcpy(&key->name, reader->at + 2, sizeof(key->name));
    key->text = key->name->text;
    reader->at += 2 + sizeof(key->name);
    return true;
}

bool tn_payload_next_key(tn_payload_reader *reader, tn_pair_key *key)
{
    tn_value text;
    if (reader->at < reader->end && *reader->at == 0xd7) return take_name(reader, key);
    if (!tn_payload_next_value(reader, &text) || text.type != TN_VALUE_STRING) return false;

    *key = (tn_pair_key){text.as.string, NULL};
    return true;
}

/* --- Passing over -------------------------------------------------------------------------------------- */

/* The size of most values by their first byte; 0: look closer. */
static inline size_t plain_size(uint8_t first)
{
    if (first >= 0xa0 && first <= 0xbf) return 1 + (size_t)(first & 31);
    if (first <= 0x7f || first == 0xc2 || first == 0xc3) return 1;
    if (first == 0xd7) return 10;
    return first == 0xcb ? 9 : 0;
}

static inline bool pass_over(tn_payload_reader *reader)
{
    tn_value value;
    size_t left = (size_t)(reader->end - reader->at), size = left > 0 ? plain_size(*reader->at) : 0;
    if (size == 0 || size > left) return tn_payload_next_value(reader, &value);
    reader->at += size;
    return true;
}

static inline int number_of(tn_text key, const tn_text *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i].size == key.size && memcmp(keys[i].bytes, key.bytes, key.size) == 0) return (int)i;
    }
    return -1;
}

int tn_payload_find_string(tn_payload_reader *reader, const tn_text *keys, size_t key_count, tn_text *string)
{
    tn_pair_key key;
    tn_value value;
    while (reader->at < reader->end &&
           (*reader->at == 0xd7 ? take_name(reader, &key) : tn_payload_next_key(reader, &key))) {
        int number = number_of(key.text, keys, key_count);
        if (number < 0) {
            if (!pass_over(reader)) return -1;
            continue;
        }
        if (!tn_payload_next_value(reader, &value)) return -1;
        if (value.type != TN_VALUE_STRING) continue;
        *string = value.as.string;
        return number;
    }
    return -1;
}
