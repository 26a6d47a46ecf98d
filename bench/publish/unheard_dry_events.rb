# frozen_string_literal: true

require_relative '../support/dry_events'
require_relative '../support/subject'

# What dry-events, tasker-engine's event bus, takes where nobody has subscribed.
class UnheardDryEvents < Subject
  EVENT = 'workflow.task_started'
  PAYLOAD = { task_id: 1 }.freeze

  def prepare(_sink_url)
    @publisher = DryEvents.publisher(EVENT)
  end

  def publish(first, last)
    publisher = @publisher
    number = first
    while number < last
      publisher.publish(EVENT, PAYLOAD)
      number += 1
    end
  end
end

Subject.run(UnheardDryEvents.new('dry-events', iterations: 1_000_000))
