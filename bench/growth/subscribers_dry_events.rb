# frozen_string_literal: true

require_relative '../support/dry_events'
require_relative '../support/many_subscribers'

# tasker-engine's event bus.
class SubscribersDryEvents < ManySubscribers
  def prepare(_sink_url)
    @publisher = DryEvents.publisher(EVENT)
    subscribe(@publisher)
  end
end

Subject.run(SubscribersDryEvents.new('dry-events'))
