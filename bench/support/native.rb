# frozen_string_literal: true

# Ours, as an application loads it.
module Native
  module_function

  def load(&block)
    $LOAD_PATH.unshift(File.expand_path('../../lib', __dir__))
    require 'tasker-native'
    Tasker.configuration { |config| config.telemetry(&block) }
    Tasker::Events::Publisher.instance
  end

  def settings
    settings = Tasker.configuration.telemetry
    ["telemetry #{settings.enabled ? "on, exporter :#{settings.exporter}" : 'off'}",
     "#{lines?(settings) ? 'lines' : 'no lines'} in the log, no scanners (not in this version)",
     "OpenTelemetry API #{defined?(OpenTelemetry::Trace) ? 'loaded' : 'not loaded'}"].join('; ')
  end

  def lines?(settings)
    settings.structured_logging_enabled && Tasker::Native.runtime.application_logger
  end

  # By how many the publisher has counted.
  def published(event_name)
    Tasker::Events::Publisher.instance.stats.dig(event_name, :published).to_i
  end
end
