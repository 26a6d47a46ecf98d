# frozen_string_literal: true

require_relative '../support/large_opentelemetry_span'

# In bursts of two whole batches.
Subject.run(LargeOpenTelemetrySpan.new(burst: 1024))
