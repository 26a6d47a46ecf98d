# frozen_string_literal: true

require 'prometheus/client'

# Counts what ends, and how long it took, for Prometheus to fetch.
#
#   PrometheusSubscriber.subscribe(Tasker::Events::Publisher.instance)
class PrometheusSubscriber < Tasker::Events::Subscribers::BaseSubscriber
  SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800].freeze

  subscribe_to 'task.completed', 'task.failed', 'step.completed', 'step.failed', 'observability.step.backoff'

  def initialize(registry: Prometheus::Client.registry, **options)
    super(**options)
    @registry = registry
    @tasks = metric(:counter, :tasker_tasks_total, 'Tasks that ended', %i[task outcome])
    @steps = metric(:counter, :tasker_steps_total, 'Attempts of steps that ended', %i[step outcome])
    @errors = metric(:counter, :tasker_step_errors_total, 'Attempts of steps that failed', %i[step error_type])
    @backoff = metric(:counter, :tasker_step_backoff_seconds_total, 'What steps waited for', %i[step])
    @task_time = metric(:histogram, :tasker_task_duration_seconds, 'How long tasks took', %i[task outcome],
                        buckets: SECONDS)
    @step_time = metric(:histogram, :tasker_step_duration_seconds, 'How long attempts took', %i[step outcome],
                        buckets: SECONDS)
  end

  def handle_task_completed(event)
    record(event, @tasks, @task_time, task: name_of(event, :task_name))
  end
  alias handle_task_failed handle_task_completed

  def handle_step_completed(event)
    record(event, @steps, @step_time, step: name_of(event, :step_name))
  end

  def handle_step_failed(event)
    handle_step_completed(event)
    @errors.increment(labels: { step: name_of(event, :step_name),
                                error_type: extract_error_metrics(event)[:error_type] })
  end

  def handle_observability_step_backoff(event)
    @backoff.increment(by: extract_numeric_metric(event, :backoff_seconds),
                       labels: { step: name_of(event, :step_name) })
  end

  private

  # A second subscriber, or one that Rails loads anew, goes on with the metrics that there are.
  def metric(kind, name, text, labels, **options)
    @registry.get(name) || @registry.public_send(kind, name, docstring: text, labels: labels, **options)
  end

  # An event that does not say how long it took is counted only: 0 would spoil the average.
  def record(event, total, time, **labels)
    labels[:outcome] = event.id.split('.').last
    total.increment(labels: labels)
    return unless safe_get(event, :execution_duration)

    time.observe(extract_timing_metrics(event)[:execution_duration], labels: labels)
  end

  def name_of(event, key)
    safe_get(event, key, 'unknown').to_s
  end
end
