# frozen_string_literal: true

require_relative '../support/large_opentelemetry_span'

Subject.run(LargeOpenTelemetrySpan.new)
