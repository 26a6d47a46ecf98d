# frozen_string_literal: true

module Tasker
  module Native
    # Reads parts of OTLP JSON: proto3's JSON mapping, with hex ids and integer enums. As receivers should, it takes
    # 64-bit integers as Strings and as numbers, enums by number and by name, and ignores fields it does not know.
    #
    # @api private
    module OtlpJson
      # The JSON is fine, but it is no OTLP.
      class Malformed < StandardError; end

      VALUES = {
        'stringValue' => :text, 'boolValue' => :boolean, 'intValue' => :integer, 'doubleValue' => :double,
        'arrayValue' => :array, 'kvlistValue' => :map, 'bytesValue' => :bytes
      }.freeze

      INTEGERS = -(2**63)..((2**64) - 1)

      # So much of a value is put into a message: values come from files.
      EXCERPT = 40
      private_constant :VALUES, :INTEGERS, :EXCERPT

      module_function

      # In all of these null stands for the field's default, as proto3's mapping has it, and what is of another type
      # raises.

      # @return [Hash]
      # @raise [Malformed]
      def object(value)
        expect(value.nil? ? {} : value, Hash)
      end

      # @return [Array]
      # @raise [Malformed]
      def list(value)
        expect(value.nil? ? [] : value, Array)
      end

      # @return [String]
      # @raise [Malformed]
      def text(value)
        expect(value.nil? ? '' : value, String)
      end

      # @return [String] an id, in lower case; empty: none
      # @raise [Malformed]
      def hex(value)
        digits = text(value)
        raise Malformed, "no hex id: #{excerpt(digits)}" unless digits.match?(/\A\h*\z/)

        digits.downcase
      end

      # @return [Integer] of 64 bits, with or without sign
      # @raise [Malformed]
      def integer(value)
        integer = whole_number(value)
        INTEGERS.cover?(integer) ? integer : malformed(value, 'a 64-bit integer')
      end

      def whole_number(value)
        case value
        when Integer then value
        when nil then 0
        when Float then value.to_i if value.finite? && (value % 1).zero?
        when /\A-?\d{1,20}\z/ then value.to_i
        end
      end

      # @return [Float] also from the Strings 'NaN', 'Infinity', '-Infinity'
      # @raise [Malformed]
      def double(value)
        case value
        when Numeric then value.to_f
        when 'NaN' then Float::NAN
        when 'Infinity' then Float::INFINITY
        when '-Infinity' then -Float::INFINITY
        else Float(value, exception: false) || malformed(value, 'a number')
        end
      end

      # An unknown number gives the first name, as a newer sender may know more than we do.
      #
      # @param value [Integer, String, nil] 2, or 'SPAN_KIND_SERVER'
      # @param names [Array<Symbol>, Array<String>] by number
      # @param prefix [String] of the names in JSON
      # @return [Symbol, String] one of the names
      # @raise [Malformed]
      def enum(value, names, prefix)
        return names.find { |name| value == "#{prefix}#{name.upcase}" } || names.first if value.to_s.start_with?(prefix)

        number = integer(value)
        number.between?(0, names.size - 1) ? names[number] : names.first
      end

      # @return [Hash{String=>Object}] of a list of key-value pairs; the last of two equal keys counts
      # @raise [Malformed]
      def attributes(value)
        list(value).to_h do |pair|
          pair = object(pair)
          [text(pair['key']), any(pair['value'])]
        end
      end

      # An AnyValue: one field, named after its type. The recursion ends where the parser's limit on nesting did.
      #
      # @return [Object, nil] nil for a type that we do not know
      # @raise [Malformed]
      def any(value)
        type, content = object(value).first
        reader = VALUES[type]
        public_send(reader, content) if reader
      end

      # @return [Boolean]
      # @raise [Malformed]
      def boolean(value)
        return value || false if [true, false, nil].include?(value)

        malformed(value, 'true or false')
      end

      # @return [Array] of an ArrayValue
      # @raise [Malformed]
      def array(value)
        list(object(value)['values']).map { |element| any(element) }
      end

      # @return [Hash{String=>Object}] of a KeyValueList
      # @raise [Malformed]
      def map(value)
        attributes(object(value)['values'])
      end

      # @return [String] binary, of base64 with either alphabet
      # @raise [Malformed]
      def bytes(value)
        text(value).tr('-_', '+/').unpack1('m')
      end

      def expect(value, type)
        value.is_a?(type) ? value : malformed(value, "a JSON #{type.name.downcase}")
      end

      def malformed(value, expected)
        raise Malformed, "#{excerpt(value)} where #{expected} is expected"
      end

      def excerpt(value)
        value.is_a?(String) ? value[0, EXCERPT].inspect : value.class.name
      end

      private_class_method :whole_number, :expect, :malformed, :excerpt
    end
  end
end
