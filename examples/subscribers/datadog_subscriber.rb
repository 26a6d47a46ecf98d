# frozen_string_literal: true

require 'datadog/statsd'

# Counts what ends, and how long it took, by Datadog's own client. It sends in a thread, so close it at the end:
#
#   statsd = Datadog::Statsd.new # asks DD_AGENT_HOST, DD_DOGSTATSD_PORT, DD_ENV, DD_SERVICE, DD_VERSION
#   DatadogSubscriber.new(statsd: statsd).subscribe_to_publisher(Tasker::Events::Publisher.instance)
#   at_exit { statsd.close }
class DatadogSubscriber < Tasker::Events::Subscribers::BaseSubscriber
  subscribe_to 'task.completed', 'task.failed', 'step.completed', 'step.failed', 'observability.step.backoff'

  def initialize(statsd: Datadog::Statsd.new, **options)
    super(**options)
    @statsd = statsd
  end

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
    @statsd.distribution('tasker.step.backoff', extract_numeric_metric(event, :backoff_seconds),
                         tags: extract_metric_tags(event))
  end

  private

  def count(event, *more)
    @statsd.increment(build_metric_name('tasker', event.id), tags: extract_metric_tags(event) + more)
  end

  # An event that does not say how long it took is counted only: 0 would spoil the average.
  def time(subject, event)
    return unless safe_get(event, :execution_duration)

    duration = extract_timing_metrics(event)[:execution_duration]
    @statsd.distribution(build_metric_name(subject, 'duration'), duration,
                         tags: extract_metric_tags(event) << "outcome:#{event.id.split('.').last}")
  end
end
