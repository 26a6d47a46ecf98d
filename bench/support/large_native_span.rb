# frozen_string_literal: true

require_relative 'native_spans'

# A step's begin and end with 8 attributes; the event carries them, too.
class LargeNativeSpan < NativeSpans
  def publish(first, last)
    publisher = @publisher
    number = first
    while number < last
      publisher.publish('step.before_handle', { task_id: number >> 3, step_id: number })
      publisher.publish('step.completed',
                        { task_id: number >> 3, step_id: number, step_name: 'process_payment', attempt_number: 1,
                          retry_limit: 3, execution_duration: 0.125, queue: 'default', retryable: true })
      number += 1
    end
  end
end
