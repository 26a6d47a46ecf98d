#ifndef TN_STRESS_H
#define TN_STRESS_H

/* What the stress programs share. Each is a plain main, since ThreadSanitizer can't run inside Criterion: it does
 * everything at once for as many seconds as its argument says, exits with 0 when what must hold held throughout, and
 * TSan adds what it saw. From the root:
 *
 *   make -f test/c/Makefile stress SECONDS=10 */

#include "base/clock.h"
#include "export/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define check(condition) stress_check((condition), #condition, __FILE__, __LINE__)
void stress_check(bool holds, const char *what, const char *file, int line);

/* A monotonic deadline. */
uint64_t after_ms(uint64_t milliseconds);
void sleep_ms(long milliseconds);

/* --- Threads ------------------------------------------------------------------------------------------- */

/* Threads run until this is true. */
extern atomic_bool over;

/* Starts `count` threads of the function, with 0, 1, 2, ... as their argument. */
void start_threads(long count, void *(*function)(void *number));

/* Lets the threads run for the seconds that the command line says (or 3), then ends and joins them. */
void run_threads(int argc, char **argv);

/* Starts those who flush, pause, read the accounts and the log, each again and again. */
void start_bystanders(tn_pipeline *pipeline);

/* --- What goes through a pipeline ---------------------------------------------------------------------- */

/* Counts the spans that it is given. */
tn_exporter *new_counter(void);
extern atomic_uint_fast64_t delivered;

/* Encodes for real, into memory that nobody reads. */
tn_exporter *new_memory(void);

tn_span_manager *add_manager(tn_pipeline *pipeline, size_t max_open_spans);
void free_manager(tn_pipeline *pipeline, tn_span_manager *manager);

/* Records an event now; an id of NULL is none. */
void record(tn_span_manager *manager, tn_event_id event, const char *task_id, const char *step_id);

/* A task with its steps, from begin to end. Returns how many spans that is. */
size_t record_task(tn_span_manager *manager, const char *task_id, int steps);

/* Asserts that the accounts add up. */
tn_pipeline_stats audited(tn_pipeline *pipeline);

#endif
