/* A random life of a span manager: events in any order, with any ids, times and payloads, below tight limits, with
 * memory that runs out at times. What it hands over is encoded in every form. No crash, no leak, every span that was
 * accepted is handed over once, and JSON is JSON. */
#include "fuzz/fuzz.h"

#include "base/utf8.h"
#include "event/system_events.h"
#include "export/encoder.h"
#include "trace/span_manager.h"

static struct {
    size_t accepted, taken, lost;
    tn_span_list spans;
} received;

static void accept_one(void *self)
{
    (void)self;
    received.accepted++;
}

static void deliver(void *self, tn_delivery *delivery)
{
    (void)self;
    received.accepted += delivery->ended.count;
    received.lost += delivery->lost;
    tn_span_list_append(&delivery->ended, &delivery->released);
    for (tn_span *span; (span = tn_span_list_take(&delivery->ended));) {
        fuzz_check(span->end >= span->start);
        received.taken++;
        tn_span_list_add(&received.spans, span);
    }
}

/* --- One event ----------------------------------------------------------------------------------------- */

static tn_text text_of(fuzz_input *input, char *storage, size_t limit)
{
    size_t size = fuzz_below(input, limit);
    for (size_t i = 0; i < size; i++) storage[i] = (char)fuzz_byte(input);
    return (tn_text){storage, tn_utf8_valid_prefix((tn_text){storage, size})};
}

#define NAMES 3

static const tn_name names[NAMES] = {
    {.text = {"a", 1}, .id = 0}, {.text = {"fuzz.a", 6}, .id = 1}, {.text = {"task_id", 7}, .id = 200}};

/* Pairs as the binding writes them; sometimes (and the encoders must bear it) cut short. */
static tn_pairs pairs_of(fuzz_input *input, tn_buffer *buffer)
{
    char storage[32];
    tn_payload_writer writer;
    tn_payload_writer_init(&writer, buffer, (uint32_t)fuzz_below(input, 8), fuzz_below(input, 40));
    for (size_t left = fuzz_below(input, 6); left > 0; left--) {
        bool named = fuzz_below(input, 2);
        if (named && !tn_payload_key_named(&writer, &names[fuzz_below(input, NAMES)])) continue;
        if (!named && !tn_payload_key(&writer, text_of(input, storage, 8))) continue;
        switch (fuzz_below(input, 5)) {
        case 3: tn_payload_time(&writer, fuzz_number(input), fuzz_below(input, 2)); break;
        case 0: tn_payload_integer(&writer, (int64_t)fuzz_number(input)); break;
        case 1: tn_payload_double(&writer, (double)(int64_t)fuzz_number(input)); break;
        case 2: tn_payload_boolean(&writer, fuzz_below(input, 2)); break;
        default: tn_payload_string(&writer, text_of(input, storage, sizeof(storage)));
        }
    }
    if (buffer->status != TN_OK) return (tn_pairs){.dropped = writer.count + writer.dropped};
    return (tn_pairs){buffer->bytes, buffer->size, writer.count, writer.dropped, fuzz_below(input, 2)};
}

typedef struct {
    char name[16], task[4], step[4], message[32], type[16], stack[32];
} texts;

static uint64_t time_of(fuzz_input *input)
{
    switch (fuzz_below(input, 4)) {
    case 0: return fuzz_number(input);
    case 1: return fuzz_byte(input) * TN_SECOND;
    default: return 0;
    }
}

static tn_moment now;

static void let_time_pass(fuzz_input *input)
{
    uint64_t time = (uint64_t)fuzz_byte(input) * fuzz_byte(input) * TN_MILLISECOND;
    now.monotonic += time;
    now.wall += fuzz_below(input, 8) ? time : 0; /* the wall clock stands still at times, and jumps back */
    if (fuzz_below(input, 16) == 1) now.wall -= 100 * TN_SECOND;
}

static tn_occurrence occurrence_of(fuzz_input *input, texts *storage, tn_buffer *buffer)
{
    return (tn_occurrence){
        .event = (tn_event_id)fuzz_below(input, TN_SYSTEM_EVENT_COUNT + 3),
        .name = text_of(input, storage->name, sizeof(storage->name)),
        .now = now,
        .task_id = text_of(input, storage->task, sizeof(storage->task)),
        .step_id = text_of(input, storage->step, sizeof(storage->step)),
        .started_at = time_of(input),
        .completed_at = time_of(input),
        .duration = time_of(input),
        .error_message = text_of(input, storage->message, sizeof(storage->message)),
        .error_type = text_of(input, storage->type, sizeof(storage->type)),
        .stacktrace = text_of(input, storage->stack, sizeof(storage->stack)),
        .payload = pairs_of(input, buffer),
    };
}

static tn_task_history history_of(fuzz_input *input)
{
    return (tn_task_history){
        .run = (uint32_t)(fuzz_below(input, 8) ? fuzz_below(input, 4) : fuzz_number(input)),
        .began = time_of(input),
        .over = fuzz_below(input, 2),
    };
}

