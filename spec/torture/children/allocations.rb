# frozen_string_literal: true

# Calls the extension's functions with the nth allocation of the core failing, for every n until none fails. Whatever is
# lost for it is counted; only NoMemoryError may be raised; nothing leaks; the next call works.
require_relative '../../support/torture/child'

TORTURE = Tasker::Native::Torture
NATIVE = Tasker::Native
STEP = Struct.new(:workflow_step_id, :name, :task_id, :attempts, :inputs, :results, keyword_init: true)

# What is done with memory running out. Each makes what it needs anew.
module Subjects
  module_function

  def number
    @number = (@number || 0) + 1
  end

  def step
    STEP.new(workflow_step_id: number, name: 'step', task_id: 1, attempts: 1, inputs: { list: ['x' * 50] * 10 },
             results: { password: 'x', text: "\xFFx" * 400 })
  end

  # Larger than what fits onto the stack, with text that must be repaired and keys nobody has seen.
  def payload
    { task_id: 'T', step_id: number, "new #{number}": 'x' * 3000, "bad \xFF#{number}" => +"\xFF" * 100, at: Time.now,
      nested: { token: 1, deep: [{ a: "ä\xE4" * 500 }, nil, 2.5, 2**70] }, huge: 10**500 }
  end

  def failure
    RuntimeError.new('x' * 1000).tap { |error| error.set_backtrace(Array.new(300) { |i| "file#{i}.rb:1:in `x'" * 3 }) }
  end

  def publisher
    Child.publisher
  end

  def manager
    @manager ||= NATIVE::SpanManager.new('seed', 1000, 60.0)
  end

  def task
    publisher.publish('task.start_requested', { task_id: (id = "t#{number}") })
    publisher.publish('step.before_handle', { task_id: id, step_id: 1 })
    publisher.publish('order.packed', { task_id: id, step_id: 1, boxes: 2 })
    publisher.publish('step.failed', { task_id: id, step_id: 1, exception_object: failure, error_message: 'x' * 600 })
    publisher.publish('step.retry_requested', { task_id: id, step_id: 1 })
    publisher.publish('task.completed', { task_id: id, big: 'x' * 5000 })
  end

  def long_filters
    literals = Array.new(40) { |i| "literal.#{i}" * 20 }
    limits = [128, 128, 128, 65_536, false]
    filter = NATIVE::ParameterFilter.new([*literals, /x/, /x\.y/], mask: '[MASK]' * 20, filter_values: true)
    NATIVE.configure_payload(filter, limits)
  end

  def filter
    NATIVE::ParameterFilter.new([:password, 'card.number', /token/], filter_values: true)
  end

  def open_task
    id = number
    manager.record(publisher.event_id('task.start_requested'), 'task.start_requested', { task_id: id })
    id
  end

  def configure(**settings)
    Tasker.configuration { |config| config.telemetry.configure_telemetry(settings) }
  end

  LONG = 'x' * 3000

  ALL = {
    publish: -> { publisher.publish('step.completed', payload) },
    publish_task: -> { task },
    publish_to_a_listener: -> { publisher.publish('order.heard', payload) },
    publish_custom: -> { publisher.publish('order.packed', payload) },
    publish_step_started: -> { publisher.publish_step(self, 'step.before_handle', :started, step, nil, {}) },
    publish_step_completed: -> { publisher.publish_step(self, 'step.completed', :completed, step, nil, { a: LONG }) },
    publish_step_failed: -> { publisher.publish_step(self, 'step.failed', :failed, step, failure, { note: 'x' }) },
    publish_by: -> { publisher.publish_by(self, 'step.completed', payload, step) },
    publish_line_alone: -> { publisher.publish_by(self, 'order.noted', payload, nil) },
    shows_line: -> { publisher.shows_line?('step.completed') },
    configure_lines: -> { NATIVE.configure_lines(true, number % 2, number % 3, 'torture', '1') },
    register_event: -> { 30.times { publisher.register_event("event.#{number}") } },
    new_publisher: -> { NATIVE::Publisher.new.register_event('a.b') },
    new_manager: -> { NATIVE::SpanManager.new('seed', 10, 1.0).record(0, 'task.start_requested', { task_id: 1 }) },
    record: -> { manager.record(publisher.event_id('step.completed'), 'step.completed', payload) },
    finish_task: lambda do
      manager.finish_task(publisher.event_id('task.completed'), 'task.completed', { task_id: open_task }, 2, payload)
    end,
    know_task: lambda do
      id = open_task
      manager.know_task(id, 2, Time.now, false)
      manager.know_task("unknown #{id}", 1, nil, true)
    end,
    open_span: lambda do
      id = open_task
      manager.add_event(id, nil, 'event', payload)
      manager.set_attributes(id, nil, payload)
      manager.find(id, nil)
      manager.remove_task(id)
    end,
    manager_configure: -> { manager.configure("seed #{number}", 1000, 60.0) },
    configure_payload: -> { long_filters },
    filter: -> { filter.filter(payload) && filter.json(payload) },
    clean: -> { filter.clean("paid with 4111 1111 1111 1111 #{LONG}") },
    settings: -> { configure(filter_parameters: [:password, :token, "f#{number}"]) },
    configure: -> { configure(schedule_delay: 1.0 + number) },
    configure_otlp: -> { NATIVE::Pipeline.configure(OPTIONS.merge(exporters: %i[otlp])) },
    configure_file: -> { NATIVE::Pipeline.configure(OPTIONS.merge(exporters: %i[file memory])) },
    metric: lambda do
      name = "h#{number}"
      NATIVE::Metrics.declare(3, name, LONG[0, 1000], 'seconds', [0.5, 1.0], 0)
      NATIVE::Metrics.create(name, { 'label.x' => LONG })&.observe(0.5)
    rescue ArgumentError
      nil # was not declared, for lack of memory
    end,
    metrics: -> { %i[prometheus openmetrics json csv].each { |format| NATIVE::Metrics.export(format, 'now') } },
    reader: lambda do
      NATIVE::PeriodicReader.configure(READER)
      NATIVE::PeriodicReader.flush(1.0)
      NATIVE::PeriodicReader.configure(nil)
    end,
    stats: -> { NATIVE.stats && publisher.stats },
    flush: lambda do
      20.times { publisher.publish('step.completed', { task_id: 1, step_id: number, x: 'x' * 200 }) }
      NATIVE.flush
    end,
    take: -> { NATIVE::Testing.finished_spans },
    shutdown: lambda do
      publisher.publish('step.before_handle', { task_id: 1, step_id: number })
      NATIVE.shutdown(timeout: 1.0)
    end
  }.freeze

  # How many spans end in it: each is accepted, and exported or counted as lost.
  SPANS = { publish: 1, publish_by: 1, publish_step_completed: 1, publish_step_failed: 1, record: 1, flush: 20 }.freeze

  OPTIONS = { version: '1', attribute_limit: 128, prefix: 'tasker.', resource: { 'service.name' => 'x' * 300 },
              otlp_url: 'http://127.0.0.1:1/v1/traces', otlp_headers: "a: b\nc: d", otlp_gzip: true,
              otlp_timeout: 0.01, user_agent: 'torture', trace_file: 'torture.jsonl', trace_file_max_size: 1000,
              max_queue_size: 10, max_queue_bytes: 10_000, max_export_batch_size: 5, schedule_delay: 0.01,
              otlp_certificate: '', otlp_client_certificate: '', otlp_client_key: '',
              spool_directory: '', spool_max_bytes: 1, spool_max_age: 1.0 }.freeze
  READER = OPTIONS.merge(otlp_url: 'http://127.0.0.1:1/v1/metrics', interval: 60.0, delta: true).freeze
