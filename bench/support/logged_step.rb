# frozen_string_literal: true

require 'logger'

require_relative 'completed_step'

# publish_step_completed(step) of ours with a logger that writes to the null device, as an application has one.
class LoggedStep < CompletedStep
  # log: settings of config.telemetry that concern lines. logger_level: the logger's own
  def initialize(name = 'tasker-native', log: {}, logger_level: :info)
    super()
    @name = name
    @log = log
    @logger_level = logger_level
  end

  def prepare(sink_url)
    super
    Tasker.configuration { |config| config.telemetry.configure_telemetry(@log) }
    Tasker::Native.logger = Logger.new(File.open(File::NULL, 'w'), level: @logger_level)
  end

  # Others say what the second was when they were asked.
  def facts
    super.except('timestamp')
  end
end
