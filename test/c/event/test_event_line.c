#include "support.h"

#include "event/event_line.h"
#include "event/payload.h"
#include "event/system_events.h"

#include <math.h>
#include <stdio.h>

TestSuite(event_line, .fini = all_memory_is_back);

/* A payload in the making, and the line about it. */
typedef struct {
    tn_buffer payload, line;
    tn_payload_writer writer;
    tn_event_line about;
} draft;

#define NOON (1795600000 * TN_SECOND + 123456789) /* 2026-11-25T09:46:40.123Z */

static void begin(draft *draft, const char *event)
{
    tn_buffer_init(&draft->payload, TN_PAYLOAD_BUFFER);
    tn_buffer_init(&draft->line, TN_PAYLOAD_BUFFER);
    tn_payload_writer_init(&draft->writer, &draft->payload, 0, 0);
    draft->about = (tn_event_line){.event = tn_text_of(event), .time = NOON, .process_id = 4};
}

static void end(draft *draft)
{
    tn_buffer_free(&draft->payload);
    tn_buffer_free(&draft->line);
}

static void add_key(draft *draft, const char *key)
{
    cr_assert(tn_payload_key(&draft->writer, tn_text_of(key)));
}

static void add(draft *draft, const char *key, const char *text)
{
    add_key(draft, key);
    tn_payload_string(&draft->writer, tn_text_of(text));
}

static void add_integer(draft *draft, const char *key, int64_t value)
{
    add_key(draft, key);
    tn_payload_integer(&draft->writer, value);
}

static void add_double(draft *draft, const char *key, double value)
{
    add_key(draft, key);
    tn_payload_double(&draft->writer, value);
}

static tn_text line_in(draft *draft, tn_line_format format)
{
    cr_assert_eq(draft->payload.status, TN_OK);
    draft->about.format = format;
    tn_buffer_clear(&draft->line);
    cr_assert_eq(tn_event_line_write(&draft->line, &draft->about, draft->payload.bytes, draft->payload.size), TN_OK);
    return tn_buffer_text(&draft->line);
}

/* What comes behind the fields that each line of an event of the application's own has. */
static tn_text rest_in(draft *draft, tn_line_format format)
{
    static const char *const starts[] = {
        [TN_LINE_JSON] = "{\"timestamp\":\"2026-11-25T09:46:40.123Z\",\"message\":\"Custom event published\","
                         "\"process_id\":4,\"event\":\"order.packed\",\"entity_type\":\"custom\"",
        [TN_LINE_LOGFMT] = "timestamp=\"2026-11-25T09:46:40.123Z\" message=\"Custom event published\" process_id=4 "
                           "event=\"order.packed\" entity_type=\"custom\""};
    tn_text line = line_in(draft, format), start = tn_text_of(starts[format]);
    cr_assert(tn_text_starts_with(line, start), "%.*s", (int)line.size, line.bytes);
    return (tn_text){line.bytes + start.size, line.size - start.size};
}

/* The same for an event of orchestration, in logfmt. */
static tn_text rest_of_orchestration(draft *draft)
{
    static const char end[] = "entity_type=\"orchestration\"";
    tn_text line = line_in(draft, TN_LINE_LOGFMT);
    const char *found = memmem(line.bytes, line.size, end, sizeof(end) - 1);
    cr_assert(found, "%.*s", (int)line.size, line.bytes);
    size_t before = (size_t)(found - line.bytes) + sizeof(end) - 1;
    return (tn_text){line.bytes + before, line.size - before};
}

static size_t count_of(tn_text line, const char *wanted)
{
    size_t count = 0, size = strlen(wanted);
    for (size_t at = 0; at + size <= line.size; at++) count += memcmp(line.bytes + at, wanted, size) == 0;
    return count;
}

#define assert_in(line, wanted) cr_assert_gt(count_of(line, wanted), 0, "%.*s", (int)(line).size, (line).bytes)
#define assert_not_in(line, text) cr_assert_eq(count_of(line, text), 0, "%.*s", (int)(line).size, (line).bytes)

