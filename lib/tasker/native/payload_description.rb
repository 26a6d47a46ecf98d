# frozen_string_literal: true

require_relative 'payload_fields'

module Tasker
  module Native
    # What the table of events says of a payload: "step:retry previous_attempts? retry_reason='Step execution failed'".
    #
    # @api private
    class PayloadDescription
      KIND = /\A(\w+):(\w+)\s*/
      KEY = /(\w+)(\?)?(?:='([^']*)')?/
      private_constant :KIND, :KEY

      # @param text [String]
      def initialize(text)
        @kind, @event_type = text.match(KIND)&.captures
        @keys = [PayloadFields::KINDS[@kind], text.sub(KIND, '')].join(' ').scan(KEY)
      end

      # @return [Hash{Symbol=>Hash}]
      def schema
        @keys.to_h do |name, optional, _|
          [name.to_sym, { type: PayloadFields::ALL.fetch(name.to_sym).first, required: optional.nil? }]
        end
      end

      # @return [Hash{Symbol=>Object}]
      def example
        @keys.to_h { |name, _, value| [name.to_sym, value || PayloadFields::ALL.fetch(name.to_sym)[1]] }
             .merge(special.slice(*@keys.map { |name,| name.to_sym }))
      end

      private

      def special
        type = @event_type ? { event_type: @event_type } : {}
        PayloadFields::BY_EVENT_TYPE.fetch("#{@kind}:#{@event_type}") do
          PayloadFields::BY_EVENT_TYPE.fetch(@kind, {})
        end.merge(type)
      end
    end
  end
end
