#include "support_export.h"

#include "base/process.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- Time ---------------------------------------------------------------------------------------------- */

uint64_t after_ms(uint64_t milliseconds)
{
    return tn_clock_monotonic() + milliseconds * TN_MILLISECOND;
}

void sleep_ms(unsigned milliseconds)
{
    struct timespec time = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
    while (nanosleep(&time, &time) != 0 && errno == EINTR) continue;
}

/* --- Spans and their text ------------------------------------------------------------------------------ */

tn_encoder_options test_encoding(void)
{
    return (tn_encoder_options){
        .prefix = TN_TEXT("tasker."),
        .resource = text_pairs("service.name", "shop", NULL),
        .scope_version = TN_TEXT("1.2.3"),
        .attribute_limit = 128,
    };
}

tn_span *new_span(const char *name)
{
    static const tn_trace_id trace_id = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
    static const tn_span_id id = {{0xa0, 1, 2, 3, 4, 5, 6, 7}}, parent_id = {{0xb0, 1, 2, 3, 4, 5, 6, 7}};

    tn_span *span = tn_span_new(NULL, tn_text_of(name), trace_id, id, parent_id);
    if (!span) return NULL;
    span->start = 1800000000 * TN_SECOND;
    span->end = span->start + 200 * TN_MILLISECOND;
    return span;
}

tn_span_list new_spans(size_t count)
{
    tn_span_list spans = {0};
    for (size_t i = 0; i < count; i++) tn_span_list_add(&spans, new_span("tasker.step.execution"));
    return spans;
}

tn_span *rich_span(void)
{
    tn_span_limits limits = TN_SPAN_LIMITS_DEFAULT;
    tn_span *span = new_span("tasker.step.execution");
    uint8_t storage[256];
    tn_buffer buffer;
    tn_payload_writer writer;
    tn_buffer_init_on(&buffer, storage, sizeof(storage), sizeof(storage));
    tn_payload_writer_init(&writer, &buffer, 0, 0);
    tn_payload_key(&writer, TN_TEXT("name"));
    tn_payload_string(&writer, TN_TEXT("Ada"));
    tn_payload_key(&writer, TN_TEXT("count"));
    tn_payload_integer(&writer, -5);
    tn_payload_key(&writer, TN_TEXT("ratio"));
    tn_payload_double(&writer, 0.25);
    tn_payload_key(&writer, TN_TEXT("done"));
    tn_payload_boolean(&writer, true);
    tn_pairs pairs = {.bytes = buffer.bytes, .size = buffer.size, .count = writer.count, .prefixed = true};
    tn_span_add_event_and_attributes(span, &limits, TN_TEXT("step.failed"), span->end, pairs);
    tn_span_add_attributes(span, text_pairs("error.type", "IOError", NULL));
    tn_span_add_event(span, &limits, TN_TEXT("exception"), span->end, text_pairs("exception.type", "IOError", NULL));
    tn_span_add_link(span, &limits, (tn_trace_id){{0xff}}, (tn_span_id){{0xee}});
    tn_span_set_status(span, TN_STATUS_ERROR, TN_TEXT("it \"broke\""));
    span->dropped_attributes = 1;
    span->dropped_events = 2;
    span->dropped_links = 3;
    return span;
}

tn_export_result export_spans(tn_exporter *exporter, size_t count)
{
    tn_export_result result;
    tn_span_list spans = new_spans(count);
    exporter->export_batch(exporter, &spans, UINT64_MAX, &result);
    tn_span_list_free(&spans);
    return result;
}

typedef struct {
    const char *at, *end;
    unsigned depth;
} json_reader;

static bool skip_value(json_reader *json);

static bool skip_byte(json_reader *json, char byte)
{
    if (json->at == json->end || *json->at != byte) return false;
    json->at++;
    return true;
}

static bool skip_literal(json_reader *json, const char *literal)
{
    while (*literal && skip_byte(json, *literal)) literal++;
    return !*literal;
}

static bool skip_escape(json_reader *json)
{
    if (json->at == json->end) return false;
    char kind = *json->at++;
    if (kind != 'u') return strchr("\"\\/bfnrt", kind) != NULL && kind != '\0';
    for (int i = 0; i < 4; i++) {
        if (json->at == json->end || !strchr("0123456789abcdefABCDEF", *json->at)) return false;
        json->at++;
    }
    return true;
}

