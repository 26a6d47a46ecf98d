# frozen_string_literal: true

module Tasker
  module Native
    # A listener of events that need not be registered yet: those of a pattern, or those that an object has methods for.
    # It is written into the lists of listeners when they are, so that publishing has nothing to match.
    #
    # @api private
    class StandingSubscription
      # @param text [String, Symbol] in which '*' stands for anything: 'step.*', '*'
      # @return [Regexp]
      def self.pattern(text)
        /\A#{Regexp.escape(text.to_s).gsub('\*', '.*')}\z/m
      end

      # @param pattern [Regexp]
      # @param listener [#call]
      # @return [StandingSubscription]
      def self.of_pattern(pattern, listener)
        new(listener) { |name| listener if pattern.match?(name) }
      end

      # @param object [Object] with methods such as +on_step_completed+
      # @return [StandingSubscription]
      def self.of_object(object)
        new(object) do |name|
          handler = "on_#{name.tr('.', '_')}"
          object.method(handler) if object.respond_to?(handler)
        end
      end

      # @return [Object] what was subscribed
      attr_reader :subscribed

      # @param subscribed [Object] what was subscribed
      # @yieldparam name [String] of an event
      # @yieldreturn [#call, nil] who listens to it
      def initialize(subscribed, &listener_of)
        @subscribed = subscribed
        @listener_of = listener_of
        @names = {}
      end

      # Once for each name.
      #
      # @param publisher [Publisher]
      # @param name [String]
      # @return [void]
      def extend_to(publisher, name)
        return if @names.key?(name)

        listener = @listener_of.call(name)
        @names[name] = true
        publisher.add_listener(name, listener) if listener
      end
    end
  end
end
