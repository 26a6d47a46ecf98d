#include "base/process.h"
#include "export/exporter.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

typedef struct {
    tn_exporter exporter;
    tn_encoder encoder;
    int descriptor;
    tn_buffer lines;
} console_exporter;

static bool write_all(int descriptor, tn_text text)
{
    while (text.size > 0) {
        ssize_t written = write(descriptor, text.bytes, text.size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        text = (tn_text){text.bytes + written, text.size - (size_t)written};
    }
    return true;
}

static void export_batch(tn_exporter *exporter, const tn_span_list *batch, uint64_t deadline, tn_export_result *result)
{
    (void)deadline;
    console_exporter *self = (console_exporter *)exporter;
    *result = (tn_export_result){0};

    for (const tn_span *span = batch->first; span; span = span->next) {
        tn_buffer_clear(&self->lines);
        tn_status status = tn_span_line(&self->lines, &self->encoder, span);
        if (status == TN_OK && write_all(self->descriptor, tn_buffer_text(&self->lines))) {
            result->exported++;
        } else {
            result->dropped++;
            result->reason = status == TN_OK ? TN_DROP_STORAGE : TN_DROP_MEMORY;
        }
    }
    if (result->dropped) snprintf(result->message, sizeof(result->message), "the console can't be written to");
}

static void reset_in_child(tn_exporter *exporter)
{
    console_exporter *self = (console_exporter *)exporter;
    tn_encoder_reset_in_child(&self->encoder);
    tn_buffer_init(&self->lines, TN_MAX_REQUEST);
}

static void free_exporter(tn_exporter *exporter)
{
    console_exporter *self = (console_exporter *)exporter;
    tn_encoder_free(&self->encoder);
    tn_buffer_free(&self->lines);
    tn_free(self);
}

tn_status tn_console_exporter_new(const tn_encoder_options *encoding, int descriptor, tn_exporter **exporter_out)
{
    console_exporter *self = tn_alloc_zeroed(sizeof(*self));
    if (!self) return TN_ERROR_MEMORY;

    self->exporter = (tn_exporter){
        .name = "console", .export_batch = export_batch, .reset_in_child = reset_in_child, .free = free_exporter};
    self->descriptor = descriptor;
    tn_buffer_init(&self->lines, TN_MAX_REQUEST);
    tn_status status = tn_encoder_init(&self->encoder, encoding);
    if (status != TN_OK) {
        free_exporter(&self->exporter);
        return status;
    }
    *exporter_out = &self->exporter;
    return TN_OK;
}
