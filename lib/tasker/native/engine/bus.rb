# frozen_string_literal: true

require 'delegate'

require_relative 'filtered_listener'

module Tasker
  module Native
    module Engine
      # In front of the engine's Publisher: its events go over the native bus. What dry-events answers stays as it is:
      # who publishes or subscribes gets the publisher back, and a name that nobody knows raises dry-events' errors.
      #
      # @api private
      module Bus
        class << self
          # @param event_name [String, Symbol]
          # @param defaults [Hash] not supported: who publishes gives the whole payload
          # @return [void]
          def register(event_name, defaults)
            Native.logger.warn("tasker-native: the default payload of #{event_name} is left out") if defaults.any?
            Engine.bus.register_event(event_name)
          end

          # Who has subscribed before goes on to listen.
          #
          # @param bus [Publisher]
          # @return [void]
          def install(bus)
            publisher = Tasker::Events::Publisher
            publisher.prepend(self)
            instance = publisher.instance_variable_get(:@singleton__instance__) # has what its class had before it
            dry = instance ? instance.__bus__ : publisher
            dry.events.each_key { |name| bus.register_event(name) }
            dry.listeners.each_pair do |name, of_event|
              of_event.each { |listener, condition| bus.subscribe(name, FilteredListener.of(listener, condition)) }
            end
            publisher.singleton_class.prepend(OfClass)
          end
        end

        # Of the class, as initializers have it: the instance, which comes later, inherits what is registered and
        # subscribed there.
        module OfClass
          # @param event_name [String, Symbol]
          # @param defaults [Hash] see {Bus#register_event}
          # @return [Class]
          def register_event(event_name, defaults = {})
            Bus.register(event_name, defaults)
            self
          end

          # @param event_name [String, Symbol] one that nobody has registered yet, too
          # @param filter [Hash] what the payload has to have
          # @return [Class]
          def subscribe(event_name, filter = {}, &block)
            Engine.bus.register_event(event_name)
            Engine.bus.subscribe(event_name, FilteredListener.of(block, Dry::Events::Filter.new(filter)))
            self
          end
        end

        # Tests replace +publish+ and expect calls of it. While somebody does, the methods of the concern call it, too,
        # with the whole payload. Else nothing stands between them and the native bus.
        class Watched < SimpleDelegator
          # @param publisher [Tasker::Events::Publisher]
          def initialize(publisher)
            super(Engine.bus)
            @publisher = publisher
          end

          # @param event_name [String, Symbol]
          # @param payload [Hash]
          # @return [void]
          def publish(event_name, payload = {})
            @publisher.publish(event_name, payload)
          end

          # @param (see Publisher#publish_by)
          # @return [void]
          def publish_by(_host, event_name, payload, _about)
            @publisher.publish(event_name, payload)
          end

          # @param (see Publisher#publish_step)
          # @return [void]
          def publish_step(_host, event_name, event_type, step, error, context) # rubocop:disable Metrics/ParameterLists -- as the core's
            @publisher.publish(event_name, Native.build_step_payload(step, event_type, error, context))
          end

          # @return [true]
          def wanted?(_event_name)
            true
          end
        end

        # What the native bus knows beyond the engine's.
        %i[registered? event_names stats subscribers unsubscribe_all].each do |method|
          define_method(method) { |*arguments| Engine.bus.public_send(method, *arguments) }
        end

        # @param event_name [String, Symbol]
        # @param payload [Hash]
        # @return [self]
        def publish(event_name, payload = {})
          Engine.bus.publish(event_name, payload)
          self
        rescue UnregisteredEventError
          raise Dry::Events::UnregisteredEventError, event_name
        end
        alias trigger publish

        # @param event_name [String, Symbol]
        # @param defaults [Hash] not supported: who publishes gives the whole payload
        # @return [self]
        def register_event(event_name, defaults = {})
          Bus.register(event_name, defaults)
          self
        end

        # @param event_name [String, Symbol, Regexp, Object]
        # @param filter [Hash] what the payload has to have
        # @return [self]
        def subscribe(event_name, filter = {}, &block)
          condition = Dry::Events::Filter.new(filter)
          if block
            Engine.bus.subscribe(event_name, FilteredListener.of(block, condition))
          else
            Engine.bus.subscribe(FilteredObject.of(event_name, condition))
          end
          self
        rescue UnregisteredEventError, ArgumentError
          raise Dry::Events::InvalidSubscriberError, event_name
        end

        # @param listener [Object]
        # @return [Boolean]
        def unsubscribe(listener)
          Engine.bus.unsubscribe(listener)
        end

        # @param listener [Object]
        # @return [Boolean]
        def subscribed?(listener)
          Engine.bus.subscribed?(listener)
        end

        # @param event_name [String, Symbol]
        # @param payload [Hash]
        # @yieldparam event [Tasker::Native::Event]
        # @yieldparam listener [#call]
        # @return [void]
        def process(event_name, payload = {})
          event = Native::Event.new(event_name, payload)
          Engine.bus.listeners(event_name).each { |listener| yield event, listener }
        end

        private

        def singleton_method_added(name)
          super
          Native.publisher = Watched.new(self) if name == :publish
        end

        def singleton_method_removed(name)
          super
          Native.publisher = Engine.bus if name == :publish
        end
      end
    end
  end
end
