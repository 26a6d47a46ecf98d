#ifndef TN_BASE_DECIMAL_H
#define TN_BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

/* Integers as decimal text: printf takes ten times as long, and ids are written for every event. */
#define TN_DECIMAL_SIZE 20 /* of the longest, INT64_MIN */

/* Writes at most TN_DECIMAL_SIZE characters, without a terminator, and returns how many. */
size_t tn_decimal(char *out, int64_t value);
size_t tn_decimal_unsigned(char *out, uint64_t value);

#endif