/* --- Whom it is about ---------------------------------------------------------------------------------- */

static const tn_text system_events[] = {
#define NAME_OF(id, module, name) {name, sizeof(name) - 1},
    TN_SYSTEM_EVENTS(NAME_OF)
#undef NAME_OF
};

/* As upstream has them, by the module in which an event's constant is. */
static tn_event_entity entity_by_module(const char *module)
{
    if (strstr(module, "Workflow")) return TN_ENTITY_ORCHESTRATION;
    return strstr(module, "Step") ? TN_ENTITY_STEP : strstr(module, "Task") ? TN_ENTITY_TASK : TN_ENTITY_CUSTOM;
}

Test(event_line, every_system_event_is_about_what_its_module_says)
{
    static const char *const modules[] = {
#define MODULE_OF(id, module, name) module,
        TN_SYSTEM_EVENTS(MODULE_OF)
#undef MODULE_OF
    };
    size_t count = sizeof(system_events) / sizeof(*system_events);
    cr_assert_eq(count, 55);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(tn_event_entity_of(system_events[i]), entity_by_module(modules[i]), "%s of %s",
                     system_events[i].bytes, modules[i]);
    }
}

Test(event_line, orchestration_is_for_debugging_and_a_failed_step_an_error)
{
    for (size_t i = 0; i < sizeof(system_events) / sizeof(*system_events); i++) {
        tn_text event = system_events[i];
        tn_line_level expected = tn_text_starts_with(event, TN_TEXT("workflow.")) ? TN_LEVEL_DEBUG
                                 : tn_text_equal(event, TN_TEXT("step.failed"))   ? TN_LEVEL_ERROR
                                                                                  : TN_LEVEL_INFO;
        cr_assert_eq(tn_event_line_level(event), expected, "%s", event.bytes);
    }
    cr_assert_eq(tn_event_line_level(TN_TEXT("order.packed")), TN_LEVEL_INFO);
}

Test(event_line, a_name_of_the_applications_own_is_custom_unless_it_begins_as_ours_do)
{
    static const char *const names[] = {"order.packed", "step", "steps.x", "astep.x", "observability.x", ""};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        cr_assert_eq(tn_event_entity_of(tn_text_of(names[i])), TN_ENTITY_CUSTOM, "%s", names[i]);
    }
    cr_assert_eq(tn_event_entity_of(TN_TEXT("step.mine")), TN_ENTITY_STEP);
    cr_assert_eq(tn_event_entity_of(TN_TEXT("workflow.mine")), TN_ENTITY_ORCHESTRATION);
}

/* --- Fields and their order ---------------------------------------------------------------------------- */

Test(event_line, of_a_step_has_all_that_is_known_in_this_order)
{
    draft draft;
    begin(&draft, "step.completed");
    draft.about.correlation_id = TN_TEXT("tsk_1");
    draft.about.component = TN_TEXT("fetch_cart");
    draft.about.environment = TN_TEXT("test");
    draft.about.version = TN_TEXT("1.0");
    draft.about.thread_id = TN_TEXT("8f");
    draft.about.request_id = TN_TEXT("r1");
    draft.about.status = TN_TEXT("complete");
    draft.about.task_name = TN_TEXT("order");
    add(&draft, "task_id", "7");
    add(&draft, "step_id", "21");
    add(&draft, "step_name", "fetch");
    add(&draft, "event_type", "completed");
    add_double(&draft, "execution_duration", 2.503714);
    assert_text(line_in(&draft, TN_LINE_JSON),
                "{\"timestamp\":\"2026-11-25T09:46:40.123Z\",\"correlation_id\":\"tsk_1\",\"component\":\"fetch_cart\","
                "\"message\":\"Step completed\",\"environment\":\"test\",\"tasker_version\":\"1.0\",\"process_id\":4,"
                "\"thread_id\":\"8f\",\"request_id\":\"r1\",\"event\":\"step.completed\",\"entity_type\":\"step\","
                "\"entity_id\":\"21\",\"entity_name\":\"fetch\",\"step_status\":\"complete\",\"task_name\":\"order\","
                "\"task_id\":\"7\",\"step_id\":\"21\",\"step_name\":\"fetch\",\"event_type\":\"completed\","
                "\"duration_ms\":2503.71,\"performance_category\":\"slow\"}");
    end(&draft);
}

