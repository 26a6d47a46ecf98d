# frozen_string_literal: true

require_relative 'native_spans'

# One step ends and another one begins while `size` steps are open: two publishes.
class OpenSpans < NativeSpans
  # stride: which one ends next, so many after the one before
  def initialize(stride:)
    super(iterations: 50_000)
    @stride = stride
  end

  def name
    "#{super}, #{Number.grouped(size)} open"
  end

  def prepare(sink_url)
    super
    Tasker.configuration.telemetry.max_open_spans = 2 * size
    size.times { |number| @publisher.publish('step.before_handle', { task_id: number >> 3, step_id: number }) }
  end

  # Step n, and n + size, n + 2 * size, ... follow each other.
  def publish(first, last)
    publisher = @publisher
    number = first
    while number < last
      ending = (number * @stride % size) + (number / size * size)
      publisher.publish('step.completed', { task_id: ending >> 3, step_id: ending })
      beginning = ending + size
      publisher.publish('step.before_handle', { task_id: beginning >> 3, step_id: beginning })
      number += 1
    end
  end

  def counts
    { **super, ended: size + @published - Tasker::Native.stats[:open_steps] }
  end
end
