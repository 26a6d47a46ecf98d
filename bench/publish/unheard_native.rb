# frozen_string_literal: true

require_relative '../support/native'
require_relative '../support/subject'

# An event of which no span is made, and which is not counted, while telemetry is on.
class UnheardNative < Subject
  EVENT = 'workflow.task_started'
  PAYLOAD = { task_id: 1 }.freeze

  def prepare(_sink_url)
    @publisher = Native.load { |tel| tel.exporter = :memory }
  end

  def publish(first, last)
    publisher = @publisher
    number = first
    while number < last
      publisher.publish(EVENT, PAYLOAD)
      number += 1
    end
  end

  def counts
    { counted: Native.published(EVENT) }
  end

  def settings
    Native.settings
  end
end

Subject.run(UnheardNative.new('tasker-native', iterations: 1_000_000))
