#include "base/decimal.h"

#include <string.h>

static size_t count_digits(uint64_t value)
{
    size_t count = 1;
    for (; value >= 10000; value /= 10000) count += 4;
    if (value >= 1000) return count + 3;
    if (value >= 100) return count + 2;
    return count + (value >= 10);
}

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                            "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

size_t tn_decimal_unsigned(char *out, uint64_t value)
{
    size_t size = count_digits(value), at = size;
    for (; value >= 100; value /= 100) memcpy(out + (at -= 2), pairs + 2 * (value % 100), 2);
    if (value >= 10) {
        memcpy(out, pairs + 2 * value, 2);
    } else {
        *out = (char)('0' + value);
    }
    return size;
}

size_t tn_decimal(char *out, int64_t value)
{
    if (value >= 0) return tn_decimal_unsigned(out, (uint64_t)value);

    *out = '-';
    return 1 + tn_decimal_unsigned(out + 1, 0 - (uint64_t)value);
}
