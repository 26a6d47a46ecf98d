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
        HOST = :tasker_native_host
        private_constant :HOST

        class << self
          # @param event_name [String, Symbol]
          # @param defaults [Hash] not supported: who publishes gives the whole payload
          # @return [void]
          def register(event_name, defaults)
            Native.logger.warn("tasker-native: the default payload of #{event_name} is left out") if defaults.any?
            Engine.bus.register_event(event_name)
          end

          # Whose event goes through +publish+, which does not tell: the line in the log wants to know.
          #
          # @param host [Object]
          # @param about [Object, nil]
          # @yield
          # @return [Object] what the block returns
          def in_the_name_of(host, about)
            Thread.current[HOST] = [host, about]
            yield
          ensure
            Thread.current[HOST] = nil
          end

          # @return [Array(Object, Object), nil] for one event; those that its listeners publish are their own
          def take_host
            host = Thread.current[HOST]
            Thread.current[HOST] = nil if host
            host
          end

          # Looks whether somebody has replaced what events go through.
          #
          # @return [void]
          def watch
            Native.publisher = places == @places ? Engine.bus : Watched.new(Engine.bus)
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
            @places = places
          end

          private

          # Minitest puts the method itself back, as one of the instance: the place in the code tells.
          def places
            publisher = Tasker::Events::Publisher
            instance = publisher.instance_variable_get(:@singleton__instance__)
            publish = instance ? instance.method(:publish) : publisher.instance_method(:publish)
            [publish, publisher.method(:instance)].map(&:source_location)
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

          private

          def singleton_method_added(name)
            super
            Bus.watch if name == :instance
          end

          def singleton_method_removed(name)
            super
            Bus.watch if name == :instance
          end
        end

        # Tests replace +publish+, or +instance+, and expect calls; applications prepend to the publisher. While
        # somebody does, the methods of the concern go through it, with the whole payload. Else nothing stands between
        # them and the native bus.
        class Watched < SimpleDelegator
          # @param event_name [String, Symbol]
          # @param payload [Hash]
          # @return [void]
          def publish(event_name, payload = {})
            Tasker::Events::Publisher.instance.publish(event_name, payload)
          end

          # @param (see Publisher#publish_by)
          # @return [void]
          def publish_by(host, event_name, payload, about)
            Bus.in_the_name_of(host, about) { publish(event_name, payload) }
          end

          # @param (see Publisher#publish_step)
          # @return [void]
          def publish_step(host, event_name, event_type, step, error, context) # rubocop:disable Metrics/ParameterLists -- as the core's
            publish_by(host, event_name, Native.build_step_payload(step, event_type, error, context), step)
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
          host, about = Bus.take_host
          host ? Engine.bus.publish_by(host, event_name, payload, about) : Engine.bus.publish(event_name, payload)
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
          Bus.watch if name == :publish
        end

        def singleton_method_removed(name)
          super
          Bus.watch if name == :publish
        end
      end
    end
  end
end
