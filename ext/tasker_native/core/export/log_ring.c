#include "export/log_ring.h"

#include "base/clock.h"
#include "event/value_scanner.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tn_log_ring_init(tn_log_ring *ring)
{
    memset(ring, 0, sizeof(*ring));
    pthread_mutex_init(&ring->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&ring->written, &attributes);
    pthread_condattr_destroy(&attributes);
}

void tn_log_ring_destroy(tn_log_ring *ring)
{
    pthread_cond_destroy(&ring->written);
    pthread_mutex_destroy(&ring->lock);
}

static void tame(char *text)
{
    for (; *text; text++) {
        unsigned char byte = (unsigned char)text[0], next = (unsigned char)text[1];
        bool wide = byte == 0xC2 && next >= 0x80 && next < 0xA0; /* U+0080 to U+009F */
        if (wide) *text++ = '?';
        if (wide || byte < 0x20 || byte == 0x7F) *text = '?';
    }
}

void tn_log_ring_write(tn_log_ring *ring, tn_log_level level, const char *format, ...)
{
    tn_log_line line = {.level = level};
    char whole[2 * TN_LOG_LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(whole, sizeof(whole), format, arguments);
    va_end(arguments);
    tn_scan_message(line.text, sizeof(line.text), tn_text_of(whole));
    tame(line.text);

    pthread_mutex_lock(&ring->lock);
    if (ring->count == TN_LOG_RING_LINES) {
        ring->first = (ring->first + 1) % TN_LOG_RING_LINES;
        ring->count--;
        ring->lost++;
    }
    ring->lines[(ring->first + ring->count++) % TN_LOG_RING_LINES] = line;
    pthread_cond_broadcast(&ring->written);
    pthread_mutex_unlock(&ring->lock);
}

bool tn_log_ring_take(tn_log_ring *ring, tn_log_line *line_out)
{
    pthread_mutex_lock(&ring->lock);
    bool any = ring->count > 0;
    if (any) {
        *line_out = ring->lines[ring->first];
        ring->first = (ring->first + 1) % TN_LOG_RING_LINES;
        ring->count--;
    }
    pthread_mutex_unlock(&ring->lock);
    return any;
}

void tn_log_ring_wait(tn_log_ring *ring, uint64_t deadline)
{
    struct timespec until = tn_clock_timespec(deadline);
    pthread_mutex_lock(&ring->lock);
    if (ring->count == 0 && !ring->woken) pthread_cond_timedwait(&ring->written, &ring->lock, &until);
    ring->woken = false;
    pthread_mutex_unlock(&ring->lock);
}

void tn_log_ring_wake(tn_log_ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    ring->woken = true;
    pthread_cond_broadcast(&ring->written);
    pthread_mutex_unlock(&ring->lock);
}
