# frozen_string_literal: true

# Prints a line for each event: when, which, of which task and step, and what there is to say about it.
#
# Listeners get payloads as they were published, unfiltered: this one prints what is no secret.
class EventLines < Tasker::Events::Subscribers::BaseSubscriber
  EVENTS = %w[
    task.start_requested task.completed task.failed
    step.before_handle step.completed step.failed step.retry_requested
    order.cart_fetched order.validation_started order.validation_ended
    order.payment_requested order.payment_received order.shipped
  ].freeze

  subscribe_to(*EVENTS)

  EVENTS.each do |name|
    define_method(:"handle_#{name.tr('.', '_')}") { |event| print_line(event) }
  end

  private

  # Events of the app's own say nothing of task and step: they belong to the step that runs.
  def print_line(event)
    @step = event if event.id == 'step.before_handle'
    subject = event.id.start_with?('order.') ? @step : event
    step = safe_get(subject, :step_name)
    columns = [Time.current.strftime('%H:%M:%S.%L'), event.id.ljust(24), "task #{safe_get(subject, :task_id)}",
               step&.ljust(17), note(event)]
    puts columns.compact.join('  ').rstrip
  end

  def note(event)
    case event.id
    when 'step.before_handle' then "attempt #{safe_get(event, :attempt_number)}"
    when 'step.completed' then "#{(safe_get(event, :execution_duration) * 1000).round} ms"
    when 'step.failed', 'task.failed' then safe_get(event, :error_message)
    when 'step.retry_requested' then 'once more in a moment'
    end
  end
end
