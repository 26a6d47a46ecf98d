#include "base/crc32c.h"

#define STRIDE 8 /* bytes a step: slicing by 8 (Kounavis and Berry, 2005) */

/* The remainder of a byte is the sum of those of its bits (a to h, from the lowest), so that these are enough. */
#define BIT(byte, bit, remainder) ((byte) / (1 << (bit)) % 2 ? (remainder) : 0u)
#define BYTE(n, a, b, c, d, e, f, g, h)                                                                       \
    (BIT(n, 0, a) ^ BIT(n, 1, b) ^ BIT(n, 2, c) ^ BIT(n, 3, d) ^ BIT(n, 4, e) ^ BIT(n, 5, f) ^ BIT(n, 6, g) ^ \
     BIT(n, 7, h))
#define BYTES_4(n, ...) \
    BYTE(n, __VA_ARGS__), BYTE((n) + 1, __VA_ARGS__), BYTE((n) + 2, __VA_ARGS__), BYTE((n) + 3, __VA_ARGS__)
#define BYTES_16(n, ...)                                                                   \
    BYTES_4(n, __VA_ARGS__), BYTES_4((n) + 4, __VA_ARGS__), BYTES_4((n) + 8, __VA_ARGS__), \
        BYTES_4((n) + 12, __VA_ARGS__)
#define BYTES_64(n, ...)                                                                        \
    BYTES_16(n, __VA_ARGS__), BYTES_16((n) + 16, __VA_ARGS__), BYTES_16((n) + 32, __VA_ARGS__), \
        BYTES_16((n) + 48, __VA_ARGS__)
#define BYTES_256(...) \
    BYTES_64(0, __VA_ARGS__), BYTES_64(64, __VA_ARGS__), BYTES_64(128, __VA_ARGS__), BYTES_64(192, __VA_ARGS__)

/* Of a byte that so many other bytes of a stride follow; the polynomial is 0x82F63B78, reflected. */
static const uint32_t table[STRIDE][256] = {
    {BYTES_256(0xF26B8303, 0xE13B70F7, 0xC79A971F, 0x8AD958CF, 0x105EC76F, 0x20BD8EDE, 0x417B1DBC, 0x82F63B78)},
    {BYTES_256(0x13A29877, 0x274530EE, 0x4E8A61DC, 0x9D14C3B8, 0x3FC5F181, 0x7F8BE302, 0xFF17C604, 0xFBC3FAF9)},
    {BYTES_256(0xA541927E, 0x4F6F520D, 0x9EDEA41A, 0x38513EC5, 0x70A27D8A, 0xE144FB14, 0xC76580D9, 0x8B277743)},
    {BYTES_256(0xDD45AAB8, 0xBF672381, 0x7B2231F3, 0xF64463E6, 0xE964B13D, 0xD725148B, 0xABA65FE7, 0x52A0C93F)},
    {BYTES_256(0x38116FAC, 0x7022DF58, 0xE045BEB0, 0xC5670B91, 0x8F2261D3, 0x1BA8B557, 0x37516AAE, 0x6EA2D55C)},
    {BYTES_256(0xEF306B19, 0xDB8CA0C3, 0xB2F53777, 0x6006181F, 0xC00C303E, 0x85F4168D, 0x0E045BEB, 0x1C08B7D6)},
    {BYTES_256(0x68032CC8, 0xD0065990, 0xA5E0C5D1, 0x4E2DFD53, 0x9C5BFAA6, 0x3D5B83BD, 0x7AB7077A, 0xF56E0EF4)},
    {BYTES_256(0x493C7D27, 0x9278FA4E, 0x211D826D, 0x423B04DA, 0x847609B4, 0x0D006599, 0x1A00CB32, 0x34019664)},
};

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
    const uint8_t *at = bytes, *end = size ? at + size : at;
    uint32_t value = ~before;
    for (; end - at >= STRIDE; at += STRIDE) value = take_stride(value, at);
    while (at < end) value = table[0][(value ^ *at++) & 0xFF] ^ value >> 8;
    return ~value;
}
