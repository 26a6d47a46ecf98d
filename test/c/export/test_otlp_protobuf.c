#include "support_export.h"

#include <stdio.h>

TestSuite(otlp_protobuf, .fini = all_memory_is_back);

/* Field numbers as opentelemetry-proto has them, written down a second time. */
enum { RESOURCE_SPANS = 1, RESOURCE = 1, SCOPE_SPANS = 2, SCOPE = 1, SPANS = 2 };

static tn_buffer encoded(const tn_encoder_options *options, const tn_span_list *spans)
{
    tn_encoder encoder;
    tn_buffer buffer;
    cr_assert_eq(tn_encoder_init(&encoder, options), TN_OK);
    tn_buffer_init(&buffer, TN_MAX_REQUEST);
    cr_assert_eq(tn_otlp_protobuf(&buffer, &encoder, spans), TN_OK);
    tn_encoder_free(&encoder);
    return buffer;
}

/* A request with this one span, which it frees. */
static tn_buffer encoded_span(const tn_encoder_options *options, tn_span *span)
{
    tn_span_list spans = {0};
    tn_span_list_add(&spans, span);
    tn_buffer buffer = encoded(options, &spans);
    tn_span_list_free(&spans);
    return buffer;
}

static tn_text scope_spans_of(const tn_buffer *request)
{
    tn_text message = tn_buffer_text(request);
    cr_assert_eq(field_count(message, RESOURCE_SPANS), 1);
    return nth_bytes(nth_bytes(message, RESOURCE_SPANS, 0), SCOPE_SPANS, 0);
}

static tn_text span_of(const tn_buffer *request, size_t n)
{
    return nth_bytes(scope_spans_of(request), SPANS, n);
}

/* The AnyValue of a key in the repeated KeyValue field. */
static tn_text value_of(tn_text message, unsigned field, const char *key)
{
    for (size_t i = 0; i < field_count(message, field); i++) {
        tn_text pair = nth_bytes(message, field, i);
        if (tn_text_equal(nth_bytes(pair, 1, 0), tn_text_of(key))) return nth_bytes(pair, 2, 0);
    }
    cr_assert_fail("there is no attribute %s", key);
    return TN_NO_TEXT;
}

static void assert_bytes(tn_text actual, const char *expected, size_t size)
{
    cr_assert_eq(actual.size, size);
    cr_assert_arr_eq(actual.bytes, expected, size);
}

Test(otlp_protobuf, says_who_sends)
{
    tn_span_list spans = new_spans(1);
    tn_encoder_options options = test_encoding();
    tn_buffer request = encoded(&options, &spans);

    tn_text resource_spans = nth_bytes(tn_buffer_text(&request), RESOURCE_SPANS, 0);
    tn_text resource = nth_bytes(resource_spans, RESOURCE, 0);
    assert_text(nth_bytes(value_of(resource, 1, "service.name"), 1, 0), "shop");
    tn_text scope = nth_bytes(scope_spans_of(&request), SCOPE, 0);
    assert_text(nth_bytes(scope, 1, 0), "tasker-native");
    assert_text(nth_bytes(scope, 2, 0), "1.2.3");
    tn_buffer_free(&request);
    tn_span_list_free(&spans);
}

