# frozen_string_literal: true

# Prints a line for each event: when, which, of which task and step, and what there is to say about it.
#
# Listeners get payloads as they were published, unfiltered: this one prints what is no secret.
class EventLines < Tasker::Events::Subscribers::BaseSubscriber
  EVENTS = %w[
    task.start_requested task.completed task.failed
    step.before_handle step.completed step.failed step.retry_requested
    order.cart_fetched order.validation_started order.validation_completed
    order.payment_requested order.payment_received order.shipped
  ].freeze

  subscribe_to(*EVENTS)

  EVENTS.each do |name|
    define_method(:"handle_#{name.tr('.', '_')}") { |event| print_line(event) }
  end

  private

  # Events of the app's own belong to the step that runs.
  def print_line(event)
    @step = event if event.id == 'step.before_handle'
    about = event.id.start_with?('order.') ? @step : event
    line = format('%<time>s  %<event>-26s task %<task>-3s %<step>-18s %<note>s',
                  time: Time.current.strftime('%H:%M:%S.%L'), event: event.id,
                  task: safe_get(about, :task_id), step: safe_get(about, :step_name), note: note(event))
    puts line.rstrip
  end

  def note(event)
    case event.id
    when 'task.failed', 'step.failed' then safe_get(event, :error_message)
    when 'step.completed' then "#{(safe_get(event, :execution_duration) * 1000).round} ms"
    when 'step.before_handle' then "attempt #{safe_get(event, :attempt_number)}"
    when 'step.retry_requested' then safe_get(event, :retry_reason)
    end
  end
end
