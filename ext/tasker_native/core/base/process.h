#ifndef TN_BASE_PROCESS_H
#define TN_BASE_PROCESS_H

#include "base/private_file.h"
#include "base/status.h"

#include <stdatomic.h>
#include <stddef.h>

/* What has to hold still while the process forks: locks are taken before, given back after, and made anew in
 * the child. Async-signal-safe work only in the child's. */
#define TN_MAX_FORK_HOOKS 8

typedef struct {
    void *self;
    void (*before)(void *self);
    void (*after_in_parent)(void *self);
    void (*after_in_child)(void *self);
} tn_fork_hooks;

/* The one place for state that belongs to the whole process: how the core allocates, which generation of a forked
 * process this is, and which of its open files no child may keep. */
typedef struct {
    void *(*reallocate)(void *pointer, size_t size); /* as realloc; NULL pointer: allocates */
    void (*release)(void *pointer);                  /* as free */
    atomic_uint generation;                          /* +1 in the child of every fork */
    tn_fork_hooks forks[TN_MAX_FORK_HOOKS];          /* without a `self`: free */
    tn_private_files files;
} tn_process;

extern tn_process tn_this_process;

/* NULL when there is no memory. size > 0. */
void *tn_alloc(size_t size);
void *tn_alloc_zeroed(size_t size);
void *tn_realloc(void *pointer, size_t size);
void tn_free(void *pointer);

/* Zeroed, for a table that is large and looked into at random: in large pages, where the system has them. */
void *tn_alloc_table(size_t size);

/* Which process this is, counted over forks. What was built in another generation belongs to the
 * parent: its threads, locks and connections are not ours. Any thread. */
static inline unsigned tn_process_generation(void)
{
    return atomic_load_explicit(&tn_this_process.generation, memory_order_relaxed);
}

/* Counts forks from now on, however they come about, and calls the hooks around them. Idempotent. */
void tn_process_watch_forks(void);

/* The last to be added are the first to be called before a fork, and the last after it. No fork may come meanwhile: the
 * caller is the only thread that forks. TN_OK, or TN_ERROR_FULL. */
tn_status tn_process_add_fork_hooks(tn_fork_hooks hooks) TN_MUST_CHECK;
void tn_process_remove_fork_hooks(const void *self);

#endif
