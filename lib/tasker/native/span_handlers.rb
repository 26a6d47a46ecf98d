# frozen_string_literal: true

module Tasker
  module Native
    # What makes a subscriber turn the events of tasks and steps into spans: see {TelemetrySubscriber}.
    #
    # @!method handle_task_initialize_requested(event)
    #   The task begins to wait, which becomes +tasker.task.initialize+ below its root; of an open root it is an event.
    #   @param event [Tasker::Native::Event, Hash]
    #   @return [nil]
    # @!method handle_task_start_requested(event)
    #   The task's root span begins.
    #   @param (see #handle_task_initialize_requested)
    #   @return [nil]
    # @!method handle_task_completed(event)
    #   The task's root span ends with the status OK.
    #   @param (see #handle_task_initialize_requested)
    #   @return [nil]
    # @!method handle_task_failed(event)
    #   The task's root span ends with the status ERROR.
    #   @param (see #handle_task_initialize_requested)
    #   @return [nil]
    # @!method handle_task_cancelled(event)
    #   The task's root span ends without a status.
    #   @param (see #handle_task_initialize_requested)
    #   @return [nil]
    # @!method handle_task_resolved_manually(event)
    #   As {#handle_task_completed}.
    #   @param (see #handle_task_initialize_requested)
    #   @return [nil]
    # @!method handle_step_execution_requested(event)
    #   The step's span opens, below the root.
    #   @param (see #handle_task_initialize_requested)
    #   @return [nil]
    # @!method handle_step_before_handle(event)
    #   The width of the step's span counts from here.
    #   @param (see #handle_task_initialize_requested)
    #   @return [nil]
    # @!method handle_step_completed(event)
    #   The step's span ends with the status OK; one that was not opened here is as wide as the payload says.
    #   @param (see #handle_task_initialize_requested)
    #   @return [nil]
    # @!method handle_step_failed(event)
    #   The same with the status ERROR and an event +exception+.
    #   @param (see #handle_task_initialize_requested)
    #   @return [nil]
    # @!method handle_step_cancelled(event)
    #   The same without a status.
    #   @param (see #handle_task_initialize_requested)
    #   @return [nil]
    # @!method handle_step_resolved_manually(event)
    #   As {#handle_step_completed}.
    #   @param (see #handle_task_initialize_requested)
    #   @return [nil]
    # @!method handle_step_retry_requested(event)
    #   Makes a span +tasker.step.retry+ without width, below the root.
    #   @param (see #handle_task_initialize_requested)
    #   @return [nil]
    module SpanHandlers
      # The events that tell of spans.
      EVENTS = %w[
        task.initialize_requested task.start_requested task.completed task.failed task.cancelled task.resolved_manually
        step.execution_requested step.before_handle step.completed step.failed step.cancelled step.resolved_manually
        step.retry_requested
      ].freeze
      STATUSES = { ok: 1, error: 2 }.freeze
      PAYLOAD_OF = ->(event) { event.respond_to?(:payload) ? event.payload : event.to_h }
      private_constant :STATUSES, :PAYLOAD_OF

      EVENTS.each do |name|
        define_method(:"handle_#{name.tr('.', '_')}") do |event|
          next unless Native.runtime.tracing?

          _spans.record(Native.publisher.event_id(name), name, PAYLOAD_OF.call(event))
        end
      end

      # From now on its open spans are those of the application. The built-in tracing listens already, so for
      # TelemetrySubscriber itself there is nothing to subscribe; a subclass stands in for it.
      #
      # @param publisher [Tasker::Native::Publisher]
      # @return [void]
      def subscribe_to_publisher(publisher)
        @spans = Native.runtime.spans
        return if instance_of?(Tasker::Events::Subscribers::TelemetrySubscriber)

        super
        Native.runtime.refresh
      end

      # @param task_id [Object]
      # @return [Tasker::Native::Span, nil] the task's open root span
      def get_task_span(task_id)
        Span.find(_spans, task_id, nil)
      end

      # Gives the task's open root span up: it is not exported.
      #
      # @param task_id [Object]
      # @return [Tasker::Native::Span, nil] the span that was open
      def remove_task_span(task_id)
        span = get_task_span(task_id)
        span if _spans.remove_task(task_id)
      end

      # @return [Boolean]
      def telemetry_enabled?
        Native.runtime.settings.enabled
      end

      # @return [Boolean] whether OpenTelemetry's API is loaded. Spans need it not.
      def opentelemetry_available?
        !defined?(::OpenTelemetry).nil? && ::OpenTelemetry.respond_to?(:tracer_provider)
      end

      protected

      # Ends the task's root span; one that was not opened here is as wide as the payload says.
      #
      # @param event [Tasker::Native::Event, Hash]
      # @param status [Symbol] :ok, :error, or anything else for unset
      # @param attributes [Hash] names get the service's name in front unless they have it
      # @return [void]
      def finish_task_span(event, status, attributes)
        return unless Native.runtime.tracing?

        name = status == :error ? 'task.failed' : 'task.completed'
        event_id = Native.publisher.event_id(name)
        _spans.finish_task(event_id, name, PAYLOAD_OF.call(event), STATUSES.fetch(status, 0), attributes)
      end

      # @param event [Tasker::Native::Event, Hash]
      # @return [Hash{String=>Object}] the payload under attribute names; it is filtered when it becomes attributes
      def extract_attributes(event)
        prefix = "#{Native.runtime.settings.service_name}."
        PAYLOAD_OF.call(event).each_with_object({}) do |(key, value), attributes|
          attributes["#{prefix}#{key}"] = value unless key.to_s == 'exception_object'
        end
      end

      private

      # Those of this subscriber alone, until it is subscribed. The name is out of a subclass' way.
      def _spans
        @spans ||= Native.runtime.new_span_manager
      end
    end
  end
end
