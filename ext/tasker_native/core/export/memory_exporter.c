#include "base/process.h"
#include "export/exporter.h"

#include <pthread.h>
#include <stdio.h>

typedef struct {
    tn_exporter exporter;
    tn_encoder encoder;
    tn_buffer line; /* in the making */
    pthread_mutex_t lock;
    tn_buffer kept; /* under the lock */
} memory_exporter;

static memory_exporter *of(tn_exporter *exporter)
{
    return (memory_exporter *)exporter;
}

/* false when it does not fit; what is kept already stays. */
static bool keep(memory_exporter *self)
{
    pthread_mutex_lock(&self->lock);
    bool fits = tn_buffer_make_room(&self->kept, self->line.size);
    if (fits) tn_buffer_append_text(&self->kept, tn_buffer_text(&self->line));
    pthread_mutex_unlock(&self->lock);
    return fits;
}

static void export_batch(tn_exporter *exporter, const tn_span_list *batch, uint64_t deadline, tn_export_result *result)
{
    (void)deadline;
    memory_exporter *self = of(exporter);
    *result = (tn_export_result){.exported = batch->count};

    tn_buffer_clear(&self->line);
    tn_status status = tn_otlp_json(&self->line, &self->encoder, batch);
    if (status == TN_OK) status = tn_buffer_append_byte(&self->line, '\n');
    if (status == TN_OK && keep(self)) return;

    tn_export_dropped(result, batch, TN_DROP_MEMORY);
    snprintf(result->message, sizeof(result->message), "exporter :memory is full: take its spans, or reset it");
}

static void reset_in_child(tn_exporter *exporter)
{
    memory_exporter *self = of(exporter);
    pthread_mutex_init(&self->lock, NULL);
    tn_encoder_reset_in_child(&self->encoder);
    tn_buffer_init(&self->line, TN_MAX_REQUEST);
    tn_buffer_init(&self->kept, self->kept.cap);
}

static void free_exporter(tn_exporter *exporter)
{
    memory_exporter *self = of(exporter);
    tn_encoder_free(&self->encoder);
    tn_buffer_free(&self->line);
    tn_buffer_free(&self->kept);
    pthread_mutex_destroy(&self->lock);
    tn_free(self);
}

tn_status tn_memory_exporter_new(const tn_encoder_options *encoding, size_t max_size, tn_exporter **exporter_out)
{
    memory_exporter *self = tn_alloc_zeroed(sizeof(*self));
    if (!self) return TN_ERROR_MEMORY;

    self->exporter = (tn_exporter){
        .name = "memory", .export_batch = export_batch, .reset_in_child = reset_in_child, .free = free_exporter};
    pthread_mutex_init(&self->lock, NULL);
    tn_buffer_init(&self->line, TN_MAX_REQUEST);
    tn_buffer_init(&self->kept, max_size);
    tn_status status = tn_encoder_init(&self->encoder, encoding);
    if (status != TN_OK) {
        free_exporter(&self->exporter);
        return status;
    }
    *exporter_out = &self->exporter;
    return TN_OK;
}

bool tn_exporter_is_memory(const tn_exporter *exporter)
{
    return exporter->export_batch == export_batch;
}

void tn_memory_exporter_take(tn_exporter *exporter, tn_buffer *out)
{
    memory_exporter *self = of(exporter);
    pthread_mutex_lock(&self->lock);
    *out = self->kept;
    tn_buffer_init(&self->kept, out->cap);
    pthread_mutex_unlock(&self->lock);
}
