# frozen_string_literal: true

require_relative 'task_statistics'

module Tasker
  module Native
    # The standard payloads of events. Steps and tasks may be ActiveRecord objects, Structs, or anything that answers a
    # part of their methods; what they do not answer is left out, and nothing is looked up for a step. Times are ISO
    # 8601 in whole seconds. The keys of all events of a kind come first, those of the event's type win over them, and
    # the caller's context wins over both.
    module EventPayloadBuilder
      TASK_FIELDS = { task_id: :task_id, task_name: :name, current_status: :status, final_status: :status }.freeze
      private_constant :TASK_FIELDS

      # task_id, step_id, step_name, started_at, completed_at, attempt_number, retry_limit, event_type, timestamp;
      # +:started+ adds step_inputs and step_dependencies (of parents that are in memory), +:completed+
      # execution_duration (0.0 where times are missing) and step_results, +:failed+ error_message, exception_class,
      # backtrace and step_results, +:retry+ previous_attempts, retry_reason and backoff_strategy.
      #
      # @param step [#workflow_step_id, #name]
      # @param task [#task_id, nil] for a step that knows neither its task nor its task's id
      # @param event_type [Symbol] :started, :before_handle, :completed, :failed, :retry, :cancelled, ...
      # @param additional_context [Hash] wins over what stands in the payload otherwise
      # @return [Hash{Symbol=>Object}]
      # @example
      #   build_step_payload(step, event_type: :completed, additional_context: { operation_count: 42 })
      def build_step_payload(step, task = nil, event_type: :completed, additional_context: {})
        context = additional_context
        context = { task_id: task.task_id, **context } if task.respond_to?(:task_id) && !step.respond_to?(:task_id)
        Native.build_step_payload(step, event_type, nil, context)
      end

      # task_id, task_name, started_at, completed_at, task_type, event_type, timestamp, total_execution_duration (once
      # all steps are complete, and then execution_duration, too) or current_execution_duration (until then),
      # total_steps, completed_steps, failed_steps, pending_steps; +:started+ and +:enqueue+ add task_context, +:failed+
      # error_message and, where there are any, error_steps and error_step_results.
      #
      # The steps cost one grouped query at most, none where they are loaded, where the step class answers
      # +task_completion_stats(task)+, or where the context has the four counts.
      #
      # @param task [#task_id, #name, #workflow_steps]
      # @param event_type [Symbol] :started, :completed, :failed, ...
      # @param additional_context [Hash] wins over what stands in the payload otherwise
      # @return [Hash{Symbol=>Object}]
      # @example
      #   build_task_payload(task, event_type: :failed, additional_context: { error_message: 'Out of stock' })
      def build_task_payload(task, event_type: :completed, additional_context: {})
        statistics = TaskStatistics.of(task, additional_context)
        base = task_base(task, event_type, statistics)
        base.merge!(task_specifics(task, event_type, additional_context), additional_context)
      end

      # event_type, orchestration_event (true), timestamp, and the context, which wins.
      #
      # @param event_type [Symbol]
      # @param context [Hash]
      # @return [Hash{Symbol=>Object}]
      # @example
      #   build_orchestration_payload(event_type: :task_started, context: { task_id: 7 })
      def build_orchestration_payload(event_type:, context: {})
        { event_type: event_type.to_s, orchestration_event: true, timestamp: iso8601(Time.now.utc), **context }
      end

      # @api private
      # @param names [Array<Symbol>] of the keys: task_id, task_name, current_status, final_status
      # @return [Hash{Symbol=>Object}] of them, what the task answers
      def task_fields(task, *names)
        names.each_with_object({}) do |name, fields|
          method = TASK_FIELDS.fetch(name)
          fields[name] = task.public_send(method) if task.respond_to?(method)
        rescue *ISOLATED_ERRORS
          next # left out
        end
      end

      # @api private
      # @return [Float, nil] seconds from the step's attempt to its end, else from its creation to its last change
      def step_duration(step)
        [%i[last_attempted_at processed_at], %i[created_at updated_at]].filter_map do |from, till|
          elapsed(Answer.of(step, from), Answer.of(step, till))
        end.first
      end

      private

      def task_base(task, event_type, statistics)
        started = Answer.of(task, :created_at)
        ended = statistics.latest_completion if statistics.all_complete?
        {
          task_id: Answer.of(task, :task_id), task_name: Answer.of(task, :name) || 'unknown_task',
          started_at: iso8601(started), completed_at: iso8601(ended),
          task_type: task.class.name, event_type: event_type.to_s, timestamp: iso8601(Time.now.utc),
          **durations(started, ended), **statistics.counts
        }
      end

      # A task that is through has a total, any other a current duration.
      def durations(started, ended)
        total = elapsed(started, ended) if started && ended
        current = elapsed(started, Time.now) if started && !total
        durations = { total_execution_duration: total, current_execution_duration: current }
        durations[:execution_duration] = total if total
        durations
      end

      def task_specifics(task, event_type, context)
        case event_type
        when :started, :enqueue then { task_context: Answer.of(task, :context) }
        when :failed then task_failure(context)
        else {}
        end
      end

      def task_failure(context)
        failure = { error_message: context[:error_message] || context[:error] || 'Task execution failed' }
        steps = context[:error_steps]
        return failure if steps.nil? || (steps.respond_to?(:empty?) && steps.empty?)

        failure.merge!(error_steps: steps, error_step_results: context[:error_step_results])
      end

      def elapsed(from, till)
        (till - from).to_f.round(3)
      rescue *ISOLATED_ERRORS
        nil
      end

      def iso8601(time)
        time.respond_to?(:strftime) ? time.strftime('%Y-%m-%dT%H:%M:%S%:z').sub(/\+00:00\z/, 'Z') : time
      end

      extend self
    end
  end
end
