# frozen_string_literal: true

module Tasker
  module Native
    # What {MetricsBackend} makes of an event. Included by it.
    module EventMetrics
      both = ->(keys) { keys.flat_map { |key| [key, key.name] } }
      # What has few values becomes a label, by the keys that payloads have for it. Ids and messages never do.
      LABELS = { task_name: :task_name, step_name: :step_name, status: :status, handler_class: :handler,
                 namespace: :namespace, priority: :priority, error_type: :error_type, exception_class: :error_type,
                 error_class: :error_type }
               .flat_map { |key, label| both[[key]].map { |name| [name, label] } }.to_h.freeze
      DURATIONS = both[%i[execution_duration duration total_execution_duration backoff_seconds]]
                  .to_h { |key| [key, true] }.freeze
      # The ends of tasks and steps are measured by one name, whatever they are.
      ENDS = %w[completed failed cancelled].freeze
      GAUGES = {
        'workflow.iteration' => { active_task_count: 'workflow_active_tasks' },
        'system.health' => { healthy_task_count: 'system_healthy_tasks', failed_task_count: 'system_failed_tasks' }
      }.freeze
      MAX_EVENTS = 1000 # whose names are remembered
      private_constant :LABELS, :DURATIONS, :ENDS, :GAUGES, :MAX_EVENTS

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

        names = names_of(event_name)
        labels = labels_of(payload)
        duration = duration_of(payload)
        counter(names[:counter], **labels).increment
        histogram(names[:histogram], **labels).observe(duration) if duration
        set_gauges(names[:gauges], payload) if names[:gauges]
        true
      rescue *ISOLATED_ERRORS => e
        Native.report_publishing_error(event_name, e)
        false
      end

      private

      # The first of several keys for one label counts.
      def labels_of(payload)
        labels = {}
        payload.each do |key, value|
          label = LABELS[key]
          labels[label] ||= value.to_s if label && label?(value)
        end
        labels
      end

      def duration_of(payload)
        payload.each { |key, value| return value if DURATIONS[key] && duration?(value) }
        nil
      end

      def set_gauges(gauges, payload)
        gauges.each do |key, name|
          value = payload[key] || payload[key.name]
          gauge(name).set(value) if value.is_a?(Numeric)
        end
      end

      def label?(value)
        value.is_a?(String) || value.is_a?(Symbol) || value.is_a?(Integer)
      end

      def duration?(value)
        value.is_a?(Numeric) && value.real? && value >= 0
      end

      # Remembered as the names of instruments are.
      def names_of(event_name)
        @event_names[event_name] || new_names(event_name.to_s).tap do |names|
          @lock.synchronize { @event_names[event_name.to_s.dup.freeze] = names } if @event_names.size < MAX_EVENTS
        end
      end

      def new_names(name)
        plain = name.tr('.', '_')
        entity, event = name.split('.', 2)
        gauges = GAUGES.find { |part, _| name.include?(part) }&.last
        histogram = ENDS.include?(event) ? "#{entity}_duration_seconds" : "#{plain}_seconds"
        { counter: "#{plain}_total", histogram: histogram, gauges: gauges }
      end
    end
  end
end
