# frozen_string_literal: true

module Tasker
  module Native
    module Engine
      # What the states of a task tell that this process has not seen: which run it is, and since when. A task that runs
      # again after its end is another run; one that waits for a retry is not.
      #
      # @api private
      class TaskHistory
        # The state in which a run begins, or goes on.
        STARTED = 'in_progress'
        # Those in which it ends.
        ENDED = %w[complete error cancelled resolved_manually].freeze

        # Of a task that is about to change: one query when a run begins or goes on, and when it ends.
        #
        # @param task [Tasker::Task]
        # @param state [String] the next one
        # @return [void]
        def self.tell(task, state)
          return unless [STARTED, *ENDED].include?(state) && Native.runtime.tracing?

          history = new(task.task_transitions.reorder(:sort_key).pluck(:to_state, :created_at))
          history.begin_run if state == STARTED
          Native.runtime.spans.know_task(task.task_id, history.run, history.began&.utc, history.over?)
        rescue *ISOLATED_ERRORS => e
          Native.logger.warn("tasker-native: the history of task #{task.task_id} can't be read: #{e.class}")
        end

        # @return [Integer] from 1 on
        attr_reader :run

        # @return [ActiveSupport::TimeWithZone, nil] nil: it has not begun
        attr_reader :began

        # @param states [Array<Array(String, Time)>] each with the time at which it was entered, oldest first
        def initialize(states)
          @run = 1
          states.each do |state, at|
            begin_run(at) if state == STARTED
            @over = true if ENDED.include?(state)
          end
        end

        # @return [Boolean] whether the run has ended
        def over?
          @over == true
        end

        # @param at [Time, nil] nil: now
        # @return [void]
        def begin_run(at = nil)
          @run += 1 if over?
          @began = over? ? at : @began || at
          @over = false
        end
      end
    end
  end
end
