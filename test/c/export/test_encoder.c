#include "support_export.h"

TestSuite(encoder, .fini = all_memory_is_back);

Test(encoder, keeps_copies_of_its_options)
{
    char prefix[] = "tasker.", version[] = "1.2.3";
    uint8_t resource[64];
    tn_encoder_options options = test_encoding();
    memcpy(resource, options.resource.bytes, options.resource.size);
    options.prefix.bytes = prefix;
    options.scope_version.bytes = version;
    options.resource.bytes = resource;

    tn_encoder encoder;
    cr_assert_eq(tn_encoder_init(&encoder, &options), TN_OK);
    memset(prefix, 'x', sizeof(prefix));
    memset(version, 'x', sizeof(version));
    memset(resource, 'x', sizeof(resource));

    tn_span_list spans = {0};
    tn_span_list_add(&spans, rich_span());
    tn_buffer buffer;
    tn_buffer_init(&buffer, TN_MAX_REQUEST);
    cr_assert_eq(tn_otlp_json(&buffer, &encoder, &spans), TN_OK);
    cr_assert(contains(tn_buffer_text(&buffer), "\"tasker.name\""));
    cr_assert(contains(tn_buffer_text(&buffer), "\"1.2.3\""));
    cr_assert(contains(tn_buffer_text(&buffer), "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shop\"}}"));
    tn_buffer_free(&buffer);
    tn_span_list_free(&spans);
    tn_encoder_free(&encoder);
}

Test(encoder, without_prefix_resource_and_version_is_fine)
{
    tn_encoder encoder;
    tn_encoder_options options = {.prefix = {NULL, 0}, .resource = TN_NO_PAIRS, .attribute_limit = 1};
    cr_assert_eq(tn_encoder_init(&encoder, &options), TN_OK);
    tn_span_list spans = new_spans(1);
    tn_buffer buffer;
    tn_buffer_init(&buffer, TN_MAX_REQUEST);
    cr_assert_eq(tn_otlp_json(&buffer, &encoder, &spans), TN_OK);
    cr_assert(is_json(tn_buffer_text(&buffer)));
    tn_buffer_free(&buffer);
    tn_span_list_free(&spans);
    tn_encoder_free(&encoder);
}

Test(encoder, that_cannot_allocate_says_so)
{
    for_each_failing_allocation {
        tn_encoder encoder;
        tn_encoder_options options = test_encoding();
        tn_status status = tn_encoder_init(&encoder, &options);
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        if (status == TN_OK) tn_encoder_free(&encoder);
    }
}

Test(encoder, refuses_a_prefix_that_is_too_long)
{
    char prefix[TN_MAX_SCOPE + 1];
    memset(prefix, 'x', sizeof(prefix));
    tn_encoder encoder;
    tn_encoder_options options = test_encoding();
    options.prefix = (tn_text){prefix, sizeof(prefix)};
    cr_assert_eq(tn_encoder_init(&encoder, &options), TN_ERROR_LIMIT);
}
