# frozen_string_literal: true

require_relative '../support/native_spans'

# Memory of steps that are open, as the process grows by it.
class MemoryNative < NativeSpans
  def initialize
    super(iterations: size)
    @burst = @iterations
  end

  def name
    "#{super}, #{Number.grouped(size)} open"
  end

  def prepare(sink_url)
    super
    Tasker.configuration.telemetry.max_open_spans = 2 * size
  end

  def publish(first, last)
    publisher = @publisher
    number = first
    while number < last
      publisher.publish('step.before_handle',
                        { task_id: number >> 3, step_id: number, step_name: 'process_payment', attempt_number: 1 })
      number += 1
    end
  end

  def counts
    { open: Tasker::Native.stats[:open_steps] }
  end

  def facts
    {}
  end

  def traffic
    {}
  end

  private

  def pace
    'no flush'
  end

  def warm_up; end

  def figures(meter)
    super.merge(bytes_each: super[:memory].fdiv(iterations))
  end
end

Subject.run(MemoryNative.new)
