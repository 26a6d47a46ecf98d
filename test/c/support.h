#ifndef TN_TEST_SUPPORT_H
#define TN_TEST_SUPPORT_H

/* What the tests share: memory that runs out on demand, chance that repeats itself, payloads and events in one
 * line, a clock that moves when told, and a sink that remembers. Criterion gives each test a process of its
 * own, so all of it is global state that begins anew. */

#include <criterion/criterion.h>

#include "trace/span_manager.h"

/* --- Memory -------------------------------------------------------------------------------------------- */

/* Runs its body once for each allocation of the core that the body makes, with that one failing, and a last
 * time with none failing. Asserts that each round gives back what it took. Don't break out of it. */
#define for_each_failing_allocation for (begin_memory_rounds(); next_memory_round();)

void begin_memory_rounds(void);
bool next_memory_round(void);

/* Whether one has failed in this round, or since no_memory. */
bool allocation_failed(void);

/* Within a round: nothing fails (to prepare, or to look at what is left), until memory is scarce again. */
void enough_memory(void);
void scarce_memory(void);

/* Every allocation fails, until enough_memory. */
void no_memory(void);

/* What the core has allocated and not released. */
size_t live_allocations(void);

/* For a suite's .fini. */
void all_memory_is_back(void);

/* --- Chance -------------------------------------------------------------------------------------------- */

/* The same numbers in every run. random_below: 0 to limit - 1. One thread. */
uint64_t random_number(void);
uint64_t random_below(uint64_t limit);

/* Fills `out` with valid UTF-8 of at most `limit` bytes, all sizes of characters mixed. Returns the size. */
size_t random_text(char *out, size_t limit);

/* A copy on the heap, as long as the text and no byte longer, where ASan sees every step beyond. */
tn_text exact_copy(const void *bytes, size_t size);
void free_copy(tn_text copy);

/* --- Payloads ------------------------------------------------------------------------------------------ */

/* String pairs: text_pairs("name", "Ada", "city", "London", NULL). Good until eight more calls of this thread. */
tn_pairs text_pairs(const char *key, ...) __attribute__((sentinel));

/* The next pair without its name: all that most tests want to know of it. */
bool next_pair(tn_payload_reader *reader, tn_text *key_out, tn_value *value_out);

/* The value of the last pair with this key. */
bool find_value(tn_pairs pairs, const char *key, tn_value *value_out);

/* --- Events -------------------------------------------------------------------------------------------- */

/* Now, for the occurrences below: stands still until time passes. */
extern tn_moment test_now;
void time_passes(uint64_t nanoseconds);

/* An occurrence now, with payload {"event": its name}. NULL ids are absent. */
tn_occurrence task_event(tn_event_id event, const char *task_id);
tn_occurrence step_event(tn_event_id event, const char *task_id, const char *step_id);
tn_occurrence custom_event(const char *name, const char *task_id, const char *step_id);

/* --- Spans --------------------------------------------------------------------------------------------- */

/* Remembers what it is given; any thread. */
tn_span_sink recording_sink(void);

size_t accepted_count(void);
size_t lost_count(void);

/* Of this name; NULL: of any. */
size_t received_count(const char *name);

/* The nth span of this name (NULL: of any), in the order in which they came. Fails the test if there is none. */
const tn_span *received_span(const char *name, size_t nth);

/* For a suite's .fini. */
void forget_received(void);

/* The manager of a test, with the sink above: for a suite's .init and .fini. */
extern tn_span_manager *manager;
extern tn_span_manager_options manager_options;
void start_manager(void);
void stop_manager(void);

/* Records task_event or step_event, now. */
void publish_task(tn_event_id event, const char *task_id);
void publish_step(tn_event_id event, const char *task_id, const char *step_id);

tn_span_manager_stats manager_stats(void);

bool same_trace_id(tn_trace_id a, tn_trace_id b);
bool same_span_id(tn_span_id a, tn_span_id b);

/* The attribute as it will be exported: the last value of the key. */
bool find_attribute(const tn_span *span, const char *key, tn_value *value_out);
bool has_attribute(const tn_span *span, const char *key, const char *text);

/* How many records of these kinds (tn_record_kind, or-ed) the journal has. */
size_t record_count(const tn_span *span, unsigned kinds);
size_t event_count(const tn_span *span, const char *name);

/* The nth event or link. Fails the test if there is none. */
tn_record nth_event(const tn_span *span, size_t nth);
tn_record nth_link(const tn_span *span, size_t nth);

#define assert_text(actual, expected) assert_texts((actual), tn_text_of(expected), __FILE__, __LINE__)
void assert_texts(tn_text actual, tn_text expected, const char *file, int line);

#endif
