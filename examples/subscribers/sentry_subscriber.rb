# frozen_string_literal: true

require 'sentry-ruby'

# Reports tasks that failed, and steps at their last attempt: by name and class of the error. Its message stays here,
# since listeners get it unfiltered.
#
#   SentrySubscriber.subscribe(Tasker::Events::Publisher.instance)
class SentrySubscriber < Tasker::Events::Subscribers::BaseSubscriber
  subscribe_to 'task.failed', 'step.failed'

  def handle_task_failed(event)
    name = safe_get(event, :task_name, 'unknown')
    report(event, "Task #{name} failed", [name], {},
           { **extract_core_attributes(event),
             **extract_timing_metrics(event).slice(:step_count, :completed_steps, :failed_steps) })
  end

  def handle_step_failed(event)
    error = extract_error_metrics(event)
    return unless error[:final_failure]

    name = safe_get(event, :step_name, 'unknown')
    report(event, "Step #{name} failed: #{error[:error_class]}", [name, error[:error_class]],
           error.slice(:error_type), { **extract_step_attributes(event), **error.slice(:error_class, :attempt_number) })
  end

  private

  # Ids go into the context, which can be read, but makes neither tags nor groups.
  def report(event, text, group, tags, context)
    Sentry.capture_message(text, level: :error, backtrace: safe_get(event, :backtrace),
                                 fingerprint: ['tasker', event.id, *group.map(&:to_s)],
                                 tags: { **tags_of(event), **tags }, contexts: { 'tasker' => context })
  end

  # Sentry knows the environment by itself.
  def tags_of(event)
    extract_metric_tags(event).to_h { |tag| tag.split(':', 2) }.transform_keys(&:to_sym).except(:environment)
  end
end
