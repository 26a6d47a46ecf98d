#include "base/decimal.h"

#include <string.h>

size_t tn_decimal_unsigned(char *out, uint64_t value)
{
    char digits[TN_DECIMAL_SIZE];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    memcpy(out, digits + at, sizeof(digits) - at);
    return sizeof(digits) - at;
}

size_t tn_decimal(char *out, int64_t value)
{
    if (value >= 0) return tn_decimal_unsigned(out, (uint64_t)value);

    *out = '-';
    return 1 + tn_decimal_unsigned(out + 1, 0 - (uint64_t)value);
}