Test(event_line, of_a_task_names_the_task)
{
    draft draft;
    begin(&draft, "task.failed");
    draft.about.status = TN_TEXT("error");
    add(&draft, "task_id", "7");
    add(&draft, "task_name", "order");
    add(&draft, "event_type", "failed");
    add(&draft, "error_message", "no stock");
    tn_text line = line_in(&draft, TN_LINE_LOGFMT);
    assert_in(line, "message=\"Task failed\"");
    assert_in(line, "entity_type=\"task\" entity_id=\"7\" entity_name=\"order\" task_status=\"error\" task_id=\"7\" "
                    "task_name=\"order\" event_type=\"failed\" error=\"no stock\"");
    end(&draft);
}

Test(event_line, of_orchestration_is_about_no_single_thing)
{
    draft draft;
    begin(&draft, "workflow.task_started");
    add(&draft, "task_id", "7");
    add(&draft, "event_type", "task_started");
    tn_text line = line_in(&draft, TN_LINE_LOGFMT);
    assert_in(line, "message=\"Orchestration task_started\"");
    assert_in(line, "entity_type=\"orchestration\" task_id=\"7\" event_type=\"task_started\"");
    end(&draft);
}

Test(event_line, needs_no_payload)
{
    draft draft;
    begin(&draft, "order.packed");
    assert_text(rest_in(&draft, TN_LINE_JSON), "}");
    assert_text(rest_in(&draft, TN_LINE_LOGFMT), "");
    end(&draft);
}

Test(event_line, pretty_json_has_a_line_for_each_field)
{
    draft draft;
    begin(&draft, "order.packed");
    add_integer(&draft, "boxes", 2);
    assert_text(line_in(&draft, TN_LINE_PRETTY_JSON), "{\n"
                                                      "  \"timestamp\": \"2026-11-25T09:46:40.123Z\",\n"
                                                      "  \"message\": \"Custom event published\",\n"
                                                      "  \"process_id\": 4,\n"
                                                      "  \"event\": \"order.packed\",\n"
                                                      "  \"entity_type\": \"custom\",\n"
                                                      "  \"boxes\": 2\n"
                                                      "}");
    end(&draft);
}

Test(event_line, of_equal_keys_the_last_one_counts_at_the_place_of_the_first)
{
    static const tn_name name = {.text = {"a", 1}, .id = 3};
    draft draft;
    begin(&draft, "order.packed");
    add(&draft, "a", "1");
    add(&draft, "b", "2");
    cr_assert(tn_payload_key_named(&draft.writer, &name));
    tn_payload_integer(&draft.writer, 3);
    assert_text(rest_in(&draft, TN_LINE_LOGFMT), " a=3 b=\"2\"");
    end(&draft);
}

Test(event_line, the_last_id_and_name_are_those_it_is_about)
{
    draft draft;
    begin(&draft, "step.completed");
    add(&draft, "step_id", "1");
    add(&draft, "step_id", "2");
    tn_text line = line_in(&draft, TN_LINE_LOGFMT);
    assert_in(line, "entity_id=\"2\"");
    assert_not_in(line, "\"1\"");
    end(&draft);
}

