# frozen_string_literal: true

require 'timeout'

module Tasker
  module Native
    # A Regexp that gives up: a key from outside can make an innocent one take years ("catastrophic backtracking"). From
    # Ruby 3.2 on it stops by itself, before that Timeout stops it, unless it can't take long.
    #
    # Any thread, any Ractor: each Ractor matches by a copy of its own, since Ruby compiles a Regexp again for a text of
    # another encoding, and frees what another Ractor matches by.
    #
    # @api private
    class BoundedRegexp
      # Seconds; see MAX_JUDGING in binding/filter.c.
      LIMIT = 1.0
      STOPS_BY_ITSELF = Regexp.respond_to?(:timeout)
      OPTIONS = Regexp::IGNORECASE | Regexp::EXTENDED | Regexp::MULTILINE | Regexp::NOENCODING
      HARMLESS = /\(\?[imx-]*:|\\[^g]/ # what is no quantifier and has the letters of one; but \g is recursion
      SHORT = 1000 # bytes, which one quantifier takes their square of steps for
      MOST_COPIES = 10_000 # that a Ractor keeps
      private_constant :STOPS_BY_ITSELF, :OPTIONS, :HARMLESS, :SHORT, :MOST_COPIES

      # It took longer than {LIMIT}.
      class TimeoutError < Error
      end

      # @param regexp [Regexp]
      def initialize(regexp)
        @original = STOPS_BY_ITSELF && regexp.instance_of?(Regexp) ? with_limit(regexp) : regexp
        @longest = longest(regexp.source.gsub(HARMLESS, ''))
        freeze
      end

      # @param text [String]
      # @return [Boolean]
      # @raise [TimeoutError, Regexp::TimeoutError]
      def match?(text)
        stops?(text) ? regexp.match?(text) : Timeout.timeout(LIMIT, TimeoutError) { regexp.match?(text) }
      end

      # @param text [String]
      # @param mask [String] in the place of each match
      # @return [String]
      # @raise [TimeoutError, Regexp::TimeoutError]
      def replace(text, mask)
        return text.gsub(regexp) { mask } if stops?(text)

        Timeout.timeout(LIMIT, TimeoutError) { text.gsub(regexp) { mask } }
      end

      private

      def regexp
        Ractor.current.equal?(Ractor.main) ? @original : own_copy
      end

      def own_copy
        copies = Ractor.current[:tasker_native_regexps] ||= {}.compare_by_identity
        copies.clear if copies.size >= MOST_COPIES
        copies[self] ||= @original.dup
      end

      def with_limit(regexp)
        limit = [regexp.timeout, LIMIT].compact.min
        Regexp.new(regexp.source, regexp.options & OPTIONS, timeout: limit).freeze
      end

      # Bytes of a text that can't take long.
      def longest(source)
        quantifiers = source.count('*+?{\\\\')
        return Float::INFINITY if quantifiers.zero?

        quantifiers == 1 && !source.include?('|') ? SHORT : 0
      end

      def stops?(text)
        STOPS_BY_ITSELF || text.bytesize <= @longest
      end
    end
  end
end
