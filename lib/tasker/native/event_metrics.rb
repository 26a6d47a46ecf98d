# frozen_string_literal: true

module Tasker
  module Native
    # What {MetricsBackend} makes of an event. Included by it.
    module EventMetrics
      # What has few values, by the names that payloads have for it. Ids and messages are never labels.
      LABELS = { task_name: %i[task_name], step_name: %i[step_name], status: %i[status],
                 handler: %i[handler_class], namespace: %i[namespace], priority: %i[priority],
                 error_type: %i[error_type exception_class error_class] }.freeze
      DURATIONS = %i[execution_duration duration total_execution_duration backoff_seconds duration_seconds].freeze
      # The ends of tasks and steps are measured by one name, whatever they are.
      ENDS = %w[completed failed cancelled].freeze
      GAUGES = {
        'workflow.iteration' => { active_task_count: 'workflow_active_tasks' },
        'system.health' => { healthy_task_count: 'system_healthy_tasks', failed_task_count: 'system_failed_tasks' }
      }.freeze
      private_constant :LABELS, :DURATIONS, :ENDS, :GAUGES

      # @return [EventRouter, nil]
      attr_reader :event_router

      # @param router [EventRouter] says which events are counted
      # @return [EventRouter] the same
      def register_event_router(router)
        @event_router = router
      end

      # Counts an event: +task.completed+ as +task_completed_total+, any other likewise. With a duration it is measured
      # as well: how long it took until something ended as +task_duration_seconds+, else as +NAME_seconds+. Labels are
      # the payload's names of task and step, status, handler_class, namespace, priority and type of error. Never
      # raises.
      #
      # @param event_name [String, Symbol]
      # @param payload [Hash] keys may be Strings
      # @return [Boolean] whether it was counted
      def handle_event(event_name, payload = {})
        return false unless payload.is_a?(Hash)

        name = event_name.to_s
        labels = labels_of(payload)
        set_gauges(name, payload)
        counter(counter_name(name), **labels).increment
        duration = duration_of(payload)
        histogram(histogram_name(name), **labels).observe(duration) if duration
        true
      rescue *ISOLATED_ERRORS => e
        Native.report_publishing_error(event_name, e)
        false
      end

      private

      def labels_of(payload)
        LABELS.each_with_object({}) do |(label, keys), labels|
          value = value_of(payload, keys)
          labels[label] = value.to_s if value.is_a?(String) || value.is_a?(Symbol) || value.is_a?(Integer)
        end
      end

      def value_of(payload, keys)
        keys.each do |key|
          value = payload[key]
          value = payload[key.name] if value.nil?
          return value unless value.nil?
        end
        nil
      end

      def duration_of(payload)
        value = value_of(payload, DURATIONS)
        value if value.is_a?(Numeric) && value.real? && value >= 0
      end

      def counter_name(name)
        "#{name.tr('.', '_')}_total"
      end

      def histogram_name(name)
        entity, event = name.split('.', 2)
        ENDS.include?(event) ? "#{entity}_duration_seconds" : "#{name.tr('.', '_')}_seconds"
      end

      def set_gauges(name, payload)
        GAUGES.each do |part, gauges|
          next unless name.include?(part)

          gauges.each do |key, gauge_name|
            value = value_of(payload, [key])
            gauge(gauge_name).set(value) if value.is_a?(Numeric)
          end
        end
      end
    end
  end
end
