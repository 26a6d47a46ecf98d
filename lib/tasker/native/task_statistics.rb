# frozen_string_literal: true

module Tasker
  module Native
    # How far a task's steps are. What the caller says counts, then what the step class knows (+task_completion_stats+,
    # as upstream's does); else steps that are in memory are counted, and a relation that is not loaded by one grouped
    # query.
    #
    # @api private
    class TaskStatistics
      COUNTS = %i[total_steps completed_steps failed_steps pending_steps].freeze
      COMPLETE = %w[complete completed resolved_manually].freeze
      FAILED = %w[error failed].freeze
      private_constant :COUNTS, :COMPLETE, :FAILED

      # @param task [Object]
      # @param known [Hash] what the caller says: nothing is asked for when it has all counts
      # @return [TaskStatistics] zeros when the task does not tell of its steps, or raises
      def self.of(task, known = {})
        return new(known.slice(*COUNTS)) if COUNTS.all? { |count| known.key?(count) }

        steps = task.workflow_steps if task.respond_to?(:workflow_steps)
        steps ? of_steps(steps, task) : of_rows([])
      rescue *ISOLATED_ERRORS
        of_rows([])
      end

      class << self
        private

        def of_steps(steps, task)
          model = steps.klass if steps.respond_to?(:klass)
          return of_stats(model.task_completion_stats(task)) if model.respond_to?(:task_completion_stats)
          return of_rows(steps.map { |step| row(step) }) if in_memory?(steps, task)
          return new({ total_steps: steps.count }) unless model.column_names.include?('status')

          of_rows(grouped(steps, model))
        end

        def of_stats(stats)
          new(stats.slice(*COUNTS), stats[:latest_completion_time])
        end

        # @param rows [Array] of status, number of steps, when the last of them was processed
        def of_rows(rows)
          complete = rows.select { |status,| COMPLETE.include?(status) }
          total, completed, failed = [rows, complete, rows.select { |status,| FAILED.include?(status) }].map do |some|
            some.sum { |_, number,| number }
          end
          new({ total_steps: total, completed_steps: completed, failed_steps: failed,
                pending_steps: total - completed - failed }, complete.filter_map(&:last).max)
        end

        def row(step)
          [(step.status.to_s if step.respond_to?(:status)), 1, (step.processed_at if step.respond_to?(:processed_at))]
        end

        def in_memory?(steps, task)
          !steps.respond_to?(:loaded?) || steps.loaded? || (task.respond_to?(:new_record?) && task.new_record?)
        end

        def grouped(steps, model)
          columns = model.arel_table
          wanted = [columns[:status], columns[model.primary_key].count]
          wanted << columns[:processed_at].maximum if model.column_names.include?('processed_at')
          type = model.type_for_attribute('processed_at')
          steps.reorder(nil).group(columns[:status]).pluck(*wanted).map do |status, number, processed_at|
            [status.to_s, number, type.deserialize(processed_at)] # not every database gives a Time
          end
        end
      end

      # @return [Hash{Symbol=>Integer}] total_steps, completed_steps, failed_steps, pending_steps; without those that
      #   could not be told
      attr_reader :counts

      # @return [Time, nil] when the last step was completed
      attr_reader :latest_completion

      # @param counts [Hash{Symbol=>Integer}]
      # @param latest_completion [Time, nil]
      def initialize(counts, latest_completion = nil)
        @counts = counts
        @latest_completion = latest_completion
      end

      # @return [Boolean] whether there are steps, and all of them are through
      def all_complete?
        counts[:total_steps].to_i.positive? && counts[:completed_steps] == counts[:total_steps]
      end
    end
  end
end
