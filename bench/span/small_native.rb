# frozen_string_literal: true

require_relative '../support/native_spans'

# A step's begin and end with nothing but its ids.
class SmallNativeSpan < NativeSpans
  def publish(first, last)
    publisher = @publisher
    number = first
    while number < last
      publisher.publish('step.before_handle', { task_id: number >> 3, step_id: number })
      publisher.publish('step.completed', { task_id: number >> 3, step_id: number })
      number += 1
    end
  end
end

Subject.run(SmallNativeSpan.new)
