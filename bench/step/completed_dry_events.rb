# frozen_string_literal: true

require_relative '../support/bench_step'
require_relative '../support/dry_events'
require_relative '../support/heard_subject'

# Only tells one block which step it was: no standard payload, no filter, no span.
class CompletedDryEvents < HeardSubject
  def prepare(_sink_url)
    @step = BenchStep.example
    @publisher = DryEvents.publisher(EVENT)
    @publisher.subscribe(EVENT, &listener)
  end

  def publish(first, last)
    publisher = @publisher
    step = @step
    number = first
    while number < last
      step.workflow_step_id = number
      publisher.publish(EVENT, { task_id: step.task_id, step_id: step.workflow_step_id })
      number += 1
    end
  end
end

Subject.run(CompletedDryEvents.new('dry-events'))
