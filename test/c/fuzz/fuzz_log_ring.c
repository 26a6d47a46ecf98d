/* Lines of the log: whatever is said, a line that is read is one line without control characters, and the newest ones
 * are there. */
#include "fuzz/fuzz.h"

#include "export/log_ring.h"

#include <string.h>

static void check_line(const tn_log_line *line)
{
    size_t size = strnlen(line->text, sizeof(line->text));
    fuzz_check(size < sizeof(line->text));
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)line->text[i];
        fuzz_check(byte >= 0x20 && byte != 0x7F);
        fuzz_check(byte != 0xC2 || (uint8_t)line->text[i + 1] < 0x80 || (uint8_t)line->text[i + 1] >= 0xA0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input input = {bytes, bytes + size};
    tn_log_ring *ring = malloc(sizeof(*ring));
    tn_log_line line;
    size_t written = 0;
    tn_log_ring_init(ring);
    while (!fuzz_is_over(&input)) {
        unsigned take = fuzz_byte(&input);
        tn_text text = fuzz_text(&input);
        tn_log_ring_write(ring, (tn_log_level)(take % 3), "%.*s%.*s", (int)text.size, text.bytes, (int)text.size,
                          text.bytes);
        written = written < TN_LOG_RING_LINES ? written + 1 : TN_LOG_RING_LINES;
        if (take % 16 == 1 && tn_log_ring_take(ring, &line)) {
            check_line(&line);
            written--;
        }
        fuzz_plant(written == 3 && text.size > 8);
        fuzz_free(text);
    }
    for (; tn_log_ring_take(ring, &line); written--) check_line(&line);
    fuzz_check(written == 0);
    tn_log_ring_destroy(ring);
    free(ring);
    return 0;
}
