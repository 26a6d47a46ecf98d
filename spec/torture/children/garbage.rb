# frozen_string_literal: true

# Publishes while garbage is collected at every allocation, while objects are moved, and checks that nobody looks at
# where they were. ARGV: stress, auto_compact, verify.
require_relative '../../support/torture/child'
require_relative '../../support/torture/collecting'

# Everything that a publication may hold on to, made anew each time.
class Garbage
  STEP = Struct.new(:workflow_step_id, :name, :task_id, :attempts, :retry_limit, :inputs, :results, :parents,
                    :last_attempted_at, :processed_at, keyword_init: true)
  EVENTS = %w[step.before_handle step.completed step.failed step.retry_requested].freeze

  attr_reader :heard, :rounds

  def initialize
    @heard = Hash.new(0)
    @rounds = 0
    Child.publisher.register_event('garbage.collected')
    [*EVENTS, 'garbage.collected'].each { |name| Child.publisher.subscribe(name) { |event| hear(event) } }
  end

  def round
    number = @rounds += 1
    unsubscribing_listener
    publish_steps(number)
    publish_custom(number)
    GC.start if (number % 10).zero?
  end

  # Each round's spans, with what was published.
  def check(spans)
    steps = spans.select { |span| span.name == 'tasker.step.execution' }
    steps.each do |span|
      id = span.attributes.fetch('tasker.step_id')
      Child.check(span.attributes['tasker.note'] == "note #{id}", "note of step #{id}: #{span.attributes}")
      Child.check(span.attributes["tasker.dynamic #{id}"] == "symbol #{id}", "symbol of step #{id}: #{span.attributes}")
    end
    Child.check(steps.size == @rounds, "#{@rounds} steps, not #{steps.size}")
    Child.check(@heard['step.completed'] == @rounds && @heard['once'] == @rounds, "all was heard: #{@heard}")
  end

  private

  def hear(event)
    @heard[event.id] += 1
    Child.check(event.payload.inspect.size.positive?, 'a payload can be looked at')
  end

  def unsubscribing_listener
    heard = @heard
    listener = Child.publisher.subscribe('step.completed') do
      heard['once'] += 1
      Child.publisher.unsubscribe(listener)
    end
  end

  def publish_steps(number)
    inputs = { deep: [{ a: +'b' }] }
    parents = [STEP.new(name: :"parent #{number}")]
    step = STEP.new(workflow_step_id: number, name: "step #{number}", task_id: 7, attempts: 1, inputs: inputs,
                    parents: parents, last_attempted_at: Time.now)
    Child.publisher.publish_step(self, 'step.before_handle', :started, step, nil, { "context #{number}" => +'value' })
    error = RuntimeError.new("error #{number}") if (number % 3).zero?
    Child.publisher.publish_step(self, 'step.retry_requested', :retry, step, error, {})
    Child.publisher.publish(:'step.completed', { task_id: 7, step_id: number, note: "note #{number}", error: error,
                                                 "dynamic #{number}": :"symbol #{number}", at: Time.now,
                                                 list: [[+'x']] })
  end

  def publish_custom(number)
    Child.publisher.register_event("garbage.#{number % 100}")
    Child.publisher.publish("garbage.#{number % 100}", { number => [], Object.new => Object.new, 2**80 => 1r })
    Child.publisher.publish('garbage.collected')
    Tasker::Native::SpanManager.new("seed #{number}", 10, 1.0).record(0, 'task.start_requested', { task_id: number })
  end
end

Child.configure(max_queue_size: 100_000)
Tasker::Native::Testing.reset!
garbage = Garbage.new
mode = ARGV.first
collecting = Collecting.new(mode)
rounds = Child.amount(30)
rounds *= 20 if mode == 'auto_compact'

rounds.times do
  collecting.meanwhile { garbage.round }
  Tasker::Native::Testing.finished_spans if (garbage.rounds % 1000).zero? # the exporter has room for 16 MiB
  next unless mode == 'verify'

  collecting.verify if garbage.rounds <= 3
  GC.compact
end
garbage.check(Tasker::Native::Testing.finished_spans)
Child.unsubscribe_all
Child.done("#{mode}: #{garbage.rounds} rounds")
