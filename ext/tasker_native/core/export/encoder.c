#include "export/encoder.h"

static tn_status keep_resource(tn_encoder *encoder, const tn_encoder_options *options)
{
    tn_pairs pairs = options->resource;
    tn_buffer_append(&encoder->resource, pairs.bytes, pairs.size);
    if (encoder->resource.status != TN_OK) return encoder->resource.status;

    pairs.bytes = encoder->resource.bytes;
    tn_status status = tn_attribute_set_init(&encoder->resource_attributes, &encoder->resource_names, pairs.count);
    if (status == TN_OK) tn_attribute_set_add(&encoder->resource_attributes, pairs);
    return status;
}

tn_status tn_encoder_init(tn_encoder *encoder, const tn_encoder_options *options)
{
    *encoder = (tn_encoder){0};
    tn_buffer_init(&encoder->prefix, TN_MAX_SCOPE);
    tn_buffer_init(&encoder->resource, TN_PAYLOAD_BUFFER);
    tn_buffer_init(&encoder->scope_version, TN_MAX_SCOPE);
    tn_buffer_append_text(&encoder->prefix, options->prefix);
    tn_buffer_append_text(&encoder->scope_version, options->scope_version);

    tn_attribute_names_init(&encoder->names, tn_buffer_text(&encoder->prefix));
    tn_attribute_names_init(&encoder->resource_names, TN_NO_TEXT);

    tn_status status = tn_attribute_set_init(&encoder->attributes, &encoder->names, options->attribute_limit);
    if (status == TN_OK) status = keep_resource(encoder, options);
    if (status == TN_OK) status = encoder->prefix.status;
    if (status == TN_OK) status = encoder->scope_version.status;
    if (status != TN_OK) tn_encoder_free(encoder);
    return status;
}

void tn_encoder_free(tn_encoder *encoder)
{
    tn_attribute_set_free(&encoder->attributes);
    tn_attribute_set_free(&encoder->resource_attributes);
    tn_attribute_names_free(&encoder->names);
    tn_attribute_names_free(&encoder->resource_names);
    tn_buffer_free(&encoder->prefix);
    tn_buffer_free(&encoder->resource);
    tn_buffer_free(&encoder->scope_version);
}

void tn_encoder_reset_in_child(tn_encoder *encoder)
{
    tn_attribute_names_init(&encoder->names, tn_buffer_text(&encoder->prefix));
    encoder->attributes.second = (tn_timestamp_second){0};
}
