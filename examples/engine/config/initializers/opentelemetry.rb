# frozen_string_literal: true

# For apps that have spans of their own; tasker-native needs none of it.
if ENV['ORDERS_OPENTELEMETRY'] == 'on'
  require 'opentelemetry/sdk'
  require 'opentelemetry-exporter-otlp'

  OpenTelemetry::SDK.configure { |sdk| sdk.service_name = 'orders' }
end
