# frozen_string_literal: true

require 'delegate'

module Tasker
  module Native
    module Engine
      # A listener that wants some of an event's publications only: +subscribe('order.paid', currency: 'EUR')+.
      #
      # @api private
      class FilteredListener < Subscription
        # @param listener [#call]
        # @param condition [Dry::Events::Filter]
        # @return [#call] the listener itself, where there is no condition
        def self.of(listener, condition)
          condition.checks.empty? ? listener : new(listener, condition)
        end

        # @param listener [#call]
        # @param condition [Dry::Events::Filter]
        def initialize(listener, condition)
          super(*(listener.is_a?(Method) ? [listener.receiver, listener.name] : [nil, :call]))
          @listener = listener
          @condition = condition
        end

        # @param event [Tasker::Native::Event]
        # @return [void]
        def call(event)
          @listener.call(event) if @condition.call(event.payload)
        end

        # @param other [Object] the listener counts, for Publisher#subscribed?
        # @return [Boolean]
        def ==(other)
          super || @listener == other
        end
      end

      # An object whose methods listen: +subscribe(listener, currency: 'EUR')+.
      #
      # @api private
      class FilteredObject < SimpleDelegator
        # @param object [Object]
        # @param condition [Dry::Events::Filter]
        # @return [Object] the object itself, where there is no condition
        def self.of(object, condition)
          condition.checks.empty? ? object : new(object, condition)
        end

        # @param object [Object]
        # @param condition [Dry::Events::Filter]
        def initialize(object, condition)
          super(object)
          @condition = condition
        end

        # @param name [Symbol]
        # @return [FilteredListener]
        def method(name)
          FilteredListener.new(__getobj__.method(name), @condition)
        end
      end
    end
  end
end
