#include "base/process.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

tn_process tn_this_process = {.reallocate = realloc, .release = free, .generation = 0};

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
    tn_fork_hooks *forks = &tn_this_process.forks;
    if (forks->before) forks->before(forks->self);
}

static void after_fork_in_parent(void)
{
    tn_fork_hooks *forks = &tn_this_process.forks;
    if (forks->after_in_parent) forks->after_in_parent(forks->self);
}

static void after_fork_in_child(void)
{
    tn_fork_hooks *forks = &tn_this_process.forks;
    atomic_fetch_add_explicit(&tn_this_process.generation, 1, memory_order_relaxed);
    if (forks->after_in_child) forks->after_in_child(forks->self);
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
