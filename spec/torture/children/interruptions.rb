# frozen_string_literal: true

# Ends a publication from outside, in the middle: Thread#kill, Thread#raise, Timeout.timeout, throw and break, while
# application code runs (listeners, to_s of values and keys, methods of a step, a filter's Regexp, the logger, flush)
# and at moments of chance.
require_relative '../../support/torture/child'

# The places where application code runs in the middle of a publication; each waits there until something happens to it.
module Places
  # Waits at one of its methods.
  class Waiting
    def initialize(method, &)
      singleton_class.define_method(method) do |*|
        yield
        'fine'
      end
    end
  end

  LISTENER = lambda do |wait|
    listener = Child.publisher.subscribe('step.completed') { wait.call }
    begin
      Child.publisher.publish('step.completed', { step_id: 1, task_id: 1 })
    ensure
      Child.publisher.unsubscribe(listener)
    end
  end

  def self.payload(**payload)
    Child.publisher.publish('step.completed', { task_id: 1, step_id: 1, long: 'x' * 5000, **payload })
  end

  def self.step(method, event = 'step.completed', type = :completed)
    lambda do |wait|
      Child.publisher.publish_step(self, event, type, Waiting.new(method, &wait), nil,
                                   { task_id: 1, step_id: 2, long: 'x' * 5000 })
    end
  end

  # A Regexp that the filter asks for keys it can't judge alone.
  class SlowRegexp < Regexp
    attr_accessor :wait

    def match?(*)
      @wait&.call
      super
    end
  end

  def self.with_filter(wait)
    regexp = SlowRegexp.new('secret')
    regexp.wait = wait
    Tasker.configuration { |config| config.telemetry.filter_parameters = [regexp] }
    payload("new key #{rand(2**64)}": 'x')
  ensure
    regexp.wait = nil
    Tasker.configuration { |config| config.telemetry.filter_parameters = [:password] }
  end

  # A logger that waits when it is told of a listener that raised.
  def self.with_logger(wait)
    Tasker::Native.logger = Waiting.new(:error, &wait)
    listener = Child.publisher.subscribe('step.completed') { raise 'for the log' }
    payload
  ensure
    Child.publisher.unsubscribe(listener) if listener
    Tasker::Native.logger = Logger.new(StringIO.new)
  end

  # A logger that waits when it is asked whether it shows a line, or given one.
  def self.with_line(method, wait)
    Tasker::Native.logger = Waiting.new(method, &wait)
    Child.publisher.publish_by(self, 'step.completed', { task_id: 1, step_id: 1, long: 'x' * 5000 }, nil)
  ensure
    Tasker::Native.logger = Logger.new(StringIO.new)
  end

  # An id that waits where the line needs its text.
  def self.with_correlation_id(wait)
    Tasker::Native::LogLine.with_correlation_id(Waiting.new(:to_s, &wait)) do
      Child.publisher.publish_by(self, 'step.completed', { task_id: 1, step_id: 1 }, nil)
    end
  end

  # An error that waits when it is asked for its backtrace.
  class SlowError < StandardError
    attr_accessor :wait

    def backtrace
      @wait&.call
      super
    end
  end

  def self.with_error(wait)
    error = SlowError.new('slow')
    error.wait = wait
    Child.publisher.publish('step.failed', { task_id: 1, step_id: 1, exception_object: error, error_message: 'x' })
  end

  ALL = {
    listener: LISTENER,
    value: ->(wait) { payload(value: Waiting.new(:to_s, &wait)) },
    nested_value: ->(wait) { payload(value: { deep: [1, { deeper: Waiting.new(:to_s, &wait) }] }) },
    key: ->(wait) { payload(nested: { Waiting.new(:to_s, &wait) => 1 }) },
    task_id: ->(wait) { Child.publisher.publish('task.completed', { task_id: Waiting.new(:to_s, &wait) }) },
    step_id: step(:workflow_step_id), step_name: step(:name), step_results: step(:results),
    step_inputs: step(:inputs, 'step.before_handle', :started), step_status: step(:status), step_task: step(:task),
    line: ->(wait) { with_line(:info, wait) }, shown_line: ->(wait) { with_line(:info?, wait) },
    correlation_id: method(:with_correlation_id),
    filter: method(:with_filter), logger: method(:with_logger), backtrace: method(:with_error),
    span: lambda do |wait|
      Tasker::Native.runtime.spans.record(0, 'task.start_requested', { task_id: 9 })
      Tasker::Native.runtime.spans.set_attributes(9, nil, { a: Waiting.new(:to_s, &wait) })
    end,
    own_manager: lambda { |wait|
      Tasker::Native::SpanManager.new('s', 10, 1.0).record(0, 'x', { task_id: 9, a: Waiting.new(:to_s, &wait) })
    },
    flush: lambda do |wait|
      Tasker::Native::Pipeline.pause(1.0) # nothing is delivered: flush waits
      payload
      wait.call(before: true)
      Tasker::Native.flush(timeout: 20.0)
    ensure
      Tasker::Native::Pipeline.resume
    end
  }.freeze
