# frozen_string_literal: true

module Tasker
  module Native
    module Engine
      # In front of the engine's subscribers.
      #
      # @api private
      module Subscribers
        # @return [void]
        def self.install
          base = Tasker::Events::Subscribers::BaseSubscriber
          base.prepend(PayloadReader)
          base.prepend(Base)
          Tasker::Events::Subscribers::TelemetrySubscriber.prepend(Telemetry)
        end

        # Of all subscribers: filters are asked at every event rather than once, and an event of the application is
        # listened to under its own name, too.
        module Base
          # @param publisher [Tasker::Events::Publisher]
          # @return [void]
          def subscribe_to_publisher(publisher)
            event_subscriptions.each do |event_name, handler|
              SubscribedName.new(event_name).on(Native.publisher).each do |name|
                Native.publisher.subscribe(name, Subscription.new(self, handler))
              end
            end
          end
        end

        # Of the one that makes spans.
        module Telemetry
          include SpanHandlers

          private

          # Spans do without one.
          def create_tracer
            super if opentelemetry_available?
          end
        end
      end
    end
  end
end
