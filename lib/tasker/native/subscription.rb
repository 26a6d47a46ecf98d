# frozen_string_literal: true

module Tasker
  module Native
    # What a {BaseSubscriber} gives to the publisher for each of its events: calls the handler, if the subscriber's
    # filters want the event.
    #
    # @api private
    class Subscription
      # @return [BaseSubscriber]
      attr_reader :receiver

      # @return [Symbol] the handler
      attr_reader :name

      # @param receiver [BaseSubscriber]
      # @param name [Symbol] the handler
      def initialize(receiver, name)
        @receiver = receiver
        @name = name
      end

      # @param event [Tasker::Native::Event]
      # @return [void]
      def call(event)
        filter = @receiver.class.event_filter
        return if filter && !filter.call(event.id)

        @receiver.__send__(@name, event) if @receiver.__send__(:should_process_event?, event.id)
      end
    end
  end
end
