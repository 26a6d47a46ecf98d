# frozen_string_literal: true

require_relative '../support/large_opentelemetry_span'

# In bursts of two whole batches, without gzip.
Subject.run(LargeOpenTelemetrySpan.new(burst: 1024, compression: 'none'))
