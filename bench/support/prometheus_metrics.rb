# frozen_string_literal: true

require_relative 'metrics_subject'

# By prometheus-client.
class PrometheusMetrics < MetricsSubject
  def initialize(kind, **options)
    super('prometheus-client', kind, **options)
  end

  def prepare(_sink_url)
    require 'prometheus/client'
    registry = Prometheus::Client::Registry.new
    @counter = registry.counter(:bench_total, docstring: 'x')
    @labelled = registry.counter(:bench_labelled_total, docstring: 'x', labels: LABELS.keys)
    @held = @labelled.with_labels(LABELS)
    @histogram = registry.histogram(:bench_seconds, docstring: 'x')
  end

  private

  def counter(times)
    counter = @counter
    while times.positive?
      counter.increment
      times -= 1
    end
  end

  def labels(times)
    labelled = @labelled
    while times.positive?
      labelled.increment(labels: { status: 'paid', shop: 'north' })
      times -= 1
    end
  end

  def held(times)
    held = @held
    while times.positive?
      held.increment
      times -= 1
    end
  end

  def histogram(times)
    histogram = @histogram
    while times.positive?
      histogram.observe(0.3)
      times -= 1
    end
  end

  def recorded
    (@counter.get + @labelled.get(labels: LABELS) + @histogram.get['+Inf']).to_i
  end
end