Test(event_line, a_field_of_the_payload_wins_over_ours)
{
    draft draft;
    begin(&draft, "step.failed");
    draft.about.status = TN_TEXT("ours");
    draft.about.component = TN_TEXT("ours");
    draft.about.task_name = TN_TEXT("ours");
    add(&draft, "step_status", "theirs");
    add(&draft, "component", "theirs");
    add_integer(&draft, "task_name", 5);
    add(&draft, "message", "theirs");
    tn_text line = line_in(&draft, TN_LINE_LOGFMT);
    assert_not_in(line, "ours");
    assert_in(line, "task_name=5");
    cr_assert_eq(count_of(line, "theirs"), 3);
    end(&draft);
}

Test(event_line, leaves_out_what_is_large_or_told_already)
{
    static const char *const keys[] = {
        "timestamp",    "started_at",         "completed_at",        "step_inputs", "step_dependencies",
        "step_results", "step_ids",           "task_context",        "error_class", "task_type",
        "error_steps",  "error_step_results", "orchestration_event", "backtrace",
    };
    draft draft;
    begin(&draft, "workflow.mine");
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) add(&draft, keys[i], "large");
    add(&draft, "exception_class", "IOError");
    assert_text(rest_of_orchestration(&draft), " exception_class=\"IOError\"");
    end(&draft);
}

Test(event_line, tells_all_that_an_event_of_the_application_tells_but_the_time)
{
    draft draft;
    begin(&draft, "order.packed");
    add(&draft, "timestamp", "now");
    add(&draft, "started_at", "noon");
    add(&draft, "error_message", "late");
    add_double(&draft, "duration", 2.5);
    add_double(&draft, "execution_duration", 1.5);
    assert_text(rest_in(&draft, TN_LINE_LOGFMT),
                " started_at=\"noon\" error_message=\"late\" duration=2.5 execution_duration=1.5");
    end(&draft);
}

Test(event_line, a_long_type_of_event_is_cut_at_a_character)
{
    char type[302];
    for (size_t i = 0; i < 300; i += 2) memcpy(type + i, "ä", 2);
    type[300] = '\0';
    draft draft;
    begin(&draft, "step.mine");
    add(&draft, "event_type", type);
    tn_text line = line_in(&draft, TN_LINE_LOGFMT);
    char expected[512];
    snprintf(expected, sizeof(expected), "message=\"Step %.122s\"", type); /* 128 bytes would cut a character */
    assert_in(line, expected);
    end(&draft);
}

/* --- Values -------------------------------------------------------------------------------------------- */

Test(event_line, tells_values_of_every_type)
{
    draft draft;
    begin(&draft, "order.packed");
    add(&draft, "text", "");
    add_integer(&draft, "least", INT64_MIN);
    add_double(&draft, "ratio", 0.1);
    add_double(&draft, "whole", 3.0);
    add_double(&draft, "nan", NAN);
    add_double(&draft, "most", INFINITY);
    add_double(&draft, "none", -INFINITY);
    add_key(&draft, "yes");
    tn_payload_boolean(&draft.writer, true);
    add_key(&draft, "no");
    tn_payload_boolean(&draft.writer, false);
    add_key(&draft, "second");
    tn_payload_time(&draft.writer, NOON, false);
    add_key(&draft, "exact");
    tn_payload_time(&draft.writer, NOON, true);
    assert_text(rest_in(&draft, TN_LINE_JSON),
                ",\"text\":\"\",\"least\":-9223372036854775808,\"ratio\":0.1,\"whole\":3,\"nan\":\"NaN\","
                "\"most\":\"Infinity\",\"none\":\"-Infinity\",\"yes\":true,\"no\":false,"
                "\"second\":\"2026-11-25T09:46:40Z\",\"exact\":\"2026-11-25T09:46:40.123Z\"}");
    assert_text(rest_in(&draft, TN_LINE_LOGFMT),
                " text=\"\" least=-9223372036854775808 ratio=0.1 whole=3 nan=\"NaN\" most=\"Infinity\" "
                "none=\"-Infinity\" yes=true no=false second=\"2026-11-25T09:46:40Z\" "
                "exact=\"2026-11-25T09:46:40.123Z\"");
    end(&draft);
}