static void one_call(fuzz_input *input, tn_span_manager *manager, const tn_span_manager_options *options)
{
    texts storage;
    uint8_t bytes[512];
    tn_buffer buffer;
    tn_buffer_init_on(&buffer, bytes, sizeof(bytes), TN_PAYLOAD_BUFFER);
    let_time_pass(input);
    unsigned what = fuzz_byte(input);
    tn_occurrence occurrence = occurrence_of(input, &storage, &buffer);
    tn_span_key key = {occurrence.task_id, occurrence.step_id};
    tn_span_context context;
    switch (what % 24) {
    case 0: tn_span_manager_finish_task(manager, &occurrence, (tn_span_status)(what / 24 % 3)); break;
    case 1: tn_span_manager_release(manager, now.monotonic, what & 32); break;
    case 2: tn_span_manager_interrupt(manager, what / 24); break;
    case 8: tn_span_manager_interrupt_step(manager, key.task_id, key.step_id); break;
    case 3: tn_span_manager_set_attributes(manager, key, occurrence.payload); break;
    case 4: tn_span_manager_add_event(manager, key, occurrence.name, now, occurrence.payload); break;
    case 5: tn_span_manager_remove_task(manager, key.task_id); break;
    case 6: tn_span_manager_find(manager, key, &context); break;
    case 7: tn_span_manager_configure(manager, options); break;
    case 9: tn_span_manager_know_task(manager, key.task_id, history_of(input), now); break;
    default: tn_span_manager_record(manager, &occurrence);
    }
    tn_buffer_free(&buffer);
}

/* --- What became of it --------------------------------------------------------------------------------- */

static void check_form(tn_status status, const tn_buffer *form)
{
    fuzz_check(status == TN_OK || status == TN_ERROR_MEMORY || status == TN_ERROR_LIMIT);
    fuzz_check(status == form->status);
}

static void encode(tn_text prefix, uint32_t attribute_limit)
{
    uint8_t storage[256];
    tn_buffer resource, form;
    tn_payload_writer writer;
    tn_buffer_init_on(&resource, storage, sizeof(storage), sizeof(storage));
    tn_payload_writer_init(&writer, &resource, 0, 0);
    tn_payload_key(&writer, TN_TEXT("service.name"));
    tn_payload_string(&writer, TN_TEXT("fuzz"));
    tn_encoder_options options = {
        .prefix = prefix,
        .resource = {.bytes = resource.bytes, .size = resource.size, .count = writer.count},
        .scope_version = TN_TEXT("1"),
        .attribute_limit = attribute_limit,
    };
    tn_encoder encoder;
    if (tn_encoder_init(&encoder, &options) != TN_OK) return;

    tn_buffer_init(&form, TN_MAX_REQUEST);
    check_form(tn_otlp_protobuf(&form, &encoder, &received.spans), &form);
    tn_buffer_clear(&form);
    tn_status status = tn_otlp_json(&form, &encoder, &received.spans);
    check_form(status, &form);
    fuzz_check(status != TN_OK || fuzz_is_json(tn_buffer_text(&form)));
    for (const tn_span *span = received.spans.first; span; span = span->next) {
        tn_buffer_clear(&form);
        status = tn_span_line(&form, &encoder, span);
        check_form(status, &form);
        fuzz_check(status != TN_OK || (form.size > 0 && form.bytes[form.size - 1] == '\n'));
    }
    tn_buffer_free(&form);
    tn_encoder_free(&encoder);
}

static tn_span_manager_options options_of(fuzz_input *input)
{
    return (tn_span_manager_options){
        .trace_seed = TN_TEXT("fuzz"),
        .max_open_spans = 1 + fuzz_below(input, 6),
        .max_age = (1 + fuzz_below(input, 100)) * TN_SECOND,
        .limits = {.attributes = (uint32_t)fuzz_below(input, 8),
                   .events = (uint32_t)fuzz_below(input, 4),
                   .links = (uint32_t)fuzz_below(input, 3),
                   .value_size = fuzz_below(input, 40)},
    };
}

/* What has been taken leaves, as it does once the worker has sent it. */
static void recycle_some(tn_span_pool *pool)
{
    tn_span_list_recycle(&received.spans, pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input input = {bytes, bytes + size};
    now = (tn_moment){.wall = 1800000000 * TN_SECOND, .monotonic = 5000 * TN_SECOND};
    memset(&received, 0, sizeof(received));
    tn_span_manager_options options = options_of(&input);
    uint32_t attribute_limit = (uint32_t)fuzz_below(&input, 6);
    size_t calls_fail_at = fuzz_byte(&input), encoding_fails_at = fuzz_below(&input, 32);

    fuzz_fail_allocation(calls_fail_at);
    tn_span_pool pool;
    tn_span_pool_init(&pool, 4);
    tn_span_sink sink = {.accept = accept_one, .deliver = deliver, .pool = fuzz_below(&input, 2) ? &pool : NULL};
    tn_span_manager *manager = tn_span_manager_new(&options, sink);
    while (manager && !fuzz_is_over(&input)) {
        one_call(&input, manager, &options);
        if (fuzz_below(&input, 8) == 1) recycle_some(&pool);
    }
    if (manager) tn_span_manager_release(manager, now.monotonic, true);
    tn_span_manager_free(manager);
    fuzz_check(received.accepted == received.taken);
    fuzz_check(!calls_fail_at || received.lost <= received.taken + size);

    fuzz_fail_allocation(encoding_fails_at);
    encode(TN_TEXT("fuzz."), attribute_limit);
    fuzz_fail_allocation(0);
    fuzz_plant(received.taken > 2 && received.spans.first && received.spans.first->event_count > 1);
    tn_span_list_free(&received.spans);
    tn_span_pool_free(&pool);
    fuzz_check(fuzz_live_allocations() == 0);
    return 0;
}
