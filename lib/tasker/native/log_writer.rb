# frozen_string_literal: true

module Tasker
  module Native
    # Writes what native threads have to say to the logger. Its thread sleeps without the GVL until there is something.
    #
    # @api private
    class LogWriter
      POLL = 3600 # seconds; it wakes at once when there is a line
      private_constant :POLL

      # Idempotent; starts anew in a forked process.
      #
      # @return [void]
      def start
        return if @thread&.alive?

        @thread = Thread.new { loop { write(Pipeline.next_log_line(POLL)) } }
        @thread.name = 'tasker-native log'
        @thread.thread_variable_set(:fork_safe, true) # Puma would warn of it
      end

      # Writes what is there, without waiting.
      #
      # @return [void]
      def drain
        while (line = Pipeline.next_log_line(0))
          write(line)
        end
      end

      private

      def write(line)
        level, text = line
        Native.logger.public_send(level, "tasker-native: #{text}") if text
      rescue StandardError
        nil # a logger that raises must not end the thread
      end
    end
  end
end