static void assert_duration(double seconds, const char *expected)
{
    draft draft;
    begin(&draft, "workflow.mine");
    add_double(&draft, "execution_duration", seconds);
    assert_text(rest_of_orchestration(&draft), expected);
    end(&draft);
}

Test(event_line, puts_durations_into_categories)
{
    assert_duration(0.0, " duration_ms=0 performance_category=\"fast\"");
    assert_duration(0.1, " duration_ms=100 performance_category=\"fast\"");
    assert_duration(0.100001, " duration_ms=100 performance_category=\"moderate\"");
    assert_duration(1.0, " duration_ms=1000 performance_category=\"moderate\"");
    assert_duration(nextafter(1.0, 2.0), " duration_ms=1000 performance_category=\"slow\"");
    assert_duration(5.0, " duration_ms=5000 performance_category=\"slow\"");
    assert_duration(5.000001, " duration_ms=5000 performance_category=\"very_slow\"");
    assert_duration(1.2345678, " duration_ms=1234.57 performance_category=\"slow\"");
    assert_duration(-1.0, " duration_ms=-1000 performance_category=\"fast\"");
}

Test(event_line, knows_whole_seconds_too)
{
    draft draft;
    begin(&draft, "workflow.mine");
    add_integer(&draft, "execution_duration", 2);
    assert_text(rest_of_orchestration(&draft), " duration_ms=2000 performance_category=\"slow\"");
    end(&draft);
}

Test(event_line, a_duration_that_the_caller_gives_wins)
{
    draft draft;
    begin(&draft, "workflow.mine");
    add_double(&draft, "execution_duration", 0.05);
    add_double(&draft, "duration", 9.5);
    assert_text(rest_of_orchestration(&draft), " duration_ms=9500 performance_category=\"very_slow\"");
    end(&draft);
}

Test(event_line, leaves_a_duration_that_is_no_number_as_it_is)
{
    assert_duration(NAN, " execution_duration=\"NaN\"");
    assert_duration(INFINITY, " execution_duration=\"Infinity\"");
    draft draft;
    begin(&draft, "workflow.mine");
    add(&draft, "execution_duration", "[FILTERED]");
    assert_text(rest_of_orchestration(&draft), " execution_duration=\"[FILTERED]\"");
    end(&draft);
}

/* --- Escaping ------------------------------------------------------------------------------------------ */

#define HOSTILE               \
    "say \"hi\"\\ \n\r\t\x1b" \
    "[2J\x7f\xc2\x85\xe2\x80\xa8 = \xc3\xa4"
#define HOSTILE_AS_JSON "say \\\"hi\\\"\\\\ \\n\\r\\t\\u001b[2J\\u007f\\u0085\\u2028 = \xc3\xa4"

Test(event_line, no_value_ends_a_line_or_drives_a_terminal)
{
    draft draft;
    begin(&draft, "order.packed");
    add(&draft, "note", HOSTILE);
    assert_text(rest_in(&draft, TN_LINE_JSON), ",\"note\":\"" HOSTILE_AS_JSON "\"}");
    assert_text(rest_in(&draft, TN_LINE_LOGFMT), " note=\"" HOSTILE_AS_JSON "\"");
    end(&draft);
}

Test(event_line, a_key_is_escaped_in_json)
{
    draft draft;
    begin(&draft, "order.packed");
    add_integer(&draft, HOSTILE, 1);
    add_integer(&draft, "", 2);
    assert_text(rest_in(&draft, TN_LINE_JSON), ",\"" HOSTILE_AS_JSON "\":1,\"\":2}");
    end(&draft);
}

