# frozen_string_literal: true

# What the processes in spec/torture share: the first thing they require.
require_relative 'load'
require 'logger'
require 'stringio'
require 'timeout'
require 'tmpdir'
require 'tasker/native/testing'

# Chance, time and checks of these processes. SEED repeats what another one did.
module Child
  SEED = Integer(ENV.fetch('SEED', '1'))
  RANDOM = Random.new(SEED)
  # What application code may raise in the middle of anything. A wrong `fatal` is a bug of Ruby's.
  ERRORS = [StandardError, ScriptError, SystemStackError, NoMemoryError].freeze

  module_function

  # Seconds, or cases: what the command line says, else the default.
  def amount(default)
    Integer(ENV.fetch('AMOUNT', default))
  end

  def configure(**settings)
    Tasker::Native.logger ||= Logger.new(StringIO.new)
    Tasker.configuration { |config| config.telemetry.configure_telemetry(exporter: :memory, **settings) }
    Tasker::Native.start
  end

  def publisher
    Tasker::Events::Publisher.instance
  end

  def unsubscribe_all
    listeners = publisher.event_names.flat_map { |name| publisher.listeners(name) }
    listeners.each { |listener| publisher.unsubscribe(listener) }
  end

  def check(holds, what)
    raise "does not hold: #{what} (SEED=#{SEED})" unless holds
  end

  # Accounts add up at every moment.
  def audit
    stats = Tasker::Native.stats
    sum = stats.values_at(:exported, :spooled, :in_flight).sum + stats[:dropped].values.sum
    check(stats[:accepted] == sum, "accepted = #{sum} in #{stats}")
    stats
  end

  # After whatever happened: everything works, no lock is held, nothing is in flight.
  def settle
    Tasker::Native::Pipeline.resume
    Tasker::Native::Testing.reset!
    step = "settled-#{RANDOM.rand(10**9)}"
    publisher.publish('step.completed', { task_id: 'T', step_id: step, note: 'fine' })
    spans = Tasker::Native::Testing.finished_spans
    steps = spans.map { |span| span.attributes['tasker.step_id'] }
    check(steps == [step], "one span of #{step}, not #{steps}")
    check(audit.values_at(:accepted, :in_flight) == [1, 0], 'one span, delivered')
  end

  # Several times until `seconds` are over.
  def for_seconds(seconds)
    deadline = clock + seconds
    rounds = 0
    while clock < deadline
      yield rounds
      rounds += 1
    end
    rounds
  end

  def clock
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  # The last line of a process that found nothing.
  def done(figures)
    settle
    $stdout.write("done: #{figures}\n") # rubocop:disable RSpec/Output -- whoever started it reads this
  end
end

Tasker::Native.logger = Logger.new(StringIO.new)
