# frozen_string_literal: true

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

  # The event that the block makes the concern publish under this name.
  def published(name)
    events = listen(name)
    expect(yield).to be_nil
    expect(events.size).to eq(1)
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

    it 'let the context win over the error' do
      payload = published('step.failed') { host.publish_step_failed(step, error: IOError.new('a'), error_message: 'b') }

      expect(payload).to include(error_message: 'b', error_class: 'IOError')
    end
  end

  describe 'the methods for tasks' do
    {
      publish_task_started: ['task.start_requested', 'started', %i[task_context]],
      publish_task_completed: ['task.completed', 'completed', []],
      publish_task_failed: ['task.failed', 'failed', %i[error_message error_steps]],
      publish_task_retry_requested: ['task.retry_requested', 'retry_requested', %i[retry_reason]],
      publish_task_pending_transition: ['task.initialize_requested', 'initialize_requested', %i[reason]]
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