Test(event_line, a_key_of_logfmt_has_only_what_its_readers_take)
{
    static const char *const keys[][2] = {
        {"a b=\"c\"", "a_b__c_"},
        {"tab\t", "tab_"},
        {"line\n", "line_"},
        {"", "_"},
        {"größe", "größe"},
        {"\xc2\x9b"
         "2J",
         "_2J"},
        {"a\xe2\x80\xa8z", "a_z"},
        {"a\xe2\x80\xa9z", "a_z"},
        {"bad \xef\xbf\xbd", "bad__"},
        {"\xe2\x82\xac", "\xe2\x82\xac"},
        {"del\x7f", "del_"},
        {"back\\slash", "back\\slash"},
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        char expected[32];
        draft draft;
        begin(&draft, "order.packed");
        add_integer(&draft, keys[i][0], 1);
        snprintf(expected, sizeof(expected), " %s=1", keys[i][1]);
        assert_text(rest_in(&draft, TN_LINE_LOGFMT), expected);
        end(&draft);
    }
}

/* --- Limits -------------------------------------------------------------------------------------------- */

/* Of an event of the application's own: five fields are there before the payload's. */
static void add_fields(draft *draft, int count)
{
    for (int i = 0; i < count; i++) {
        char key[16];
        snprintf(key, sizeof(key), "f%d", i);
        add_integer(draft, key, i);
    }
}

Test(event_line, has_as_many_fields_as_there_may_be_and_counts_the_others)
{
    static const struct {
        int added, kept, dropped;
    } cases[] = {{59, 59, 0}, {60, 58, 2}, {61, 58, 3}, {500, 58, 442}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        draft draft;
        char dropped[32] = "";
        begin(&draft, "order.packed");
        add_fields(&draft, cases[i].added);
        if (cases[i].dropped) snprintf(dropped, sizeof(dropped), " dropped_fields=%d", cases[i].dropped);
        tn_text rest = rest_in(&draft, TN_LINE_LOGFMT);
        cr_assert_eq(count_of(rest, " f"), (size_t)cases[i].kept);
        cr_assert_eq(count_of(rest, " "), (size_t)cases[i].kept + (cases[i].dropped > 0));
        cr_assert(
            tn_text_equal((tn_text){rest.bytes + rest.size - strlen(dropped), strlen(dropped)}, tn_text_of(dropped)),
            "%.*s", (int)rest.size, rest.bytes);
        end(&draft);
    }
}

Test(event_line, a_full_line_still_takes_the_last_value_of_a_key_that_is_there)
{
    draft draft;
    begin(&draft, "order.packed");
    add_fields(&draft, TN_LINE_FIELDS);
    add_integer(&draft, "f0", 1000);
    assert_in(rest_in(&draft, TN_LINE_LOGFMT), " f0=1000 f1=1 ");
    end(&draft);
}

Test(event_line, counts_what_the_payload_had_dropped_before)
{
    draft draft;
    begin(&draft, "order.packed");
    draft.about.dropped = 3;
    add_integer(&draft, "a", 1);
    assert_text(rest_in(&draft, TN_LINE_LOGFMT), " a=1 dropped_fields=3");
    end(&draft);

    begin(&draft, "order.packed");
    draft.about.dropped = 3;
    add_fields(&draft, 59);
    assert_in(rest_in(&draft, TN_LINE_LOGFMT), " f57=57 dropped_fields=4");
    end(&draft);
}

Test(event_line, has_no_name_twice_even_if_a_payload_has_the_name_of_the_count)
{
    draft draft;
    begin(&draft, "order.packed");
    add(&draft, "dropped_fields", "theirs");
    add_fields(&draft, 100);
    tn_text line = line_in(&draft, TN_LINE_JSON);
    cr_assert_eq(count_of(line, "dropped_fields"), 1);
    assert_not_in(line, "theirs");
    end(&draft);
}

static void assert_cut(size_t before, const char *tail, size_t kept)
{
    char text[TN_LINE_VALUE + 64];
    memset(text, 'x', before);
    strcpy(text + before, tail);
    draft draft;
    begin(&draft, "order.packed");
    add(&draft, "text", text);
    tn_text rest = rest_in(&draft, TN_LINE_LOGFMT);
    cr_assert_eq(rest.size, strlen(" text=\"") + kept + strlen("\""), "%zu", rest.size);
    cr_assert_eq(count_of(rest, "...\""), kept != before + strlen(tail));
    end(&draft);
}