static bool skip_string(json_reader *json)
{
    if (!skip_byte(json, '"')) return false;
    while (json->at < json->end && *json->at != '"') {
        if ((unsigned char)*json->at < 0x20) return false;
        if (*json->at++ == '\\' && !skip_escape(json)) return false;
    }
    return skip_byte(json, '"');
}

static bool skip_digits(json_reader *json)
{
    const char *from = json->at;
    while (json->at < json->end && *json->at >= '0' && *json->at <= '9') json->at++;
    return json->at > from;
}

static bool skip_number(json_reader *json)
{
    skip_byte(json, '-');
    if (!skip_byte(json, '0') && !skip_digits(json)) return false;
    if (skip_byte(json, '.') && !skip_digits(json)) return false;
    if (!skip_byte(json, 'e') && !skip_byte(json, 'E')) return true;
    if (!skip_byte(json, '-')) skip_byte(json, '+');
    return skip_digits(json);
}

static bool skip_members(json_reader *json, char close, bool named)
{
    json->at++;
    if (skip_byte(json, close)) return true;
    do {
        if (named && !(skip_string(json) && skip_byte(json, ':'))) return false;
        if (!skip_value(json)) return false;
    } while (skip_byte(json, ','));
    return skip_byte(json, close);
}

static bool skip_value(json_reader *json)
{
    if (json->at == json->end || json->depth == 64) return false;

    json->depth++;
    bool valid;
    switch (*json->at) {
    case '{': valid = skip_members(json, '}', true); break;
    case '[': valid = skip_members(json, ']', false); break;
    case '"': valid = skip_string(json); break;
    case 't': valid = skip_literal(json, "true"); break;
    case 'f': valid = skip_literal(json, "false"); break;
    case 'n': valid = skip_literal(json, "null"); break;
    default: valid = skip_number(json);
    }
    json->depth--;
    return valid;
}

bool is_json(tn_text text)
{
    json_reader json = {text.bytes, text.bytes + text.size, 0};
    return skip_value(&json) && json.at == json.end;
}

static uint64_t take_varint(tn_text *rest)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 10; i++) {
        cr_assert_gt(rest->size, 0, "a varint ends too early");
        unsigned char byte = (unsigned char)rest->bytes[0];
        *rest = (tn_text){rest->bytes + 1, rest->size - 1};
        value += (uint64_t)(byte % 128) << (7 * i);
        if (byte < 128) return value;
    }
    cr_assert_fail("a varint is too long");
    return 0;
}

static tn_text take_bytes(tn_text *rest, uint64_t size)
{
    cr_assert_leq(size, rest->size, "a field ends too early");
    tn_text taken = {rest->bytes, size};
    *rest = (tn_text){rest->bytes + size, rest->size - size};
    return taken;
}

static uint64_t fixed_number(tn_text bytes)
{
    uint64_t value = 0;
    for (size_t i = bytes.size; i-- > 0;) value = value * 256 + (unsigned char)bytes.bytes[i];
    return value;
}

/* Counts the fields with this number up to the nth, which it gives back. */
static size_t walk_fields(tn_text message, unsigned number, size_t n, tn_text *bytes_out, uint64_t *number_out)
{
    size_t count = 0;
    while (message.size > 0 && count <= n) {
        uint64_t tag = take_varint(&message), value = 0;
        tn_text bytes = TN_NO_TEXT;
        switch (tag % 8) {
        case 0: value = take_varint(&message); break;
        case 1: value = fixed_number(take_bytes(&message, 8)); break;
        case 2: bytes = take_bytes(&message, take_varint(&message)); break;
        case 5: value = fixed_number(take_bytes(&message, 4)); break;
        default: cr_assert_fail("no such wire type");
        }
        if (tag / 8 != number) continue;
        count++;
        *bytes_out = bytes;
        *number_out = value;
    }
    return count;
}

size_t field_count(tn_text message, unsigned number)
{
    tn_text bytes;
    uint64_t value;
    return walk_fields(message, number, SIZE_MAX, &bytes, &value);
}

tn_text nth_bytes(tn_text message, unsigned number, size_t n)
{
    tn_text bytes = TN_NO_TEXT;
    uint64_t value;
    cr_assert_eq(walk_fields(message, number, n, &bytes, &value), n + 1, "there is no field %u", number);
    return bytes;
}

uint64_t nth_number(tn_text message, unsigned number, size_t n)
{
    tn_text bytes;
    uint64_t value = 0;
    cr_assert_eq(walk_fields(message, number, n, &bytes, &value), n + 1, "there is no field %u", number);
    return value;
}

