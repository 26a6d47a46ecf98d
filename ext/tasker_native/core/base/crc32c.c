#include "base/crc32c.h"

#include <pthread.h>

#define POLYNOMIAL 0x82F63B78u /* reflected */
#define STRIDE 8               /* bytes a step: slicing by 8 (Kounavis and Berry, 2005) */

static uint32_t table[STRIDE][256];

static void make_table(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? POLYNOMIAL : 0);
        table[0][byte] = value;
    }
    for (int slice = 1; slice < STRIDE; slice++) {
        for (int byte = 0; byte < 256; byte++) {
            uint32_t value = table[slice - 1][byte];
            table[slice][byte] = table[0][value & 0xFF] ^ value >> 8;
        }
    }
}

static uint32_t little_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint32_t take_stride(uint32_t value, const uint8_t *at)
{
    uint32_t low = value ^ little_endian(at), high = little_endian(at + 4);
    return table[7][low & 0xFF] ^ table[6][low >> 8 & 0xFF] ^ table[5][low >> 16 & 0xFF] ^ table[4][low >> 24] ^
           table[3][high & 0xFF] ^ table[2][high >> 8 & 0xFF] ^ table[1][high >> 16 & 0xFF] ^ table[0][high >> 24];
}

uint32_t tn_crc32c(uint32_t before, const void *bytes, size_t size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_table);

    const uint8_t *at = bytes, *end = size ? at + size : at;
    uint32_t value = ~before;
    for (; end - at >= STRIDE; at += STRIDE) value = take_stride(value, at);
    while (at < end) value = table[0][(value ^ *at++) & 0xFF] ^ value >> 8;
    return ~value;
}