end

# One subject, with every allocation failing in turn.
class Failing
  # What these make is there to stay.
  GROWING = %i[register_event settings metric].freeze

  # More allocations than any subject makes.
  MOST = 3000

  attr_reader :rounds, :raised

  def initialize(name, everywhere)
    @name = name
    @subject = Subjects::ALL.fetch(name)
    @everywhere = everywhere
    @rounds = @raised = 0
  end

  def run
    2.times { attempt(0) } # what is made once and kept
    base = live
    (1..MOST).each do |n|
      failed = attempt(n)
      check_after(n, base)
      return self unless failed
    end
    Child.check(false, "#{@name}: #{MOST} allocations and no end")
  end

  private

  # In a thread, whose stack goes with it: nothing on it keeps alive what was made.
  #
  # @return [Boolean] whether an allocation failed
  def attempt(number)
    @rounds += 1
    Thread.new { fail_in_this_thread(number) }.value
  end

  def fail_in_this_thread(number)
    TORTURE.fail_allocation(number, @everywhere)
    @subject.call
    TORTURE.failed?
  rescue NoMemoryError
    @raised += 1
    TORTURE.failed?
  ensure
    TORTURE.fail_allocation(0, false)
  end

  # That everything works is seen at the end of each subject: it is what takes long.
  def check_after(number, base)
    accepted = Child.audit[:accepted]
    Child.check(accepted == Subjects::SPANS.fetch(@name, accepted), "#{@name}, allocation #{number}: #{accepted} spans")
    left = live
    return if GROWING.include?(@name)

    Child.check(left <= base, "#{@name}, allocation #{number}: #{left} allocations are left, #{base} were before")
  end

  # Of the core, when nothing is open, in flight or kept.
  def live
    Tasker::Native::Testing.reset!
    GC.start
    TORTURE.live
  end
end

Dir.chdir(Dir.mktmpdir)
Child.configure
Child.publisher.register_event('order.packed')
Child.publisher.register_event('order.heard')
Child.publisher.register_event('order.noted')
Child.publisher.subscribe('order.heard', &:payload)
runs = Subjects::ALL.keys.product([false, true]).map do |name, everywhere|
  Failing.new(name, everywhere).run.tap { Child.settle }
end
Child.done("#{runs.sum(&:rounds)} failing allocations in #{Subjects::ALL.size} functions, " \
           "#{runs.sum(&:raised)} of them raised NoMemoryError")
