# frozen_string_literal: true

require 'monitor'

require_relative 'listener_failures'
require_relative 'standing_subscription'
require_relative 'subscription'

module Tasker
  module Native
    # The event bus. Thread-safe; listeners may come and go while others publish. In a forked process, the first event
    # starts telemetry anew.
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
    # @!method registered?(event_name)
    #   @param event_name [String, Symbol]
    #   @return [Boolean] whether an event may be published under this name
    # @!method event_names
    #   @return [Array<String>] system events first
    # @!method wanted?(event_name)
    #   @param event_name [String, Symbol]
    #   @return [Boolean] whether a listener or the span manager is interested in the event
    #   @raise [UnregisteredEventError] for an unknown name
    # @!method listeners(event_name)
    #   @param event_name [String, Symbol]
    #   @return [Array<#call>] frozen; those of patterns and of objects among them
    #   @raise [UnregisteredEventError] for an unknown name
    # @!method publish_by(host, event_name, payload, about)
    #   As {#publish}, and writes the event's line in the log, if it is shown.
    #   @param host [Object, nil] who publishes: its class names the component; nil: no line
    #   @param event_name [String, Symbol]
    #   @param payload [Hash]
    #   @param about [Object, nil] the step or the task, whose status is for the line only
    #   @return [nil]
    #   @raise [UnregisteredEventError] for an unknown name
    #   @raise [TypeError] for a payload that is no Hash
    #   @api private
    # @!method shows_line?(event_name)
    #   @param event_name [String, Symbol]
    #   @return [Boolean] whether {#publish_by} would write a line in the log
    #   @raise [UnregisteredEventError] for an unknown name
    #   @api private
    # @!method publish_step(host, event_name, event_type, step, error, context)
    #   As {#publish_by}, with the step's standard payload, which is built only if somebody wants it.
    #   @param host [Object, nil] who publishes: its class names the component of the line in the log; nil: no line
    #   @param event_name [String, Symbol]
    #   @param event_type [Symbol] which payload: see {EventPayloadBuilder#build_step_payload}
    #   @param step [Object]
    #   @param error [Exception, String, nil] for :failed
    #   @param context [Hash] wins over what stands in the payload otherwise
    #   @return [nil]
    #   @raise [UnregisteredEventError] for an unknown name
    #   @raise [TypeError] for an event_type that is no Symbol, or a context that is no Hash
    #   @api private
    # @!method add_event(event_name)
    #   @param event_name [String, Symbol]
    #   @return [self]
    #   @raise [TooManyEventsError, ArgumentError] see {#register_event}, which patterns hear of, too
    #   @api private
    # @!method event_id(event_name)
    #   @param event_name [String, Symbol]
    #   @return [Integer] what the core calls the event
    #   @raise [UnregisteredEventError] for an unknown name
    #   @api private
    # @!method add_listener(event_name, listener)
    #   @param event_name [String, Symbol]
    #   @param listener [#call]
    #   @return [#call] the listener
    #   @raise [UnregisteredEventError] for an unknown name
    #   @api private
    # @!method remove_listener(listener)
    #   @param listener [#call]
    #   @return [Boolean] whether it listened to any event
    #   @api private
    # @!method trace_with(spans, custom_only)
    #   @param spans [SpanManager, nil] where events become spans
    #   @param custom_only [Boolean] those of tasks and steps come to the span manager in another way
    #   @return [nil]
    #   @api private
    # @!method ask_for_time(asks)
    #   @param asks [Boolean] whether the time of an event is +Time.now+, or the clock is read at once
    #   @return [nil]
    #   @api private
    # @!method await_start
    #   The next event calls {Native.start}.
    #   @return [nil]
    #   @api private
    # @!method counts
    #   @return [Hash{String=>Hash{Symbol=>Integer}}] see {#stats}, without listeners
    #   @api private
    class Publisher
      def initialize
        @standing = [].freeze
        @failures = ListenerFailures.new
        @prepared = []
        @lock = Monitor.new
      end

      # Makes a name known; nothing happens if it is.
      #
      # @param event_name [String, Symbol] 1 to 255 bytes of UTF-8
      # @return [self]
      # @raise [TooManyEventsError] beyond 10,000 names
      # @raise [ArgumentError] for a name that can't be one
      def register_event(event_name)
        add_event(event_name)
        @standing.empty? ? self : extend_standing([event_name.to_s])
      end

      # Subscribes to one event, to those of a pattern, or an object to whatever it has methods for. Patterns and
      # objects get events that are registered later, too.
      #
      # @example
      #   publisher.subscribe('step.completed') { |event| puts event[:step_name] }
      #   publisher.subscribe('step.*') { |event| puts event.id } # '*' stands for anything, dots as well
      #   publisher.subscribe(/failed\z/, Alarms.method(:raise_one))
      #   publisher.subscribe(listener) # listener.on_step_completed(event), listener.on_order_shipped(event), ...
      # @overload subscribe(event_name, listener = nil, &block)
      #   @param event_name [String, Symbol, Regexp]
      #   @param listener [#call, nil] instead of a block
      #   @yieldparam event [Tasker::Native::Event]
      #   @return [#call] the listener, for {#unsubscribe}
      #   @raise [UnregisteredEventError] for an unknown name
      #   @raise [ArgumentError] without listener and block
      # @overload subscribe(object)
      #   @param object [Object]
      #   @return [Object] the same
      #   @raise [ArgumentError] when it has no method that is called after an event
      def subscribe(event_name, listener = nil, &block)
        subscribed = add(event_name, listener || block)
        @prepared << subscribed if @preparing == Thread.current
        subscribed
      end

      # @param listener [Object] what {#subscribe} returned, or the object whose methods listen, such as a
      #   {BaseSubscriber}
      # @return [Boolean] whether it was subscribed
      def unsubscribe(listener)
        @lock.synchronize do
          standing, others = @standing.partition { |one| one.subscribed.equal?(listener) || one.subscribed == listener }
          @standing = others.freeze
          found = methods_of(listener).count { |method| remove_listener(method) }
          remove_listener(listener) || found.positive? || standing.any?
        end
      end

      # @param listener [Object] as for {#unsubscribe}
      # @return [Boolean]
      def subscribed?(listener)
        @standing.any? { |one| one.subscribed == listener } || methods_of(listener).any? ||
          event_names.any? { |name| listeners(name).include?(listener) }
      end

      # @return [Array<Object>] who listens: blocks, and {BaseSubscriber}s and other objects of which methods are
      #   called; telemetry's own {EventRouter} is none of them
      def subscribers
        listening = event_names.flat_map { |name| subscriptions(name) }
        listening.map { |one| method_of_object?(one) ? one.receiver : one }.uniq
      end

      # @api private
      # @param event_name [String]
      # @return [Boolean] whether nobody but the {EventRouter} listens
      def only_counted?(event_name)
        subscriptions(event_name).empty?
      end

      # What the block subscribes takes the place of what the last one has subscribed. The Railtie calls it around
      # +config.to_prepare+, which Rails runs at boot and, once or twice, after each reload.
      #
      # @api private
      def prepare
        @prepared.each { |listener| unsubscribe(listener) }
        @prepared = []
        @preparing = Thread.current
        yield
      ensure
        @preparing = nil
      end

      # Ends all subscriptions, as suites of tests want it between two examples.
      #
      # @return [void]
      def unsubscribe_all
        @lock.synchronize do
          @standing = [].freeze
          event_names.flat_map { |name| listeners(name) }.uniq.each { |listener| remove_listener(listener) }
        end
      end

      # @return [Hash{String=>Hash}] +{ published:, failures: }+ of each event that was published; where listeners have
      #   raised, +failures_by_listener:+ as well, +{ "MetricsSubscriber#handle_step_completed" => 2 }+
      def stats
        counts.each do |event_name, of_event|
          by_listener = @failures.of(event_name)
          of_event[:failures_by_listener] = by_listener if by_listener
        end
      end

      # @return [String]
      def inspect
        size = event_names.sum { |name| subscriptions(name).size }
        "#<#{self.class.name || self.class} #{event_names.size} events, #{size} subscriptions>"
      end

      # Called by the extension.
      #
      # @api private
      # @param event_name [String]
      # @param listener [#call] which has raised
      # @return [void]
      def count_failure(event_name, listener)
        @failures.count(event_name, listener)
      end

      private

      def subscriptions(event_name)
        listeners(event_name).grep_v(EventRouter)
      end

      def add(event_name, listener)
        return attach(event_name) unless listener || [String, Symbol, Regexp].include?(event_name.class)
        raise ArgumentError, "subscribe(#{event_name.inspect}) needs a block" unless listener.respond_to?(:call)

        pattern = pattern_of(event_name)
        pattern ? stand(StandingSubscription.of_pattern(pattern, listener)) : add_listener(event_name, listener)
      end

      # nil: it is the name of one event
      def pattern_of(event_name)
        return event_name if event_name.is_a?(Regexp)

        StandingSubscription.pattern(event_name) if event_name.to_s.include?('*') && !registered?(event_name)
      end

      def attach(object)
        unless object.methods.any? { |name| name.start_with?('on_') }
          raise ArgumentError, "subscribe(#{object.inspect[0, 80]}) needs a block, or methods such as on_step_completed"
        end

        stand(StandingSubscription.of_object(object))
      end

      # First in the list, then told of all events: a name that another thread registers meanwhile is in one of the two.
      def stand(subscription)
        @lock.synchronize { @standing = [*@standing, subscription].freeze }
        extend_standing(event_names)
        subscription.subscribed
      end

      def extend_standing(names)
        @lock.synchronize do
          @standing.each { |subscription| names.each { |name| subscription.extend_to(self, name) } }
        end
        self
      end

      # Those listeners that are methods of the object.
      def methods_of(object)
        event_names.flat_map { |name| listeners(name) }.uniq.select do |listener|
          method_of_object?(listener) && listener.receiver.equal?(object)
        end
      end

      def method_of_object?(listener)
        listener.is_a?(Method) || listener.is_a?(Subscription)
      end
    end
  end
end
