# frozen_string_literal: true

require_relative '../support/dry_events'
require_relative '../support/heard_subject'

# What an event costs in tasker-engine before anything is done about it.
class HeardDryEvents < HeardSubject
  def prepare(_sink_url)
    @publisher = DryEvents.publisher(EVENT)
    @publisher.subscribe(EVENT, &listener)
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

Subject.run(HeardDryEvents.new('dry-events'))
