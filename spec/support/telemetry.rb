# frozen_string_literal: true

require 'logger'
require 'stringio'

# A telemetry that begins anew with each example: default settings but for the exporter :memory and no lines of events
# in the log; no listener, an empty log.
module Telemetry
  def reset_telemetry
    Tasker::Native.logger = Logger.new(nil) # for what the last example left to be said
    Tasker::Native::Environment.forget_warnings
    Tasker.reset_configuration!
    configure(exporter: :memory, structured_logging_enabled: false)
    publisher.unsubscribe_all
    Tasker::Native::Testing.reset!
    Tasker::Native.runtime.write_log
    capture_log
  end

  # @return [String] what was logged in this example
  def log
    Tasker::Native.runtime.write_log
    @log.string
  end

  # @return [Array<String>] the lines of it that match
  def log_lines(pattern = //)
    log.lines(chomp: true).grep(pattern)
  end

  # @param settings [Hash{Symbol=>Object}] of config.telemetry
  def configure(**settings)
    Tasker.configuration { |config| config.telemetry.configure_telemetry(settings) }
  end

  def telemetry
    Tasker.configuration.telemetry
  end

  # Runs the block with other environment variables; nil: without that one.
  def with_env(**variables)
    variables = variables.transform_keys(&:to_s)
    before = variables.to_h { |name, _| [name, ENV.fetch(name, nil)] }
    ENV.update(variables)
    yield
  ensure
    ENV.update(before)
  end

  def publisher
    Tasker::Events::Publisher.instance
  end

  def publish(event_name, payload = {})
    publisher.publish(event_name, payload)
  end

  # @return [Array<Tasker::Native::Event>] to which the events of these names will be added
  def listen(*event_names)
    [].tap do |events|
      event_names.each { |name| publisher.subscribe(name) { |event| events << event } }
    end
  end

  # @return [Array<Tasker::Native::SpanData>] that have ended so far
  def spans(name = nil)
    found = Tasker::Native::Testing.finished_spans
    name ? found.select { |span| span.name == name } : found
  end

  def step_spans
    spans('tasker.step.execution')
  end

  def roots
    spans('tasker.task.execution')
  end

  # @return [Tasker::Native::SpanData] the only one of this name
  def only_span(name = 'tasker.step.execution')
    found = spans(name)
    raise "#{found.size} spans, not one, are called #{name}; there are: #{spans.map(&:name)}" unless found.one?

    found.first
  end

  # Publishes what makes one more step's span, and returns that span.
  def span_of(payload)
    publish('step.completed', { task_id: 'T', step_id: "S#{step_spans.size}", **payload })
    step_spans.last
  end

  def stats
    Tasker::Native.stats
  end

  # What must hold at every moment.
  def balanced?(stats = self.stats)
    stats[:accepted] == stats[:exported] + stats[:spooled] + stats[:dropped].values.sum + stats[:in_flight]
  end

  private

  def capture_log
    @log = StringIO.new
    Tasker::Native.logger = Logger.new(@log, formatter: ->(severity, _, _, message) { "#{severity} #{message}\n" })
  end
end
