/* What a collector answers: the reader stays inside and comes to an end, and what is made of a partial success never
 * counts more spans than there were. */
#include "export/otlp_client.c" /* read_partial_success is static */
#include "fuzz/fuzz.h"

static void read_fields(tn_text message, int depth)
{
    tn_protobuf_field field;
    tn_protobuf_reader reader = {(const uint8_t *)message.bytes, (const uint8_t *)message.bytes + message.size};
    for (const uint8_t *before = reader.at; tn_protobuf_next(&reader, &field); before = reader.at) {
        fuzz_check(reader.at > before && reader.at <= reader.end);
        fuzz_check(field.number > 0);
        if (field.bytes.size == 0) continue;
        fuzz_check(field.bytes.bytes >= message.bytes);
        fuzz_check(field.bytes.bytes + field.bytes.size <= message.bytes + message.size);
        if (depth < 10) read_fields(field.bytes, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input input = {bytes, bytes + size};
    size_t count = fuzz_byte(&input);
    tn_text response = fuzz_rest(&input);
    read_fields(response, 0);

    char message[256] = "";
    size_t rejected = read_partial_success(response, count, message, sizeof(message));
    fuzz_check(rejected <= count);
    fuzz_check(strlen(message) < sizeof(message));
    fuzz_plant(rejected > 1 && message[0]);
    fuzz_free(response);
    return 0;
}
