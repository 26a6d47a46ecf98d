# frozen_string_literal: true

module Tasker
  module Native
    class Waterfall
      # The time of one trace, laid over some columns.
      #
      # @api private
      class Axis
        # How finely a column is divided
        EIGHTHS = 8
        ENDS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'].freeze
        private_constant :EIGHTHS, :ENDS

        # @param start_ns [Integer] nanoseconds since the epoch
        # @param duration_ns [Integer] nanoseconds
        # @param columns [Integer]
        # @param unicode [Boolean]
        def initialize(start_ns, duration_ns, columns, unicode:)
          @start_ns = start_ns
          @duration_ns = duration_ns
          @columns = columns
          @unicode = unicode
        end

        # @param start_ns [Integer] nanoseconds since the epoch
        # @param end_ns [Integer] the same
        # @return [String] blanks up to the start, then a bar that is never quite invisible
        def bar(start_ns, end_ns)
          column = column_at(start_ns)
          length = [eighths_at(end_ns) - (column * EIGHTHS), 1].max
          (' ' * column) + (@unicode ? blocks(length) : '=' * ((length + EIGHTHS - 1) / EIGHTHS))
        end

        # @param time_ns [Integer] nanoseconds since the epoch
        # @return [String] blanks, then a mark
        def moment(time_ns)
          (' ' * column_at(time_ns)) + (@unicode ? '◆' : '*')
        end

        private

        def blocks(length)
          ('█' * (length / EIGHTHS)) + ENDS[length % EIGHTHS]
        end

        def column_at(time_ns)
          (eighths_at(time_ns) / EIGHTHS).clamp(0, @columns - 1)
        end

        def eighths_at(time_ns)
          return 0 unless @duration_ns.positive?

          ((time_ns - @start_ns) * @columns * EIGHTHS / @duration_ns).clamp(0, @columns * EIGHTHS)
        end
      end
    end
  end
end
