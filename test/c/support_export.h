#ifndef TN_TEST_SUPPORT_EXPORT_H
#define TN_TEST_SUPPORT_EXPORT_H

/* What the tests of export/ share: spans and encoders in one line, a look at JSON, folders that vanish, a small HTTP
 * server, an exporter that does what it is told, and children that can't hang. */

#include "support.h"

#include "base/clock.h"
#include "export/pipeline.h"

#include <sys/types.h>

/* --- Time ---------------------------------------------------------------------------------------------- */

/* A monotonic deadline. */
uint64_t after_ms(uint64_t milliseconds);
void sleep_ms(unsigned milliseconds);

/* Waits until it holds; fails the test when it does not within ten seconds. */
#define eventually(condition)                                                           \
    do {                                                                                \
        uint64_t eventually_last = after_ms(10000);                                     \
        while (!(condition)) {                                                          \
            cr_assert(tn_clock_monotonic() < eventually_last, "never: %s", #condition); \
            sleep_ms(1);                                                                \
        }                                                                               \
    } while (0)

/* --- Spans and their text ------------------------------------------------------------------------------ */

/* Prefix "tasker.", resource {service.name: "shop"}, version "1.2.3", 128 attributes. */
tn_encoder_options test_encoding(void);

/* Ended, 200 ms long, below a parent, without attributes; its ids are always the same. */
tn_span *new_span(const char *name);
tn_span_list new_spans(size_t count);

/* The same with one of everything: each type of attribute, prefixed and not, an event, a link, an error with a
 * message, and 1, 2 and 3 dropped attributes, events and links. */
tn_span *rich_span(void);

/* Whether the text is one JSON value (RFC 8259) and nothing else. */
bool is_json(tn_text text);
bool contains(tn_text text, const char *part);
size_t count_of(tn_text text, const char *part);

/* A look at protobuf bytes that shares nothing with the core's: how many fields have this number, and the nth of
 * them. Fails the test where the bytes are no message. */
size_t field_count(tn_text message, unsigned number);
tn_text nth_bytes(tn_text message, unsigned number, size_t n);
uint64_t nth_number(tn_text message, unsigned number, size_t n);

/* Exports new_spans(count). */
tn_export_result export_spans(tn_exporter *exporter, size_t count);

/* --- Files --------------------------------------------------------------------------------------------- */

/* A new folder below /tmp; remove_folder takes what is in it (no folders) too. */
const char *make_folder(void);
void remove_folder(void);

/* Of a file in the folder; good until 16 more calls. */
const char *path_in_folder(const char *name);

/* The whole file, terminated, until the next call; NULL when there is none. */
tn_text file_content(const char *path);

/* --- Children ------------------------------------------------------------------------------------------ */

/* The child of a fork runs the function and exits with what it returns; killed after ten seconds.
 *
 * ASan's own allocator is not made for forks (before GCC 14): a lock that another thread holds at that moment is
 * held forever in the child. So no other thread may allocate, or begin, while a test forks. */
pid_t start_child(int (*run)(void *argument), void *argument);

/* The exit code; -1 when it was killed. */
int child_result(pid_t child);

/* --- An HTTP server ------------------------------------------------------------------------------------ */

#define SERVER_CONNECTIONS 8
#define OK_RESPONSE "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

typedef enum {
    SERVER_ANSWERS,
    SERVER_ANSWERS_ONCE, /* and closes the connection */
    SERVER_IS_SILENT,    /* reads the request and never answers */
    SERVER_HANGS_UP,     /* reads the request and closes the connection */
    SERVER_STOPS_HALF,   /* answers with its response less the last byte, then is silent */
} server_manner;

typedef struct {
    server_manner manner;
    tn_text response; /* the bytes, borrowed */
    unsigned delay;   /* milliseconds before it answers */

    int port;
    char url[64]; /* http://127.0.0.1:PORT/v1/traces */
    int listener, stop[2];
    pthread_t acceptor, threads[SERVER_CONNECTIONS];
    pthread_mutex_t lock;
    atomic_size_t connections, requests;
    char *request; /* the last one, head and body, under the lock */
    size_t request_size;
} test_server;

/* Answers OK_RESPONSE unless told otherwise before. */
void server_start(test_server *server);
void server_stop(test_server *server);

/* The last request's head (with the empty line) and body; good until the next request. */
tn_text server_head(test_server *server);
tn_text server_body(test_server *server);

/* --- An exporter that does what it is told ------------------------------------------------------------- */

typedef struct {
    tn_exporter exporter;
    pthread_mutex_t lock;
    pthread_cond_t changed;

    /* Orders, by fake_order. */
    bool held;      /* stays in export_batch until it is let go, or interrupted */
    bool deaf;      /* not even an interrupt lets it go */
    bool fails;     /* drops every batch */
    bool checks;    /* goes to the checkpoint while it is held */
    tn_drop reason; /* of its drops, when it fails or is interrupted */
    const char *message;
    tn_checkpoint checkpoint;

    /* What happened, to be read by fake_*. */
    size_t entered, batches, spans, largest_batch, interrupts, resets, freed;
} fake_exporter;

/* The struct stays the caller's and must outlive the pipeline that it is given to. */
tn_exporter *fake_init(fake_exporter *fake, const char *name);
void fake_hold(fake_exporter *fake, bool held);
void fake_let_go(fake_exporter *fake);    /* even when deaf */
size_t fake_entered(fake_exporter *fake); /* calls of export_batch that have begun */
size_t fake_batches(fake_exporter *fake); /* and ended */
size_t fake_spans(fake_exporter *fake);

/* --- Pipelines ----------------------------------------------------------------------------------------- */

#define HOUR (3600 * TN_SECOND)

/* Room for 2048 spans and 16 MiB, batches of 512 or after this delay. */
tn_pipeline_options options_with(uint64_t schedule_delay);

/* A pipeline with these options and this exporter. */
tn_pipeline *new_pipeline(tn_pipeline_options options, tn_exporter *exporter);

/* Ends spans, through its sink. */
void push_spans(tn_pipeline *pipeline, size_t count);
tn_pipeline_stats stats_of(tn_pipeline *pipeline);

/* All drops; asserts that the accounts add up. */
uint64_t dropped_of(const tn_pipeline_stats *stats);

/* A manager that sends its spans to the pipeline. */
tn_span_manager *new_manager(tn_pipeline *pipeline);

/* Out of the pipeline, and freed. */
void free_manager(tn_pipeline *pipeline, tn_span_manager *manager);

/* Records the event now, by the real clock. */
void record_task(tn_span_manager *manager, tn_event_id event, const char *task_id);
void record_step(tn_span_manager *manager, tn_event_id event, const char *task_id, const char *step_id);

#endif
