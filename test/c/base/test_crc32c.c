#include "support.h"

#include "base/crc32c.h"

Test(crc32c, has_the_values_of_rfc_3720)
{
    uint8_t bytes[32] = {0};
    cr_assert_eq(tn_crc32c(0, "123456789", 9), 0xE3069283u);
    cr_assert_eq(tn_crc32c(0, bytes, sizeof(bytes)), 0x8A9136AAu);
    memset(bytes, 0xFF, sizeof(bytes));
    cr_assert_eq(tn_crc32c(0, bytes, sizeof(bytes)), 0x62A8AB43u);
    for (uint8_t i = 0; i < sizeof(bytes); i++) bytes[i] = i;
    cr_assert_eq(tn_crc32c(0, bytes, sizeof(bytes)), 0x46DD794Eu);
}

Test(crc32c, of_nothing_changes_nothing)
{
    cr_assert_eq(tn_crc32c(0, NULL, 0), 0);
    cr_assert_eq(tn_crc32c(7, "", 0), 7);
}

Test(crc32c, of_parts_is_that_of_the_whole)
{
    uint8_t bytes[200];
    for (size_t i = 0; i < sizeof(bytes); i++) bytes[i] = (uint8_t)random_number();
    uint32_t whole = tn_crc32c(0, bytes, sizeof(bytes));
    for (size_t at = 0; at <= sizeof(bytes); at++) {
        cr_assert_eq(tn_crc32c(tn_crc32c(0, bytes, at), bytes + at, sizeof(bytes) - at), whole);
    }
}

/* Bit by bit, as the polynomial is defined. */
static uint32_t reference(const uint8_t *bytes, size_t size)
{
    uint32_t value = ~0u;
    for (size_t i = 0; i < size; i++) {
        value ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0x82F63B78u : 0);
    }
    return ~value;
}

Test(crc32c, is_that_of_the_definition)
{
    uint8_t bytes[64];
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        for (int round = 0; round < 64; round++) {
            for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)random_number();
            cr_assert_eq(tn_crc32c(0, bytes, size), reference(bytes, size));
        }
    }
}
