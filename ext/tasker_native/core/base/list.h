#ifndef TN_BASE_LIST_H
#define TN_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* A doubly linked list through links inside the caller's structs, oldest first. Owns nothing. */
typedef struct tn_link {
    struct tn_link *older, *newer;
} tn_link;

typedef struct {
    tn_link ends; /* ends.newer is the oldest link, ends.older the newest */
    size_t count;
} tn_list;

static inline void tn_list_init(tn_list *list)
{
    list->ends.older = list->ends.newer = &list->ends;
    list->count = 0;
}

static inline void tn_list_add(tn_list *list, tn_link *link)
{
    link->older = list->ends.older;
    link->newer = &list->ends;
    link->older->newer = link;
    list->ends.older = link;
    list->count++;
}

static inline void tn_list_remove(tn_list *list, tn_link *link)
{
    link->older->newer = link->newer;
    link->newer->older = link->older;
    list->count--;
}

/* NULL when the list is empty. */
static inline tn_link *tn_list_oldest(const tn_list *list)
{
    return list->count ? list->ends.newer : NULL;
}

#endif
