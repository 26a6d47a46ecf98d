# frozen_string_literal: true

RSpec.describe 'A task' do
  let(:root_name) { 'tasker.task.execution' }

  def start(task_id = 7, **payload)
    publish('task.start_requested', { task_id: task_id, task_name: 'order', **payload })
  end

  def complete(task_id = 7, **payload)
    publish('task.completed', { task_id: task_id, **payload })
  end

  def root
    only_span(root_name)
  end

  it 'gives one root from its first start to its end, however often it is started' do
    3.times { start }
    sleep 0.02
    complete

    expect(root).to have_attributes(duration: be_between(0.02, 0.5), parent_id: nil, status: 'OK',
                                    attributes: include('tasker.task_id' => '7', 'tasker.task_name' => 'order'))
    expect(root.events.map(&:name)).to eq(%w[task.started task.completed])
    expect(root.events.map(&:time_ns)).to eq([root.start_ns, root.end_ns])
  end

  {
    'task.completed' => 'OK', 'task.resolved_manually' => 'OK', 'task.failed' => 'ERROR', 'task.cancelled' => 'UNSET'
  }.each do |event, status|
    it "that ends by #{event} gives a root with status #{status} and an event of that name" do
      start
      publish(event, task_id: 7)

      expect(root).to have_attributes(status: status)
      expect(root.events.map(&:name)).to eq(['task.started', event])
    end
  end

  it 'that fails has its message, filtered, and the error' do
    configure(filter_parameters: [:message])
    start
    publish('task.failed', task_id: 7, error_message: 'card 4111 refused', error_class: 'PaymentError')

    expect(root).to have_attributes(status_message: '[FILTERED]', attributes: include('error.type' => 'PaymentError'))
  end

  describe 'that others have worked on' do
    def know(run, began = nil, over: false)
      Tasker::Native.runtime.spans.know_task(7, run, began, over)
    end

    it 'is as wide as its run, and says which one it is' do
      know(2, Time.now - 60)
      start
      complete

      expect(root).to have_attributes(duration: be_within(5).of(60), attributes: include('tasker.run' => 2))
    end

    it 'is not told again once its end was' do
      know(1, Time.now - 60, over: true)
      complete

      expect(Tasker::Native::Testing.finished_spans).to be_empty
    end

    it 'has no run before the first' do
      [0, -1].each { |run| expect { know(run) }.to raise_error(ArgumentError, "a run is 1 or more, not #{run}") }
      expect { know(2**32) }.to raise_error(RangeError)
    end
  end

  describe 'that only begins here' do
    it 'is a reference: neither accepted nor exported' do
      start

      expect(Tasker::Native.flush).to be(true)
      expect(Tasker::Native.shutdown).to be(true)
      expect(spans).to be_empty
      expect(stats).to include(accepted: 0, in_flight: 0)
    end

    it 'is evicted when there are too many, and counted' do
      configure(max_open_spans: 3)
      (1..10).each { |task_id| start(task_id) }
      complete(10)

      expect(stats).to include(open_tasks: 2, abandoned_roots: 7)
      expect(root.attributes).to include('tasker.task_id' => '10')
    end

    it 'is evicted when it is too old, and counted' do
      configure(span_max_age: 0.02)
      start(1)
      sleep 0.03
      start(2)

      expect(stats).to include(open_tasks: 1, abandoned_roots: 1)
    end
  end

  describe 'that only ends here' do
    let(:started) { Time.utc(2026, 1, 2, 3, 4, 5) }

    it 'gives the root that the other process did not: from started_at until now' do
      complete(started_at: started.iso8601, execution_duration: 5.0)

      expect(root.start_ns).to eq(started.to_i * 1_000_000_000)
      expect(root.end_time).to be_within(5).of(Time.now.to_f)
      expect(root.events.map(&:name)).to eq(['task.completed'])
    end

    it 'gives one as wide as its payload says, without started_at' do
      complete(total_execution_duration: 1.5)

      expect(root.duration).to eq(1.5)
    end

    it 'gives one without width where nothing is known' do
      complete(started_at: Time.now + 3600)

      expect(root.duration).to eq(0.0)
    end

    it 'has the ids that a process has which saw it begin' do
      start
      complete
      seen = root
      Tasker::Native::Testing.reset!
      complete

      expect(root).to have_attributes(trace_id: seen.trace_id, span_id: seen.span_id)
    end
  end

  describe 'whose end is told twice' do
    it 'takes what the second one knows more, and keeps its end' do
      start
      complete(total_steps: 3)
      sleep 0.02
      complete(total_steps: 4, completed_steps: 4)

      expect(root.attributes).to include('tasker.total_steps' => 4, 'tasker.completed_steps' => 4)
      expect(root.duration).to be < 0.02
      expect(root.events.map(&:name)).to eq(%w[task.started task.completed])
    end

    it 'takes nothing from an end of another kind' do
      start
      complete
      publish('task.failed', task_id: 7, error_message: 'late')

      expect(root).to have_attributes(status: 'OK', attributes: not_include('tasker.error_message'))
    end

    it 'takes nothing once it was flushed' do
      start
      complete
      Tasker::Native.flush
      complete(total_steps: 3)

      expect(root.attributes).not_to have_key('tasker.total_steps')
    end

    it 'is accepted at once, and leaves by itself after about a second' do
      configure(schedule_delay: 0)
      start
      complete

      expect(stats).to include(accepted: 1, exported: 0, in_flight: 1, queued: 0)
      waited = seconds { eventually('the root') { stats[:exported] == 1 } }
      expect(waited).to be_between(0.7, 3)
    end
  end

  describe 'that goes back to pending' do
    it 'keeps its root' do
      start
      host.publish_task_pending_transition(build_task(task_id: 7), reason: 'waits for a retry')
      start
      complete

      expect(root.events.map(&:name)).to eq(%w[task.started task.initialize_requested task.completed])
      expect(root.events[1].attributes).to include('tasker.reason' => 'waits for a retry')
    end
  end

  describe 'that waits for its start' do
    it 'gives a span for the wait, below the root' do
      publish('task.initialize_requested', task_id: 7)
      sleep 0.02
      start
      complete

      expect(only_span('tasker.task.initialize')).to have_attributes(
        parent_id: root.span_id, duration: be_between(0.02, 0.5), end_ns: be <= root.start_ns
      )
    end

    it 'gives none for a wait of less than 10 ms' do
      publish('task.initialize_requested', task_id: 7)
      start
      complete

      expect(spans.size).to eq(1)
    end
  end

  describe 'that runs again after its end' do
    it 'gives a root of its own in the same trace, with its number and a link to the first' do
      2.times do
        start
        complete
      end
      first, second = roots

      expect(second).to have_attributes(trace_id: first.trace_id, parent_id: nil,
                                        attributes: include('tasker.run' => 2))
      expect(second.span_id).not_to eq(first.span_id)
      expect(second.links).to contain_exactly(have_attributes(trace_id: first.trace_id, span_id: first.span_id))
      expect(first).to have_attributes(links: [], attributes: not_include('tasker.run'))
    end

    it 'has the steps of each run below the root of that run' do
      3.times do
        start
        engine_attempt({ task_id: 7, step_id: 1 })
        complete
        Tasker::Native.flush
      end

      expect(roots.map { |span| span.attributes['tasker.run'] }).to eq([nil, 2, 3])
      expect(roots.last(2).map { |span| span.links.first.span_id }).to eq([roots.first.span_id] * 2)
      expect(step_spans.map(&:parent_id)).to eq(roots.map(&:span_id))
    end
  end

  describe 'its ids' do
    def ids_of(task_id)
      Tasker::Native::Testing.reset!
      complete(task_id)
      [root.trace_id, root.span_id]
    end

    it 'are the same for the same id, whatever its type, and others for another' do
      expect(ids_of(7)).to eq(ids_of('7'))
      expect(ids_of(7)).not_to eq(ids_of(8))
    end

    it 'follow trace_seed' do
      configure(trace_seed: 'one')
      one = ids_of(7)
      configure(trace_seed: 'two')

      expect(ids_of(7).zip(one)).to all(satisfy { |a, b| a != b })
      configure(trace_seed: 'one')
      expect(ids_of(7)).to eq(one)
    end

    it 'follow the name of the service that code sets, and not OTEL_SERVICE_NAME' do
      before = ids_of(7)
      with_env(OTEL_SERVICE_NAME: 'from-environment') do
        expect(ids_of(7)).to eq(before)
        expect(root.resource).to include('service.name' => 'from-environment')
        expect(root.attributes).to include('tasker.task_id' => '7')
      end
      configure(service_name: 'orders')
      expect(ids_of(7)).not_to eq(before)
    end
  end

  it 'that does not say which it is gives no span' do
    %w[task.start_requested task.completed task.failed].each { |event| publish(event, task_name: 'nameless') }

    expect(spans).to be_empty
    expect(stats).to include(accepted: 0, open_tasks: 0)
  end

  it 'has its custom events, while it is open' do
    publisher.register_event('order.packed')
    publish('order.packed', task_id: 7, number: 1)
    start
    publish('order.packed', task_id: 7, number: 2)
    publish('order.packed', task_id: 7, step_id: 'unknown', number: 3)
    publish('order.packed', number: 4)
    complete
    publish('order.packed', task_id: 7, number: 5)

    packed = root.events.select { |event| event.name == 'order.packed' }
    expect(packed.map { |event| event.attributes['tasker.number'] }).to eq([2, 3])
  end

  it 'has no events of the system beside its own' do
    start
    %w[workflow.task_started observability.task.enqueue task.before_transition task.retry_requested test.event]
      .each { |event| publish(event, task_id: 7) }
    complete

    expect(root.events.map(&:name)).to eq(%w[task.started task.completed])
  end
end
