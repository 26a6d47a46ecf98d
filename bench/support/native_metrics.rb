# frozen_string_literal: true

require_relative 'metrics_subject'
require_relative 'native'

# By ours.
class NativeMetrics < MetricsSubject
  def initialize(kind, **options)
    super('tasker-native', kind, **options)
  end

  def prepare(_sink_url)
    Native.load { |tel| tel.exporter = :none }
    @metrics = Tasker::Telemetry::MetricsBackend.instance
    @counter = @metrics.counter(:bench_total)
    @labelled = @metrics.counter(:bench_labelled_total, **LABELS)
    @histogram = @metrics.histogram(:bench_seconds)
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
    metrics = @metrics
    while times.positive?
      metrics.counter(:bench_labelled_total, status: 'paid', shop: 'north').increment
      times -= 1
    end
  end

  def held(times)
    labelled = @labelled
    while times.positive?
      labelled.increment
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
    @counter.value + @labelled.value + @histogram.count
  end
end
