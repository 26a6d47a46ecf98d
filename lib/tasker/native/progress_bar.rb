# frozen_string_literal: true

module Tasker
  module Native
    # How far long work has come: one line that is written over in a terminal, else a line every few seconds.
    #
    # @api private
    class ProgressBar
      WIDTH = 30
      SECONDS = { true => 0.1, false => 5.0 }.freeze # between two looks, in a terminal and elsewhere
      private_constant :WIDTH, :SECONDS

      # @param io [IO]
      # @param what [String] such as 'spans'
      # @param total [Integer]
      def initialize(io, what, total)
        @io = io
        @what = what
        @total = total
        @terminal = io.respond_to?(:tty?) && io.tty?
        @shown_at = @terminal ? 0 : now
      end

      # @param done [Integer]
      # @return [void]
      def show(done)
        return if now < @shown_at + SECONDS[@terminal]

        @shown_at = now
        @terminal ? @io.print("\r#{line(done)}") : @io.puts(line(done))
        @io.flush
      end

      # Leaves the last state in its line.
      #
      # @param done [Integer]
      # @return [void]
      def finish(done)
        @terminal ? @io.puts("\r#{line(done)}") : @io.puts(line(done))
      end

      private

      def line(done)
        share = @total.zero? ? 1.0 : [done.fdiv(@total), 1.0].min
        bar = ('#' * (share * WIDTH).floor).ljust(WIDTH)
        format('[%<bar>s] %<percent>3d %% %<done>d of %<total>d %<what>s', bar: bar, percent: share * 100, done: done,
                                                                           total: @total, what: @what)
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