Test(event_line, a_long_text_is_cut_at_a_character)
{
    assert_cut(TN_LINE_VALUE, "", TN_LINE_VALUE);
    assert_cut(TN_LINE_VALUE - 2, "ä", TN_LINE_VALUE);
    assert_cut(TN_LINE_VALUE, "y", TN_LINE_VALUE + 3);
    assert_cut(TN_LINE_VALUE - 1, "ä", TN_LINE_VALUE - 1 + 3);
    assert_cut(TN_LINE_VALUE - 1, "\xf0\x9f\x8d\xba", TN_LINE_VALUE - 1 + 3);
}

/* The most that a line can need: what the binding writes into must be able to hold it. */
Test(event_line, the_largest_line_fits_into_a_buffer_for_payloads)
{
    char key[TN_MAX_KEY + 1], value[2 * TN_LINE_VALUE + 1];
    memset(value, '\x01', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    draft draft;
    begin(&draft, "order.packed");
    for (int i = 0; i < TN_LINE_FIELDS; i++) {
        memset(key, '\x01', TN_MAX_KEY);
        key[0] = (char)(i + 1);
        key[TN_MAX_KEY] = '\0';
        add(&draft, key, value);
    }
    tn_text line = line_in(&draft, TN_LINE_JSON);
    cr_assert_gt(line.size, (size_t)58 * (TN_MAX_KEY + TN_LINE_VALUE) * 6);
    cr_assert_lt(line.size, (size_t)TN_PAYLOAD_BUFFER / 2);
    end(&draft);
}

Test(event_line, that_does_not_fit_says_so)
{
    draft draft;
    begin(&draft, "order.packed");
    add(&draft, "text", "0123456789");
    size_t whole = line_in(&draft, TN_LINE_JSON).size;
    for (size_t cap = 1; cap <= whole; cap++) {
        tn_buffer small;
        tn_buffer_init(&small, cap);
        tn_status status = tn_event_line_write(&small, &draft.about, draft.payload.bytes, draft.payload.size);
        cr_assert_eq(status, cap < whole ? TN_ERROR_LIMIT : TN_OK);
        cr_assert_eq(small.size, cap < whole ? 0 : whole);
        tn_buffer_free(&small);
    }
    end(&draft);
}

Test(event_line, that_cannot_allocate_says_so)
{
    draft draft;
    begin(&draft, "step.completed");
    add_fields(&draft, 100);
    for_each_failing_allocation {
        tn_buffer line;
        tn_buffer_init(&line, TN_PAYLOAD_BUFFER);
        tn_status status = tn_event_line_write(&line, &draft.about, draft.payload.bytes, draft.payload.size);
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        cr_assert_eq(line.size > 0, !allocation_failed());
        tn_buffer_free(&line);
    }
    end(&draft);
}

Test(event_line, a_payload_that_is_cut_short_is_read_up_to_there)
{
    draft draft;
    begin(&draft, "order.packed");
    add(&draft, "a", "one");
    size_t first = draft.payload.size;
    add(&draft, "b", "a longer text than thirty-one bytes");
    add_double(&draft, "c", 1.5);
    size_t second = draft.payload.size - 11;
    for (size_t size = 0; size < draft.payload.size; size++) {
        tn_text part = exact_copy(draft.payload.bytes, size);
        tn_buffer_clear(&draft.line);
        tn_status status = tn_event_line_write(&draft.line, &draft.about, (const uint8_t *)part.bytes, part.size);
        cr_assert_eq(status, TN_OK);
        tn_text line = tn_buffer_text(&draft.line);
        cr_assert_eq(count_of(line, "\"a\":\"one\""), size >= first);
        cr_assert_eq(count_of(line, "\"b\":"), size >= second);
        assert_not_in(line, "\"c\":");
        free_copy(part);
    }
    end(&draft);
}
