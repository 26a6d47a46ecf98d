#include "support_export.h"

#include <float.h>
#include <math.h>

TestSuite(otlp_json, .fini = all_memory_is_back);

static tn_buffer encoded(const tn_encoder_options *options, const tn_span_list *spans)
{
    tn_encoder encoder;
    tn_buffer buffer;
    cr_assert_eq(tn_encoder_init(&encoder, options), TN_OK);
    tn_buffer_init(&buffer, TN_MAX_REQUEST);
    cr_assert_eq(tn_otlp_json(&buffer, &encoder, spans), TN_OK);
    tn_encoder_free(&encoder);
    cr_assert(is_json(tn_buffer_text(&buffer)), "no JSON: %.*s", (int)buffer.size, buffer.bytes);
    return buffer;
}

/* A request with this one span, which it frees. */
static tn_buffer encoded_span(tn_span *span)
{
    tn_encoder_options options = test_encoding();
    tn_span_list spans = {0};
    tn_span_list_add(&spans, span);
    tn_buffer buffer = encoded(&options, &spans);
    tn_span_list_free(&spans);
    return buffer;
}

#define BEGIN                                                                                         \
    "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","                   \
    "\"value\":{\"stringValue\":\"shop\"}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"tasker-native\"," \
    "\"version\":\"1.2.3\"},\"spans\":["
#define END "]}]}]}"

/* OTLP specification, "JSON Protobuf Encoding": ids in hexadecimal, enums as integers, 64-bit integers as strings. */
Test(otlp_json, has_all_of_a_span_as_the_specification_wants_it)
{
    tn_buffer request = encoded_span(rich_span());
    assert_text(tn_buffer_text(&request), BEGIN
                "{\"traceId\":\"000102030405060708090a0b0c0d0e0f\",\"spanId\":\"a001020304050607\","
                "\"parentSpanId\":\"b001020304050607\",\"name\":\"tasker.step.execution\",\"kind\":1,\"flags\":257,"
                "\"startTimeUnixNano\":\"1800000000000000000\",\"endTimeUnixNano\":\"1800000000200000000\","
                "\"attributes\":[{\"key\":\"tasker.name\",\"value\":{\"stringValue\":\"Ada\"}},"
                "{\"key\":\"tasker.count\",\"value\":{\"intValue\":\"-5\"}},"
                "{\"key\":\"tasker.ratio\",\"value\":{\"doubleValue\":0.25}},"
                "{\"key\":\"tasker.done\",\"value\":{\"boolValue\":true}},"
                "{\"key\":\"error.type\",\"value\":{\"stringValue\":\"IOError\"}}],\"droppedAttributesCount\":1,"
                "\"events\":[{\"timeUnixNano\":\"1800000000200000000\",\"name\":\"step.failed\",\"attributes\":["
                "{\"key\":\"tasker.name\",\"value\":{\"stringValue\":\"Ada\"}},"
                "{\"key\":\"tasker.count\",\"value\":{\"intValue\":\"-5\"}},"
                "{\"key\":\"tasker.ratio\",\"value\":{\"doubleValue\":0.25}},"
                "{\"key\":\"tasker.done\",\"value\":{\"boolValue\":true}}]},"
                "{\"timeUnixNano\":\"1800000000200000000\",\"name\":\"exception\",\"attributes\":["
                "{\"key\":\"exception.type\",\"value\":{\"stringValue\":\"IOError\"}}]}],\"droppedEventsCount\":2,"
                "\"links\":[{\"traceId\":\"ff000000000000000000000000000000\",\"spanId\":\"ee00000000000000\","
                "\"flags\":257}],\"droppedLinksCount\":3,"
                "\"status\":{\"code\":2,\"message\":\"it \\\"broke\\\"\"}}" END);
    tn_buffer_free(&request);
}

Test(otlp_json, leaves_out_what_a_span_does_not_have)
{
    tn_span *span = new_span("root");
    span->parent_id = (tn_span_id){{0}};
    tn_buffer request = encoded_span(span);
    assert_text(tn_buffer_text(&request),
                BEGIN "{\"traceId\":\"000102030405060708090a0b0c0d0e0f\",\"spanId\":\"a001020304050607\","
                      "\"name\":\"root\",\"kind\":1,\"flags\":257,\"startTimeUnixNano\":\"1800000000000000000\","
                      "\"endTimeUnixNano\":\"1800000000200000000\",\"attributes\":[],\"status\":{\"code\":0}}" END);
    tn_buffer_free(&request);
}

Test(otlp_json, is_json_with_no_span_and_with_many)
{
    tn_encoder_options options = test_encoding();
    for (size_t count = 0; count < 5; count++) {
        tn_span_list spans = new_spans(count);
        tn_buffer request = encoded(&options, &spans);
        cr_assert_eq(count_of(tn_buffer_text(&request), "\"traceId\""), count);
        tn_buffer_free(&request);
        tn_span_list_free(&spans);
    }
}

