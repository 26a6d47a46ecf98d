# frozen_string_literal: true

# Eight threads publish, subscribe and unsubscribe, each event with its own listeners and all with those of everybody,
# while others flush, reconfigure and read the accounts.
require_relative '../../support/torture/child'

THREADS = 8
STEP = Struct.new(:workflow_step_id, :name, :task_id, :inputs, keyword_init: true)

# A listener whose == lets other threads go on: whoever looks for it in a list finds another list afterwards.
class Passing
  def call(event)
    event.payload[:step_id].to_s
  end

  def ==(other)
    Thread.pass
    equal?(other)
  end
end

# One thread's work, and what came of it.
class Publisher
  attr_reader :published, :heard

  def initialize(number)
    @number = number
    @published = @heard = 0
    @event = "threads.#{number}"
    Child.publisher.register_event(@event)
  end

  # A listener of one's own hears each of one's own events while it is subscribed, exactly once.
  def run
    listener = Child.publisher.subscribe(@event) { @heard += 1 }
    everybodys = Child.publisher.subscribe('step.completed', Passing.new)
    10.times { publish }
    Child.publisher.unsubscribe(listener)
    Child.check(Child.publisher.unsubscribe(everybodys), 'what was subscribed is found')
    Child.publisher.publish(@event, number: 'nobody hears')
  end

  private

  def publish
    id = "#{@number}-#{@published}"
    Child.publisher.publish(@event, { task_id: @number, text: 'x' * rand(100), nested: { list: [1, :two, 3.0] } })
    step = STEP.new(workflow_step_id: id, name: 'step', task_id: @number, inputs: { token: 'secret' })
    Child.publisher.publish_step(self, 'step.before_handle', :started, step, nil, {})
    Thread.pass if rand(4).zero?
    Child.publisher.publish('step.completed', { task_id: @number, step_id: id })
    @published += 1
  end
end

# A thread that does something again and again until all is over.
def meanwhile
  Thread.new do
    until $over # rubocop:disable Style/GlobalVars -- of this process
      yield
      sleep 0.001
    end
  end
end

Child.configure(max_queue_size: 1_000_000, max_queue_bytes: 2**30)
Tasker::Native::Testing.reset!
$over = false # rubocop:disable Style/GlobalVars
Thread.abort_on_exception = true
publishers = Array.new(THREADS) { |number| Publisher.new(number) }
others = [
  meanwhile { Child.audit },
  meanwhile { Tasker::Native.flush(timeout: 0.05) },
  meanwhile { Tasker::Native.runtime.refresh },
  meanwhile { Tasker.configuration { |config| config.telemetry.schedule_delay = rand(0.001..0.01) } },
  meanwhile { Tasker::Native::Pipeline.take_memory },
  meanwhile { Child.publisher.listeners('step.completed').each(&:itself) && Child.publisher.stats },
  meanwhile { GC.start }
]
seconds = Child.amount(3)
publishers.map { |publisher| Thread.new { Child.for_seconds(seconds) { publisher.run } } }.each(&:join)
$over = true # rubocop:disable Style/GlobalVars
others.each(&:join)

Tasker::Native.flush
stats = Child.audit
published = publishers.sum(&:published)
Child.check(publishers.all? do |publisher|
  publisher.heard == publisher.published
end, 'each listener heard what it was subscribed to')
Child.check(stats[:accepted] == published, "a span for each of #{published} steps: #{stats}")
Child.check(stats[:in_flight].zero? && stats[:exported] == published, "all of them delivered: #{stats}")
Child.check(Child.publisher.listeners('step.completed').empty?, 'nobody listens any more')
Child.done("#{published} steps from #{THREADS} threads")
