# frozen_string_literal: true

module Tasker
  module Native
    # A listener with a method for each event: +handle_step_completed(event)+ for step.completed.
    #
    # @example
    #   class MetricsSubscriber < Tasker::Events::Subscribers::BaseSubscriber
    #     subscribe_to 'step.completed', 'order.shipped'
    #
    #     def handle_step_completed(event)
    #       StatsD.timing("steps.#{safe_get(event, :step_name)}", safe_get(event, :execution_duration, 0.0))
    #     end
    #
    #     def handle_order_shipped(event)
    #       StatsD.increment('orders.shipped')
    #     end
    #   end
    #
    #   MetricsSubscriber.subscribe(Tasker::Events::Publisher.instance)
    class BaseSubscriber
      PREFIXES = %w[task. step. workflow. observability. custom.].freeze
      private_constant :PREFIXES

      class << self
        # @return [Array<String>] the names of its own and of the classes above it
        def subscribed_events
          inherited = superclass.respond_to?(:subscribed_events) ? superclass.subscribed_events : []
          (inherited + (@subscribed_events || [])).uniq
        end

        # @return [Proc, nil]
        def event_filter
          @event_filter || (superclass.event_filter if superclass.respond_to?(:event_filter))
        end

        # @param events [Array<String, Symbol>] added to those that were named before
        # @return [void]
        def subscribe_to(*events)
          @subscribed_events = ((@subscribed_events || []) + events.flatten.map(&:to_s)).uniq
        end

        # @yieldparam event_name [String]
        # @yieldreturn [Boolean] whether to subscribe to it
        # @return [void]
        def filter_events(&filter)
          @event_filter = filter
        end

        # @param publisher [Tasker::Native::Publisher]
        # @return [BaseSubscriber] a new instance that listens
        def subscribe(publisher)
          new.tap { |subscriber| subscriber.subscribe_to_publisher(publisher) }
        end
      end

      # @param name [String, nil]
      # @param events [Array<String>, nil] to listen to beside the class'
      # @param config [Hash]
      def initialize(name: nil, events: nil, config: {})
        @subscription_name = name
        @subscription_config = config
        self.class.subscribe_to(*events) if events && !events.empty?
      end

      # @param publisher [Tasker::Native::Publisher]
      # @return [void]
      def subscribe_to_publisher(publisher)
        self.class.subscribed_events.each do |event_name|
          name = registered_name(publisher, event_name)
          handler = handler_for(event_name)
          next unless handler && should_handle_event?(name)

          publisher.subscribe(name, method(handler))
        end
      end

      protected

      # @param event [Tasker::Native::Event, Hash, nil]
      # @param key [Symbol, String] looked for as a Symbol, then as a String
      # @return [Object] the default when there is no event, or no such key
      def safe_get(event, key, default = nil)
        return default if event.nil?

        payload = event.respond_to?(:payload) ? event.payload : event
        payload.fetch(key.to_sym) { payload.fetch(key.to_s, default) }
      end

      # For subclasses: which of the events to subscribe to.
      def should_process_event?(_event_name)
        true
      end

      private

      def should_handle_event?(event_name)
        filter = self.class.event_filter
        (filter.nil? || filter.call(event_name)) && should_process_event?(event_name)
      end

      def handler_for(event_name)
        handler = :"handle_#{underscore(event_name.tr('.', '_'))}"
        return handler if respond_to?(handler, true)

        Native.logger.warn("#{self.class.name}: Handler method #{handler} not found for event #{event_name}")
        nil
      end

      # An event that nobody has registered yet is one of the application's own.
      def registered_name(publisher, event_name)
        return event_name if publisher.registered?(event_name) || event_name.start_with?(*PREFIXES)

        custom = "custom.#{event_name}"
        return custom if publisher.registered?(custom)

        publisher.register_event(event_name)
        event_name
      end

      def underscore(name)
        name.gsub(/([A-Z\d]+)([A-Z][a-z])/, '\1_\2').gsub(/([a-z\d])([A-Z])/, '\1_\2').downcase
      end
    end
  end
end
