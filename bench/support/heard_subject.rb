# frozen_string_literal: true

require_relative 'subject'

# An event that one block listens to. The block counts, and keeps the last event for the comparison.
class HeardSubject < Subject
  EVENT = 'step.completed'
  PAYLOAD = { task_id: 1, step_id: 2, step_name: 'process_payment', attempt_number: 1 }.freeze

  def initialize(name, iterations: 200_000)
    super
    @heard = 0
  end

  def facts
    { 'event' => event_name(@event), **@event.payload.to_h { |key, value| [key.to_s, value.to_s] } }
  end

  def counts
    { heard: @heard }
  end

  private

  def listener
    lambda do |event|
      @heard += 1
      @event = event
    end
  end

  # An Event has its name as its id, except where ids are something else.
  def event_name(event)
    event.id
  end
end
