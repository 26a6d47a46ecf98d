#ifndef TN_BASE_TEXT_H
#define TN_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Bytes that somebody else owns; not terminated. Empty: size 0, whatever the pointer. */
typedef struct {
    const char *bytes;
    size_t size;
} tn_text;

#define TN_TEXT(literal) ((tn_text){("" literal), sizeof(literal) - 1})
#define TN_NO_TEXT ((tn_text){"", 0})

static inline tn_text tn_text_of(const char *string)
{
    return string ? (tn_text){string, strlen(string)} : TN_NO_TEXT;
}

static inline bool tn_text_equal(tn_text a, tn_text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

static inline bool tn_text_starts_with(tn_text text, tn_text start)
{
    return text.size >= start.size && (start.size == 0 || memcmp(text.bytes, start.bytes, start.size) == 0);
}

#endif
