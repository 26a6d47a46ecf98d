#include "event/event_line.h"

#include "base/json.h"
#include "base/utf8.h"
#include "event/payload.h"
#include "event/timestamp.h"

#include <math.h>

#define MESSAGE_SIZE 128

typedef struct {
    tn_text key;
    tn_value value;
} field;

typedef struct {
    field items[TN_LINE_FIELDS];
    size_t count;
    int64_t dropped;
} fields;

/* What of a payload has another name in the line, or is needed before the rest. */
typedef struct {
    tn_text event_type;
    tn_value id, name; /* of the step or the task */
    bool has_id, has_name;
} subject;

/* Of Tasker's own payloads: what is in the span and the payload, and too much for a line, or would be told twice. */
static const tn_text left_out[] = {
    {"timestamp", 9},
    {"started_at", 10},
    {"completed_at", 12},
    {"step_inputs", 11},
    {"step_dependencies", 17},
    {"step_results", 12},
    {"step_ids", 8},
    {"backtrace", 9},
    {"task_context", 12},
    {"task_type", 9},
    {"error_class", 11},
    {"error_steps", 11},
    {"error_step_results", 18},
    {"orchestration_event", 19},
};

/* --- Whom it is about ---------------------------------------------------------------------------------- */

tn_event_entity tn_event_entity_of(tn_text event)
{
    if (tn_text_starts_with(event, TN_TEXT("step."))) return TN_ENTITY_STEP;
    if (tn_text_starts_with(event, TN_TEXT("task."))) return TN_ENTITY_TASK;
    if (tn_text_starts_with(event, TN_TEXT("workflow."))) return TN_ENTITY_ORCHESTRATION;
    if (tn_text_starts_with(event, TN_TEXT("observability.step."))) return TN_ENTITY_STEP;
    if (tn_text_starts_with(event, TN_TEXT("observability.task."))) return TN_ENTITY_TASK;
    return TN_ENTITY_CUSTOM;
}

tn_line_level tn_event_line_level(tn_text event)
{
    if (tn_event_entity_of(event) == TN_ENTITY_ORCHESTRATION) return TN_LEVEL_DEBUG;
    return tn_text_equal(event, TN_TEXT("step.failed")) ? TN_LEVEL_ERROR : TN_LEVEL_INFO;
}

static tn_text entity_type(tn_event_entity entity)
{
    switch (entity) {
    case TN_ENTITY_STEP: return TN_TEXT("step");
    case TN_ENTITY_TASK: return TN_TEXT("task");
    case TN_ENTITY_ORCHESTRATION: return TN_TEXT("orchestration");
    case TN_ENTITY_CUSTOM: break;
    }
    return TN_TEXT("custom");
}

static tn_text key_of_status(tn_event_entity entity)
{
    return entity == TN_ENTITY_STEP ? TN_TEXT("step_status") : TN_TEXT("task_status");
}

/* "Step completed"; room: for MESSAGE_SIZE bytes. */
static tn_text message_of(char *room, tn_event_entity entity, tn_text event_type)
{
    static const char *const subjects[] = {
        [TN_ENTITY_STEP] = "Step ", [TN_ENTITY_TASK] = "Task ", [TN_ENTITY_ORCHESTRATION] = "Orchestration "};
    if (entity == TN_ENTITY_CUSTOM) return TN_TEXT("Custom event published");

    tn_text start = tn_text_of(subjects[entity]), end = tn_utf8_cut(event_type, MESSAGE_SIZE - start.size);
    memcpy(room, start.bytes, start.size);
    if (end.size > 0) memcpy(room + start.size, end.bytes, end.size);
    return (tn_text){room, start.size + end.size};
}

/* --- Collecting ---------------------------------------------------------------------------------------- */

static void set(fields *all, tn_text key, tn_value value)
{
    for (size_t i = 0; i < all->count; i++) {
        if (!tn_text_equal(all->items[i].key, key)) continue;
        all->items[i].value = value;
        return;
    }
    if (all->count == TN_LINE_FIELDS) {
        all->dropped++;
        return;
    }
    all->items[all->count++] = (field){key, value};
}

static tn_value string_value(tn_text text)
{
    return (tn_value){.type = TN_VALUE_STRING, .as.string = text};
}

static tn_value integer_value(int64_t integer)
{
    return (tn_value){.type = TN_VALUE_INTEGER, .as.integer = integer};
}

static void set_text(fields *all, tn_text key, tn_text text)
{
    if (text.size > 0) set(all, key, string_value(text));
}

static bool next_pair(tn_payload_reader *reader, tn_text *key_out, tn_value *value_out)
{
    tn_pair_key key;
    if (!tn_payload_next_key(reader, &key) || !tn_payload_next_value(reader, value_out)) return false;
    *key_out = key.text;
    return true;
}

