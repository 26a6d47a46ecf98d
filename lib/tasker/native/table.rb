# frozen_string_literal: true

module Tasker
  module Native
    # Text in columns.
    #
    # @api private
    module Table
      UNITS = %w[B KiB MiB GiB TiB].freeze
      private_constant :UNITS

      module_function

      # @param rows [Array<Array<String>>] the last column is not padded
      # @return [Array<String>] lines
      def lines(rows)
        widths = rows.map { |row| row[0...-1].map(&:size) }.transpose.map(&:max)
        rows.map do |row|
          cells = row[0...-1].zip(widths).map { |cell, width| cell.ljust(width) }
          [*cells, row.last].join('  ').rstrip
        end
      end

      # @param bytes [Integer]
      # @return [String] "36.9 KiB"
      def size(bytes)
        unit = 0
        (bytes = bytes.fdiv(1024)) && unit += 1 while bytes >= 1024 && unit < UNITS.size - 1
        unit.zero? ? "#{bytes} B" : format('%<number>.1f %<unit>s', number: bytes, unit: UNITS[unit])
      end

      # @param seconds [Numeric]
      # @return [String] "2 min"
      def duration(seconds)
        { 86_400 => 'd', 3_600 => 'h', 60 => 'min' }.each do |unit, name|
          return "#{(seconds / unit).floor} #{name}" if seconds >= 2 * unit
        end
        "#{[seconds, 0].max.floor} s"
      end

      # @param count [Integer]
      # @param noun [String]
      # @return [String] "1 span", "2 spans"
      def count(count, noun)
        "#{count} #{noun}#{'s' unless count == 1}"
      end
    end
  end
end
