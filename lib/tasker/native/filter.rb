# frozen_string_literal: true

require_relative 'filter_list'

module Tasker
  module Native
    # What the core does with payloads, for what Ruby writes itself (kept errors, log lines): makes plain, valid data of
    # any value, and puts the mask in place of what +filter_parameters+ name. Fails closed: what can't be judged (a key
    # that is no valid text, a cycle, a Regexp that raises) is masked and counted.
    #
    # @api private
    class Filter
      MAX_DEPTH = 100
      MAX_KEY = 1024 # bytes
      MAX_PATH = 4096
      MAX_VERDICTS = 10_000
      # Beyond these the core masks everything, too.
      MAX_LITERALS = 1000
      MAX_LITERAL_BYTES = 256 * 1024
      # What telemetry calls the message of an error.
      MESSAGE_KEYS = %w[error_message message exception.message].freeze
      private_constant :MESSAGE_KEYS, :MAX_DEPTH, :MAX_KEY, :MAX_PATH, :MAX_VERDICTS, :MAX_LITERALS, :MAX_LITERAL_BYTES

      # @return [Integer] values that were masked because their keys could not be judged
      attr_reader :masked_unjudged

      # @param settings [Settings]
      def initialize(settings)
        literals, @regexps, @path_regexps, _ask, _ask_paths, everything, @mask = FilterList.new(settings).to_a
        @everything = everything || too_many?(literals)
        @verdicts = {}
        @symbols = {}
        @masked_unjudged = 0
      end

      # @return [String] what stands in the place of a value
      attr_reader :mask

      # @param value [Object]
      # @return [Hash, Array, String, Numeric, Boolean, nil] of which Strings are valid UTF-8 without NUL, and keys
      #   Symbols or Strings
      def call(value)
        walk(value, [], nil)
      end

      # @param name [String] of a key, valid UTF-8
      # @return [Boolean] whether its value is to be hidden
      def masks?(name)
        verdict(name) != :keep
      end

      # @param error [Exception]
      # @return [String] its message, or the mask where a filter names messages of errors, by whatever name
      def message_of(error)
        MESSAGE_KEYS.any? { |key| masks?(key) } ? @mask : Runtime.message_of(error).to_s
      end

      private

      def too_many?(literals)
        literals.size > MAX_LITERALS || literals.any? { |literal| literal.bytesize > MAX_KEY } ||
          literals.sum(&:bytesize) > MAX_LITERAL_BYTES
      end

      # around: the containers that the value is in; path: the keys down to it, joined by dots
      def walk(value, around, path)
        case value
        when nil, true, false, Integer then value
        when String then text(value)
        when Symbol then text(value.name)
        when Float then value.finite? ? value : value.to_s
        when Hash, Array then container(value, around, path)
        else text(described(value))
        end
      end

      def container(value, around, path)
        return unjudged if around.size >= MAX_DEPTH || around.any? { |outer| outer.equal?(value) }

        around.push(value)
        filtered = value.is_a?(Array) ? value.map { |one| walk(one, around, path) } : pairs(value, around, path)
        around.pop
        filtered
      end

      def pairs(hash, around, path)
        filtered = {}
        hash.each do |key, value|
          name = key.is_a?(Symbol) ? name_of_symbol(key) : name_of(key)
          kept = key.is_a?(Symbol) && name ? key : name || text(described(key))
          filtered[kept] = name ? judged(name, value, around, path) : unjudged
        end
        filtered
      end

      # Looked at once, as long as there are not too many of them.
      def name_of_symbol(key)
        @symbols.fetch(key) do
          name = name_of(key)
          @symbols[key] = name if @symbols.size < MAX_VERDICTS
          name
        end
      end

      def judged(name, value, around, above)
        path = above ? "#{above}.#{name}" : name if @path_regexps.any?
        case verdict_of_both(name, above && path)
        when :keep then walk(value, around, path)
        when :mask then @mask
        else unjudged
        end
      end

      # path: nil where the name is all of it
      def verdict_of_both(name, path)
        verdict = verdict(name)
        return verdict unless verdict == :keep && path

        path.bytesize > MAX_PATH ? :unjudged : verdict_on(path, @path_regexps)
      end

      def verdict(name)
        @verdicts.fetch(name) { remember(name, verdict_on(name, @regexps)) }
      end

      def remember(name, verdict)
        @verdicts[name] = verdict if @verdicts.size < MAX_VERDICTS
        verdict
      end

      def verdict_on(name, regexps)
        return :mask if @everything || regexps.any? { |regexp| regexp.match?(name) }

        :keep
      rescue *ISOLATED_ERRORS
        :unjudged
      end

      def unjudged
        @masked_unjudged += 1
        @mask
      end

      # nil for a key that is not valid text, or so long that nobody can read it.
      def name_of(key)
        name = key.is_a?(Symbol) ? key.name : String(key)
        name = name.dup.force_encoding(Encoding::UTF_8) if name.encoding == Encoding::BINARY
        return unless name.valid_encoding? && name.bytesize <= MAX_KEY

        name.encode(Encoding::UTF_8)
      rescue *ISOLATED_ERRORS
        nil
      end

      def described(object)
        return Filter.timestamp(object) if object.is_a?(Time)
        return object.iso8601 if object.respond_to?(:iso8601) && object.respond_to?(:strftime)

        String(object)
      rescue *ISOLATED_ERRORS
        "#<#{object.class} whose to_s raised>"
      end

      def text(string)
        plain = string.encoding == Encoding::UTF_8 && string.valid_encoding? && !string.include?("\0")
        return string if plain

        string = string.dup.force_encoding(Encoding::UTF_8) if string.encoding == Encoding::BINARY
        string = string.encode(Encoding::UTF_8, invalid: :replace, undef: :replace)
        string = string.scrub unless string.valid_encoding?
        string.include?("\0") ? string.tr("\0", "\uFFFD") : string
      end

      class << self
        # @param time [Time]
        # @return [String] ISO 8601 with milliseconds
        def timestamp(time)
          time.strftime(time.utc? ? '%Y-%m-%dT%H:%M:%S.%LZ' : '%Y-%m-%dT%H:%M:%S.%L%:z')
        end
      end
    end
  end
end
