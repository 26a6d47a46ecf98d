#ifndef TN_EXPORT_LOG_RING_H
#define TN_EXPORT_LOG_RING_H

#include "base/status.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* What native threads have to say, for a Ruby thread to write to the logger. Bounded: when nobody reads, the oldest
 * line makes room and is counted. Control characters become question marks: what collectors say is logged too, and must
 * neither forge a line nor drive a terminal. Secrets in it are masked. Thread-safe. */
#define TN_LOG_RING_LINES 64
#define TN_LOG_LINE_SIZE 512 /* bytes; longer is cut */

typedef enum { TN_LOG_INFO, TN_LOG_WARN, TN_LOG_ERROR } tn_log_level;

typedef struct {
    tn_log_level level;
    char text[TN_LOG_LINE_SIZE]; /* terminated */
} tn_log_line;

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t written;
    tn_log_line lines[TN_LOG_RING_LINES];
    size_t first, count;
    uint64_t lost;
    bool woken;
} tn_log_ring;

void tn_log_ring_init(tn_log_ring *ring);
void tn_log_ring_destroy(tn_log_ring *ring);

void tn_log_ring_write(tn_log_ring *ring, tn_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Takes the oldest line. false when there is none. */
bool tn_log_ring_take(tn_log_ring *ring, tn_log_line *line_out);

/* Waits for a line until the monotonic deadline or tn_log_ring_wake (also one that came before). Does not take it. */
void tn_log_ring_wait(tn_log_ring *ring, uint64_t deadline);
void tn_log_ring_wake(tn_log_ring *ring);

#endif
