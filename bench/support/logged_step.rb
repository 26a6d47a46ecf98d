# frozen_string_literal: true

require 'logger'

require_relative 'bench_step'
require_relative 'native_spans'

# publish_step_completed(step) of ours with a logger that writes to the null device, as an application has one.
class LoggedStep < NativeSpans
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
    extend Tasker::Concerns::EventPublisher

    @step = BenchStep.example
  end

  # Others say what the second was when they were asked.
  def facts
    super.except('timestamp')
  end

  def publish(first, last)
    step = @step
    number = first
    while number < last
      step.workflow_step_id = number
      publish_step_completed(step)
      number += 1
    end
  end
end
