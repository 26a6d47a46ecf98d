#include "support.h"

#include "base/process.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* --- Memory -------------------------------------------------------------------------------------------- */

static struct {
    atomic_size_t live;
    atomic_size_t attempts; /* while scarce, in this round */
    size_t fails_at;        /* the attempt that fails; 0: no rounds are running */
    size_t live_before;     /* the round */
    atomic_bool scarce, none, failed;
} memory;

static bool fails(void)
{
    bool now = memory.none || (memory.scarce && ++memory.attempts == memory.fails_at);
    if (now) memory.failed = true;
    return now;
}

static void *reallocate(void *pointer, size_t size)
{
    if (fails()) return NULL;

    void *result = realloc(pointer, size);
    if (result && !pointer) memory.live++;
    return result;
}

static void release(void *pointer)
{
    memory.live--;
    free(pointer);
}

__attribute__((constructor)) static void install_memory(void)
{
    tn_this_process.reallocate = reallocate;
    tn_this_process.release = release;
}

void begin_memory_rounds(void)
{
    memory.fails_at = 0;
}

static void end_memory_round(void)
{
    memory.scarce = memory.none = false;
    cr_assert_eq(memory.live, memory.live_before, "allocation %zu failing: %zu allocations are left, %zu were before",
                 memory.fails_at, (size_t)memory.live, memory.live_before);
}

bool next_memory_round(void)
{
    if (memory.fails_at > 0) {
        end_memory_round();
        if (!memory.failed) return false;
    }
    memory.fails_at++;
    memory.attempts = 0;
    memory.failed = memory.none = false;
    memory.live_before = memory.live;
    memory.scarce = true;
    return true;
}

bool allocation_failed(void)
{
    return memory.failed;
}

void enough_memory(void)
{
    memory.scarce = memory.none = false;
}

void scarce_memory(void)
{
    memory.scarce = true;
}

void no_memory(void)
{
    memory.none = true;
    memory.failed = false;
}

size_t live_allocations(void)
{
    return memory.live;
}

void all_memory_is_back(void)
{
    if (live_allocations() == 0) return;

    fprintf(stderr, "%zu allocations are left\n", live_allocations());
    raise(SIGSEGV); /* Criterion forgives whatever a .fini does, but ASan's report of this fails the run */
}

/* --- Chance -------------------------------------------------------------------------------------------- */