size_t count_of(tn_text text, const char *part)
{
    size_t count = 0, size = strlen(part);
    const char *end = text.bytes + text.size;
    for (const char *at = text.bytes; (at = memmem(at, (size_t)(end - at), part, size)); at += size) count++;
    return count;
}

bool contains(tn_text text, const char *part)
{
    return count_of(text, part) > 0;
}

/* --- Files --------------------------------------------------------------------------------------------- */

static char folder[64];

const char *make_folder(void)
{
    snprintf(folder, sizeof(folder), "/tmp/tasker_native_test.XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    return folder;
}

const char *path_in_folder(const char *name)
{
    static char paths[16][256];
    static unsigned turn;
    char *path = paths[turn++ % 16];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

void remove_folder(void)
{
    DIR *entries = folder[0] ? opendir(folder) : NULL;
    if (!entries) return;

    chmod(folder, 0700);
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (entry->d_name[0] != '.') unlink(path_in_folder(entry->d_name));
    }
    closedir(entries);
    rmdir(folder);
}

tn_text file_content(const char *path)
{
    static char *content;
    free(content);
    content = NULL;

    int descriptor = open(path, O_RDONLY);
    if (descriptor < 0) return (tn_text){NULL, 0};

    struct stat status;
    cr_assert_eq(fstat(descriptor, &status), 0);
    size_t size = (size_t)status.st_size, got = 0;
    content = malloc(size + 1);
    for (ssize_t part; got < size && (part = read(descriptor, content + got, size - got)) > 0;) got += (size_t)part;
    content[got] = '\0';
    close(descriptor);
    return (tn_text){content, got};
}

/* --- Children ------------------------------------------------------------------------------------------ */

pid_t start_child(int (*run)(void *argument), void *argument)
{
    pid_t child = fork();
    if (child != 0) return child;

    signal(SIGALRM, SIG_DFL);
    alarm(10);
    _exit(run(argument));
}

int child_result(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- An HTTP server ------------------------------------------------------------------------------------ */

typedef struct {
    test_server *server;
    int socket;
} connection;

/* false: the server stops. */
static bool readable(test_server *server, int descriptor, int milliseconds)
{
    struct pollfd files[] = {{.fd = descriptor, .events = POLLIN}, {.fd = server->stop[0], .events = POLLIN}};
    return poll(files, 2, milliseconds) > 0 && !files[1].revents;
}

/* The end of the head, and how long the body is; 0 while the head is not complete. */
static size_t head_size(const char *bytes, size_t size)
{
    const char *end = memmem(bytes, size, "\r\n\r\n", 4);
    return end ? (size_t)(end - bytes) + 4 : 0;
}

static size_t body_size(const char *bytes, size_t head)
{
    static const char name[] = "Content-Length: ";
    const char *at = memmem(bytes, head, name, sizeof(name) - 1);
    return at ? strtoul(at + sizeof(name) - 1, NULL, 10) : 0;
}

static bool read_request(connection *self)
{
    char *bytes = NULL;
    size_t size = 0;
    for (;;) {
        size_t head = size ? head_size(bytes, size) : 0;
        if (head && size >= head + body_size(bytes, head)) break;

        bool some = readable(self->server, self->socket, -1);
        bytes = realloc(bytes, size + 65537); /* not while it waits: see start_child */
        ssize_t got = some ? recv(self->socket, bytes + size, 65536, 0) : 0;
        if (got <= 0) {
            free(bytes);
            return false;
        }
        size += (size_t)got;
        bytes[size] = '\0';
    }

    test_server *server = self->server;
    pthread_mutex_lock(&server->lock);
    free(server->request);
    server->request = bytes;
    server->request_size = size;
    pthread_mutex_unlock(&server->lock);
    server->requests++;
    return true;
}

static void send_all(int socket, tn_text text)
{
    while (text.size > 0) {
        ssize_t sent = send(socket, text.bytes, text.size, MSG_NOSIGNAL);
        if (sent <= 0) return;
        text = (tn_text){text.bytes + sent, text.size - (size_t)sent};
    }
}

/* Until the client has gone, or the server stops. */
static void be_silent(connection *self)
{
    char bytes[256];
    while (readable(self->server, self->socket, -1) && recv(self->socket, bytes, sizeof(bytes), 0) > 0) continue;
}

static void *serve(void *argument)
{
    connection self = *(connection *)argument;
    test_server *server = self.server;
    free(argument);
    while (read_request(&self)) {
        struct pollfd stop = {.fd = server->stop[0], .events = POLLIN};
        if (server->manner == SERVER_HANGS_UP || poll(&stop, 1, (int)server->delay) > 0) break;
        if (server->manner <= SERVER_ANSWERS_ONCE) send_all(self.socket, server->response);
        if (server->manner == SERVER_ANSWERS_ONCE) break;
        if (server->manner == SERVER_STOPS_HALF) {
            send_all(self.socket, (tn_text){server->response.bytes, server->response.size - 1});
        }
        if (server->manner != SERVER_ANSWERS) be_silent(&self);
    }
    close(self.socket);
    return NULL;
}

static void *accept_connections(void *argument)
{
    test_server *server = argument;
    while (server->connections < SERVER_CONNECTIONS && readable(server, server->listener, -1)) {
        connection *one = malloc(sizeof(*one));
        *one = (connection){server, accept(server->listener, NULL, NULL)};
        pthread_create(&server->threads[server->connections++], NULL, serve, one);
    }
    return NULL;
}

void server_start(test_server *server)
{
    if (!server->response.size) server->response = TN_TEXT(OK_RESPONSE);
    pthread_mutex_init(&server->lock, NULL);
    cr_assert_eq(pipe(server->stop), 0);

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(server->listener, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(server->listener, SERVER_CONNECTIONS), 0);
    cr_assert_eq(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
    snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%d/v1/traces", server->port);
    cr_assert_eq(pthread_create(&server->acceptor, NULL, accept_connections, server), 0);
}

void server_stop(test_server *server)
{
    close(server->stop[1]);
    pthread_join(server->acceptor, NULL);
    for (size_t i = 0; i < server->connections; i++) pthread_join(server->threads[i], NULL);
    close(server->listener);
    close(server->stop[0]);
    free(server->request);
    server->request = NULL;
    pthread_mutex_destroy(&server->lock);
}

tn_text server_head(test_server *server)
{
    pthread_mutex_lock(&server->lock);
    tn_text head = {server->request, server->request ? head_size(server->request, server->request_size) : 0};
    pthread_mutex_unlock(&server->lock);
    return head;
}

tn_text server_body(test_server *server)
{
    tn_text head = server_head(server);
    return (tn_text){head.bytes + head.size, server->request_size - head.size};
}

/* --- An exporter that does what it is told ------------------------------------------------------------- */

static void init_locks(fake_exporter *fake)
{
    pthread_mutex_init(&fake->lock, NULL);
    pthread_cond_init(&fake->changed, NULL);
}

/* Under the lock. true: an interrupt ended it. */
static bool be_held(fake_exporter *fake)
{
    size_t interrupts = fake->interrupts;
    while (fake->held && (fake->deaf || fake->interrupts == interrupts)) {
        if (fake->checks) {
            pthread_mutex_unlock(&fake->lock);
            sleep_ms(1);
            fake->checkpoint.call(fake->checkpoint.self, true);
            pthread_mutex_lock(&fake->lock);
        } else {
            pthread_cond_wait(&fake->changed, &fake->lock);
        }
    }
    return fake->held;
}

static void fake_export(tn_exporter *exporter, const tn_span_list *batch, uint64_t deadline, tn_export_result *result)
{
    (void)deadline;
    fake_exporter *fake = (fake_exporter *)exporter;
    *result = (tn_export_result){.exported = batch->count};

    pthread_mutex_lock(&fake->lock);
    if (fake->freed) abort(); /* cr_assert is for the test's own thread */
    fake->entered++;
    bool interrupted = be_held(fake);
    if (fake->fails || interrupted) tn_export_dropped(result, batch, fake->reason);
    if (fake->message) snprintf(result->message, sizeof(result->message), "%s", fake->message);
    fake->batches++;
    fake->spans += batch->count;
    if (batch->count > fake->largest_batch) fake->largest_batch = batch->count;
    pthread_mutex_unlock(&fake->lock);
}

static void fake_interrupt(tn_exporter *exporter)
{
    fake_exporter *fake = (fake_exporter *)exporter;
    pthread_mutex_lock(&fake->lock);
    fake->interrupts++;
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->lock);
}

static void fake_reset_in_child(tn_exporter *exporter)
{
    fake_exporter *fake = (fake_exporter *)exporter;
    init_locks(fake);
    fake->entered = fake->batches = fake->spans = fake->interrupts = 0;
    fake->held = false;
    fake->resets++;
}

static void fake_free(tn_exporter *exporter)
{
    fake_exporter *fake = (fake_exporter *)exporter;
    fake->freed++;
}

tn_exporter *fake_init(fake_exporter *fake, const char *name)
{
    *fake = (fake_exporter){
        .exporter = {.name = name,
                     .export_batch = fake_export,
                     .interrupt = fake_interrupt,
                     .reset_in_child = fake_reset_in_child,
                     .free = fake_free},
        .reason = TN_DROP_UNREACHABLE,
    };
    init_locks(fake);
    return &fake->exporter;
}

void fake_hold(fake_exporter *fake, bool held)
{
    pthread_mutex_lock(&fake->lock);
    fake->held = held;
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->lock);
}

void fake_let_go(fake_exporter *fake)
{
    fake_hold(fake, false);
}

static size_t read_count(fake_exporter *fake, const size_t *count)
{
    pthread_mutex_lock(&fake->lock);
    size_t value = *count;
    pthread_mutex_unlock(&fake->lock);
    return value;
}

size_t fake_entered(fake_exporter *fake)
{
    return read_count(fake, &fake->entered);
}

size_t fake_batches(fake_exporter *fake)
{
    return read_count(fake, &fake->batches);
}

size_t fake_spans(fake_exporter *fake)
{
    return read_count(fake, &fake->spans);
}

/* --- Pipelines ----------------------------------------------------------------------------------------- */

tn_pipeline_options options_with(uint64_t schedule_delay)
{
    return (tn_pipeline_options){
        .max_queue_size = 2048,
        .max_queue_bytes = 16 * 1024 * 1024,
        .max_export_batch_size = 512,
        .schedule_delay = schedule_delay,
    };
}

tn_pipeline *new_pipeline(tn_pipeline_options options, tn_exporter *exporter)
{
    tn_pipeline *pipeline = tn_pipeline_new(&options);
    cr_assert_not_null(pipeline);
    tn_pipeline_configure(pipeline, &options, &exporter, 1);
    return pipeline;
}

void push_spans(tn_pipeline *pipeline, size_t count)
{
    tn_span_sink sink = tn_pipeline_sink(pipeline);
    for (size_t i = 0; i < count; i++) {
        tn_delivery delivery = {0};
        tn_span_list_add(&delivery.ended, new_span("tasker.step.execution"));
        sink.deliver(sink.self, &delivery);
    }
}

tn_pipeline_stats stats_of(tn_pipeline *pipeline)
{
    tn_pipeline_stats stats;
    tn_pipeline_stats_read(pipeline, &stats);
    return stats;
}

uint64_t dropped_of(const tn_pipeline_stats *stats)
{
    uint64_t dropped = 0;
    for (int reason = 0; reason < TN_DROP_COUNT; reason++) dropped += stats->dropped[reason];
    cr_assert_eq(stats->accepted, stats->exported + dropped + stats->in_flight);
    cr_assert_leq(stats->in_flight, stats->accepted, "more was settled than accepted");
    cr_assert_leq(stats->queued, stats->in_flight);
    return dropped;
}

tn_span_manager *new_manager(tn_pipeline *pipeline)
{
    tn_span_manager_options options = {
        .trace_seed = TN_TEXT("test"),
        .max_open_spans = 100000,
        .max_age = 24 * HOUR,
        .limits = TN_SPAN_LIMITS_DEFAULT,
    };
    tn_span_manager *manager = tn_span_manager_new(&options, tn_pipeline_sink(pipeline));
    cr_assert_not_null(manager);
    cr_assert_eq(tn_pipeline_add_manager(pipeline, manager), TN_OK);
    return manager;
}

void free_manager(tn_pipeline *pipeline, tn_span_manager *manager)
{
    tn_pipeline_remove_manager(pipeline, manager);
    tn_span_manager_free(manager);
}

void record_task(tn_span_manager *manager, tn_event_id event, const char *task_id)
{
    record_step(manager, event, task_id, NULL);
}

void record_step(tn_span_manager *manager, tn_event_id event, const char *task_id, const char *step_id)
{
    tn_occurrence occurrence = step_event(event, task_id, step_id);
    occurrence.now = tn_clock_now();
    tn_span_manager_record(manager, &occurrence);
}
