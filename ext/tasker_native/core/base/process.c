#include "base/process.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

tn_process tn_this_process = {
    .reallocate = realloc, .release = free, .generation = 0, .files = {.lock = PTHREAD_MUTEX_INITIALIZER}};

void *tn_alloc(size_t size)
{
    return tn_this_process.reallocate(NULL, size);
}

void *tn_alloc_zeroed(size_t size)
{
    void *pointer = tn_alloc(size);
    if (pointer) memset(pointer, 0, size);
    return pointer;
}

#define LARGE_PAGE ((uintptr_t)2 * 1024 * 1024)

/* Only whole pages within the memory, before they are touched. A wish: whether it is granted does not matter. */
static void want_large_pages(void *memory, size_t size)
{
#ifdef MADV_HUGEPAGE
    uintptr_t first = ((uintptr_t)memory + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
    uintptr_t end = ((uintptr_t)memory + size) & ~(LARGE_PAGE - 1);
    if (first < end) madvise((void *)first, end - first, MADV_HUGEPAGE);
#else
    (void)memory;
    (void)size;
#endif
}

void *tn_alloc_table(size_t size)
{
    void *table = tn_alloc(size);
    if (!table) return NULL;

    want_large_pages(table, size);
    return memset(table, 0, size);
}

void *tn_realloc(void *pointer, size_t size)
{
    return tn_this_process.reallocate(pointer, size);
}

void tn_free(void *pointer)
{
    if (pointer) tn_this_process.release(pointer);
}

static void before_fork(void)
{
    for (size_t i = TN_MAX_FORK_HOOKS; i-- > 0;) {
        const tn_fork_hooks *hooks = &tn_this_process.forks[i];
        if (hooks->self) hooks->before(hooks->self);
    }
    tn_private_files_before_fork();
}

static void after_fork_in_parent(void)
{
    tn_private_files_after_fork_in_parent();
    for (size_t i = 0; i < TN_MAX_FORK_HOOKS; i++) {
        const tn_fork_hooks *hooks = &tn_this_process.forks[i];
        if (hooks->self) hooks->after_in_parent(hooks->self);
    }
}

static void after_fork_in_child(void)
{
    atomic_fetch_add_explicit(&tn_this_process.generation, 1, memory_order_relaxed);
    tn_private_files_after_fork_in_child();
    for (size_t i = 0; i < TN_MAX_FORK_HOOKS; i++) {
        const tn_fork_hooks *hooks = &tn_this_process.forks[i];
        if (hooks->self) hooks->after_in_child(hooks->self);
    }
}

tn_status tn_process_add_fork_hooks(tn_fork_hooks added)
{
    for (size_t i = 0; i < TN_MAX_FORK_HOOKS; i++) {
        if (tn_this_process.forks[i].self) continue;
        tn_this_process.forks[i] = added;
        return TN_OK;
    }
    return TN_ERROR_FULL;
}

void tn_process_remove_fork_hooks(const void *self)
{
    for (size_t i = 0; i < TN_MAX_FORK_HOOKS; i++) {
        if (tn_this_process.forks[i].self == self) tn_this_process.forks[i] = (tn_fork_hooks){0};
    }
}

static void watch(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void tn_process_watch_forks(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch);
}
