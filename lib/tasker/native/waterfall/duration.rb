# frozen_string_literal: true

module Tasker
  module Native
    class Waterfall
      # Durations as people say them, with three digits.
      #
      # @api private
      module Duration
        UNITS = [[1, 'ns'], [1_000, 'µs'], [1_000_000, 'ms']].freeze
        SECOND = 1_000_000_000
        private_constant :UNITS, :SECOND

        module_function

        # @param nanoseconds [Integer]
        # @return [String] such as "12 ms", "1.24 s", "2m 05s"
        def text(nanoseconds)
          return "-#{text(-nanoseconds)}" if nanoseconds.negative?
          return '0 ms' if nanoseconds.zero?

          UNITS.each do |size, unit|
            return "#{three_digits(nanoseconds.fdiv(size))} #{unit}" if nanoseconds.fdiv(size).round < 1_000
          end
          long_text(nanoseconds.fdiv(SECOND))
        end

        def long_text(seconds)
          return "#{three_digits(seconds)} s" if seconds.round < 60

          minutes, seconds = seconds.round.divmod(60)
          return format('%<minutes>dm %<seconds>02ds', minutes: minutes, seconds: seconds) if minutes < 60

          format('%<hours>dh %<minutes>02dm', hours: minutes / 60, minutes: minutes % 60)
        end

        def three_digits(number)
          decimals = if number.round(2) < 10 then 2
                     else number.round(1) < 100 ? 1 : 0
                     end
          format("%.#{decimals}f", number).sub(/\.0+\z/, '')
        end

        private_class_method :long_text, :three_digits
      end
    end
  end
end
