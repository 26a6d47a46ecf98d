# frozen_string_literal: true

require_relative '../support/heard_subject'

# A block of one argument, which gets an Event.
class HeardNotifications < HeardSubject
  def prepare(_sink_url)
    require 'active_support'
    require 'active_support/notifications'
    ActiveSupport::Notifications.subscribe(EVENT, &listener)
  end

  def publish(first, last)
    number = first
    while number < last
      ActiveSupport::Notifications.instrument(EVENT, PAYLOAD)
      number += 1
    end
  end

  private

  def event_name(event)
    event.name
  end
end

Subject.run(HeardNotifications.new('ActiveSupport::Notifications'))
