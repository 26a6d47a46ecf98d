# frozen_string_literal: true

module Tasker
  module Native
    module StepHandler
      # An attempt of a step: what is published around its handler, and what becomes of an error. It is no part of the
      # handler, whose class may have methods of any name.
      #
      # @api private
      class Attempt
        # @param handler [Base]
        # @param task [Object]
        # @param step [Object]
        def initialize(handler, task, step)
          @handler = handler
          @step = step
          @told = task_id_for(task)
          @key = [@told.fetch(:task_id) { task_id }, Answer.of(step, :workflow_step_id)]
        end

        # @return [Boolean] whether this thread is in the handler of this step
        def running?
          Native.runtime.current_step == @key
        end

        # @yield what the handler does
        # @return [Object] what the block returns
        def run(&)
          @handler.publish_step_started(@step, **@told)
          @handler.publish_step_before_handle(@step, **@told)
          failure = StepFailure.new(@step)
          started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
          result = work(failure, started, &)
          @handler.publish_step_completed(@step, execution_duration: seconds_since(started), **@told)
          result
        end

        private

        def work(failure, started, &)
          result = Native.runtime.with_current_step(@key, &)
          ended = true
          result
        rescue *ISOLATED_ERRORS => e
          tell(e, failure, execution_duration: seconds_since(started))
          ended = true
          raise
        ensure
          Native.runtime.interrupt_step(@key) unless ended
        end

        def tell(error, failure, **duration)
          @handler.__send__(:_announce_failure, @step, error, **@told)
          failure.keep(error)
          @handler.publish_step_failed(@step, error: error, **duration, **@told)
        end

        # What the payloads of a step that does not know its task have to be told.
        def task_id_for(task)
          return {} unless task_id.nil?

          { task_id: Answer.of(task, :task_id) }.compact
        end

        # As the payload builder asks.
        def task_id
          Answer.of(@step, :task_id) || Answer.of(Answer.of(@step, :task), :task_id)
        end

        def seconds_since(started)
          (Process.clock_gettime(Process::CLOCK_MONOTONIC) - started).round(3)
        end
      end
    end
  end
end
