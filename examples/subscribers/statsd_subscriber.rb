# frozen_string_literal: true

require 'statsd-instrument'

# Counts what ends, and how long it took, for an agent that knows tags.
#
#   StatsdSubscriber.subscribe(Tasker::Events::Publisher.instance)
class StatsdSubscriber < Tasker::Events::Subscribers::BaseSubscriber
  subscribe_to 'task.completed', 'task.failed', 'step.completed', 'step.failed', 'observability.step.backoff'

  def handle_task_completed(event)
    count(event)
    time('tasker.task', event)
  end
  alias handle_task_failed handle_task_completed

  def handle_step_completed(event)
    count(event)
    time('tasker.step', event)
  end

  def handle_step_failed(event)
    count(event, "error_type:#{extract_error_metrics(event)[:error_type]}")
    time('tasker.step', event)
  end

  def handle_observability_step_backoff(event)
    StatsD.measure('tasker.step.backoff', in_milliseconds(extract_numeric_metric(event, :backoff_seconds)),
                   tags: extract_metric_tags(event))
  end

  private

  def count(event, *more)
    StatsD.increment(build_metric_name('tasker', event.id), tags: extract_metric_tags(event) + more)
  end

  # An event that does not say how long it took is counted only: 0 would spoil the average.
  def time(subject, event)
    return unless safe_get(event, :execution_duration)

    duration = extract_timing_metrics(event)[:execution_duration]
    StatsD.measure(build_metric_name(subject, 'duration'), in_milliseconds(duration),
                   tags: extract_metric_tags(event) << "outcome:#{event.id.split('.').last}")
  end

  def in_milliseconds(seconds)
    (seconds * 1000).round(3)
  end
end
