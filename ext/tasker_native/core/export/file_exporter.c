#include "base/process.h"
#include "export/exporter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_TRIES 1000 /* to open the file; each in vain means that another process has rotated it meanwhile */

typedef struct {
    tn_exporter exporter;
    tn_encoder encoder;
    tn_buffer path;    /* terminated */
    tn_buffer rotated; /* terminated: path.1 */
    size_t max_size;
    int descriptor; /* -1: not open */
    tn_buffer lines;
} file_exporter;

static file_exporter *of(tn_exporter *exporter)
{
    return (file_exporter *)exporter;
}

/* Unlocks too: the child of a fork may keep the same open file, and with it the lock. */
static void close_file(file_exporter *self)
{
    if (self->descriptor < 0) return;
    flock(self->descriptor, LOCK_UN);
    close(self->descriptor);
    self->descriptor = -1;
}

/* Opens and locks. The lock belongs to this open file, so each process needs its own. */
static bool open_file(file_exporter *self)
{
    if (self->descriptor < 0) {
        self->descriptor = open((char *)self->path.bytes,
                                O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    }
    if (self->descriptor < 0) return false;
    while (flock(self->descriptor, LOCK_EX) != 0) {
        if (errno != EINTR) return false;
    }
    return true;
}

/* Whether the open file is still the one at the path: another process may have rotated it. */
static bool is_current(const file_exporter *self, off_t *size_out)
{
    struct stat open_one, named;
    if (fstat(self->descriptor, &open_one) != 0 || lstat((char *)self->path.bytes, &named) != 0) return false;
    *size_out = open_one.st_size;
    return open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

static bool is_regular(const file_exporter *self)
{
    struct stat status;
    if (fstat(self->descriptor, &status) == 0 && S_ISREG(status.st_mode)) return true;
    errno = EINVAL;
    return false;
}

/* The current file, open, locked and with room. */
static bool open_current(file_exporter *self, off_t *size_out)
{
    for (int tries = 0; tries < MAX_TRIES; tries++) {
        if (!open_file(self) || !is_regular(self)) return false;
        if (!is_current(self, size_out)) {
            close_file(self);
            continue;
        }
        if (!self->max_size || (size_t)*size_out < self->max_size) return true;
        if (rename((char *)self->path.bytes, (char *)self->rotated.bytes) != 0) return false;
        close_file(self);
    }
    errno = EBUSY;
    return false;
}

/* All or nothing: a line that does not fit on the disk leaves nothing behind. */
static bool write_lines(file_exporter *self, off_t size_before)
{
    const uint8_t *at = self->lines.bytes, *end = at + self->lines.size;
    while (at < end) {
        ssize_t written = write(self->descriptor, at, (size_t)(end - at));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            int error = written < 0 ? errno : ENOSPC;
            if (ftruncate(self->descriptor, size_before) != 0) close_file(self);
            errno = error;
            return false;
        }
        at += written;
    }
    return true;
}

static void fail(file_exporter *self, const tn_span_list *batch, tn_export_result *result)
{
    int error = errno;
    close_file(self);
    tn_export_dropped(result, batch, TN_DROP_STORAGE);
    snprintf(result->message, sizeof(result->message), "%.150s: %s", (char *)self->path.bytes, strerror(error));
}

static void export_batch(tn_exporter *exporter, const tn_span_list *batch, uint64_t deadline, tn_export_result *result)
{
    (void)deadline;
    file_exporter *self = of(exporter);
    *result = (tn_export_result){.exported = batch->count};

    tn_buffer_clear(&self->lines);
    tn_status status = tn_otlp_json(&self->lines, &self->encoder, batch);
    if (status == TN_OK) status = tn_buffer_append_byte(&self->lines, '\n');
    if (status != TN_OK) {
        tn_export_dropped(result, batch, status == TN_ERROR_LIMIT ? TN_DROP_TOO_LARGE : TN_DROP_MEMORY);
        return;
    }

    off_t size;
    if (!open_current(self, &size) || !write_lines(self, size)) {
        fail(self, batch, result);
        return;
    }
    flock(self->descriptor, LOCK_UN);
}

/* Closes without unlocking: the lock may be the parent's. */
static void reset_in_child(tn_exporter *exporter)
{
    file_exporter *self = of(exporter);
    if (self->descriptor >= 0) close(self->descriptor);
    self->descriptor = -1;
    tn_encoder_reset_in_child(&self->encoder);
    tn_buffer_init(&self->lines, TN_MAX_REQUEST);
}

static void free_exporter(tn_exporter *exporter)
{
    file_exporter *self = of(exporter);
    close_file(self);
    tn_encoder_free(&self->encoder);
    tn_buffer_free(&self->path);
    tn_buffer_free(&self->rotated);
    tn_buffer_free(&self->lines);
    tn_free(self);
}

tn_status tn_file_exporter_new(const tn_file_exporter_options *options, tn_exporter **exporter_out)
{
    if (options->path.size == 0 || memchr(options->path.bytes, '\0', options->path.size)) return TN_ERROR_INVALID;

    file_exporter *self = tn_alloc_zeroed(sizeof(*self));
    if (!self) return TN_ERROR_MEMORY;

    self->exporter = (tn_exporter){
        .name = "file", .export_batch = export_batch, .reset_in_child = reset_in_child, .free = free_exporter};
    self->max_size = options->max_size;
    self->descriptor = -1;
    tn_buffer_init(&self->lines, TN_MAX_REQUEST);
    tn_buffer_init(&self->path, 4096);
    tn_buffer_init(&self->rotated, 4096);
    tn_buffer_append_text(&self->path, options->path);
    tn_buffer_append_byte(&self->path, '\0');
    tn_buffer_append_text(&self->rotated, options->path);
    tn_buffer_append(&self->rotated, ".1", sizeof(".1"));

    tn_status status = tn_encoder_init(&self->encoder, &options->encoding);
    if (status == TN_OK) status = self->path.status;
    if (status == TN_OK) status = self->rotated.status;
    if (status != TN_OK) {
        free_exporter(&self->exporter);
        return status;
    }
    *exporter_out = &self->exporter;
    return TN_OK;
}
