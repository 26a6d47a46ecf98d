# frozen_string_literal: true

require_relative '../support/native_spans'

# A step's end with `size` keys in its payload, all of which become attributes of the span.
class KeysNative < NativeSpans
  QUEUE_BYTES = 16 * 1024 * 1024
  BYTES_A_KEY = 100 # not less than a key takes in the queue

  def initialize
    super(iterations: 20_000)
    @iterations = [@iterations, 1_000_000 / size].min
    @burst = [@burst, QUEUE_BYTES / BYTES_A_KEY / size].min
  end

  def name
    "#{super}, #{size} keys"
  end

  def prepare(sink_url)
    super
    Tasker.configuration.telemetry.span_attribute_count_limit = 1000
    @payload = { task_id: 1, step_id: 0 }
    (size - 2).times { |number| @payload[:"key_#{number}"] = number.even? ? number : "value #{number}" }
  end

  def publish(first, last)
    publisher = @publisher
    payload = @payload
    number = first
    while number < last
      payload[:step_id] = number
      publisher.publish('step.completed', payload)
      number += 1
    end
  end

  # As many attributes have arrived as there are keys, and ours adds one or two.
  def counts
    super.tap { raise Miscounted, "a span has #{facts_count} attributes" if facts_count < size }
  end

  private

  def facts_count
    @last_facts.size - 3 # span, event, status
  end

  def take
    super.tap { |taken| @last_facts = taken[:facts] }
  end
end

Subject.run(KeysNative.new)