static subject subject_of(tn_event_entity entity, tn_payload_reader reader)
{
    bool of_step = entity == TN_ENTITY_STEP, of_task = entity == TN_ENTITY_TASK;
    tn_text id = of_step ? TN_TEXT("step_id") : TN_TEXT("task_id");
    tn_text name = of_step ? TN_TEXT("step_name") : TN_TEXT("task_name");
    subject found = {.event_type = TN_NO_TEXT};

    tn_text key;
    for (tn_value value; next_pair(&reader, &key, &value);) {
        if ((of_step || of_task) && tn_text_equal(key, id)) {
            found.id = value;
            found.has_id = true;
        } else if ((of_step || of_task) && tn_text_equal(key, name)) {
            found.name = value;
            found.has_name = true;
        } else if (value.type == TN_VALUE_STRING && tn_text_equal(key, TN_TEXT("event_type"))) {
            found.event_type = value.as.string;
        }
    }
    return found;
}

static void set_ours(fields *all, const tn_event_line *line, tn_event_entity entity, const subject *about,
                     tn_text message)
{
    set(all, TN_TEXT("timestamp"), (tn_value){.type = TN_VALUE_TIME, .milliseconds = true, .as.time = line->time});
    set_text(all, TN_TEXT("correlation_id"), line->correlation_id);
    set_text(all, TN_TEXT("component"), line->component);
    set_text(all, TN_TEXT("message"), message);
    set_text(all, TN_TEXT("environment"), line->environment);
    set_text(all, TN_TEXT("tasker_version"), line->version);
    set(all, TN_TEXT("process_id"), integer_value(line->process_id));
    set_text(all, TN_TEXT("thread_id"), line->thread_id);
    set_text(all, TN_TEXT("request_id"), line->request_id);
    set_text(all, TN_TEXT("event"), line->event);
    set_text(all, TN_TEXT("entity_type"), entity_type(entity));
    if (about->has_id) set(all, TN_TEXT("entity_id"), about->id);
    if (about->has_name) set(all, TN_TEXT("entity_name"), about->name);
    set_text(all, key_of_status(entity), line->status);
    set_text(all, TN_TEXT("task_name"), line->task_name);
}

static void set_duration(fields *all, double seconds)
{
    tn_text category = seconds <= 0.1   ? TN_TEXT("fast")
                       : seconds <= 1.0 ? TN_TEXT("moderate")
                       : seconds <= 5.0 ? TN_TEXT("slow")
                                        : TN_TEXT("very_slow");
    double milliseconds = round(seconds * 1000 * 100) / 100;
    set(all, TN_TEXT("duration_ms"), (tn_value){.type = TN_VALUE_DOUBLE, .as.number = milliseconds});
    set_text(all, TN_TEXT("performance_category"), category);
}

/* false: it is no number, or one without an end. */
static bool is_duration(const tn_value *value, double *seconds_out)
{
    switch (value->type) {
    case TN_VALUE_INTEGER: *seconds_out = (double)value->as.integer; return true;
    case TN_VALUE_DOUBLE: *seconds_out = value->as.number; return isfinite(*seconds_out);
    default: return false;
    }
}

static bool is_left_out(tn_text key)
{
    for (size_t i = 0; i < sizeof(left_out) / sizeof(*left_out); i++) {
        if (tn_text_equal(key, left_out[i])) return true;
    }
    return false;
}

/* duration is what a caller may give to publish_step_completed. */
static bool is_key_of_duration(tn_text key)
{
    return tn_text_equal(key, TN_TEXT("execution_duration")) || tn_text_equal(key, TN_TEXT("duration"));
}

static void set_pair_of_tasker(fields *all, tn_text key, tn_value value)
{
    if (is_left_out(key)) return;

    double seconds;
    if (is_key_of_duration(key) && is_duration(&value, &seconds)) {
        set_duration(all, seconds);
    } else if (tn_text_equal(key, TN_TEXT("error_message"))) {
        set(all, TN_TEXT("error"), value);
    } else {
        set(all, key, value);
    }
}

/* The application's own events tell what they like. */
static void set_pair(fields *all, tn_event_entity entity, tn_text key, tn_value value)
{
    if (entity != TN_ENTITY_CUSTOM) {
        set_pair_of_tasker(all, key, value);
    } else if (!tn_text_equal(key, TN_TEXT("timestamp"))) {
        set(all, key, value);
    }
}

/* In the place of the last field, where there is no other. */
static void tell_dropped(fields *all, uint32_t dropped_before)
{
    int64_t dropped = all->dropped + dropped_before;
    if (dropped == 0) return;
    if (all->count == TN_LINE_FIELDS) {
        all->count--;
        dropped++;
    }
    set(all, TN_TEXT("dropped_fields"), integer_value(dropped));
}

