# frozen_string_literal: true

module Tasker
  module Native
    module Engine
      # The attempt of a step that a thread runs, or has run last. The engine announces its end three times: from the
      # handler, from the state machine and from the executor, in this order and in the same thread, with three numbers
      # and three durations, none of which is real. It counts an attempt when the handler is through.
      #
      # @api private
      class Attempt
        KEY = :tasker_native_attempt
        private_constant :KEY

        class << self
          # Whoever works on the step in this thread begins.
          #
          # @param step [Tasker::WorkflowStep]
          # @return [Attempt]
          def begin(step)
            Thread.current[KEY] = new(step)
          end

          # Runs the block as the handler of the step.
          #
          # @param step [Tasker::WorkflowStep]
          # @yield
          # @return [Object] what the block returns
          def run(step)
            attempt = self.begin(step)
            yield
          ensure
            attempt&.finish
          end

          # @param step [Tasker::WorkflowStep]
          # @return [Attempt, nil] this thread's, if it is the step's
          def of(step)
            attempt = Thread.current[KEY]
            attempt if attempt&.of?(step)
          end

          # @param payload [Hash] of an event that ends an attempt
          # @return [Boolean] whether it is the first one; true for what no handler of this thread has done
          def first_end?(payload)
            attempt = Thread.current[KEY]
            !attempt&.told?(payload)
          end

          # @param step [Tasker::WorkflowStep]
          # @return [Integer] of the attempt that is not over
          def next_number(step)
            attempts = Answer.of(step, :attempts)
            attempts.is_a?(Integer) ? attempts + 1 : 1
          end
        end

        # @param step [Tasker::WorkflowStep]
        def initialize(step)
          @step_id = Answer.of(step, :workflow_step_id)
          @number = Attempt.next_number(step)
          start
        end

        # @param step [Tasker::WorkflowStep]
        # @return [Boolean] whether the step is in this attempt, or was in no other since
        def of?(step)
          @step_id == Answer.of(step, :workflow_step_id) && (0..1).cover?(@number + 1 - Attempt.next_number(step))
        end

        # @param payload [Hash] of an event that ends an attempt
        # @return [Boolean] whether this one's end was told before; from now on it was
        def told?(payload)
          return false unless payload[:step_id] == @step_id && payload[:attempt_number] == @number

          told = @told
          @told = true
          !told.nil?
        end

        # Its duration counts from here.
        #
        # @return [void]
        def start
          @started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        end

        # The handler is through, or tells its end.
        #
        # @return [Float] seconds that it took, the same from now on
        def finish
          return @duration if @duration

          @duration = (Process.clock_gettime(Process::CLOCK_MONOTONIC) - @started).round(3)
        end

        # @return [Hash{Symbol=>Object}] what payloads say of its end
        def to_h
          { attempt_number: @number, execution_duration: finish }
        end
      end
    end
  end
end
