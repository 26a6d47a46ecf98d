# frozen_string_literal: true

require_relative '../../support/telemetry'

# A telemetry that begins anew with each example, beside the engine: its settings, its listeners.
module EngineTelemetry
  include Telemetry

  # @return [Array<Object>] who listens since the app is there
  def self.standing
    @standing ||= Tasker::Events::Publisher.instance.subscribers
  end

  def reset_telemetry
    Tasker::Native.logger = Logger.new(nil) # for what the last example left to be said
    (publisher.subscribers - EngineTelemetry.standing).each { |listener| publisher.unsubscribe(listener) }
    Tasker::Configuration.reset_configuration!
    Tasker::Telemetry::MetricsBackend.instance.clear!
    Tasker::Native::Testing.reset!
    Tasker::Native.runtime.write_log
    Thread.current[:tasker_correlation_id] = nil
    capture_log
  end

  # @param settings [Hash{Symbol=>Object}] of config.telemetry
  def configure(**settings)
    Tasker.configuration do |config|
      config.telemetry { |telemetry| settings.each { |name, value| telemetry.public_send(:"#{name}=", value) } }
    end
  end

  # @return [Array<Hash>] the structured lines of the log, in JSON
  def structured_lines
    log_lines(/\A[A-Z]+ \{/).map { |line| JSON.parse(line[/\{.*/], symbolize_names: true) }
  end

  # @return [Hash{String=>Integer, Hash}] values of the engine's metrics by name
  def metrics
    Tasker::Telemetry::MetricsBackend.instance.export[:metrics].transform_values { |metric| metric[:value] || metric }
  end
end