/* --- Writing ------------------------------------------------------------------------------------------- */

static void write_text(tn_buffer *buffer, tn_text text)
{
    if (text.size <= TN_LINE_VALUE) {
        tn_json_string(buffer, text);
    } else {
        tn_json_joined(buffer, tn_utf8_cut(text, TN_LINE_VALUE), TN_TEXT("..."));
    }
}

static void write_time(tn_buffer *buffer, const tn_value *value)
{
    char text[TN_TIMESTAMP_SIZE];
    tn_timestamp_second second = {0};
    size_t size = tn_timestamp_format_utc(text, value->as.time, value->milliseconds, &second);
    tn_json_string(buffer, (tn_text){text, size});
}

static void write_value(tn_buffer *buffer, const tn_value *value)
{
    switch (value->type) {
    case TN_VALUE_STRING: write_text(buffer, value->as.string); break;
    case TN_VALUE_INTEGER: tn_json_integer(buffer, value->as.integer); break;
    case TN_VALUE_DOUBLE: tn_json_double(buffer, value->as.number); break;
    case TN_VALUE_BOOLEAN: tn_buffer_append_text(buffer, value->as.boolean ? TN_TEXT("true") : TN_TEXT("false")); break;
    case TN_VALUE_TIME: write_time(buffer, value); break;
    }
}

/* How many bytes the first character has, if it can't stand in a key of logfmt: a key ends at a blank, an equals sign or
 * a quote, readers refuse U+FFFD, and what JSON escapes can't be escaped there. 0: it can. */
static size_t misfit_size(tn_text text)
{
    uint8_t first = (uint8_t)text.bytes[0];
    if (first <= ' ' || first == 0x7F || first == '=' || first == '"') return 1;
    if (first == 0xC2 && text.size >= 2 && (uint8_t)text.bytes[1] < 0xA0) return 2;
    bool separates = tn_text_starts_with(text, TN_TEXT("\xE2\x80\xA8")) || /* U+2028, U+2029 */
                     tn_text_starts_with(text, TN_TEXT("\xE2\x80\xA9"));
    return separates || tn_text_starts_with(text, TN_TEXT("\xEF\xBF\xBD")) ? 3 : 0;
}

static void write_bare_key(tn_buffer *buffer, tn_text key)
{
    if (key.size == 0) tn_buffer_append_byte(buffer, '_');
    while (key.size > 0) {
        size_t misfit = misfit_size(key), size = misfit ? misfit : 1;
        tn_buffer_append_byte(buffer, misfit ? '_' : (uint8_t)*key.bytes);
        key = (tn_text){key.bytes + size, key.size - size};
    }
}

static void write_logfmt(tn_buffer *buffer, const fields *all)
{
    for (size_t i = 0; i < all->count; i++) {
        if (i > 0) tn_buffer_append_byte(buffer, ' ');
        write_bare_key(buffer, all->items[i].key);
        tn_buffer_append_byte(buffer, '=');
        write_value(buffer, &all->items[i].value);
    }
}

static void write_json(tn_buffer *buffer, const fields *all, bool pretty)
{
    tn_buffer_append_text(buffer, pretty ? TN_TEXT("{\n") : TN_TEXT("{"));
    for (size_t i = 0; i < all->count; i++) {
        if (i > 0) tn_buffer_append_text(buffer, pretty ? TN_TEXT(",\n") : TN_TEXT(","));
        if (pretty) tn_buffer_append_text(buffer, TN_TEXT("  "));
        tn_json_string(buffer, all->items[i].key);
        tn_buffer_append_text(buffer, pretty ? TN_TEXT(": ") : TN_TEXT(":"));
        write_value(buffer, &all->items[i].value);
    }
    tn_buffer_append_text(buffer, pretty ? TN_TEXT("\n}") : TN_TEXT("}"));
}

tn_status tn_event_line_write(tn_buffer *buffer, const tn_event_line *line, const uint8_t *payload, size_t payload_size)
{
    char room[MESSAGE_SIZE];
    tn_event_entity entity = tn_event_entity_of(line->event);
    tn_payload_reader reader = tn_payload_read(payload, payload_size);
    subject about = subject_of(entity, reader);
    fields all;
    all.count = 0;
    all.dropped = 0;
    set_ours(&all, line, entity, &about, message_of(room, entity, about.event_type));

    tn_text key;
    for (tn_value value; next_pair(&reader, &key, &value);) set_pair(&all, entity, key, value);
    tell_dropped(&all, line->dropped);
    if (line->format == TN_LINE_LOGFMT) {
        write_logfmt(buffer, &all);
    } else {
        write_json(buffer, &all, line->format == TN_LINE_PRETTY_JSON);
    }
    return buffer->status;
}
