# frozen_string_literal: true

Tasker.configuration do |config|
  config.telemetry do |tel|
    tel.service_name = 'orders'
  end
end
