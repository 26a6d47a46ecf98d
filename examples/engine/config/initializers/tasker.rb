# frozen_string_literal: true

# Where spans go is told by OTEL_EXPORTER_OTLP_ENDPOINT; without it, to log/tasker_traces.jsonl.
Tasker.configuration do |config|
  config.telemetry do |tel|
    tel.service_name = 'orders'
  end
end
