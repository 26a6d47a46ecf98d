# frozen_string_literal: true

require_relative 'engine_records'

# publish_task_completed(task) of what has run the task, each with another record. The task has begun in this process.
module EngineTask
  def initialize(**options)
    super(iterations: 500, **options)
  end

  def prepare(sink_url)
    super
    @coordinator = FiveSteps::InTurn.new
    ids = @publishing.silent { EngineRecords.create(operations) }
    @tasks = EngineRecords.tasks(ids).each { |task| @coordinator.publish_task_started(task) }
  end

  def publish(first, last)
    coordinator = @coordinator
    tasks = @tasks
    number = first
    while number < last
      coordinator.publish_task_completed(tasks[number])
      number += 1
    end
  end
end
