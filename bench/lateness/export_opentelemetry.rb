# frozen_string_literal: true

require_relative '../support/large_opentelemetry_span'
require_relative '../support/paced'

# OpenTelemetry Ruby does the same, as well as it can: on a slow machine it drops spans, which is told, and makes it
# look better.
class LatenessOpenTelemetry < LargeOpenTelemetrySpan
  include Paced

  def counts
    counted = super
    @dropped = counted.delete(:dropped)
    counted.to_h { |who, count| [:"#{who}_or_dropped", count + @dropped] }
  end

  def traffic
    { dropped: @dropped, **super }
  end
end

Subject.run(LatenessOpenTelemetry.new(iterations: 100_000, queue: 16_384))
