# frozen_string_literal: true

require_relative '../support/opentelemetry_spans'

# A span with one attribute and one event.
class SmallOpenTelemetrySpan < OpenTelemetrySpans
  def publish(first, last)
    tracer = @tracer
    number = first
    while number < last
      span = tracer.start_span('tasker.step.execution', attributes: { 'tasker.step_id' => number })
      span.add_event('step.completed')
      span.finish
      number += 1
    end
    @finished = number
  end
end

Subject.run(SmallOpenTelemetrySpan.new)
