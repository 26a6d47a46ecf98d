# frozen_string_literal: true

# tasker-engine's event bus, as tasker-engine uses it.
module DryEvents
  module_function

  def publisher(*event_names)
    require 'dry/events'
    publisher = Class.new { include Dry::Events::Publisher[:bench] }.new
    event_names.each { |name| publisher.register_event(name) }
    publisher
  end
end
