# frozen_string_literal: true

module Tasker
  module Native
    # How often each listener has raised, by event. Listeners are told apart by what they are called in the code, so
    # that their number stays small.
    #
    # @api private
    class ListenerFailures
      # @param listener [#call]
      # @return [String] "MetricsSubscriber#handle_step_completed", "Proc at config/initializers/tasker.rb:12"
      def self.name_of(listener)
        case listener
        when Proc then "Proc at #{listener.source_location&.join(':') || 'an unknown place'}"
        when Method, Subscription then name_of_method(listener.receiver, listener.name)
        else class_name(listener.class)
        end
      end

      def self.name_of_method(receiver, name)
        receiver.is_a?(Module) ? "#{class_name(receiver)}.#{name}" : "#{class_name(receiver.class)}##{name}"
      end

      def self.class_name(klass)
        klass.name || "an anonymous #{klass.is_a?(Class) ? class_name(klass.superclass) : 'Module'}"
      end
      private_class_method :name_of_method, :class_name

      def initialize
        @counts = {}
        @lock = Mutex.new
      end

      # @param event_name [String]
      # @param listener [#call] which has raised
      # @return [void]
      def count(event_name, listener)
        name = self.class.name_of(listener)
        @lock.synchronize do
          of_event = (@counts[event_name] ||= Hash.new(0))
          of_event[name] += 1
        end
      rescue ThreadError
        nil # in a trap handler nothing can be locked; the event's own count has it
      end

      # @param event_name [String]
      # @return [Hash{String=>Integer}, nil] how often, by listener; nil: no listener of this event has raised
      def of(event_name)
        @lock.synchronize { @counts[event_name]&.then { |counts| {}.update(counts) } }
      end
    end
  end
end
