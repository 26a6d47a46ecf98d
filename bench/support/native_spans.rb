# frozen_string_literal: true

require_relative 'native'
require_relative 'span_subject'

# Spans by ours.
class NativeSpans < SpanSubject
  FLUSH_SECONDS = 30

  def initialize(iterations: 100_000, **export)
    super('tasker-native', iterations: iterations, **export)
  end

  def prepare(sink_url)
    super
    @publisher = Native.load do |tel|
      tel.exporter = :otlp
      tel.otlp_endpoint = sink_url
      tel.otlp_compression = @compression
      tel.max_queue_size = @queue
      tel.max_export_batch_size = BATCH
      tel.schedule_delay = DELAY
      tel.metrics_exporter = :none # the others send none
    end
  end

  def flush
    Tasker::Native.flush(timeout: FLUSH_SECONDS)
  end

  def settings
    "#{export_settings}; #{Native.settings}"
  end

  private

  def own_counts
    stats = Tasker::Native.stats
    { accepted: stats[:accepted], exported: stats[:exported], dropped: stats[:dropped].values.sum }
  end
end
