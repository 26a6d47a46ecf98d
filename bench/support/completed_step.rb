# frozen_string_literal: true

require_relative 'bench_step'
require_relative 'native_spans'

# What a handler calls at the end of a step; each is another step, or there would be one span for all.
class CompletedStep < NativeSpans
  def prepare(sink_url)
    super
    extend Tasker::Concerns::EventPublisher

    @step = BenchStep.example
  end

  def publish(first, last)
    step = @step
    number = first
    while number < last
      step.workflow_step_id = number
      publish_step_completed(step)
      number += 1
    end
  end
end
