/* A segment of the spool of any bytes: the reader stays inside, goes on, and gives nothing but records with the right
 * checksums. The first half of the input is the file, or what has become of records that were written. */
#include "fuzz/fuzz.h"

#include "export/spool_segment.h"

#define FILE_SIZE 4096

static uint8_t file[FILE_SIZE];
static size_t file_size;

static ssize_t write_file(int descriptor, const void *head, size_t head_size, const void *body, size_t body_size,
                          off_t offset)
{
    (void)descriptor;
    if ((size_t)offset + head_size + body_size > FILE_SIZE) return -1;
    memcpy(file + offset, head, head_size);
    if (body_size) memcpy(file + offset + head_size, body, body_size);
    return (ssize_t)(head_size + body_size);
}

static ssize_t read_file(int descriptor, void *bytes, size_t size, off_t offset)
{
    (void)descriptor;
    fuzz_check((size_t)offset <= file_size);
    size_t left = file_size - (size_t)offset, given = size < left ? size : left;
    memcpy(bytes, file + offset, given);
    return (ssize_t)given;
}

static int truncate_file(int descriptor, off_t size)
{
    (void)descriptor;
    (void)size;
    return 0;
}

static const tn_spool_system in_memory = {.write = write_file, .read = read_file, .truncate = truncate_file};

/* Some records, some of whose bytes are other ones afterwards. */
static void write_records(tn_spool_segment *segment, fuzz_input *input)
{
    for (size_t i = fuzz_below(input, 5); i > 0; i--) {
        tn_text body = fuzz_text(input);
        tn_spool_record record = {.spans = 1, .body = body};
        if (tn_spool_segment_append(segment, &record) == TN_OK && fuzz_below(input, 4) == 0) {
            record.offset = segment->size - TN_SPOOL_HEAD_SIZE - body.size;
            tn_spool_segment_mark_done(segment, &record);
        }
        fuzz_free(body);
    }
    for (size_t i = fuzz_below(input, 4); i > 0 && segment->size > 0; i--) {
        size_t at = (size_t)fuzz_byte(input) << 8 | fuzz_byte(input);
        file[at % segment->size] ^= fuzz_byte(input);
    }
}

static void write_any(tn_spool_segment *segment, fuzz_input *input)
{
    tn_text rest = fuzz_rest(input);
    segment->size = rest.size < FILE_SIZE ? rest.size : FILE_SIZE;
    if (segment->size) memcpy(file, rest.bytes, segment->size);
    fuzz_free(rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input input = {bytes, bytes + size};
    tn_spool_segment segment = {.system = &in_memory, .id = 0x4141414141414141};
    if (fuzz_below(&input, 2)) {
        write_records(&segment, &input);
    } else {
        write_any(&segment, &input);
    }
    file_size = segment.size;

    tn_buffer body;
    tn_buffer_init(&body, TN_MAX_SPOOL_BODY);
    tn_spool_record record;
    tn_spool_found found;
    size_t records = 0, damaged = 0;
    uint64_t at = 0, before = 0;
    while ((found = tn_spool_segment_read(&segment, &at, &record, &body)) != TN_SPOOL_END) {
        fuzz_check(found != TN_SPOOL_MEMORY);
        fuzz_check(at > before && at <= segment.size);
        if (found == TN_SPOOL_RECORD) fuzz_check(record.offset + TN_SPOOL_HEAD_SIZE + record.body.size == at);
        records += found == TN_SPOOL_RECORD;
        damaged += found == TN_SPOOL_DAMAGE;
        before = at;
    }
    fuzz_check(records + damaged <= segment.size);
    fuzz_plant(records > 0 && damaged > 0);
    tn_buffer_free(&body);
    fuzz_check(fuzz_live_allocations() == 0);
    return 0;
}
