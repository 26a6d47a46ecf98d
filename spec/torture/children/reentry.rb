# frozen_string_literal: true

# Comes back to the extension from everywhere that it calls application code: publishes, subscribes, reconfigures,
# flushes, shuts down, forks, collects garbage, in the middle of a publication, to a depth.
require_relative '../../support/torture/child'

# A logger that comes back when it is asked whether it shows a line, and when it is given one.
class Returning
  attr_accessor :reentry
  attr_reader :lines

  def initialize
    @lines = 0
  end

  %i[debug info warn error].each do |level|
    define_method(:"#{level}?") do
      @reentry&.come_back
      true
    end

    define_method(level) do |_line|
      @lines += 1
      @reentry&.come_back
    end
  end
end

# What comes back, and from where.
class Reentry
  DEPTH = 4
  DEEDS = %i[publish publish_by publish_step subscribe unsubscribe register filter settings flush stats take shutdown
             record collect fork manager retrace].freeze

  attr_reader :deeds

  def initialize
    @deeds = 0
    @inside = 0
    @listeners = []
  end

  # One thing of these, at chance, unless it is too deep already.
  def come_back
    return if @inside >= DEPTH

    @inside += 1
    @deeds += 1
    begin
      send("do_#{DEEDS[Child::RANDOM.rand(DEEDS.size)]}")
    ensure
      @inside -= 1
    end
  end

  # Something that comes back when it is asked for anything.
  def object
    reentry = self
    Object.new.tap do |object|
      %i[to_s inspect iso8601 strftime workflow_step_id name task_id attempts inputs results parents last_attempted_at
         processed_at backtrace message utc? to_f status task].each do |question|
        object.define_singleton_method(question) do |*|
          reentry.come_back
          question == :inputs ? { inner: reentry.object_or_text } : question.to_s
        end
      end
    end
  end

  def object_or_text
    @inside < DEPTH ? object : 'too deep'
  end

  def round(number)
    turn_on if (number % 5).zero?
    do_publish
    do_publish_step
    @listeners.shift(3).each { |listener| Child.publisher.unsubscribe(listener) }
  end

  private

  # What the last rounds may have turned off.
  def turn_on
    Tasker.configuration { |config| config.telemetry.enabled = true }
    Child.publisher.trace_with(Tasker::Native.runtime.spans, false)
    open_again if @down
  end

  # For a moment nothing comes back: whoever forgets the accounts must not be published to meanwhile.
  def open_again
    Tasker.configuration { |config| config.telemetry.filter_parameters = [:password] }
    Tasker::Native.runtime.reset
    @down = false
  end

  def do_publish
    name = ['step.completed', 'step.before_handle', 'task.completed', 'reentry.custom'][Child::RANDOM.rand(4)]
    Child.publisher.publish(name, { task_id: object_or_text, step_id: @deeds, value: object_or_text,
                                    nested: { object_or_text => [object_or_text] }, "key #{@deeds}": 1 })
  end

  def do_publish_by
    Tasker::Native::LogLine.with_correlation_id(object_or_text) do
      Child.publisher.publish_by(self, 'step.completed', { step_id: @deeds, value: object_or_text }, object_or_text)
    end
  end

  def do_publish_step
    Child.publisher.publish_step(self, 'step.failed', :failed, object, error, { more: object_or_text })
  end

  def error
    reentry = self
    RuntimeError.new('again').tap do |error|
      error.define_singleton_method(:backtrace) { (reentry.come_back && nil) || %w[a b] }
      error.define_singleton_method(:message) { (reentry.come_back && nil) || 'again' }
    end
  end

  def do_subscribe
    listener = Child.publisher.subscribe('step.completed') do
      Child.publisher.unsubscribe(listener) if Child::RANDOM.rand(3).zero?
      come_back
      raise 'for the log' if Child::RANDOM.rand(5).zero?
    end
    @listeners << listener
  end

  def do_unsubscribe
    Child.publisher.unsubscribe(@listeners.pop) if @listeners.any?
  end

  def do_register
    Child.publisher.register_event("reentry.#{Child::RANDOM.rand(200)}")
  end

  # A Regexp that comes back when a key is judged.
  def do_filter
    reentry = self
    regexp = Regexp.new('secret')
    regexp.define_singleton_method(:match?) { |key| (reentry.come_back && false) || super(key) } unless regexp.frozen?
    Tasker.configuration { |config| config.telemetry.filter_parameters = [:password, regexp] }
  end

  def do_settings
    Tasker.configuration do |config|
      config.telemetry.stringify_attributes = Child::RANDOM.rand(2).zero?
      config.telemetry.max_open_spans = 5 + Child::RANDOM.rand(100)
      config.telemetry.enabled = Child::RANDOM.rand(10).positive?
      config.telemetry.log_format = %w[json pretty_json logfmt][Child::RANDOM.rand(3)]
      config.telemetry.structured_logging_enabled = Child::RANDOM.rand(4).positive?
    end
  end

  def do_flush
    Tasker::Native.flush(timeout: 0.05)
  end

  def do_stats
    Child.audit
    Child.publisher.stats
  end

  def do_take
    Tasker::Native::Pipeline.take_memory
  end

  def do_shutdown
    return unless Child::RANDOM.rand(10).zero?

    Tasker::Native.shutdown(timeout: 0.05)
    @down = true
  end

  def do_record
    Tasker::Native.runtime.spans.record(Child::RANDOM.rand(60), 'x', { task_id: 1, step_id: 2, value: object_or_text })
    Tasker::Native.runtime.spans.add_event(1, 2, 'x', { value: object_or_text })
    Tasker::Native.runtime.spans.finish_task(0, 'x', { task_id: 1, value: object_or_text }, 1, { a: object_or_text })
  end

  def do_collect
    GC.start
    GC.compact if GC.respond_to?(:compact) && Child::RANDOM.rand(10).zero?
  end

  # The child goes on from the middle of the publication, and leaves.
  def do_fork
    return unless Child::RANDOM.rand(20).zero?

    child = Process.fork do
      Child.check(Tasker::Native.stats[:accepted].zero?, 'a child begins with empty accounts')
      Child.publisher.publish('step.completed', { task_id: 1, step_id: 'of the child' })
      Child.audit
      Process.exit!(Tasker::Native.flush(timeout: 10.0))
    end
    Process.wait(child)
    Child.check(Process.last_status.success?, "a child forked in the middle: #{Process.last_status}")
  end

  def do_manager
    Tasker::Native::SpanManager.new('s', 10, 1.0).record(0, 'x', { task_id: 1, value: object_or_text })
  end

  def do_retrace
    Child.publisher.trace_with([nil, Tasker::Native.runtime.spans][Child::RANDOM.rand(2)], false)
  end
end

logger = Tasker::Native.logger = Returning.new
Child.configure(max_queue_size: 100_000)
Child.publisher.register_event('reentry.custom')
reentry = logger.reentry = Reentry.new
rounds = Child.for_seconds(Child.amount(5)) do |number|
  reentry.round(number)
  Child.audit if (number % 10).zero?
end
logger.reentry = nil
Child.unsubscribe_all
Tasker.reset_configuration!
Child.configure
Child.check(logger.lines.positive?, 'lines were written')
Child.done("#{rounds} rounds, #{reentry.deeds} re-entries, #{logger.lines} lines")
