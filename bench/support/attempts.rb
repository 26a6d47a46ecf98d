# frozen_string_literal: true

require_relative 'native_spans'

# A step begins and ends while `size` others are open: two publishes.
class Attempts < NativeSpans
  def initialize
    super(iterations: 300_000)
  end

  def name
    "#{super}, #{Number.grouped(size)} open"
  end

  def prepare(sink_url)
    super
    Tasker.configuration.telemetry.max_open_spans = 2 * size
    size.times { |number| @publisher.publish('step.before_handle', { task_id: number >> 3, step_id: number }) }
  end

  def publish(first, last)
    publisher = @publisher
    number = first + size
    while number < last + size
      publisher.publish('step.before_handle', { task_id: number >> 3, step_id: number })
      publisher.publish('step.completed', { task_id: number >> 3, step_id: number })
      number += 1
    end
  end

  def counts
    { **super, others: @published - size + Tasker::Native.stats[:open_steps] }
  end
end
