# frozen_string_literal: true

module Tasker
  module Native
    # Sorts the filters of +filter_parameters+ by who can judge a key: the core knows literals, Ruby its Regexps. A
    # filter with a dot (a Regexp with an escaped one) is looked for in paths, too, as ActiveSupport::ParameterFilter
    # does: +card.number+ hides number below card. A Proc is answered by masking more than it asks for, never less:
    # every value.
    #
    # @api private
    class FilterList
      # @param settings [Settings]
      def initialize(settings)
        @settings = settings
        @filters = settings.filter_parameters
        @mask = settings.filter_mask
      end

      # @return [Array(Array<String>, Array<Regexp>, Array<Regexp>, Boolean, Boolean, Boolean, String)] literals,
      #   Regexps for keys and for paths, whether these two are to be asked where all is ASCII, too, whether to mask
      #   everything, and the mask
      def to_a
        warn_of_procs if procs.any?
        [literals, regexps + regexps_of(literals), path_regexps + regexps_of(literals.grep(/\./)), regexps.any?,
         path_regexps.any?, procs.any?, @mask]
      end

      private

      def literals
        @filters.grep_v(Regexp).grep_v(Proc).map(&:to_s)
      end

      def regexps
        @filters.grep(Regexp)
      end

      def path_regexps
        regexps.select { |filter| filter.source.include?('\\.') }
      end

      # What has other letters than ASCII's folds as Unicode does, which the core leaves to Ruby.
      def regexps_of(literals)
        literals.map { |literal| Regexp.new(Regexp.escape(literal), Regexp::IGNORECASE) }
      end

      def procs
        @filters.grep(Proc)
      end

      def warn_of_procs
        @settings.warn_once("filter_parameters has a Proc, which this version can't judge: every attribute of every " \
                            'span is masked. Leave it out, or name the keys.')
      end
    end
  end
end
