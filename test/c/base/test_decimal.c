#include "support.h"

#include "base/decimal.h"

#include <inttypes.h>
#include <stdio.h>

static void assert_as_printf(int64_t value)
{
    char expected[32], text[TN_DECIMAL_SIZE];
    snprintf(expected, sizeof(expected), "%" PRId64, value);
    assert_text(((tn_text){text, tn_decimal(text, value)}), expected);
    snprintf(expected, sizeof(expected), "%" PRIu64, (uint64_t)value);
    assert_text(((tn_text){text, tn_decimal_unsigned(text, (uint64_t)value)}), expected);
}

Test(decimal, is_what_printf_writes)
{
    static const int64_t edges[] = {0, 1, -1, 9, 10, 11, 99, 100, -10, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++) assert_as_printf(edges[i]);
    for (int i = 0; i < 100000; i++) assert_as_printf((int64_t)(random_number() >> random_below(64)));
}