Test(otlp_protobuf, has_all_of_a_span)
{
    tn_encoder_options options = test_encoding();
    tn_buffer request = encoded_span(&options, rich_span());
    tn_text span = span_of(&request, 0);

    assert_bytes(nth_bytes(span, 1, 0), "\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", 16);
    assert_bytes(nth_bytes(span, 2, 0), "\xa0\1\2\3\4\5\6\7", 8);
    assert_bytes(nth_bytes(span, 4, 0), "\xb0\1\2\3\4\5\6\7", 8);
    assert_text(nth_bytes(span, 5, 0), "tasker.step.execution");
    cr_assert_eq(nth_number(span, 6, 0), 1, "INTERNAL");
    cr_assert_eq(nth_number(span, 7, 0), 1800000000 * TN_SECOND);
    cr_assert_eq(nth_number(span, 8, 0), 1800000000 * TN_SECOND + 200 * TN_MILLISECOND);
    cr_assert_eq(nth_number(span, 16, 0), 0x101, "flags: sampled, and the parent is not remote");

    cr_assert_eq(field_count(span, 9), 5);
    assert_text(nth_bytes(value_of(span, 9, "tasker.name"), 1, 0), "Ada");
    cr_assert_eq((int64_t)nth_number(value_of(span, 9, "tasker.count"), 3, 0), -5);
    uint64_t bits = nth_number(value_of(span, 9, "tasker.ratio"), 4, 0);
    cr_assert_arr_eq(&bits, &(double){0.25}, sizeof(bits));
    cr_assert_eq(nth_number(value_of(span, 9, "tasker.done"), 2, 0), 1);
    assert_text(nth_bytes(value_of(span, 9, "error.type"), 1, 0), "IOError");
    cr_assert_eq(nth_number(span, 10, 0), 1);

    cr_assert_eq(field_count(span, 11), 2);
    tn_text failed = nth_bytes(span, 11, 0), exception = nth_bytes(span, 11, 1);
    cr_assert_eq(nth_number(failed, 1, 0), 1800000000 * TN_SECOND + 200 * TN_MILLISECOND);
    assert_text(nth_bytes(failed, 2, 0), "step.failed");
    cr_assert_eq(field_count(failed, 3), 4);
    assert_text(nth_bytes(exception, 2, 0), "exception");
    assert_text(nth_bytes(value_of(exception, 3, "exception.type"), 1, 0), "IOError");
    cr_assert_eq(nth_number(span, 12, 0), 2);

    tn_text link = nth_bytes(span, 13, 0);
    assert_bytes(nth_bytes(link, 1, 0), "\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    assert_bytes(nth_bytes(link, 2, 0), "\xee\0\0\0\0\0\0\0", 8);
    cr_assert_eq(nth_number(link, 6, 0), 0x101);
    cr_assert_eq(nth_number(span, 14, 0), 3);

    tn_text status = nth_bytes(span, 15, 0);
    assert_text(nth_bytes(status, 2, 0), "it \"broke\"");
    cr_assert_eq(nth_number(status, 3, 0), 2);
    tn_buffer_free(&request);
}

Test(otlp_protobuf, leaves_out_what_a_span_does_not_have)
{
    tn_encoder_options options = test_encoding();
    tn_span *span = new_span("root");
    span->parent_id = (tn_span_id){{0}};
    tn_buffer request = encoded_span(&options, span);
    tn_text message = span_of(&request, 0);
    for (unsigned field = 9; field <= 15; field++) cr_assert_eq(field_count(message, field), 0, "field %u", field);
    cr_assert_eq(field_count(message, 4), 0, "no parent");
    tn_buffer_free(&request);
}

Test(otlp_protobuf, keeps_spans_in_order)
{
    tn_span_list spans = {0};
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        tn_span_list_add(&spans, new_span(name));
    }
    tn_encoder_options options = test_encoding();
    tn_buffer request = encoded(&options, &spans);
    cr_assert_eq(field_count(scope_spans_of(&request), SPANS), 100);
    const tn_span *span = spans.first;
    for (size_t i = 0; i < 100; i++, span = span->next) {
        cr_assert(tn_text_equal(nth_bytes(span_of(&request, i), 5, 0), tn_span_name(span)));
    }
    tn_buffer_free(&request);
    tn_span_list_free(&spans);
}

Test(otlp_protobuf, is_whole_at_every_size_of_a_value)
{
    static char value[17000];
    memset(value, 'x', sizeof(value));
    tn_encoder_options options = test_encoding();
    for (size_t size = 0; size < sizeof(value); size += size < 300 || (size > 16100 && size < 16500) ? 1 : 997) {
        tn_buffer pairs;
        tn_payload_writer writer;
        tn_buffer_init(&pairs, TN_PAYLOAD_BUFFER);
        tn_payload_writer_init(&writer, &pairs, 0, 0);
        cr_assert(tn_payload_key(&writer, TN_TEXT("k")));
        tn_payload_string(&writer, (tn_text){value, size});
        tn_span *span = new_span("s");
        tn_span_add_attributes(span, (tn_pairs){.bytes = pairs.bytes, .size = pairs.size, .count = 1});
        tn_buffer_free(&pairs);

        tn_buffer request = encoded_span(&options, span);
        cr_assert_eq(nth_bytes(value_of(span_of(&request, 0), 9, "k"), 1, 0).size, size);
        cr_assert_eq(nth_number(span_of(&request, 0), 16, 0), 0x101, "what stands behind it");
        tn_buffer_free(&request);
    }
}

static tn_span *span_with_named_pair(const tn_name *name, tn_text value)
{
    tn_buffer pairs;
    tn_payload_writer writer;
    tn_buffer_init(&pairs, TN_PAYLOAD_BUFFER);
    tn_payload_writer_init(&writer, &pairs, 0, 0);
    cr_assert(tn_payload_key_named(&writer, name));
    tn_payload_string(&writer, value);
    tn_span *span = new_span("s");
    tn_span_add_attributes(span, (tn_pairs){.bytes = pairs.bytes, .size = pairs.size, .count = 1, .prefixed = true});
    tn_buffer_free(&pairs);
    return span;
}

