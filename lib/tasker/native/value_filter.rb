# frozen_string_literal: true

require_relative 'bounded_regexp'

module Tasker
  module Native
    # The settings +filter_values+ and +value_scanners+, as a {ParameterFilter} takes them.
    #
    # @api private
    class ValueFilter
      # A scanner of the application's own that is a Regexp.
      #
      # @api private
      class Pattern
        # @param regexp [Regexp]
        # @param mask [String]
        def initialize(regexp, mask)
          @regexp = BoundedRegexp.new(regexp)
          @mask = mask.dup.freeze
          freeze
        end

        # @param text [String]
        # @return [String]
        def call(text)
          @regexp.replace(text, @mask)
        end
      end
      private_constant :Pattern

      class << self
        # @param switches [Object] a value of +filter_values+
        # @return [Boolean] whether it is a good one
        def switches?(switches)
          return true if [true, false].include?(switches)

          switches.is_a?(Hash) && switches.all? do |name, value|
            name == :except ? value.is_a?(Array) : ParameterFilter::SCANNERS.include?(name) && switch?(value)
          end
        end

        # @param scanners [Object] a value of +value_scanners+
        # @return [Boolean] whether it is a good one
        def scanners?(scanners)
          scanners.is_a?(Array) && scanners.all? { |one| one.is_a?(Regexp) || one.respond_to?(:call) }
        end

        private

        def switch?(value)
          [true, false].include?(value)
        end
      end

      # @param switches [Boolean, Hash]
      # @param scanners [Array<Regexp, #call>]
      # @param mask [String]
      # @raise [ArgumentError] when they are none
      def initialize(switches, scanners, mask)
        raise ArgumentError, "filter_values: must be #{Setting::VALUES.words}" unless ValueFilter.switches?(switches)
        raise ArgumentError, "value_scanners: must be #{Setting::SCANNERS.words}" unless ValueFilter.scanners?(scanners)

        @switches = switches.is_a?(Hash) ? switches : ParameterFilter::SCANNERS.to_h { |name| [name, switches] }
        @own = scanners
        @mask = mask
      end

      # @return [Integer] bits, of those that are on
      def scanners
        ParameterFilter::SCANNERS.each_with_index.sum { |name, bit| @switches.fetch(name, true) ? 1 << bit : 0 }
      end

      # @return [Hash{String=>true}, nil] by keys whose values are left alone
      def exempt
        names = Array(@switches[:except]).to_h { |name| [name.to_s.encode(Encoding::UTF_8).freeze, true] }
        names.freeze if names.any?
      end

      # @return [Array<#call>]
      def own
        @own.map { |one| one.is_a?(Regexp) ? Pattern.new(one, @mask) : one }
      end
    end
  end
end
