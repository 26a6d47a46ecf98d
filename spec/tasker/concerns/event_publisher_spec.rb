# frozen_string_literal: true

require 'active_support'
require 'active_support/hash_with_indifferent_access'

RSpec.describe Tasker::Concerns::EventPublisher do
  let(:attempted) { Time.utc(2026, 1, 2, 3, 4, 5) }
  let(:step) do
    build_step(last_attempted_at: attempted, processed_at: attempted + 2, attempts: 2, inputs: { a: 1 },
               results: { items: 3 }, parents: [build_step(name: 'first')])
  end
  let(:task) { build_task(workflow_steps: [build_step(status: 'complete'), build_step(status: 'pending')]) }
  let(:step_keys) do
    %i[task_id step_id step_name started_at completed_at attempt_number retry_limit event_type timestamp]
  end
  let(:task_keys) do
    %i[task_id task_name started_at completed_at task_type event_type timestamp total_execution_duration
       current_execution_duration total_steps completed_steps failed_steps pending_steps]
  end

  def stats_of(name)
    publisher.stats.fetch(name)
  end

  # The event that the block makes the concern publish under this name.
  def published(name)
    events = listen(name)
    expect(yield).to be_nil
    expect(events.size).to eq(1)
    publisher.unsubscribe_all
    events.first.payload
  end

  describe 'the methods for steps' do
    {
      publish_step_started: ['step.execution_requested', 'started', %i[step_inputs step_dependencies]],
      publish_step_before_handle: ['step.before_handle', 'before_handle', []],
      publish_step_completed: ['step.completed', 'completed', %i[execution_duration step_results]],
      publish_step_failed: ['step.failed', 'failed', %i[error_message exception_class step_results]],
      publish_step_retry_requested: ['step.retry_requested', 'retry',
                                     %i[previous_attempts retry_reason backoff_strategy]],
      publish_step_cancelled: ['step.cancelled', 'cancelled', %i[cancellation_reason]]
    }.each do |method, (event, event_type, more_keys)|
      it "#{method} publishes #{event} with the payload of a step" do
        payload = published(event) { host.public_send(method, step) }

        expect(payload.keys).to match_array(step_keys + more_keys)
        expect(payload).to include(task_id: 7, step_id: 21, step_name: 'fetch_cart', attempt_number: 2,
                                   event_type: event_type, started_at: '2026-01-02T03:04:05Z')
      end

      it "#{method} adds its context, which wins" do
        payload = published(event) { host.public_send(method, step, step_name: 'mine', more: 1, event_type: 'other') }

        expect(payload).to include(step_name: 'mine', more: 1, event_type: 'other', step_id: 21)
      end
    end

    it 'have upstream\'s values by default' do
      expect(published('step.retry_requested') { host.publish_step_retry_requested(step) })
        .to include(retry_reason: 'Step execution failed', previous_attempts: 1, backoff_strategy: 'exponential')
      expect(published('step.cancelled') { host.publish_step_cancelled(step) })
        .to include(cancellation_reason: 'Step cancelled')
    end

    it 'take the reasons of retries and cancellations' do
      expect(published('step.retry_requested') { host.publish_step_retry_requested(step, retry_reason: 'timeout') })
        .to include(retry_reason: 'timeout')
      expect(published('step.cancelled') do
        host.publish_step_cancelled(step, cancellation_reason: 'by hand', by: 'me')
      end)
        .to include(cancellation_reason: 'by hand', by: 'me')
    end

    it 'describe the error of a failure: message, real class under both names, ten lines of backtrace' do
      error = ArgumentError.new('no').tap { |raised| raised.set_backtrace(Array.new(20) { |line| "a.rb:#{line}" }) }
      payload = published('step.failed') { host.publish_step_failed(step, error: error) }

      expect(payload).to include(error_message: 'no', error_class: 'ArgumentError', exception_class: 'ArgumentError',
                                 backtrace: Array.new(10) { |line| "a.rb:#{line}" })
    end

    it 'describe an error without backtrace, and one of a class without name' do
      expect(published('step.failed') { host.publish_step_failed(step, error: IOError.new) })
        .to include(error_message: 'IOError', error_class: 'IOError').and not_include(:backtrace)
      nameless = Class.new(StandardError).new('no')
      expect { host.publish_step_failed(build_step(workflow_step_id: 22), error: nameless) }.not_to raise_error
      expect(step_spans.last.status_message).to eq('no')
    end

    it 'take a message for the error' do
      expect(published('step.failed') { host.publish_step_failed(step, error: 'no money') })
        .to include(error_message: 'no money', exception_class: 'StandardError')
    end

    it 'let the context win over the error' do
      payload = published('step.failed') { host.publish_step_failed(step, error: IOError.new('a'), error_message: 'b') }

      expect(payload).to include(error_message: 'b', error_class: 'IOError')
    end

    it 'let a nil of the context win in spans, too, whether somebody listens or not' do
      hide = lambda do |id|
        step = build_step(workflow_step_id: id, results: { a: 1 })
        host.publish_step_failed(step, step_results: nil, error_message: nil)
      end
      hide.call(1)
      listen('step.failed') && hide.call(2)

      expect(step_spans.map { |span| span.attributes.keys.grep(/step_results|error_message/) }).to eq([[], []])
    end
  end

  describe 'the methods for tasks' do
    {
      publish_task_started: ['task.start_requested', 'started', %i[task_context]],
      publish_task_completed: ['task.completed', 'completed', []],
      publish_task_failed: ['task.failed', 'failed', %i[error_message error_steps]],
      publish_task_retry_requested: ['task.retry_requested', 'retry', %i[retry_reason]],
      publish_task_pending_transition: ['task.initialize_requested', 'pending_transition', %i[reason]],
      publish_task_enqueue: ['observability.task.enqueue', 'enqueue', %i[task_context]]
    }.each do |method, (event, event_type, more_keys)|
      it "#{method} publishes #{event} with the payload of a task" do
        payload = published(event) { host.public_send(method, task) }

        expect(payload.keys).to match_array(task_keys + more_keys)
        expect(payload).to include(task_id: 7, task_name: 'order_process', event_type: event_type, total_steps: 2,
                                   completed_steps: 1, pending_steps: 1, failed_steps: 0)
      end

      it "#{method} adds its context, which wins" do
        payload = published(event) { host.public_send(method, task, task_name: 'mine', more: 1) }

        expect(payload).to include(task_name: 'mine', more: 1, task_id: 7)
      end
    end

    it 'have upstream\'s values by default' do
      expect(published('task.failed') { host.publish_task_failed(task) })
        .to include(error_message: 'Task execution failed', error_steps: [])
      expect(published('task.retry_requested') { host.publish_task_retry_requested(task) })
        .to include(retry_reason: 'Task retry requested')
      expect(published('task.initialize_requested') { host.publish_task_pending_transition(task) })
        .to include(reason: 'Task set to pending')
    end

    it 'take reasons, messages and steps' do
      expect(published('task.failed') { host.publish_task_failed(task, error_message: 'no', error_steps: ['ship']) })
        .to include(error_message: 'no', error_steps: ['ship'])
      expect(published('task.retry_requested') { host.publish_task_retry_requested(task, retry_reason: 'again') })
        .to include(retry_reason: 'again')
      expect(published('task.initialize_requested') { host.publish_task_pending_transition(task, reason: 'waits') })
        .to include(reason: 'waits')
    end
  end

  describe '#publish_event' do
    it 'publishes any event of the system' do
      expect(published('workflow.task_started') { host.publish_event('workflow.task_started', task_id: 5) })
        .to include(task_id: 5, timestamp: be_a(Time))
    end

    it 'registers an unknown name at its first use' do
      name = 'order.never_seen_before'
      host.publish_event(name)

      expect(publisher.registered?(name)).to be(true)
      expect(published(name) { host.publish_event(name, { a: 1 }) }).to include(a: 1)
    end

    it 'logs what it can not publish, and does not raise' do
      expect(host.publish_event('', {})).to be_nil
      expect(host.publish_event(nil, {})).to be_nil
      expect(host.publish_event('test.event', 5)).to be_nil

      expect(log_lines.map { |line| line[/\AERROR Error publishing event (\S*): /, 1] }).to eq(['', '', 'test.event'])
    end

    it 'is private, as upstream has it' do
      handler = Class.new { include Tasker::Concerns::EventPublisher }.new

      expect { handler.publish_event('test.event') }.to raise_error(NoMethodError, /private method/)
    end
  end

  describe '#publish_custom_event' do
    it 'publishes any name, as custom and with the time of now, whatever the payload says' do
      publisher.register_event('order.shipped')
      payload = published('order.shipped') do
        host.publish_custom_event('order.shipped', order_id: 5, event_type: 'mine', timestamp: 1)
      end

      expect(payload).to match(order_id: 5, event_type: 'custom', timestamp: be_a(Time))
    end

    it 'does so for a Hash with indifferent access, too' do
      publisher.register_event('order.shipped')
      given = ActiveSupport::HashWithIndifferentAccess.new(order_id: 5)
      payload = published('order.shipped') { host.publish_custom_event('order.shipped', given) }

      expect(payload).to match('order_id' => 5, event_type: 'custom', timestamp: be_a(Time))
    end

    it 'registers a name at its first use, and does not change what it is given' do
      given = { order_id: 5 }.freeze
      host.publish_custom_event('order.never_published', given)

      expect(Tasker::Events.event_info('order.never_published')).to include(category: 'custom')
      expect(stats_of('order.never_published')).to include(published: 1)
    end

    it 'logs what it can not publish' do
      [[nil, {}], ['', {}], ['order.x', nil], ['order.x', 5]].each do |arguments|
        expect(host.publish_custom_event(*arguments)).to be_nil
      end
      expect(log_lines(/Error publishing event/).size).to eq(4)
    end

    it 'gives up politely when there are too many names' do
      allow(publisher).to receive(:register_event).and_raise(Tasker::Native::TooManyEventsError, 'too many')

      2.times { |i| expect(host.publish_custom_event("order.number#{i}_x", {})).to be_nil }
    end
  end

  describe '#publish_step_event_for_context' do
    {
      started: 'step.execution_requested', execution_requested: 'step.execution_requested',
      completed: 'step.completed', success: 'step.completed', failed: 'step.failed', failure: 'step.failed',
      error: 'step.failed', retry: 'step.retry_requested', retry_requested: 'step.retry_requested',
      cancelled: 'step.cancelled'
    }.each do |hint, event|
      it "publishes #{event} for #{hint.inspect}" do
        payload = published(event) { host.publish_step_event_for_context(step, context_hint: hint, more: 1) }

        expect(payload).to include(step_id: 21, more: 1)
      end
    end

    it 'takes the name of a hint for it' do
      expect(published('step.failed') { host.publish_step_event_for_context(step, context_hint: 'failure') })
        .to include(step_id: 21)
    end

    it 'goes by the state of the step without a hint' do
      { 'in_progress' => 'step.execution_requested', 'complete' => 'step.completed', 'error' => 'step.failed',
        'cancelled' => 'step.cancelled', 'pending' => 'step.execution_requested' }.each do |status, event|
        events = listen(event)
        host.publish_step_event_for_context(build_step(status: status))
        expect(events.size).to eq(1)
        publisher.unsubscribe_all
      end
    end

    it 'logs a hint that it does not know, and publishes nothing' do
      events = listen(*publisher.event_names.grep(/\Astep\./))

      expect(host.publish_step_event_for_context(step, context_hint: :sideways)).to be_nil
      expect(events).to be_empty
      expect(log_lines).to contain_exactly(/WARN Unknown step event context: sideways\. Known ones: started, /)
    end

    it 'takes a step without state, or with one that raises, for a started one' do
      broken = Class.new { def status = raise('no') }.new

      expect([Object.new, nil, broken].map { |one| host.infer_step_event_type_from_state(one) }).to all(be(:started))
    end
  end

  describe 'the generic forms' do
    it 'publish any event with the payload of a step' do
      expect(published('step.resolved_manually') { host.publish_step_event('step.resolved_manually', step, by: 'me') })
        .to include(step_id: 21, event_type: 'resolved_manually', by: 'me')
      expect(published('step.failed') { host.publish_step_event('step.failed', step, { a: 1 }, error: IOError.new) })
        .to include(a: 1, exception_class: 'IOError', event_type: 'failed')
      expect(published('step.retry_requested') { host.publish_step_event('step.retry_requested', step) })
        .to include(event_type: 'retry', previous_attempts: 1)
    end

    it 'publish any event with the payload of a task' do
      expect(published('task.cancelled') { host.publish_task_event('task.cancelled', task, { a: 1 }, by: 'me') })
        .to include(task_id: 7, total_steps: 2, event_type: 'cancelled', a: 1, by: 'me')
      expect(published('task.failed') { host.publish_task_event('task.failed', task, event_type: 'completed') })
        .to include(event_type: 'completed')
    end

    it 'publish any event with the payload of orchestration' do
      expect(published('workflow.task_failed') { host.publish_workflow_event('workflow.task_failed', task_id: 7) })
        .to include(orchestration_event: true, event_type: 'task_failed', task_id: 7)
      expect(published('workflow.step_failed') { host.publish_workflow_event('workflow.step_failed', { step_id: 1 }) })
        .to include(event_type: 'step_failed', step_id: 1)
    end

    it 'take names that nobody has registered' do
      host.publish_step_event('order.step_weighed', step)
      host.publish_task_event('order.task_weighed', task)
      host.publish_workflow_event('order.weighed')

      expect(publisher.event_names).to include('order.step_weighed', 'order.task_weighed', 'order.weighed')
      expect(log).to be_empty
    end

    it 'log what can not be published' do
      expect(host.publish_step_event(nil, step)).to be_nil
      expect(host.publish_task_event('', task)).to be_nil
      expect(host.publish_workflow_event('workflow.task_failed', 5)).to be_nil
      listen('workflow.task_failed')
      expect(host.publish_workflow_event('workflow.task_failed', 5)).to be_nil
      expect(log_lines(/\AERROR Error publishing event/).size).to eq(3)
    end
  end

  describe '#publish_event_with_logging' do
    it 'runs the block, then publishes' do
      order = []
      publisher.subscribe('test.event') { order << :published }
      host.send(:publish_event_with_logging, 'test.event', { a: 1 }) { order << :logged }

      expect(order).to eq(%i[logged published])
    end

    it 'publishes although the block raises, and without a block' do
      events = listen('test.event')
      host.send(:publish_event_with_logging, 'test.event') { raise 'no disk' }
      host.send(:publish_event_with_logging, 'test.event')

      expect(events.size).to eq(2)
      expect(log_lines).to eq(['WARN The log line of test.event failed: no disk'])
    end
  end

  describe '#extract_duration_from_step' do
    def duration(**times)
      host.send(:extract_duration_from_step, Struct.new(*times.keys).new(*times.values))
    end

    it 'is the time of the attempt, else that between creation and last change, else nil' do
      expect(duration(last_attempted_at: attempted, processed_at: attempted + 1.5)).to eq(1.5)
      expect(duration(created_at: attempted, updated_at: attempted + 2)).to eq(2.0)
      expect(duration(last_attempted_at: attempted, processed_at: nil, created_at: attempted, updated_at: attempted))
        .to eq(0.0)
      expect(duration(name: 'x')).to be_nil
    end
  end

  it 'leaves out what a task does not answer, or raises at' do
    silent = Struct.new(:task_id).new(7)
    grumpy = Struct.new(:task_id) { def name = raise('no name') }.new(8)

    expect(published('workflow.task_state_unclear') { host.publish_workflow_state_unclear(silent) })
      .to include(task_id: 7).and not_include(:task_name)
    expect(published('workflow.task_state_unclear') { host.publish_workflow_state_unclear(grumpy) })
      .to include(task_id: 8).and not_include(:task_name)
  end

  it 'builds no payload that nobody wants' do
    configure(metrics_enabled: false)
    asked = []
    curious = Class.new { define_method(:respond_to_missing?) { |name, _| (asked << name) && false } }.new
    host.publish_task_finalization_completed(curious)
    host.publish_task_reenqueue_started(curious)
    host.publish_task_enqueue(curious)

    expect(asked).to be_empty
  end

  it 'asks no task for its steps where an event is only counted' do
    asked = []
    curious = Class.new { define_method(:respond_to_missing?) { |name, _| (asked << name) && false } }.new
    host.publish_task_enqueue(curious)

    expect(asked).not_to include(:workflow_steps)
  end

  describe 'what goes wrong' do
    let(:broken) { Class.new { def respond_to?(*) = raise('broken') }.new }

    it 'is logged with the name of the event, and does not reach the caller' do
      expect { host.publish_task_completed(broken) }.not_to raise_error
      expect { host.publish_step_completed(broken) }.not_to raise_error
      expect(host.publish_step_completed(5)).to be_nil
    end

    it 'is logged when a listener fails' do
      publisher.subscribe('step.completed') { raise 'no' }
      publisher.subscribe('task.completed') { raise NotImplementedError, 'neither' }
      host.publish_step_completed(step)
      host.publish_task_completed(task)

      expect(log_lines).to eq(['ERROR Error publishing event step.completed: no',
                               'ERROR Error publishing event task.completed: neither'])
    end

    it 'keeps what passes through passing through' do
      publisher.subscribe('step.completed') { throw :done, 5 }

      expect(catch(:done) { host.publish_step_completed(step) }).to eq(5)
    end
  end

  describe 'without anybody who listens' do
    it 'makes the same span as with a listener' do
      host.publish_step_failed(step, error: IOError.new('gone'), password: 'x', nested: { token: 1 })
      without = only_span
      Tasker::Native::Testing.reset!
      listen('step.failed')
      host.publish_step_failed(step, error: IOError.new('gone'), password: 'x', nested: { token: 1 })

      expect(only_span.attributes.except('tasker.timestamp')).to eq(without.attributes.except('tasker.timestamp'))
      expect(only_span).to have_attributes(status: without.status, status_message: 'gone', parent_id: without.parent_id)
      expect(only_span.events.map { |event| [event.name, event.attributes.except('tasker.timestamp')] })
        .to eq(without.events.map { |event| [event.name, event.attributes.except('tasker.timestamp')] })
    end

    it 'builds no payload at all while telemetry is off' do
      configure(enabled: false)
      asked = []
      curious = Class.new { define_method(:respond_to_missing?) { |name, _| (asked << name) && false } }.new
      host.publish_step_completed(curious)
      host.publish_task_completed(curious)

      expect(asked).to be_empty
    end
  end

  it 'can be included in any class, and extended by any object' do
    extended = Object.new.extend(described_class)
    events = listen('step.completed')
    extended.publish_step_completed(step)

    expect(events.size).to eq(1)
  end
end
