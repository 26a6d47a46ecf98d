# frozen_string_literal: true

module Tasker
  module Native
    # What {Runtime} does when the process forks, ends, or goes on as another one.
    #
    # @api private
    module ProcessHooks
      EXIT_SECONDS = [0.05, 0.04].freeze # to deliver; to come back from that and write to disk
      private_constant :EXIT_SECONDS

      # The process is about to go on as another one, whose queue is empty: delivers what is in flight, for at most
      # +shutdown_timeout+.
      #
      # @return [void]
      def before_daemon
        flush(settings.shutdown_timeout) if @started
        before_fork
      end

      # The process ends at once, and nothing is asked any more: delivers what is in flight or puts it on disk, within a
      # tenth of a second. Never raises.
      #
      # @return [void]
      def before_exit!
        return unless @started == Pipeline.forks

        @runtime_metrics.finish
        Pipeline.shutdown(*EXIT_SECONDS)
        PeriodicReader.shutdown(EXIT_SECONDS.first)
        write_log
      rescue *ISOLATED_ERRORS
        nil
      end

      # No span is being sent while a fork happens: waits at most 50 ms for the native thread to pause. And this process
      # holds the metrics from now on: what its children count stays, also while none of them lives.
      #
      # @return [void]
      def before_fork
        return unless @started

        Metrics.open
        Pipeline.pause(0.05)
      end

      # The native thread goes on.
      #
      # @return [void]
      def after_fork_in_parent
        Pipeline.resume if @started
      end

      # The child starts anew at its first event; at once, where its metrics are to be sent: it may have none.
      #
      # @return [void]
      def after_fork_in_child
        @publishers.each(&:await_start) if @started
        @runtime_metrics.after_fork
        start if @applied_metrics
      end

      # Delivers what is in flight, and what was counted. It may take some seconds longer.
      #
      # @param seconds [Numeric]
      # @return [Boolean] see {Native.shutdown}
      def shutdown(seconds)
        deadline = now + seconds
        lossless = Pipeline.shutdown(seconds)
        PeriodicReader.shutdown([deadline - now, 0].max)
        @applied_metrics = nil
        lossless
      end

      # @param seconds [Numeric]
      # @return [Boolean] see {Native.flush}
      def flush(seconds)
        deadline = now + seconds
        flushed = Pipeline.flush(seconds)
        PeriodicReader.flush([deadline - now, 0].max) && flushed
      end

      private

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
