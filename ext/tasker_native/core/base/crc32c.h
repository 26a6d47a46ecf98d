#ifndef TN_BASE_CRC32C_H
#define TN_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum CRC-32C (Castagnoli; RFC 3720, section 12.1) of more bytes, after those whose checksum is `before`
 * (0: none). "123456789" has 0xE3069283. Any thread. */
uint32_t tn_crc32c(uint32_t before, const void *bytes, size_t size);

#endif
