# frozen_string_literal: true

module Tasker
  module Native
    # How far a task's steps are. The step class may know (+task_completion_stats+, as upstream's does), else steps
    # that are in memory are counted; a relation that is not loaded is counted by one query.
    #
    # @api private
    class TaskStatistics
      COMPLETE = %w[complete completed resolved_manually].freeze
      FAILED = %w[error failed].freeze
      private_constant :COMPLETE, :FAILED

      # @return [TaskStatistics] empty when the task does not tell of its steps, or raises
      def self.of(task)
        steps = task.workflow_steps if task.respond_to?(:workflow_steps)
        steps ? new(task, steps) : new(task, [])
      rescue *ISOLATED_ERRORS
        new(task, [])
      end

      # @return [Hash{Symbol=>Integer}] total_steps, completed_steps, failed_steps, pending_steps
      attr_reader :counts

      # @return [Time, nil] when the last step was completed
      attr_reader :latest_completion

      def initialize(task, steps)
        known = steps.klass.task_completion_stats(task) if steps.respond_to?(:klass) &&
                                                           steps.klass.respond_to?(:task_completion_stats)
        if known
          take(known)
        else
          count(steps)
        end
      end

      def all_complete?
        counts[:total_steps].positive? && counts[:completed_steps] == counts[:total_steps]
      end

      private

      def take(known)
        @counts = known.slice(:total_steps, :completed_steps, :failed_steps, :pending_steps)
        @latest_completion = known[:latest_completion_time]
      end

      def count(steps)
        steps = steps.to_a
        statuses = steps.map { |step| step.status.to_s if step.respond_to?(:status) }
        completed = statuses.count { |status| COMPLETE.include?(status) }
        failed = statuses.count { |status| FAILED.include?(status) }
        @counts = { total_steps: steps.size, completed_steps: completed, failed_steps: failed,
                    pending_steps: statuses.count('pending') }
        @latest_completion = steps.filter_map { |step| step.processed_at if step.respond_to?(:processed_at) }.max
      end
    end
  end
end
