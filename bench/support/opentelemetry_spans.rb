# frozen_string_literal: true

require_relative 'span_subject'

# Spans by OpenTelemetry's Ruby SDK.
class OpenTelemetrySpans < SpanSubject
  # What the SDK counts, by the interface that it has for that.
  class Counters
    attr_reader :exported, :dropped

    def initialize
      @exported = @dropped = 0
    end

    def add_to_counter(metric, increment: 1, **)
      @exported += increment if metric == 'otel.bsp.exported_spans'
      @dropped += increment if metric == 'otel.bsp.dropped_spans'
    end

    def record_value(*, **); end

    def observe_value(*, **); end
  end

  def initialize(**options)
    super('OpenTelemetry Ruby', **options)
  end

  def prepare(sink_url)
    super
    require 'opentelemetry-sdk'
    require 'opentelemetry-exporter-otlp'
    @counters = Counters.new
    OpenTelemetry::SDK.configure do |config|
      config.service_name = 'tasker'
      config.add_span_processor(processor)
    end
    @tracer = OpenTelemetry.tracer_provider.tracer('bench')
    @ok = OpenTelemetry::Trace::Status.ok
  end

  # Exports in this thread what its own thread has not yet taken, and waits for that one.
  def flush
    OpenTelemetry.tracer_provider.force_flush
    sleep 0.001 until @counters.exported + @counters.dropped >= @finished
  end

  def settings
    "BatchSpanProcessor, #{export_settings}"
  end

  private

  def processor
    exporter = OpenTelemetry::Exporter::OTLP::Exporter.new(endpoint: "#{@sink_url}/v1/traces",
                                                           compression: @compression)
    OpenTelemetry::SDK::Trace::Export::BatchSpanProcessor.new(
      exporter, max_queue_size: @queue, max_export_batch_size: BATCH, schedule_delay: DELAY * 1000,
                metrics_reporter: @counters
    )
  end

  def own_counts
    { exported: @counters.exported, dropped: @counters.dropped }
  end
end
