# frozen_string_literal: true

require_relative 'span_handlers'

module Tasker
  module Native
    # Turns the events of tasks and steps into spans. Telemetry does that by itself, without an instance of this class;
    # it is for those who want to drive spans by hand, or to override how an event is handled:
    #
    # @example
    #   class OrderTelemetry < Tasker::Events::Subscribers::TelemetrySubscriber
    #     def handle_task_completed(event)
    #       finish_task_span(event, :ok, extract_attributes(event).merge('orders.region' => 'EU'))
    #     end
    #   end
    #
    #   OrderTelemetry.subscribe(Tasker::Events::Publisher.instance) # stands in for the built-in tracing
    #
    # Every instance has open spans of its own. Handlers take an event or a plain Hash, and do nothing while telemetry
    # is off.
    class TelemetrySubscriber < BaseSubscriber
      include SpanHandlers

      subscribe_to(*EVENTS)
    end
  end
end
