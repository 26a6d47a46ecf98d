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
          Engine.on_load('Tasker::Events::Subscribers::MetricsSubscriber') { |metrics| metrics.prepend(Metrics) }
        end

        # Of all subscribers: filters are asked at every event rather than once, and an event of the application is
        # listened to under its own name, too.
        module Base
          # @param publisher [Tasker::Events::Publisher]
          # @return [void]
          def subscribe_to_publisher(publisher)
            return super unless publisher.is_a?(Bus)

            event_subscriptions.each do |event_name, handler|
              SubscribedName.new(Base.given_name(self, event_name)).on(Engine.bus).each do |name|
                Engine.bus.subscribe(name, Subscription.new(self, handler))
              end
            end
          end

          # The engine puts +custom.+ in front of whatever does not begin like a system event.
          #
          # @param subscriber [Tasker::Events::Subscribers::BaseSubscriber]
          # @param event_name [String]
          # @return [String, Symbol] as +subscribe_to+ was given it
          def self.given_name(subscriber, event_name)
            given = subscriber.class.subscribed_events.find do |name|
              subscriber.__send__(:resolve_internal_event_constant, name) == event_name
            end
            given || event_name
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

        # Of the one that counts. The engine's would keep every event in memory, too, in the name of traces; and it
        # would take the names of events from those of methods, in which a dot and an underscore are the same.
        module Metrics
          # What Tasker::Telemetry::MetricsBackend makes something of.
          COUNTED = /\.(started|completed|failed|cancelled)\z|workflow\.iteration|system\.health/
          private_constant :COUNTED

          # @param event_name [String]
          # @param event [Tasker::Native::Event, Hash]
          # @return [Boolean]
          def handle_event(event_name, event)
            return super unless event.is_a?(Native::Event)

            payload = event.payload
            Tasker::Telemetry::MetricsBackend.instance.handle_event(event.id, payload) if Metrics.counts?(payload)
          end

          # An attempt's end is told three times, a task's by its state machine and then, with what is to be counted, by
          # the finalizer.
          #
          # @param payload [Hash]
          # @return [Boolean]
          def self.counts?(payload)
            payload.key?(:step_id) ? Attempt.first_end?(payload) : !payload.key?(:to_state)
          end

          protected

          # @return [Hash{String=>Symbol}] names of events that are counted, and the methods that handle them
          def event_subscriptions
            super.select { |event_name, _| COUNTED.match?(event_name) }
          end
        end
      end
    end
  end
end
