/* Eight threads write to a log ring that three others read, wait for and wake. No line comes out torn, and none twice. */
#include "stress/stress.h"

#include <string.h>

enum { WRITERS = 8, READERS = 2 };

static tn_log_ring ring;
static atomic_uint_fast64_t written, read_lines;

/* "WRITER NUMBER WRITER NUMBER": torn where the halves differ. */
static void *write_lines(void *number)
{
    for (long i = 0; !over; i++) {
        tn_log_ring_write(&ring, (tn_log_level)(i % 3), "%ld %ld %ld %ld", (long)number, i, (long)number, i);
        written++;
        if (i % 1000 == 0) sleep_ms(1); /* so that readers see an empty ring too */
    }
    return NULL;
}

static void check_line(const tn_log_line *line)
{
    long writer, number, writer_again, number_again;
    check(sscanf(line->text, "%ld %ld %ld %ld", &writer, &number, &writer_again, &number_again) == 4);
    check(writer == writer_again && number == number_again && line->level == (tn_log_level)(number % 3));
    read_lines++;
}

static void *read_all(void *number)
{
    tn_log_line line;
    while (!over) {
        tn_log_ring_wait(&ring, after_ms(50));
        while (tn_log_ring_take(&ring, &line)) check_line(&line);
    }
    return number;
}

static void *wake(void *number)
{
    for (; !over; sleep_ms(1)) tn_log_ring_wake(&ring);
    return number;
}

int main(int argc, char **argv)
{
    tn_log_ring_init(&ring);
    start_threads(WRITERS, write_lines);
    start_threads(READERS, read_all);
    start_threads(1, wake);
    run_threads(argc, argv);

    tn_log_line line;
    while (tn_log_ring_take(&ring, &line)) check_line(&line);
    printf("%lu lines written, %lu read\n", (unsigned long)written, (unsigned long)read_lines);
    check(read_lines > 0);
    check(read_lines + ring.lost == written);
    tn_log_ring_destroy(&ring);
    return 0;
}
