#include "support_export.h"

TestSuite(span_line, .fini = all_memory_is_back);

/* The line of this span, which it frees. */
static tn_buffer line_of(tn_span *span)
{
    tn_encoder encoder;
    tn_buffer buffer;
    tn_encoder_options options = test_encoding();
    cr_assert_eq(tn_encoder_init(&encoder, &options), TN_OK);
    tn_buffer_init(&buffer, TN_MAX_REQUEST);
    cr_assert_eq(tn_span_line(&buffer, &encoder, span), TN_OK);
    tn_encoder_free(&encoder);
    tn_span_free(span);
    return buffer;
}

Test(span_line, tells_what_people_want_to_know)
{
    tn_buffer line = line_of(rich_span());
    assert_text(tn_buffer_text(&line),
                "ERROR tasker.step.execution        200.0 ms trace=000102030405060708090a0b0c0d0e0f "
                "span=a001020304050607 parent=b001020304050607 message=\"it \\\"broke\\\"\" "
                "{\"tasker.name\": \"Ada\", \"tasker.count\": -5, \"tasker.ratio\": 0.25, \"tasker.done\": true, "
                "\"error.type\": \"IOError\"}\n");
    tn_buffer_free(&line);
}

Test(span_line, leaves_out_what_a_span_does_not_have)
{
    tn_span *span = new_span("root");
    span->parent_id = (tn_span_id){{0}};
    tn_buffer line = line_of(span);
    assert_text(tn_buffer_text(&line), "UNSET root                         200.0 ms "
                                       "trace=000102030405060708090a0b0c0d0e0f span=a001020304050607\n");
    tn_buffer_free(&line);
}

static void assert_tame(const tn_buffer *line)
{
    cr_assert_eq(line->bytes[line->size - 1], '\n');
    for (size_t i = 0; i < line->size - 1; i++) {
        bool wide = line->bytes[i] == 0xc2 && line->bytes[i + 1] < 0xa0;
        cr_assert(line->bytes[i] >= 0x20 && line->bytes[i] != 0x7f && !wide, "%.*s", (int)line->size, line->bytes);
    }
}

Test(span_line, no_control_character_reaches_a_terminal)
{
    static const char evil[] = "a\x1b[2Jb\nc\rd\x7f\xc2\x85"
                               "e\xc2\x9b"
                               "2Jf\x08\x07";
    tn_span_limits limits = TN_SPAN_LIMITS_DEFAULT;
    tn_span *span = new_span(evil);
    tn_span_add_attributes(span, text_pairs(evil, evil, NULL));
    tn_span_add_event(span, &limits, tn_text_of(evil), 1, text_pairs(evil, evil, NULL));
    tn_span_set_status(span, TN_STATUS_ERROR, tn_text_of(evil));
    tn_buffer line = line_of(span);
    assert_tame(&line);
    tn_buffer_free(&line);
}

Test(span_line, is_one_tame_line_whatever_the_texts_contain)
{
    for (int round = 0; round < 300; round++) {
        char texts[3][64];
        for (int i = 0; i < 3; i++) texts[i][random_text(texts[i], sizeof(texts[i]) - 1)] = '\0';
        tn_span *span = new_span(texts[0]);
        tn_span_add_attributes(span, text_pairs(texts[1], texts[2], NULL));
        tn_span_set_status(span, TN_STATUS_ERROR, tn_text_of(texts[1]));
        tn_buffer line = line_of(span);
        assert_tame(&line);
        tn_buffer_free(&line);
    }
}

Test(span_line, a_long_name_does_not_push_anything_out)
{
    char name[1001];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    tn_buffer line = line_of(new_span(name));
    cr_assert(contains(tn_buffer_text(&line), name));
    cr_assert(contains(tn_buffer_text(&line), " 200.0 ms trace="));
    tn_buffer_free(&line);
}

Test(span_line, that_cannot_allocate_says_so)
{
    tn_encoder encoder;
    tn_encoder_options options = test_encoding();
    cr_assert_eq(tn_encoder_init(&encoder, &options), TN_OK);
    tn_span *span = rich_span();
    for_each_failing_allocation {
        tn_buffer buffer;
        tn_buffer_init(&buffer, TN_MAX_REQUEST);
        tn_status status = tn_span_line(&buffer, &encoder, span);
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        tn_buffer_free(&buffer);
    }
    tn_span_free(span);
    tn_encoder_free(&encoder);
}
