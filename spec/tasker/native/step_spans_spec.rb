# frozen_string_literal: true

RSpec.describe 'A step' do
  let(:ids) { { task_id: 7, step_id: 21, step_name: 'fetch_cart' } }

  def run_task(step = build_step, &)
    task = build_task(task_id: step.task_id)
    host.publish_task_started(task)
    handle(step, task, &)
    host.publish_task_completed(task)
  end

  describe 'that is handled' do
    it 'gives a span as wide as its process' do
      took = nil
      run_task { took = seconds { sleep 0.2 } }

      expect(took).to be >= 0.2
      expect(only_span.duration).to be_between(took, took + 0.02)
    end

    it 'gives a child of the root of its task; the root ends last, and both share a trace' do
      run_task { sleep 0.01 }
      root = only_span('tasker.task.execution')

      expect(spans.map(&:name)).to contain_exactly('tasker.step.execution', 'tasker.task.execution')
      expect(root).to have_attributes(parent_id: nil, status: 'OK', kind: :internal, flags: 0x101)
      expect(only_span).to have_attributes(parent_id: root.span_id, trace_id: root.trace_id, status: 'OK',
                                           kind: :internal, flags: 0x101)
      expect(only_span.start_ns).to be >= root.start_ns
      expect(only_span.end_ns).to be <= root.end_ns
    end

    it 'gives a span for each attempt, with ids of their own' do
      3.times { handle }

      expect(step_spans.size).to eq(3)
      expect(step_spans.map(&:span_id).uniq.size).to eq(3)
      expect(step_spans.map(&:trace_id).uniq.size).to eq(1)
    end

    it 'gives a span whose clock is not the wall clock' do
      publish('step.before_handle', ids)
      real = Process.method(:clock_gettime)
      allow(Process).to receive(:clock_gettime) { |*clock| real.call(*clock) }
      sleep 0.02
      publish('step.completed', { **ids, started_at: '2001-01-01T00:00:00Z', execution_duration: 99.9 })

      expect(only_span.duration).to be_between(0.02, 0.5)
    end
  end

  describe 'as tasker-engine announces it' do
    it 'gives one span for one attempt, as wide as the work, although everything is told three times' do
      took = nil
      engine_attempt(ids) { took = seconds { sleep 0.05 } }

      expect(only_span.duration).to be_between(took, took + 0.02)
      expect(only_span.events.map(&:name)).to eq(['step.completed'])
    end

    it 'gives a span for each of its attempts' do
      engine_attempt(ids, 'step.failed', error_message: 'first')
      engine_attempt(ids, 'step.failed', error_message: 'second')
      engine_attempt(ids)

      expect(step_spans.map(&:status)).to eq(%w[ERROR ERROR OK])
      expect(step_spans.map(&:status_message)).to eq(['first', 'second', ''])
    end

    it 'ends at the first end, whatever else is announced then' do
      publish('step.before_handle', ids)
      publish('step.completed', ids)
      %w[step.failed step.cancelled step.resolved_manually step.completed].each { |event| publish(event, ids) }

      expect(only_span.status).to eq('OK')
    end

    it 'begins anew with before_handle' do
      publish('step.execution_requested', ids)
      sleep 0.03
      publish('step.before_handle', ids)
      publish('step.completed', ids)

      expect(only_span.duration).to be < 0.02
    end

    it 'begins with execution_requested where nobody tells of before_handle' do
      2.times do
        publish('step.execution_requested', ids)
        sleep 0.02
        publish('step.completed', ids)
      end

      expect(step_spans.map(&:duration)).to all(be_between(0.02, 0.2))
      expect(step_spans.size).to eq(2)
    end

    it 'is the same step, whether its id is an Integer, a String or a Symbol' do
      publish('step.before_handle', task_id: 7, step_id: 21)
      publish('step.completed', task_id: '7', step_id: :'21')
      publish('step.completed', 'task_id' => 7, 'step_id' => '21')

      expect(spans.size).to eq(1)
    end

    it 'is another step in another task' do
      publish('step.before_handle', task_id: 1, step_id: 5)
      publish('step.before_handle', task_id: 2, step_id: 5)
      publish('step.completed', task_id: 2, step_id: 5)
      publish('step.completed', task_id: 1, step_id: 5)

      expect(step_spans.map(&:trace_id).uniq.size).to eq(2)
    end

    it 'may have an id of any length' do
      long = 'x' * 10_000
      publish('step.before_handle', task_id: long, step_id: "#{long}1")
      publish('step.before_handle', task_id: long, step_id: "#{long}2")
      publish('step.completed', task_id: long, step_id: "#{long}2")
      publish('step.completed', task_id: long, step_id: "#{long}1")

      expect(step_spans.map { |span| span.attributes['tasker.step_id'][-1] }).to eq(%w[2 1])
    end
  end

  describe 'that ends' do
    {
      'step.completed' => 'OK', 'step.resolved_manually' => 'OK', 'step.failed' => 'ERROR', 'step.cancelled' => 'UNSET'
    }.each do |event, status|
      it "by #{event} gives a span with status #{status} and an event of that name" do
        publish('step.before_handle', ids)
        publish(event, { **ids, reason: 'so' })

        expect(only_span).to have_attributes(status: status, attributes: include('tasker.reason' => 'so'))
        expect(only_span.events.map(&:name)).to eq([event])
        expect(only_span.events.first).to have_attributes(time_ns: only_span.end_ns,
                                                          attributes: include('tasker.reason' => 'so'))
      end
    end
  end

  describe 'that was never opened here' do
    let(:started) { Time.utc(2026, 1, 2, 3, 4, 5) }
    let(:started_ns) { started.to_i * 1_000_000_000 }

    it 'gives one span from started_at, as wide as execution_duration' do
      3.times { publish('step.completed', { **ids, started_at: started.iso8601, execution_duration: 1.25 }) }

      expect(only_span).to have_attributes(start_ns: started_ns, end_ns: started_ns + 1_250_000_000)
    end

    it 'gives one from started_at to completed_at' do
      publish('step.completed', { **ids, started_at: started, completed_at: started + 2, execution_duration: 0.0 })

      expect(only_span).to have_attributes(start_ns: started_ns, end_ns: started_ns + 2_000_000_000)
    end

    it 'gives one that ends now, as wide as execution_duration' do
      publish('step.failed', { **ids, execution_duration: 2 })

      expect(only_span.duration).to eq(2.0)
      expect(only_span.end_time).to be_within(5).of(Time.now.to_f)
    end

    it 'gives one without width where nothing is known, or nothing can be' do
      publish('step.completed', ids)
      publish('step.completed', { **ids, step_id: 22, started_at: 'soon', execution_duration: 'long' })
      publish('step.completed', { **ids, step_id: 23, execution_duration: -5.0 })
      publish('step.completed', { **ids, step_id: 24, execution_duration: Float::NAN })

      expect(step_spans.map(&:duration)).to eq([0.0] * 4)
    end

    it 'never ends before it began' do
      publish('step.completed', { **ids, started_at: started, completed_at: started - 60 })
      publish('step.completed', { **ids, step_id: 22, started_at: Time.now + 3600 })

      expect(step_spans.map(&:duration)).to all(be >= 0)
    end

    it 'belongs to the root of its task, wherever that is' do
      publish('step.completed', ids)
      publish('task.completed', task_id: 7)

      expect(only_span.parent_id).to eq(only_span('tasker.task.execution').span_id)
    end

    it 'has a trace of its own without a task' do
      publish('step.completed', step_id: 1)
      publish('step.completed', step_id: 2)

      expect(step_spans.map(&:parent_id)).to eq([nil, nil])
      expect(step_spans.map(&:trace_id).uniq.size).to eq(2)
    end

    it 'needs no id' do
      2.times { publish('step.completed', task_id: 7) }

      expect(step_spans.size).to eq(2)
    end
  end

  describe 'that waits' do
    it 'gives a span for the wait, once, below the root' do
      3.times { publish('step.execution_requested', ids) }
      sleep 0.03
      3.times { publish('step.before_handle', ids) }
      publish('step.completed', ids)
      publish('task.completed', task_id: 7)

      expect(only_span('tasker.step.queued')).to have_attributes(
        parent_id: only_span('tasker.task.execution').span_id, duration: be_between(0.03, 0.3)
      )
      expect(only_span('tasker.step.queued').end_ns).to be <= only_span.start_ns
    end

    it 'gives none for a wait of less than 10 ms' do
      run_task { nil }
      expect(spans('tasker.step.queued')).to be_empty
    end
  end

  it 'gives a span below the root for a retry that was requested' do
    host.publish_step_retry_requested(build_step(attempts: 2), retry_reason: 'timeout')
    publish('task.completed', task_id: 7)

    expect(only_span('tasker.step.retry')).to have_attributes(
      parent_id: only_span('tasker.task.execution').span_id,
      attributes: include('tasker.retry_reason' => 'timeout', 'tasker.previous_attempts' => 1),
      events: [have_attributes(name: 'step.retry_requested')]
    )
  end

  describe 'that nobody ends' do
    it 'is not exported while it is open' do
      publish('step.before_handle', ids)

      expect(spans).to be_empty
      expect(stats).to include(open_steps: 1, accepted: 0)
    end

    it 'is interrupted when the process shuts down' do
      publish('step.before_handle', ids)
      sleep 0.01
      expect(Tasker::Native.shutdown).to be(true)

      expect(only_span).to have_attributes(status: 'UNSET', duration: be >= 0.01,
                                           events: [have_attributes(name: 'tasker.span.interrupted')])
      expect(stats).to include(open_steps: 0, accepted: 1, exported: 1)
    end

    it 'is interrupted when there are too many' do
      configure(max_open_spans: 2)
      (1..5).each { |id| publish('step.before_handle', task_id: 1, step_id: id) }

      expect(stats[:open_steps]).to eq(2)
      expect(step_spans.map { |span| span.attributes['tasker.step_id'] }).to eq(%w[1 2 3])
      expect(step_spans.flat_map { |span| span.events.map(&:name) }.uniq).to eq(['tasker.span.interrupted'])
    end

    it 'is interrupted when it is too old' do
      configure(span_max_age: 0.02)
      publish('step.before_handle', ids)
      sleep 0.03
      publish('step.before_handle', { **ids, step_id: 22 })

      expect(only_span.attributes).to include('tasker.step_id' => '21')
      expect(stats[:open_steps]).to eq(1)
    end
  end

  it 'keeps spans apart that are open in many threads at once' do
    threads = Array.new(8) do |thread|
      Thread.new do
        25.times do |number|
          step = build_step(workflow_step_id: number, task_id: "task #{thread}", name: "#{thread}/#{number}")
          handle(step) { host.publish_event('order.seen', name: "#{thread}/#{number}") }
        end
      end
    end
    threads.each(&:join)

    expect(step_spans.size).to eq(200)
    expect(step_spans).to all(satisfy do |span|
      span.events.first.attributes['tasker.name'] == span.attributes['tasker.step_name']
    end)
  end
end
