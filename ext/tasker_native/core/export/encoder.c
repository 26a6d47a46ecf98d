#include "export/encoder.h"

#define MAX_PREFIX 256

tn_status tn_encoder_init(tn_encoder *encoder, const tn_encoder_options *options)
{
    *encoder = (tn_encoder){.resource_count = options->resource.count};
    tn_buffer_init(&encoder->prefix, MAX_PREFIX);
    tn_buffer_init(&encoder->resource, TN_PAYLOAD_BUFFER);
    tn_buffer_init(&encoder->scope_version, MAX_PREFIX);
    tn_buffer_append_text(&encoder->prefix, options->prefix);
    tn_buffer_append(&encoder->resource, options->resource.bytes, options->resource.size);
    tn_buffer_append_text(&encoder->scope_version, options->scope_version);

    tn_status status = tn_attribute_set_init(&encoder->attributes, tn_buffer_text(&encoder->prefix),
                                             options->attribute_limit);
    if (status == TN_OK) status = encoder->prefix.status;
    if (status == TN_OK) status = encoder->resource.status;
    if (status == TN_OK) status = encoder->scope_version.status;
    if (status != TN_OK) tn_encoder_free(encoder);
    return status;
}

void tn_encoder_free(tn_encoder *encoder)
{
    tn_attribute_set_free(&encoder->attributes);
    tn_buffer_free(&encoder->prefix);
    tn_buffer_free(&encoder->resource);
    tn_buffer_free(&encoder->scope_version);
}
