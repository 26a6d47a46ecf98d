# frozen_string_literal: true

require_relative '../support/subject'

# What ActiveSupport takes where nobody has subscribed.
class UnheardNotifications < Subject
  EVENT = 'workflow.task_started'
  PAYLOAD = { task_id: 1 }.freeze

  def prepare(_sink_url)
    require 'active_support'
    require 'active_support/notifications'
  end

  def publish(first, last)
    number = first
    while number < last
      ActiveSupport::Notifications.instrument(EVENT, PAYLOAD)
      number += 1
    end
  end
end

Subject.run(UnheardNotifications.new('ActiveSupport::Notifications', iterations: 1_000_000))
