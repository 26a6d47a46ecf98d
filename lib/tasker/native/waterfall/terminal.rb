# frozen_string_literal: true

module Tasker
  module Native
    class Waterfall
      # Lines of coloured text that fit the terminal. What it is given may come from users: nothing reaches the output
      # except through `fit`, which escapes whatever could drive a terminal or hide in it.
      #
      # A segment is an Array: a text, then the names of its styles.
      #
      # @api private
      class Terminal
        DEFAULT_WIDTH = 100
        MIN_WIDTH = 40
        MAX_WIDTH = 1_000

        STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 }.freeze

        # Control characters, invisible and direction-changing ones, separators, what is not assigned
        UNSAFE = /[[:cntrl:]\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/
        UNSAFE_IN_ASCII = /[^ -~]/
        ESCAPES = { "\n" => '\n', "\r" => '\r', "\t" => '\t', "\e" => '\e', "\0" => '\0' }.freeze

        # Characters that take two columns, and those that take none
        WIDE = /\p{Han}|\p{Hiragana}|\p{Katakana}|\p{Hangul}|\p{Emoji_Presentation}|[\u3000-\u303f\uff01-\uff60]/
        MARK = /[\p{Mn}\p{Me}]/

        private_constant :DEFAULT_WIDTH, :MIN_WIDTH, :MAX_WIDTH, :STYLES, :UNSAFE, :UNSAFE_IN_ASCII, :ESCAPES, :WIDE,
                         :MARK

        # @return [Integer] columns
        attr_reader :width

        # @param io [IO]
        # @param color [Boolean, nil] nil: when io is a terminal and NO_COLOR is not set
        # @param width [Integer, nil] columns; nil: the terminal's, or 100
        def initialize(io, color: nil, width: nil)
          @io = io
          @tty = io.respond_to?(:tty?) && io.tty?
          @color = color.nil? ? @tty && !ENV.key?('NO_COLOR') : color
          @width = (width || columns_of_terminal || DEFAULT_WIDTH).clamp(MIN_WIDTH, MAX_WIDTH)
          @unicode = encoding == Encoding::UTF_8
        end

        # @return [Boolean] false: nothing but ASCII is written
        def unicode?
          @unicode
        end

        # @param segments [Array<Array>] the text of each, and its styles
        # @return [void]
        def line(*segments)
          @io.puts(fit(segments, width))
        end

        # A line in two parts, the second of which starts at a column of its own.
        #
        # @param segments [Array<Array>] cut before the column
        # @param column [Integer]
        # @param others [Array<Array>] the second part
        # @return [void]
        def aligned_line(segments, column, *others)
          blanks = (column - columns_of(segments)).clamp(0, width)
          @io.puts(fit(segments, column) + (' ' * blanks) + fit(others, width - column))
        end

        # @param segments [Array<Array>]
        # @return [Integer] how many columns they take
        def columns_of(segments)
          segments.sum { |text, *| columns(escape(text)) }
        end

        private

        # @return [String] at most `room` columns wide; a cut shows
        def fit(segments, room)
          texts = segments.map { |text, *| escape(text) }
          overflow = texts.sum { |text| columns(text) } > room
          room -= 1 if overflow
          painted = texts.zip(segments).map do |text, (_, *styles)|
            text = clip(text, room)
            room -= columns(text)
            paint(text, styles)
          end
          "#{painted.join}#{ellipsis if overflow}"
        end

        def encoding
          (@io.external_encoding if @io.respond_to?(:external_encoding)) || Encoding.default_external
        end

        def columns_of_terminal
          return unless @tty

          require 'io/console'
          columns = @io.winsize.last
          columns if columns.positive?
        rescue SystemCallError, NoMethodError # a terminal that does not know, something that only looks like an IO
          nil
        end

        def escape(text)
          utf8(text.to_s).gsub(@unicode ? UNSAFE : UNSAFE_IN_ASCII) do |character|
            ESCAPES[character] || format('\u{%x}', character.ord)
          end
        end

        # No more than could be shown is looked at, however long the text is.
        def utf8(text)
          text = text.byteslice(0, 4 * width)
          text = text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace) unless bytes?(text)
          text.dup.force_encoding(Encoding::UTF_8).scrub { |bytes| bytes.unpack('C*').map { |b| format('\x%02x', b) }.join }
        end

        def bytes?(text)
          [Encoding::UTF_8, Encoding::BINARY].include?(text.encoding)
        end

        def columns(text)
          return text.size if text.ascii_only?

          text.size + text.scan(WIDE).size - text.scan(MARK).size
        end

        def clip(text, room)
          return text if columns(text) <= room

          text.each_char.take_while { |character| (room -= columns(character)) >= 0 }.join
        end

        def ellipsis
          unicode? ? '…' : '~'
        end

        def paint(text, styles)
          codes = STYLES.values_at(*styles).compact
          return text if !@color || codes.empty? || text.empty?

          "\e[#{codes.join(';')}m#{text}\e[0m"
        end
      end
    end
  end
end
