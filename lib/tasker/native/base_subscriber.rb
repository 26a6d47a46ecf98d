# frozen_string_literal: true

require_relative 'payload_reader'
require_relative 'subscribed_name'

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
    #
    # A system event is called by its name, +'task.completed'+, or by +:task_completed+; one of observability also
    # without that word, +'step.max_retries_reached'+. A name that is neither a system event nor begins like one is an
    # event of the application: it is listened to as it is and with +custom.+ in front, whichever is published, and
    # whenever it is first. Handlers are called after the name in +subscribe_to+.
    #
    # Filters are asked at every event, with the name under which it was published.
    class BaseSubscriber
      include PayloadReader

      class << self
        # @return [Array<String>] in the place of those that +subscribe_to+ has named
        attr_writer :subscribed_events

        # @return [Array<String>] the names of its own, after those that the class above it had by then
        def subscribed_events
          @subscribed_events || (equal?(BaseSubscriber) ? [] : superclass.subscribed_events)
        end

        # @return [Proc, nil] its own, or that of the class above it; given the name of an event
        def event_filter
          nil
        end

        # A method of its own, rather than a variable that is looked for in every class: it is asked at every event.
        #
        # @param filter [Proc, nil]
        # @return [void]
        def event_filter=(filter)
          singleton_class.remove_method(:event_filter) if singleton_methods(false).include?(:event_filter)
          define_singleton_method(:event_filter) { filter }
        end

        # @param events [Array<String, Symbol>] added to those that were named before
        # @return [void]
        # @example
        #   subscribe_to :task_completed, 'step.failed', 'order.fulfilled'
        def subscribe_to(*events)
          self.subscribed_events = (subscribed_events + events.flatten.map(&:to_s)).uniq
        end

        # @yieldparam event_name [String]
        # @yieldreturn [Boolean] whether the handler is called
        # @return [void]
        # @example
        #   filter_events { |event_name| !Maintenance.now? || event_name.end_with?('.failed') }
        def filter_events(&filter)
          self.event_filter = filter
        end

        # @param publisher [Tasker::Native::Publisher]
        # @return [BaseSubscriber] a new instance that listens
        # @raise [UnregisteredEventError] for a name that begins like a system event and is none
        def subscribe(publisher)
          new.tap { |subscriber| subscriber.subscribe_to_publisher(publisher) }
        end
      end

      # @param name [String, nil] for subclasses: @subscription_name
      # @param events [Array<String, Symbol>, nil] to listen to beside the class', by all of its instances
      # @param config [Hash] for subclasses: @subscription_config
      def initialize(name: nil, events: nil, config: {})
        @subscription_name = name
        @subscription_config = config
        self.class.subscribe_to(*events) if events && !events.empty?
      end

      # @return [Array<String>] those of its class
      def subscribed_events
        self.class.subscribed_events
      end

      # A handler that does not exist is warned of, and its event left out.
      #
      # @param publisher [Tasker::Native::Publisher]
      # @return [void]
      # @raise [UnregisteredEventError] for a name that begins like a system event and is none
      def subscribe_to_publisher(publisher)
        event_subscriptions.each do |event_name, handler|
          SubscribedName.new(event_name).on(publisher).each do |name|
            publisher.subscribe(name, Subscription.new(self, handler))
          end
        end
      end

      protected

      # For subclasses that want handlers to be called in another way.
      #
      # @return [Hash{String=>Symbol}] names of events, and the methods that handle them
      def event_subscriptions
        handlers = self.class.subscribed_events.to_h { |name| [name, generate_handler_method_name(name)] }
        missing = handlers.reject { |_, handler| respond_to?(handler, true) }
        missing.each do |name, handler|
          Native.logger.warn("#{self.class.name}: Handler method #{handler} not found for event #{name}")
        end
        handlers.except(*missing.keys)
      end

      # @param event_name [String, Symbol]
      # @return [Symbol] :handle_order_shipped for 'order.shipped'
      def generate_handler_method_name(event_name)
        :"handle_#{LogLine.underscore(event_name.to_s.tr('.', '_'))}"
      end

      # For subclasses: whether the handler of an event is called.
      #
      # @param _event_name [String]
      # @return [Boolean]
      def should_process_event?(_event_name)
        true
      end
    end
  end
end