Test(otlp_protobuf, is_whole_at_every_size_of_a_remembered_key)
{
    static char key[TN_MAX_KEY + 1], whole[TN_MAX_KEY + 8], value[200];
    static const size_t value_sizes[] = {0, 1, 89, 90, 91, 92, 126, 127, 128, 200};
    memset(key, 'k', TN_MAX_KEY);
    memset(value, 'x', sizeof(value));
    tn_encoder_options options = test_encoding();
    for (size_t size = 0; size <= TN_MAX_KEY; size += size < 150 ? 1 : 23) {
        snprintf(whole, sizeof(whole), "tasker.%.*s", (int)size, key);
        for (size_t i = 0; i < sizeof(value_sizes) / sizeof(value_sizes[0]); i++) {
            tn_name name = {.text = {key, size}};
            tn_span *span = span_with_named_pair(&name, (tn_text){value, value_sizes[i]});
            tn_buffer request = encoded_span(&options, span);
            tn_text message = span_of(&request, 0);
            cr_assert_eq(nth_bytes(value_of(message, 9, whole), 1, 0).size, value_sizes[i]);
            cr_assert_eq(nth_number(message, 16, 0), 0x101, "what stands behind it");
            tn_buffer_free(&request);
        }
    }
}

/* What the attributes in a field come to: "a=1 b=2 ", in their order. */
static void tell_attributes(char *out, size_t size, tn_text message, unsigned field)
{
    *out = '\0';
    for (size_t i = 0; i < field_count(message, field); i++) {
        tn_text pair = nth_bytes(message, field, i);
        tn_text key = nth_bytes(pair, 1, 0), value = nth_bytes(nth_bytes(pair, 2, 0), 1, 0);
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%.*s=%.*s ", (int)key.size, key.bytes, (int)value.size, value.bytes);
    }
}

/* A span that had the pairs `before`, then an event whose pairs are also its own, then `after`. */
static void assert_attributes(tn_pairs before, tn_pairs of_event, tn_pairs after, const char *span_has,
                              const char *event_has)
{
    char told[256];
    tn_span_limits limits = TN_SPAN_LIMITS_DEFAULT;
    tn_encoder_options options = test_encoding();
    tn_span *span = new_span("s");
    tn_span_add_attributes(span, before);
    tn_span_add_event_and_attributes(span, &limits, TN_TEXT("e"), 1, of_event);
    tn_span_add_attributes(span, after);

    tn_buffer request = encoded_span(&options, span);
    tn_text message = span_of(&request, 0);
    tell_attributes(told, sizeof(told), message, 9);
    cr_assert_str_eq(told, span_has);
    tell_attributes(told, sizeof(told), nth_bytes(message, 11, 0), 3);
    cr_assert_str_eq(told, event_has);
    cr_assert_eq(nth_number(message, 16, 0), 0x101, "what stands behind it");
    tn_buffer_free(&request);
}

#define PAIRS(...) text_pairs(__VA_ARGS__, NULL)

Test(otlp_protobuf, an_event_has_its_own_attributes_and_no_others)
{
    char text[] = "a value of more than a hundred and twenty-seven bytes, whose size takes two bytes: "
                  "............................................................";
    char both[256];
    snprintf(both, sizeof(both), "a=1 b=%s ", text);

    assert_attributes(TN_NO_PAIRS, PAIRS("a", "1", "b", text), TN_NO_PAIRS, both, both);
    assert_attributes(PAIRS("a", "1"), PAIRS("a", "2", "b", "3"), TN_NO_PAIRS, "a=2 b=3 ", "a=2 b=3 ");
    assert_attributes(PAIRS("b", "1"), PAIRS("a", "2", "b", "3", "a", "4"), TN_NO_PAIRS, "b=3 a=4 ", "b=3 a=4 ");
    assert_attributes(PAIRS("x", "1"), PAIRS("a", "2", "b", "3"), TN_NO_PAIRS, "x=1 a=2 b=3 ", "a=2 b=3 ");
    assert_attributes(PAIRS("x", "1"), PAIRS("a", "2", "a", "3"), TN_NO_PAIRS, "x=1 a=3 ", "a=3 ");
    assert_attributes(TN_NO_PAIRS, PAIRS("a", "2", "b", "3"), PAIRS("b", "4"), "a=2 b=4 ", "a=2 b=3 ");
    assert_attributes(TN_NO_PAIRS, PAIRS("a", "2", "b", "3"), PAIRS("a", "4", "b", "5"), "a=4 b=5 ", "a=2 b=3 ");
    assert_attributes(TN_NO_PAIRS, PAIRS("a", "2"), PAIRS("c", "3"), "a=2 c=3 ", "a=2 ");
    assert_attributes(PAIRS("a", "1"), TN_NO_PAIRS, TN_NO_PAIRS, "a=1 ", "");
    assert_attributes(TN_NO_PAIRS, TN_NO_PAIRS, TN_NO_PAIRS, "", "");
}