Test(otlp_json, is_one_line_of_json_whatever_the_texts_contain)
{
    for (int round = 0; round < 300; round++) {
        char texts[5][64];
        for (int i = 0; i < 5; i++) texts[i][random_text(texts[i], sizeof(texts[i]) - 1)] = '\0';

        tn_span_limits limits = TN_SPAN_LIMITS_DEFAULT;
        tn_span *span = new_span(texts[0]);
        tn_span_add_attributes(span, text_pairs(texts[1], texts[2], NULL));
        tn_span_add_event(span, &limits, tn_text_of(texts[3]), 1, text_pairs(texts[4], texts[0], NULL));
        tn_span_set_status(span, TN_STATUS_ERROR, tn_text_of(texts[1]));
        tn_buffer request = encoded_span(span);
        for (size_t i = 0; i < request.size; i++) cr_assert(request.bytes[i] >= 0x20 && request.bytes[i] != 0x7f);
        tn_buffer_free(&request);
    }
}

static void assert_value(void (*put)(tn_payload_writer *writer), const char *expected)
{
    uint8_t storage[64];
    tn_buffer pairs;
    tn_payload_writer writer;
    tn_buffer_init_on(&pairs, storage, sizeof(storage), sizeof(storage));
    tn_payload_writer_init(&writer, &pairs, 0, 0);
    tn_payload_key(&writer, TN_TEXT("k"));
    put(&writer);

    tn_span *span = new_span("s");
    tn_span_add_attributes(span, (tn_pairs){.bytes = pairs.bytes, .size = pairs.size, .count = 1});
    tn_buffer request = encoded_span(span);
    cr_assert(contains(tn_buffer_text(&request), expected), "%s", expected);
    tn_buffer_free(&request);
}

static void put_smallest(tn_payload_writer *writer)
{
    tn_payload_integer(writer, INT64_MIN);
}

static void put_largest(tn_payload_writer *writer)
{
    tn_payload_integer(writer, INT64_MAX);
}

static void put_nan(tn_payload_writer *writer)
{
    tn_payload_double(writer, (double)NAN);
}

static void put_infinity(tn_payload_writer *writer)
{
    tn_payload_double(writer, -(double)INFINITY);
}

static void put_huge(tn_payload_writer *writer)
{
    tn_payload_double(writer, DBL_MAX);
}

static void put_false(tn_payload_writer *writer)
{
    tn_payload_boolean(writer, false);
}

Test(otlp_json, writes_the_ends_of_every_type)
{
    assert_value(put_smallest, "{\"intValue\":\"-9223372036854775808\"}");
    assert_value(put_largest, "{\"intValue\":\"9223372036854775807\"}");
    assert_value(put_nan, "{\"doubleValue\":\"NaN\"}");
    assert_value(put_infinity, "{\"doubleValue\":\"-Infinity\"}");
    assert_value(put_huge, "{\"doubleValue\":1.7976931348623157e+308}");
    assert_value(put_false, "{\"boolValue\":false}");
}

Test(otlp_json, limits_the_attributes_of_spans_and_events_but_not_of_the_resource)
{
    tn_span_limits limits = TN_SPAN_LIMITS_DEFAULT;
    tn_encoder_options options = test_encoding();
    options.resource = text_pairs("service.name", "shop", "host.name", "h", "process.pid", "1", NULL);
    options.attribute_limit = 1;
    tn_span_list spans = {0};
    tn_span_list_add(&spans, new_span("s"));
    tn_span_add_event(spans.first, &limits, TN_TEXT("e"), 1, text_pairs("a", "1", "b", "2", NULL));
    tn_buffer request = encoded(&options, &spans);
    cr_assert(contains(tn_buffer_text(&request), "\"process.pid\""));
    cr_assert_eq(count_of(tn_buffer_text(&request), "\"droppedAttributesCount\":1"), 1);
    cr_assert_not(contains(tn_buffer_text(&request), "\"b\""));
    tn_buffer_free(&request);
    tn_span_list_free(&spans);
}

Test(otlp_json, beyond_the_cap_fails)
{
    tn_encoder encoder;
    tn_encoder_options options = test_encoding();
    cr_assert_eq(tn_encoder_init(&encoder, &options), TN_OK);
    tn_span_list spans = {0};
    tn_span_list_add(&spans, rich_span());
    for (size_t cap = 1; cap < 1000; cap += 3) {
        tn_buffer buffer;
        tn_buffer_init(&buffer, cap);
        cr_assert_eq(tn_otlp_json(&buffer, &encoder, &spans), TN_ERROR_LIMIT);
        tn_buffer_free(&buffer);
    }
    tn_span_list_free(&spans);
    tn_encoder_free(&encoder);
}

Test(otlp_json, that_cannot_allocate_says_so)
{
    tn_encoder encoder;
    tn_encoder_options options = test_encoding();
    cr_assert_eq(tn_encoder_init(&encoder, &options), TN_OK);
    tn_span_list spans = new_spans(20);
    for_each_failing_allocation {
        tn_buffer buffer;
        tn_buffer_init(&buffer, TN_MAX_REQUEST);
        tn_status status = tn_otlp_json(&buffer, &encoder, &spans);
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        tn_buffer_free(&buffer);
    }
    tn_span_list_free(&spans);
    tn_encoder_free(&encoder);
}
