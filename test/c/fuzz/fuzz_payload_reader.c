/* MessagePack that nobody of us wrote: the reader takes what it understands, stays inside, and comes to an end. */
#include "fuzz/fuzz.h"

#include "event/payload.h"

static void check_inside(tn_text text, tn_text all)
{
    if (text.size == 0) return;
    fuzz_check(text.bytes >= all.bytes && text.bytes + text.size <= all.bytes + all.size);
    fuzz_free(fuzz_copy(text.bytes, text.size)); /* every byte can be read */
}

/* The address of a name is believed: payloads never come from outside of the process. */
static bool may_hold_a_name(const uint8_t *bytes, size_t size)
{
    static const uint8_t header[] = {0xd7, TN_PAYLOAD_NAME};
    return size > 0 && memmem(bytes, size, header, sizeof(header)) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (may_hold_a_name(bytes, size)) return -1;

    tn_text all = fuzz_copy(bytes, size);
    tn_pair_key key;
    tn_value value;
    size_t pairs = 0;
    tn_payload_reader reader = tn_payload_read((const uint8_t *)all.bytes, all.size);
    const uint8_t *before = reader.at;
    while (tn_payload_next_key(&reader, &key) && tn_payload_next_value(&reader, &value)) {
        fuzz_check(reader.at > before && reader.at <= reader.end);
        check_inside(key.text, all);
        if (value.type == TN_VALUE_STRING) check_inside(value.as.string, all);
        fuzz_plant(pairs >= 2 && value.type == TN_VALUE_DOUBLE);
        before = reader.at;
        pairs++;
    }
    fuzz_check(pairs <= size / 2);
    fuzz_free(all);
    return 0;
}
