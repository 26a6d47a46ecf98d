/* Four threads end spans that go to a receiver which is well, busy, or hangs up, by turns, and to disk meanwhile, while
 * others flush, pause, read the accounts, and give new settings. Every span is accounted for at each moment. */
#include "stress/stress.h"

#include "export/http_client.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum { PUBLISHERS = 4 };

static tn_pipeline *pipeline;
static tn_span_manager *manager;
static int listener;
static char url[64], directory[] = "/tmp/tasker_native_stress.XXXXXX";

/* --- The receiver --------------------------------------------------------------------------------------- */

static bool read_request(int connection)
{
    char bytes[64 * 1024];
    size_t size = 0, whole = sizeof(bytes);
    while (size < whole) {
        ssize_t got = recv(connection, bytes + size, sizeof(bytes) - 1 - size, 0);
        if (got <= 0) return false;
        size += (size_t)got;
        bytes[size] = '\0';
        const char *end = strstr(bytes, "\r\n\r\n"), *length = strcasestr(bytes, "content-length: ");
        if (end && length) whole = (size_t)(end + 4 - bytes) + (size_t)atoi(length + 16);
    }
    return true;
}

static void *receive(void *number)
{
    static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                                          "HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n", ""};
    for (size_t i = 0;; i++) {
        int connection = accept(listener, NULL, NULL);
        if (connection < 0) return number;
        const char *answer = answers[i % 3];
        while (read_request(connection) && send(connection, answer, strlen(answer), MSG_NOSIGNAL) > 0 && answer[0]) {
            if (over) break;
        }
        close(connection);
    }
}

static void listen_here(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    check(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 64) == 0);
    check(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(address.sin_port));
}

/* --- The others ----------------------------------------------------------------------------------------- */

static void configure(size_t max_queue_size)
{
    tn_exporter *exporter;
    tn_otlp_exporter_options otlp = {
        .encoding = {.prefix = TN_TEXT("tasker."), .attribute_limit = 128},
        .client.url = tn_text_of(url),
        .gzip = true,
        .timeout = 100 * TN_MILLISECOND,
        .spool = tn_pipeline_spool(pipeline),
        .checkpoint = tn_pipeline_checkpoint(pipeline),
    };
    tn_pipeline_options options = {
        .max_queue_size = max_queue_size,
        .max_queue_bytes = 1 << 24,
        .max_export_batch_size = 64,
        .schedule_delay = TN_MILLISECOND,
        .spool = {tn_text_of(directory), 1 << 20, 3600 * TN_SECOND},
    };
    check(tn_otlp_exporter_new(&otlp, &exporter) == TN_OK);
    tn_pipeline_configure(pipeline, &options, &exporter, 1);
}

static void *publish(void *number)
{
    for (long i = 0; !over; i++) {
        char task_id[64];
        snprintf(task_id, sizeof(task_id), "%ld-%ld", (long)number, i);
        record_task(manager, task_id, 3);
        if (i % 50 == 0) sleep_ms(1);
    }
    return NULL;
}

static void *change(void *number)
{
    for (size_t i = 0; !over; i++, sleep_ms(300)) configure(i % 2 ? 200 : 5000);
    return number;
}

static void remove_directory(void)
{
    DIR *entries = opendir(directory);
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (entry->d_name[0] != '.') unlinkat(dirfd(entries), entry->d_name, 0);
    }
    closedir(entries);
    rmdir(directory);
}

int main(int argc, char **argv)
{
    pthread_t receiver;
    check(mkdtemp(directory) != NULL);
    tn_http_global_init();
    listen_here();
    check(pthread_create(&receiver, NULL, receive, NULL) == 0);
    pipeline = tn_pipeline_new(&(tn_pipeline_options){
        .max_queue_size = 1, .max_queue_bytes = 1, .max_export_batch_size = 1, .schedule_delay = TN_SECOND});
    manager = add_manager(pipeline, 1000);
    configure(5000);

    start_threads(PUBLISHERS, publish);
    start_threads(1, change);
    start_bystanders(pipeline);
    run_threads(argc, argv);

    tn_pipeline_shutdown(pipeline, after_ms(1000), TN_STOP_GRACE, NULL);
    tn_pipeline_stats stats = audited(pipeline);
    printf("%lu spans: %lu exported, %lu on disk\n", (unsigned long)stats.accepted, (unsigned long)stats.exported,
           (unsigned long)stats.spooled);
    check(stats.in_flight == 0 && stats.exported > 0 && stats.dropped[TN_DROP_CORRUPT] == 0);

    free_manager(pipeline, manager);
    tn_pipeline_free(pipeline);
    shutdown(listener, SHUT_RDWR);
    close(listener);
    pthread_join(receiver, NULL);
    remove_directory();
    return 0;
}
