#ifndef TN_TRACE_SPAN_MANAGER_H
#define TN_TRACE_SPAN_MANAGER_H

#include "trace/occurrence.h"

/* Turns the events of tasks and steps into spans: which are open, when each begins and ends, who is whose
 * parent. docs/architecture.md ("The life of a span") has the rules.
 *
 * Thread-safe: every function takes the manager's lock for a short time and calls nothing foreign under it.
 * After a fork the child's first call finds the manager empty: open spans are the parent's. */
typedef struct tn_span_manager tn_span_manager;

/* What a call gives to the sink at its end. */
typedef struct {
    tn_span_list ended;    /* accepted and complete */
    tn_span_list released; /* complete; were accepted when they ended */
    size_t lost;           /* ended, but there was no memory for them */
} tn_delivery;

/* Where finished spans go: it counts them and owns them from then on. A task's root is accepted when it ends and
 * delivered once it has lingered, every other span is both at once. And it is told how many steps are open, whenever that
 * has changed by this much.
 * All functions are called from any thread and must not block: accept under the manager's lock, so that it must not come
 * back to the manager; the others without. */
typedef struct {
    void *self;
    void (*accept)(void *self);
    void (*deliver)(void *self, tn_delivery *delivery);
    void (*count_steps)(void *self, int64_t change); /* may be NULL */
    tn_span_pool *pool;                              /* where memory of spans comes back; NULL: nowhere */
} tn_span_sink;

typedef struct {
    tn_text trace_seed;    /* copied; see tn_seed_of */
    size_t max_open_spans; /* open tasks, and open steps, each; the oldest goes first */
    uint64_t max_age;      /* nanoseconds */
    tn_span_limits limits;
} tn_span_manager_options;

typedef struct {
    size_t open_tasks; /* references included */
    size_t open_steps;
    uint64_t abandoned_roots; /* evicted, removed or dropped for lack of memory before they ended */
    size_t memory;            /* bytes, roughly */
} tn_span_manager_stats;

#define TN_LINGER (1 * TN_SECOND)               /* how long an ended root waits for a richer end */
#define TN_QUEUED_MINIMUM (10 * TN_MILLISECOND) /* a shorter wait is not worth a span */
#define TN_MAX_ENDED_TASKS 10000                /* that are still remembered */

/* NULL when there is no memory. */
tn_span_manager *tn_span_manager_new(const tn_span_manager_options *options, tn_span_sink sink);

/* Roots that linger are handed to the sink; what is still open is given up. */
void tn_span_manager_free(tn_span_manager *manager);

/* Takes effect for what begins from now on. */
void tn_span_manager_configure(tn_span_manager *manager, const tn_span_manager_options *options);

/* Whether record does anything with this system event. */
bool tn_span_manager_wants(tn_event_id event);

/* A span that can't be made for lack of memory is told to the sink as lost when it would have ended. */
void tn_span_manager_record(tn_span_manager *manager, const tn_occurrence *occurrence);

/* Ends a task's root with a status of the caller's choice, whatever the event. */
void tn_span_manager_finish_task(tn_span_manager *manager, const tn_occurrence *occurrence, tn_span_status status);

/* What somebody who keeps tasks elsewhere, in a database, knows of one that other processes have worked on. */
typedef struct {
    uint32_t run;   /* from 1 on; each has a root of its own, whose id is the same in all processes */
    uint64_t began; /* Unix time in nanoseconds; 0: it begins now, or nobody knows */
    bool over;      /* its end was told: whoever tells it again is not heard */
} tn_task_history;

/* For what is recorded of the task from now on. A root of another run that is open here is abandoned; a run whose root
 * was abandoned, and that is not over, goes on. */
void tn_span_manager_know_task(tn_span_manager *manager, tn_text task_id, tn_task_history history, tn_moment now);

/* Hands ended roots that lingered long enough to the sink; all: every one of them. */
void tn_span_manager_release(tn_span_manager *manager, uint64_t now, bool all);

/* Ends this step, if it is open, with the event tasker.span.interrupted: its attempt was left without an end. */
void tn_span_manager_interrupt_step(tn_span_manager *manager, tn_text task_id, tn_text step_id);

/* Ends open steps, at most `limit` of them, oldest first, with the event tasker.span.interrupted, and releases every root
 * that lingers. Returns how many steps are still open. */
size_t tn_span_manager_interrupt(tn_span_manager *manager, size_t limit);

/* One open span, looked up anew at each use: it may end at any time. step_id empty: the task's root. */
typedef struct {
    tn_text task_id, step_id;
} tn_span_key;

typedef struct {
    tn_trace_id trace_id;
    tn_span_id span_id;
} tn_span_context;

/* false when no such span is open. */
bool tn_span_manager_find(tn_span_manager *manager, tn_span_key key, tn_span_context *context_out);
bool tn_span_manager_add_event(tn_span_manager *manager, tn_span_key key, tn_text name, tn_moment now, tn_pairs pairs);
bool tn_span_manager_set_attributes(tn_span_manager *manager, tn_span_key key, tn_pairs pairs);

/* Takes a task out; its root counts as abandoned. */
bool tn_span_manager_remove_task(tn_span_manager *manager, tn_text task_id);

/* Forgets everything, without a word to the sink; for tests. */
void tn_span_manager_clear(tn_span_manager *manager);

void tn_span_manager_stats_read(tn_span_manager *manager, tn_span_manager_stats *stats_out);

/* For pthread_atfork: the lock is held while the process forks, so that the child finds everything whole. */
void tn_span_manager_lock(tn_span_manager *manager);
void tn_span_manager_unlock(tn_span_manager *manager);
void tn_span_manager_reset_lock(tn_span_manager *manager);

#endif
