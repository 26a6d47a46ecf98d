# frozen_string_literal: true

require_relative 'task_statistics'

module Tasker
  module Native
    # The standard payloads of events. Steps and tasks may be ActiveRecord objects, Structs, or anything that answers a
    # part of their methods; what they do not answer is left out, and nothing is looked up for a step.
    module EventPayloadBuilder
      # @param step [#workflow_step_id, #name]
      # @param task [#task_id, nil] for a step that knows neither its task nor its task's id
      # @param event_type [Symbol] :started, :before_handle, :completed, :failed, :retry, :cancelled, ...
      # @param additional_context [Hash] wins over what stands in the payload otherwise
      # @return [Hash{Symbol=>Object}]
      def build_step_payload(step, task = nil, event_type: :completed, additional_context: {})
        context = additional_context
        context = { task_id: task.task_id, **context } if task.respond_to?(:task_id) && !step.respond_to?(:task_id)
        Native.build_step_payload(step, event_type, nil, context)
      end

      # @param task [#task_id]
      # @param event_type [Symbol] :started, :completed, :failed, ...
      # @param additional_context [Hash]
      # @return [Hash{Symbol=>Object}]
      def build_task_payload(task, event_type: :completed, additional_context: {})
        statistics = TaskStatistics.of(task)
        base = task_base(task, event_type, statistics)
        base.merge!(task_specifics(task, event_type, additional_context), additional_context)
      end

      private

      def task_base(task, event_type, statistics)
        started = answer(task, :created_at)
        ended = statistics.latest_completion if statistics.all_complete?
        {
          task_id: answer(task, :task_id), task_name: answer(task, :name) || 'unknown_task',
          started_at: iso8601(started), completed_at: iso8601(ended),
          task_type: task.class.name, event_type: event_type.to_s, timestamp: iso8601(Time.now.utc),
          **durations(started, ended, statistics.all_complete?), **statistics.counts
        }
      end

      # A task that is through has a total, any other a current duration.
      def durations(started, ended, complete)
        total = elapsed(started, ended) if started && ended
        current = elapsed(started, Time.now) if started && !complete
        durations = { total_execution_duration: total, current_execution_duration: current }
        durations[:execution_duration] = total if total
        durations
      end

      def task_specifics(task, event_type, context)
        case event_type
        when :started then { task_context: answer(task, :context) }
        when :failed then { error_message: context[:error_message] || context[:error] || 'Task execution failed' }
        else {}
        end
      end

      def elapsed(from, till)
        (till - from).to_f.round(3)
      rescue *ISOLATED_ERRORS
        nil
      end

      def iso8601(time)
        time.respond_to?(:strftime) ? time.strftime('%Y-%m-%dT%H:%M:%S%:z').sub(/\+00:00\z/, 'Z') : time
      end

      def answer(object, method)
        object.public_send(method) if object.respond_to?(method)
      rescue *ISOLATED_ERRORS
        nil
      end

      extend self
    end
  end
end