Test(otlp_protobuf, limits_the_attributes_of_spans_and_events_but_not_of_the_resource)
{
    tn_span_limits limits = TN_SPAN_LIMITS_DEFAULT;
    tn_encoder_options options = test_encoding();
    options.resource = text_pairs("service.name", "shop", "host.name", "h", "process.pid", "1", NULL);
    options.attribute_limit = 1;
    tn_span *span = new_span("s");
    tn_span_add_event_and_attributes(span, &limits, TN_TEXT("e"), 1, text_pairs("a", "1", "b", "2", "c", "3", NULL));

    tn_buffer request = encoded_span(&options, span);
    tn_text message = span_of(&request, 0);
    cr_assert_eq(field_count(message, 9), 1);
    cr_assert_eq(nth_number(message, 10, 0), 2);
    cr_assert_eq(field_count(nth_bytes(message, 11, 0), 3), 1);
    cr_assert_eq(nth_number(nth_bytes(message, 11, 0), 4, 0), 2);
    tn_text resource = nth_bytes(nth_bytes(tn_buffer_text(&request), RESOURCE_SPANS, 0), RESOURCE, 0);
    cr_assert_eq(field_count(resource, 1), 3);
    cr_assert_eq(field_count(resource, 2), 0);
    tn_buffer_free(&request);
}

Test(otlp_protobuf, beyond_the_cap_fails)
{
    tn_encoder encoder;
    tn_encoder_options options = test_encoding();
    cr_assert_eq(tn_encoder_init(&encoder, &options), TN_OK);
    tn_span_list spans = {0};
    tn_span_list_add(&spans, rich_span());
    for (size_t cap = 1; cap < 500; cap++) {
        tn_buffer buffer;
        tn_buffer_init(&buffer, cap);
        cr_assert_eq(tn_otlp_protobuf(&buffer, &encoder, &spans), TN_ERROR_LIMIT);
        tn_buffer_free(&buffer);
    }
    tn_span_list_free(&spans);
    tn_encoder_free(&encoder);
}

/* The least cap that a span fits under; ASan watches that less is not written beyond. */
static size_t least_cap(tn_span *span)
{
    tn_encoder encoder;
    tn_encoder_options options = test_encoding();
    cr_assert_eq(tn_encoder_init(&encoder, &options), TN_OK);
    tn_span_list spans = {0};
    tn_span_list_add(&spans, span);
    tn_status status = TN_ERROR_LIMIT;
    size_t cap = 0;
    while (status != TN_OK) {
        tn_buffer buffer;
        tn_buffer_init(&buffer, ++cap);
        status = tn_otlp_protobuf(&buffer, &encoder, &spans);
        cr_assert(status == TN_OK || status == TN_ERROR_LIMIT);
        tn_buffer_free(&buffer);
    }
    tn_span_list_free(&spans);
    tn_encoder_free(&encoder);
    return cap;
}

Test(otlp_protobuf, writes_nothing_beyond_a_cap)
{
    static const size_t key_sizes[] = {1, 22, 23, 24, 54, 55, 56, 120}, value_sizes[] = {0, 89, 90, 91, 130};
    char key[120], value[130];
    memset(key, 'k', sizeof(key));
    memset(value, 'x', sizeof(value));
    for (size_t i = 0; i < sizeof(key_sizes) / sizeof(key_sizes[0]); i++) {
        for (size_t j = 0; j < sizeof(value_sizes) / sizeof(value_sizes[0]); j++) {
            tn_name name = {.text = {key, key_sizes[i]}};
            tn_span *span = span_with_named_pair(&name, (tn_text){value, value_sizes[j]});
            cr_assert_lt(least_cap(span), 800);
        }
    }
}

Test(otlp_protobuf, that_cannot_allocate_says_so)
{
    tn_encoder encoder;
    tn_encoder_options options = test_encoding();
    cr_assert_eq(tn_encoder_init(&encoder, &options), TN_OK);
    tn_span_list spans = new_spans(20);
    for_each_failing_allocation {
        tn_buffer buffer;
        tn_buffer_init(&buffer, TN_MAX_REQUEST);
        tn_status status = tn_otlp_protobuf(&buffer, &encoder, &spans);
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        tn_buffer_free(&buffer);
    }
    tn_span_list_free(&spans);
    tn_encoder_free(&encoder);
}
