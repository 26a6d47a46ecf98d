# frozen_string_literal: true

module Tasker
  module Native
    # What the payload of an event looks like: which keys it has, of which type, which may be missing.
    #
    # Types are String, Integer, Float (an Integer will do), Boolean, Time (or its ISO 8601 text), Symbol, Array,
    # +Array<Type>+, Hash and Object (anything); +Integer | String+ is either of them.
    #
    # @example
    #   schema = Tasker::Native::PayloadSchema.new(Tasker::Events.event_info('order.shipped')[:payload_schema])
    #   schema.errors(parcels: 'two') # => ["order_id is missing", "parcels is a String, not Integer"]
    class PayloadSchema
      ISO8601 = /\A\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?\z/
      TYPES = {
        'String' => ->(value) { value.is_a?(String) },
        'Symbol' => ->(value) { value.is_a?(Symbol) },
        'Integer' => ->(value) { value.is_a?(Integer) },
        'Float' => ->(value) { value.is_a?(Numeric) },
        'Boolean' => ->(value) { [true, false].include?(value) },
        'Time' => ->(value) { value.respond_to?(:strftime) || (value.is_a?(String) && value.match?(ISO8601)) },
        'Array' => ->(value) { value.is_a?(Array) },
        'Hash' => ->(value) { value.is_a?(Hash) },
        'Object' => ->(_value) { true }
      }.freeze
      ARRAY_OF = /\AArray<(.+)>\z/
      private_constant :ISO8601, :TYPES, :ARRAY_OF

      # @param type [Object]
      # @return [Boolean] whether it is the name of a type
      def self.type?(type)
        type.is_a?(String) && !type.empty? && type.split('|', -1).all? do |one|
          one = one.strip
          ARRAY_OF.match?(one) ? type?(one[ARRAY_OF, 1]) : TYPES.key?(one)
        end
      end

      # @param fields [Hash{Symbol=>Hash}] such as +{ order_id: { type: 'String', required: true } }+
      # @raise [ArgumentError] for a type that there is not
      def initialize(fields)
        @fields = fields
        name, field = fields.find { |_, one| !one.is_a?(Hash) || !self.class.type?(one[:type]) }
        raise ArgumentError, "#{name} has no type, or one that there is not: #{field.inspect}" if name
      end

      # @param payload [Hash] with Symbols or Strings as keys; more keys than the schema's are fine
      # @return [Array<String>] what is wrong with it; values are not shown
      def errors(payload)
        @fields.filter_map do |name, field|
          value = payload.fetch(name.to_sym) { payload[name.to_s] }
          if value.nil?
            "#{name} is missing" if field[:required]
          elsif !fits?(field[:type], value)
            "#{name} is a #{value.class}, not #{field[:type]}"
          end
        end
      end

      private

      def fits?(type, value)
        type.split('|').map(&:strip).any? do |one|
          next TYPES.fetch(one).call(value) unless ARRAY_OF.match?(one)

          value.is_a?(Array) && value.all? { |element| fits?(one[ARRAY_OF, 1], element) }
        end
      end
    end
  end
end
