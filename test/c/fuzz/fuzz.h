#ifndef TN_FUZZ_H
#define TN_FUZZ_H

/* What the fuzz targets share. A target is a file fuzz_NAME.c with LLVMFuzzerTestOneInput, which clang's libFuzzer
 * calls with bytes of its own invention, and with those in corpus/NAME. A crash, a report of ASan, LSan or UBSan, and
 * a fuzz_check that does not hold are findings. From the root:
 *
 *   make -f test/c/Makefile fuzz SECONDS=60 TARGETS=NAME
 *   tmp/c/fuzz_NAME FILE                                   one input again */

#include "base/process.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define fuzz_check(condition)                                                           \
    do {                                                                                \
        if (!(condition)) {                                                             \
            fprintf(stderr, "fuzz_check: %s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                    \
        }                                                                               \
    } while (0)

/* In the builds that prove a fuzzer awake: reads a byte behind a heap block where the condition holds. The condition
 * is something that random bytes alone hardly reach. */
#ifdef TN_PLANT_FAULT
#define fuzz_plant(condition) ((condition) ? fuzz_fault() : (void)0)
#else
#define fuzz_plant(condition) ((void)0)
#endif
void fuzz_fault(void);

/* --- The bytes, as decisions --------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *at, *end;
} fuzz_input;

/* Zeros when there are no more. */
uint8_t fuzz_byte(fuzz_input *input);
uint64_t fuzz_number(fuzz_input *input); /* eight bytes */
size_t fuzz_below(fuzz_input *input, size_t limit);
bool fuzz_is_over(const fuzz_input *input);

/* As many bytes as the next one says (all of them: fuzz_rest), on the heap and no byte longer. Free with fuzz_free. */
tn_text fuzz_text(fuzz_input *input);
tn_text fuzz_rest(fuzz_input *input);
tn_text fuzz_copy(const void *bytes, size_t size);
void fuzz_free(tn_text text);

/* --- Memory -------------------------------------------------------------------------------------------- */

/* Allocations of the core: the nth from now on fails (0: none does). */
void fuzz_fail_allocation(size_t nth);

/* What the core has allocated and not released. */
size_t fuzz_live_allocations(void);

/* Whether the text is one JSON value (RFC 8259) and nothing else. */
bool fuzz_is_json(tn_text text);

#endif