end

# What is done to a thread that waits.
module Blows
  class Blow < StandardError
  end

  # What nobody but the caller is to rescue.
  class Rough < StandardError
  end

  FROM_OUTSIDE = {
    kill: lambda(&:kill),
    raise: ->(thread) { thread.raise(Blow, 'from outside') },
    rough: ->(thread) { thread.raise(Rough, 'from outside') },
    twice: ->(thread) { 2.times { thread.raise(Rough, 'from outside') } },
    kill_and_raise: ->(thread) { thread.kill && thread.raise(Blow) }
  }.freeze

  FROM_INSIDE = {
    throw: -> { throw :out },
    raise: -> { raise Blow, 'from inside' },
    rough: -> { raise Rough, 'from inside' },
    exit: -> { Thread.current.exit },
    timeout: -> { sleep 5 }, # of the caller
    no_memory: -> { raise NoMemoryError },
    deep: -> { deep },
    stop_iteration: -> { raise StopIteration }
  }.freeze

  def self.deep
    deep + 1
  end
end

def quiet_thread
  Thread.new do
    Thread.current.report_on_exception = false
    yield
  end
end

# It may end with what was done to it, but it ends, and soon.
def end_of(thread, what)
  ended = begin
    thread.join(30)
  rescue Blows::Blow, Blows::Rough, *Child::ERRORS
    true
  end
  Child.check(ended, "#{what}: the thread comes to an end\n#{whereabouts unless ended}")
end

# Of all threads: where they are that did not come to an end.
def whereabouts
  Thread.list.flat_map { |thread| [thread.inspect, *thread.backtrace.to_a.first(12)] }.join("\n")
end

def from_outside(place, blow)
  waiting = Queue.new
  thread = quiet_thread do
    waited = false
    Places::ALL.fetch(place).call(lambda do |before: false|
      next if waited

      waited = true
      waiting << true
      sleep unless before
    end)
  end
  waiting.pop
  sleep 0.002 if place == :flush
  Blows::FROM_OUTSIDE.fetch(blow).call(thread)
  thread.wakeup if thread.alive? && place != :flush
  end_of(thread, "#{blow} at #{place}")
rescue ThreadError
  end_of(thread, "#{blow} at #{place}")
end

def from_inside(place, blow)
  thread = quiet_thread do
    catch(:out) do
      Timeout.timeout(blow == :timeout ? 0.01 : 30) do
        Places::ALL.fetch(place).call(->(**) { Blows::FROM_INSIDE.fetch(blow).call })
      end
    end
  end
  end_of(thread, "#{blow} in #{place}")
end

# At whatever moment it happens. What to_s of a value raises stays inside of the publication, also a StandardError that
# another thread raises there: such a victim goes on, and is killed.
def by_chance
  victim = quiet_thread do
    loop { Places.payload(value: { deep: [1, Object.new, Time.now] }, "k#{rand(1000)}": rand) && Tasker::Native.flush(timeout: 0.001) }
  end
  sleep Child::RANDOM.rand * 0.003
  Blows::FROM_OUTSIDE.values[Child::RANDOM.rand(3)].call(victim)
  sleep 0.001
  victim.kill
  end_of(victim, 'by chance')
end

Child.configure
Child.publisher.subscribe('step.failed') { |event| event }
blows = 0
Places::ALL.each_key do |place|
  Blows::FROM_OUTSIDE.each_key { |blow| from_outside(place, blow) }
  Blows::FROM_INSIDE.each_key { |blow| from_inside(place, blow) } unless place == :flush
  blows += Blows::FROM_OUTSIDE.size + Blows::FROM_INSIDE.size
  Child.audit
  Child.settle
end
blows += Child.for_seconds(Child.amount(3)) { by_chance }
Child.done("#{blows} publications were cut off")
