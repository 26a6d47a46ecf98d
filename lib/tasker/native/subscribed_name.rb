# frozen_string_literal: true

module Tasker
  module Native
    # A name as a {BaseSubscriber} gives it, which may be that of several events.
    #
    # @api private
    class SubscribedName
      SYSTEM_PREFIXES = %w[task. step. workflow. observability.].freeze
      CUSTOM_PREFIX = 'custom.'
      private_constant :SYSTEM_PREFIXES, :CUSTOM_PREFIX

      # @param name [String, Symbol]
      def initialize(name)
        @name = name.to_s
      end

      # Events of the application are registered.
      #
      # @param publisher [Publisher]
      # @return [Array<String>] what it is called on the bus
      def on(publisher)
        return [@name] if @name.include?('*')
        return [system_name(publisher)] if @name.start_with?(*SYSTEM_PREFIXES)

        system = SYSTEM_EVENTS.find { |_, event| event == @name || event.tr('.', '_') == @name }
        return [system.last] if system

        custom_names(publisher).each { |event| publisher.register_event(event) }
      end

      private

      # Documents call observability.step.max_retries_reached after the step.
      def system_name(publisher)
        [@name, "observability.#{@name}"].find { |event| publisher.registered?(event) } || @name
      end

      # As it is, with the prefix, and whatever :order_fulfilled may mean of what is known.
      def custom_names(publisher)
        return [@name] if @name.start_with?(CUSTOM_PREFIX)

        names = [@name, CUSTOM_PREFIX + @name]
        return names if @name.include?('.')

        names | publisher.event_names.select { |event| event.tr('.', '_') == @name }
      end
    end
  end
end
