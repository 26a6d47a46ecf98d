/* What a collector answers: the reader stays inside and comes to an end, and what is made of a partial success never
 * counts more spans than there were. */
#include "export/otlp_exporter.c" /* read_partial_success is static */
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

    tn_export_result result = {0};
    read_partial_success(response, count, &result);
    fuzz_check(result.exported + result.dropped == count);
    fuzz_check(strlen(result.message) < sizeof(result.message));
    fuzz_plant(result.dropped > 1 && result.message[0]);
    fuzz_free(response);
    return 0;
}
