# frozen_string_literal: true

# OpenTelemetry's SDK, for the spans of other libraries. Tasker's spans need it not.
begin
  require 'opentelemetry/sdk'
  require 'opentelemetry/exporter/otlp'
rescue LoadError => e
  Rails.logger.warn("OpenTelemetry is not set up: #{e.message}")
  return
end

OpenTelemetry::SDK.configure do |otel|
  otel.service_name = Tasker.configuration.telemetry.service_name
  otel.service_version = Tasker.configuration.telemetry.service_version
  # otel.use_all # with the gem opentelemetry-instrumentation-all
end
