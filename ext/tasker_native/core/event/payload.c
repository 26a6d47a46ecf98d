#include "event/payload.h"

#include "base/utf8.h"

#include <msgpack/pack.h>
#include <stdio.h>

#define STRING_HEADER 5 /* str 32: 0xdb and four bytes of size */
#define MAX_MARK 64

static int write_to_buffer(void *buffer, const char *bytes, size_t size)
{
    return tn_buffer_append(buffer, bytes, size) == TN_OK ? 0 : -1;
}

static msgpack_packer packer_of(tn_payload_writer *writer)
{
    return (msgpack_packer){.data = writer->buffer, .callback = write_to_buffer};
}

static void pack_string(tn_payload_writer *writer, tn_text text)
{
    msgpack_packer packer = packer_of(writer);
    msgpack_pack_str(&packer, text.size);
    msgpack_pack_str_body(&packer, text.bytes, text.size);
}

void tn_payload_writer_init(tn_payload_writer *writer, tn_buffer *buffer, uint32_t max_pairs, size_t max_value_size)
{
    *writer = (tn_payload_writer){.buffer = buffer, .max_pairs = max_pairs, .max_value_size = max_value_size};
}

/* Enough for a key, the smallest values and a mark. */
#define LEAST_ROOM (TN_MAX_KEY + 2 * STRING_HEADER + MAX_MARK)

bool tn_payload_key(tn_payload_writer *writer, tn_text key)
{
    bool enough = writer->max_pairs && writer->count >= writer->max_pairs;
    if (enough || writer->buffer->size + LEAST_ROOM > TN_MAX_PAYLOAD) {
        writer->dropped++;
        return false;
    }
    writer->count++;
    pack_string(writer, tn_utf8_cut(key, TN_MAX_KEY));
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
        pack_string(writer, text);
        return;
    }

    char mark[MAX_MARK];
    size_t mark_size = mark_within(limit, format_mark(mark, full_size));
    tn_text kept = tn_utf8_cut(text, limit - mark_size);

    msgpack_packer packer = packer_of(writer);
    msgpack_pack_str(&packer, kept.size + mark_size);
    msgpack_pack_str_body(&packer, kept.bytes, kept.size);
    msgpack_pack_str_body(&packer, mark, mark_size);
}

void tn_payload_integer(tn_payload_writer *writer, int64_t value)
{
    msgpack_packer packer = packer_of(writer);
    msgpack_pack_int64(&packer, value);
}

void tn_payload_double(tn_payload_writer *writer, double value)
{
    msgpack_packer packer = packer_of(writer);
    msgpack_pack_double(&packer, value);
}

void tn_payload_boolean(tn_payload_writer *writer, bool value)
{
    msgpack_packer packer = packer_of(writer);
    if (value) {
        msgpack_pack_true(&packer);
    } else {
        msgpack_pack_false(&packer);
    }
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
    case 0xd9: return string_value(value, take_sized_string(reader, 1, &value->as.string));
    case 0xda: return string_value(value, take_sized_string(reader, 2, &value->as.string));
    case 0xdb: return string_value(value, take_sized_string(reader, 4, &value->as.string));
    default: return false;
    }
}

bool tn_payload_next(tn_payload_reader *reader, tn_text *key_out, tn_value *value_out)
{
    tn_value key;
    if (!tn_payload_next_value(reader, &key) || key.type != TN_VALUE_STRING) return false;

    *key_out = key.as.string;
    return tn_payload_next_value(reader, value_out);
}
