# frozen_string_literal: true

require_relative 'engine_records'

# publish_step_completed(step) of a handler, each with another record.
module EngineStep
  def initialize(**options)
    super(iterations: 2000, **options)
  end

  def prepare(sink_url)
    super
    @handler = FiveSteps::EmptyStep.new
    ids = @publishing.silent { EngineRecords.create((operations / 5.0).ceil) }
    EngineRecords.tasks(ids).each { |task| @handler.publish_task_started(task) }
    @steps = EngineRecords.steps(ids)
  end

  def publish(first, last)
    handler = @handler
    steps = @steps
    number = first
    while number < last
      handler.publish_step_completed(steps[number])
      number += 1
    end
  end
end