/* splitmix64 (Steele, Lea and Flood, 2014). */
uint64_t random_number(void)
{
    static uint64_t state = 20260101;
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t random_below(uint64_t limit)
{
    return random_number() % limit;
}

size_t random_text(char *out, size_t limit)
{
    static const char *const characters[] = {"a",      "Z",      "0",      "_",         " ",      "\"",
                                             "\\",     "\n",     "\x01",   "\xC2\x85",  "\u00e9", "\u00df",
                                             "\u212a", "\u2028", "\u20ac", "\U0001F600"};
    size_t size = 0;
    for (;;) {
        const char *next = characters[random_below(sizeof(characters) / sizeof(*characters))];
        if (size + strlen(next) > limit) return size;
        memcpy(out + size, next, strlen(next));
        size += strlen(next);
    }
}

tn_text exact_copy(const void *bytes, size_t size)
{
    char *copy = malloc(size ? size : 1);
    if (size) memcpy(copy, bytes, size);
    return (tn_text){size ? copy : copy + 1, size};
}

void free_copy(tn_text copy)
{
    free((char *)(copy.size ? copy.bytes : copy.bytes - 1));
}

/* --- Payloads ------------------------------------------------------------------------------------------ */

tn_pairs text_pairs(const char *key, ...)
{
    static _Thread_local uint8_t storage[8][2048];
    static _Thread_local unsigned turn;

    tn_buffer buffer;
    tn_payload_writer writer;
    tn_buffer_init_on(&buffer, storage[turn], sizeof(storage[turn]), sizeof(storage[turn]));
    turn = (turn + 1) % 8;
    tn_payload_writer_init(&writer, &buffer, 0, 0);

    va_list rest;
    va_start(rest, key);
    for (; key; key = va_arg(rest, const char *)) {
        cr_assert(tn_payload_key(&writer, tn_text_of(key)));
        tn_payload_string(&writer, tn_text_of(va_arg(rest, const char *)));
    }
    va_end(rest);
    cr_assert_eq(buffer.status, TN_OK);
    return (tn_pairs){.bytes = buffer.bytes, .size = buffer.size, .count = writer.count};
}

bool next_pair(tn_payload_reader *reader, tn_text *key_out, tn_value *value_out)
{
    tn_pair_key key;
    if (!tn_payload_next_key(reader, &key)) return false;
    *key_out = key.text;
    return tn_payload_next_value(reader, value_out);
}

bool find_value(tn_pairs pairs, const char *key, tn_value *value_out)
{
    bool found = false;
    tn_text name;
    tn_value value;
    for (tn_payload_reader reader = tn_payload_read(pairs.bytes, pairs.size); next_pair(&reader, &name, &value);) {
        if (!tn_text_equal(name, tn_text_of(key))) continue;
        *value_out = value;
        found = true;
    }
    return found;
}

/* --- Events -------------------------------------------------------------------------------------------- */

tn_moment test_now = {.wall = 1800000000 * TN_SECOND, .monotonic = 5000 * TN_SECOND};

void time_passes(uint64_t nanoseconds)
{
    test_now.wall += nanoseconds;
    test_now.monotonic += nanoseconds;
}

static const char *const event_names[] = {
#define EVENT_NAME(id, module, name) name,
    TN_SYSTEM_EVENTS(EVENT_NAME)
#undef EVENT_NAME
};

static tn_occurrence occurrence_of(tn_event_id event, const char *name, const char *task_id, const char *step_id)
{
    return (tn_occurrence){
        .event = event,
        .name = tn_text_of(name),
        .now = test_now,
        .task_id = tn_text_of(task_id),
        .step_id = tn_text_of(step_id),
        .payload = text_pairs("event", name, NULL),
    };
}

tn_occurrence task_event(tn_event_id event, const char *task_id)
{
    return occurrence_of(event, event_names[event], task_id, NULL);
}

tn_occurrence step_event(tn_event_id event, const char *task_id, const char *step_id)
{
    return occurrence_of(event, event_names[event], task_id, step_id);
}

tn_occurrence custom_event(const char *name, const char *task_id, const char *step_id)
{
    return occurrence_of(TN_SYSTEM_EVENT_COUNT, name, task_id, step_id);
}

/* --- Spans --------------------------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    size_t accepted, lost;
    tn_span_list spans;
} received = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void accept_one(void *self)
{
    (void)self;
    pthread_mutex_lock(&received.lock);
    received.accepted++;
    pthread_mutex_unlock(&received.lock);
}

static void deliver_all(void *self, tn_delivery *delivery)
{
    (void)self;
    pthread_mutex_lock(&received.lock);
    received.accepted += delivery->ended.count;
    received.lost += delivery->lost;
    tn_span_list_append(&received.spans, &delivery->ended);
    tn_span_list_append(&received.spans, &delivery->released);
    pthread_mutex_unlock(&received.lock);
}

tn_span_sink recording_sink(void)
{
    return (tn_span_sink){.accept = accept_one, .deliver = deliver_all};
}

size_t accepted_count(void)
{
    return received.accepted;
}

size_t lost_count(void)
{
    return received.lost;
}

static bool is_named(const tn_span *span, const char *name)
{
    return !name || tn_text_equal(tn_span_name(span), tn_text_of(name));
}

size_t received_count(const char *name)
{
    size_t count = 0;
    for (const tn_span *span = received.spans.first; span; span = span->next) count += is_named(span, name);
    return count;
}

const tn_span *received_span(const char *name, size_t nth)
{
    const tn_span *span = received.spans.first;
    for (; span; span = span->next) {
        if (is_named(span, name) && nth-- == 0) break;
    }
    cr_assert_not_null(span, "no such span was received: %s", name ? name : "any");
    return span;
}

void forget_received(void)
{
    tn_span_list_free(&received.spans);
    received.accepted = received.lost = 0;
}

tn_span_manager *manager;
tn_span_manager_options manager_options = {
    .trace_seed = {"test", 4},
    .max_open_spans = 1000,
    .max_age = 24 * 3600 * TN_SECOND,
    .limits = {.attributes = 128, .events = 128, .links = 128, .value_size = 65536},
};

void start_manager(void)
{
    manager = tn_span_manager_new(&manager_options, recording_sink());
    cr_assert_not_null(manager);
}

void stop_manager(void)
{
    tn_span_manager_free(manager);
    forget_received();
    all_memory_is_back();
}

void publish_task(tn_event_id event, const char *task_id)
{
    tn_occurrence occurrence = task_event(event, task_id);
    tn_span_manager_record(manager, &occurrence);
}

void publish_step(tn_event_id event, const char *task_id, const char *step_id)
{
    tn_occurrence occurrence = step_event(event, task_id, step_id);
    tn_span_manager_record(manager, &occurrence);
}

tn_span_manager_stats manager_stats(void)
{
    tn_span_manager_stats stats;
    tn_span_manager_stats_read(manager, &stats);
    return stats;
}

bool same_trace_id(tn_trace_id a, tn_trace_id b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

bool same_span_id(tn_span_id a, tn_span_id b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

bool find_attribute(const tn_span *span, const char *key, tn_value *value_out)
{
    bool found = false;
    tn_record record;
    for (tn_journal_reader reader = tn_span_read(span); tn_journal_next(&reader, &record);) {
        if (record.kind & TN_RECORD_ATTRIBUTES) found |= find_value(record.pairs, key, value_out);
    }
    return found;
}

bool has_attribute(const tn_span *span, const char *key, const char *text)
{
    tn_value value;
    return find_attribute(span, key, &value) && value.type == TN_VALUE_STRING &&
           tn_text_equal(value.as.string, tn_text_of(text));
}

size_t record_count(const tn_span *span, unsigned kinds)
{
    size_t count = 0;
    tn_record record;
    for (tn_journal_reader reader = tn_span_read(span); tn_journal_next(&reader, &record);) {
        count += (record.kind & kinds) != 0;
    }
    return count;
}

size_t event_count(const tn_span *span, const char *name)
{
    size_t count = 0;
    tn_record record;
    for (tn_journal_reader reader = tn_span_read(span); tn_journal_next(&reader, &record);) {
        count += (record.kind & TN_RECORD_EVENT) && tn_text_equal(record.name, tn_text_of(name));
    }
    return count;
}

static tn_record nth_record(const tn_span *span, unsigned kind, size_t nth)
{
    tn_record record;
    for (tn_journal_reader reader = tn_span_read(span); tn_journal_next(&reader, &record);) {
        if ((record.kind & kind) && nth-- == 0) return record;
    }
    cr_assert_fail("the span has no such record");
    return record;
}

tn_record nth_event(const tn_span *span, size_t nth)
{
    return nth_record(span, TN_RECORD_EVENT, nth);
}

tn_record nth_link(const tn_span *span, size_t nth)
{
    return nth_record(span, TN_RECORD_LINK, nth);
}

void assert_texts(tn_text actual, tn_text expected, const char *file, int line)
{
    cr_assert(tn_text_equal(actual, expected), "%s:%d: expected \"%.*s\", got \"%.*s\"", file, line, (int)expected.size,
              expected.bytes, (int)actual.size, actual.bytes);
}
