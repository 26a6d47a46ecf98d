# frozen_string_literal: true

module Tasker
  module Native
    # Sorts the filters of +filter_parameters+ by who can judge a key: the core knows literals, Ruby its Regexps. A
    # filter of another kind is answered by masking more than it asks for, never less:
    # a dotted path masks every key that contains its last part; a Proc, or a Regexp over a path, masks every value.
    #
    # @api private
    class FilterList
      # @param settings [Settings]
      def initialize(settings)
        @settings = settings
        @filters = settings.filter_parameters
        @mask = settings.filter_mask
      end

      # @return [Array(Array<String>, Array<Regexp>, Boolean, Boolean, String)] literals, Regexps, whether the Regexps
      #   are to be asked for ASCII keys too, whether to mask everything, and the mask
      def to_a
        warn_about(unknown.first) if unknown.any?
        [literals, regexps + unicode_literals, regexps.any?, unknown.any?, @mask]
      end

      private

      def literals
        @filters.grep_v(Regexp).grep_v(Proc).map { |filter| filter.to_s.split('.').last.to_s }
      end

      def regexps
        @filters.grep(Regexp) - unknown
      end

      # A key with other letters than ASCII's folds as Unicode does, which the core leaves to Ruby.
      def unicode_literals
        literals.map { |literal| Regexp.new(Regexp.escape(literal), Regexp::IGNORECASE) }
      end

      def unknown
        @unknown ||= @filters.grep(Proc) + @filters.grep(Regexp).select { |filter| filter.source.include?('\\.') }
      end

      def warn_about(filter)
        @settings.warn_once(
          "filter_parameters has #{filter.is_a?(Proc) ? 'a Proc' : filter.inspect}, which this version can't judge: " \
          'every attribute of every span is masked. Leave it out, or name the keys.'
        )
      end
    end
  end
end
