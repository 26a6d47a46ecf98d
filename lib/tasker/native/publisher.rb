# frozen_string_literal: true

module Tasker
  module Native
    # The event bus. The extension has the rest: {#register_event}, {#registered?}, {#event_names}, {#publish},
    # {#wanted?}, {#stats}. Thread-safe; listeners may come and go while others publish.
    #
    # @!method publish(event_name, payload = {})
    #   Hands the payload to the span manager and to the event's listeners, in the order in which they subscribed. They
    #   get a copy that has a +timestamp+ (Time), unless the payload brings its own. One that raises is logged and
    #   counted; the next one runs.
    #   @param event_name [String, Symbol]
    #   @param payload [Hash]
    #   @return [nil]
    #   @raise [UnregisteredEventError] for an unknown name
    #   @raise [TypeError] for a payload that is no Hash
    # @!method register_event(event_name)
    #   @param event_name [String, Symbol] 1 to 255 bytes
    #   @return [self]
    #   @raise [TooManyEventsError] beyond 10,000 names
    # @!method registered?(event_name)
    #   @return [Boolean]
    # @!method event_names
    #   @return [Array<String>] system events first
    # @!method wanted?(event_name)
    #   @return [Boolean] whether a listener or the span manager is interested in the event
    # @!method stats
    #   @return [Hash{String=>Hash}] { published:, failures: } of each event that was published
    class Publisher
      # @param event_name [String, Symbol]
      # @param listener [#call, nil] instead of a block
      # @yieldparam event [Tasker::Native::Event]
      # @return [#call] the listener, for {#unsubscribe}
      # @raise [UnregisteredEventError] for an unknown name
      # @raise [ArgumentError] without listener and block
      def subscribe(event_name, listener = nil, &block)
        listener ||= block
        raise ArgumentError, "subscribe(#{event_name.inspect}) needs a block" unless listener.respond_to?(:call)

        add_listener(event_name, listener)
      end

      # @param listener [#call] what {#subscribe} returned
      # @return [Boolean] whether it was subscribed
      def unsubscribe(listener)
        remove_listener(listener)
      end

      # @param listener [#call]
      # @return [Boolean]
      def subscribed?(listener)
        event_names.any? { |name| listeners(name).include?(listener) }
      end

      # @return [String]
      def inspect
        subscriptions = event_names.sum { |name| listeners(name).size }
        "#<#{self.class.name || self.class} #{event_names.size} events, #{subscriptions} subscriptions>"
      end
    end
  end
end
