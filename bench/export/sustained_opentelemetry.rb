# frozen_string_literal: true

require_relative '../support/large_opentelemetry_span'
require_relative '../support/sustained'

# OpenTelemetry Ruby does the same.
class SustainedOpenTelemetry < LargeOpenTelemetrySpan
  include Sustained
end

Subject.run(SustainedOpenTelemetry.new(iterations: 1_000_000))
