# frozen_string_literal: true

require_relative 'opentelemetry_spans'

# A span with 8 attributes, an event and a status.
class LargeOpenTelemetrySpan < OpenTelemetrySpans
  def publish(first, last)
    tracer = @tracer
    number = first
    while number < last
      span = tracer.start_span(
        'tasker.step.execution',
        attributes: { 'tasker.task_id' => number >> 3, 'tasker.step_id' => number,
                      'tasker.step_name' => 'process_payment', 'tasker.attempt_number' => 1, 'tasker.retry_limit' => 3,
                      'tasker.execution_duration' => 0.125, 'tasker.queue' => 'default', 'tasker.retryable' => true }
      )
      span.add_event('step.completed')
      span.status = @ok
      span.finish
      number += 1
    end
    @finished = number
  end
end
