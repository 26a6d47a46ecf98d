# frozen_string_literal: true

require_relative 'bounded_regexp'
require_relative 'value_filter'

module Tasker
  module Native
    # Hides the values of Hashes by their keys, as ActiveSupport::ParameterFilter does, and secrets inside of values,
    # which that does not. Telemetry passes all that it writes or sends through one of these.
    #
    # A filter is
    #
    # - a String or Symbol (or what has a +to_s+): a part of the key, in any case;
    # - a Regexp, with its own options;
    # - one of these with a dot (an escaped one in a Regexp): a part of the path, which is the keys down to the value
    #   joined by dots, elements of Arrays left out: +'card.number'+;
    # - a Proc, which is given a copy of each value that is neither Hash nor Array and not masked, and changes it:
    #   +->(key, value) { ... }+ or +->(key, value, parameters) { ... }+.
    #
    # What can't be judged is masked and counted, where ActiveSupport's raises or lets it pass: keys that are no valid
    # text, or whose +to_s+ raises; paths longer than a mebibyte; what is a cycle or deeper than 100; whatever a Proc
    # raised at; a Regexp that takes longer than a second. In payloads and lines, keys longer than 1,024 bytes and paths
    # longer than 4,096, too.
    #
    # It does not change once it is made, so threads may share one. So may Ractors, after +Ractor.make_shareable+.
    #
    # @example
    #   filter = Tasker::Native::ParameterFilter.new([:password, 'card.number'])
    #   filter.filter(password: 'x', card: { number: 1, name: 'A' })
    #   # => { password: '[FILTERED]', card: { number: '[FILTERED]', name: 'A' } }
    #
    # @!parse
    #   SCANNERS = [] # names of the built-in scanners of values, Symbols
    #
    # @!method filter(parameters)
    #   @param parameters [Hash, #each] is not changed
    #   @return [Hash, Object] a new object of the same class with the same keys
    # @!method filter_param(key, value)
    #   @param key [Object]
    #   @param value [Object] is not changed
    #   @return [Object] the value, or what is to stand in its place
    # @!method masks?(name)
    #   @param name [Object] of a key
    #   @return [Boolean] whether whatever stands behind it is masked
    # @!method clean(text)
    #   @param text [String]
    #   @return [String] valid UTF-8, without the secrets that scanners find
    # @!method json(fields)
    #   @api private
    #   @param fields [Hash]
    #   @return [String] of a JSON object, filtered; times as ISO 8601, other objects by +to_s+
    #   @raise [Error] when it is longer than a megabyte
    # @!method stats
    #   @return [Hash{Symbol=>Integer}] masked_unjudged: values that were masked because nobody could judge them,
    #     masked_secrets: what scanners have found
    # @!method count_for_process
    #   @api private
    #   @return [self] whose stats are those of the process from now on
    class ParameterFilter
      # What stands in the place of a value.
      FILTERED = '[FILTERED]'

      # Letters that one character may stand for, whatever the case (Unicode, CaseFolding.txt, status F).
      FOLDED_TOGETHER = %w[ss ff fi fl st].freeze
      private_constant :FOLDED_TOGETHER

      # Many filters as one Regexp, which a filter takes apart again: over a path, +/\Atoken\z/+ would match no key
      # below another one, and as a part of another Regexp, +/größe/i+ does not match all that it does alone.
      #
      # @api private
      class Precompiled < Regexp
        # @return [Array<String, Regexp>]
        attr_reader :parts

        # @param parts [Array<String, Regexp>]
        def initialize(parts)
          @parts = parts
          super(Regexp.union(parts.map { |part| part.is_a?(Regexp) ? part : ParameterFilter.regexp_of(part) }))
        end
      end

      class << self
        # @param filters [Array<String, Symbol, Regexp, Proc, Object>]
        # @return [Array<Proc, Regexp>] the same as one Regexp, without parts that others make superfluous
        def precompile_filters(filters)
          procs, patterns = filters.partition { |filter| filter.is_a?(Proc) }
          regexps, literals = apart(patterns)
          parts = regexps + needed(literals)
          parts.empty? ? procs : [*procs, Precompiled.new(parts)]
        end

        # @api private
        # @param literal [String]
        # @return [Regexp] that matches what it is in, in any case
        def regexp_of(literal)
          Regexp.new(Regexp.escape(literal), Regexp::IGNORECASE)
        end

        # @api private
        # @param patterns [Array<String, Symbol, Regexp, Object>]
        # @return [Array(Array<Regexp>, Array<String>)] Regexps and literals
        def apart(patterns)
          patterns = patterns.flat_map { |pattern| pattern.is_a?(Precompiled) ? pattern.parts : [pattern] }
          regexps, literals = patterns.partition { |pattern| pattern.is_a?(Regexp) }
          [regexps, literals.map { |literal| literal.to_s.encode(Encoding::UTF_8) }]
        end

        # @api private
        # @param regexp [Regexp]
        # @return [Boolean] whether it is one for paths
        def path?(regexp)
          regexp.to_s.include?('\\.')
        end

        private

        # Whoever hides "password" hides "user_password", too.
        def needed(literals)
          literals.sort_by { |literal| [literal.count('.'), literal.size] }.each_with_object([]) do |literal, kept|
            kept << literal unless kept.any? { |other| hides?(other, literal) }
          end
        end

        # "s" does not hide "ss", as which "ß" is folded.
        def hides?(other, literal)
          at = literal.downcase.index(other.downcase)
          return false unless at && literal.ascii_only?

          borders = [at, at + other.size].reject { |border| [0, literal.size].include?(border) }
          borders.none? { |border| FOLDED_TOGETHER.include?(literal[border - 1, 2].downcase) }
        end
      end

      # @param filters [Array<String, Symbol, Regexp, Proc, Object>]
      # @param mask [Object] in the place of a value
      # @param filter_values [Boolean, Hash] whether the built-in scanners look for secrets in values; a Hash switches
      #   some of SCANNERS off and names keys whose values they leave alone:
      #   +{ card_numbers: false, except: %w[order_number] }+
      # @param value_scanners [Array<Regexp, #call>] scanners of your own: what a Regexp matches is masked; any other
      #   object is given the text and returns what is to be left of it
      # @raise [ArgumentError] for a scanner that there is not
      def initialize(filters = [], mask: FILTERED, filter_values: false, value_scanners: [])
        procs, patterns = filters.partition { |filter| filter.is_a?(Proc) }
        regexps, literals = ParameterFilter.apart(patterns)
        of_paths, of_keys = regexps.partition { |regexp| ParameterFilter.path?(regexp) }
        values = ValueFilter.new(filter_values, value_scanners, mask.to_s)
        compile(literals, asked(of_keys, literals.grep_v(/\./)), asked(of_paths, literals.grep(/\./)),
                of_keys.any?, of_paths.any?, procs, mask, mask.to_s.encode(Encoding::UTF_8),
                values.scanners, values.exempt, values.own)
      end

      # @return [self] there is nothing that a copy could change
      def dup
        self
      end

      # @return [self]
      def clone(**)
        self
      end

      # @return [String] without its filters
      def inspect
        "#<#{self.class}>"
      end

      private

      # What the core leaves to Regexps: besides the application's own, keys with other letters than ASCII's, which fold
      # as Unicode does.
      def asked(regexps, literals)
        one = literals.map { |literal| Regexp.escape(literal) }.join('|')
        regexps += [Regexp.new(one, Regexp::IGNORECASE)] if literals.any?
        regexps.map { |regexp| BoundedRegexp.new(regexp) }
      end
    end
  end
end
