# frozen_string_literal: true

require_relative '../support/collectors'
require_relative '../support/otlp_receiver'

# accepted = exported + spooled + dropped (by reason) + in flight, at every moment.
RSpec.describe 'The accounts' do
  include Collectors

  # Publishes in four threads, and looks at the accounts all the while.
  #
  # @return [Array<Hash>] those that were not balanced
  def publish_and_watch(tasks: 25, steps: 10)
    threads = Array.new(4) do |thread|
      Thread.new do
        tasks.times do |task|
          publish('task.start_requested', task_id: "#{thread}/#{task}")
          steps.times { |step| publish('step.completed', task_id: "#{thread}/#{task}", step_id: step, text: 'x' * 200) }
          publish('task.completed', task_id: "#{thread}/#{task}")
        end
      end
    end
    seen = []
    seen << stats while threads.any?(&:alive?)
    threads.each(&:join)
    seen.reject { |stats| balanced?(stats) }
  end

  def settled
    Tasker::Native.flush(timeout: 20)
    stats
  end

  it 'are empty in the beginning, and have every key' do
    expect(stats).to include(
      accepted: 0, exported: 0, spooled: 0, held: 0, in_flight: 0, queued: 0, queued_bytes: 0, open_tasks: 0,
      open_steps: 0, abandoned_roots: 0, exporters: { memory: { exported: 0, dropped: 0 } },
      filter: { masked_unjudged: be_an(Integer), masked_secrets: be_an(Integer) },
      dropped: { queue_full: 0, memory: 0, too_large: 0, rejected: 0, unreachable: 0, deadline: 0, storage: 0,
                 spool_expired: 0, spool_full: 0, corrupt: 0, shutdown: 0 }
    )
  end

  it 'count a span when it ends, and no open one' do
    publish('step.before_handle', task_id: 1, step_id: 2)
    expect(stats).to include(accepted: 0, open_steps: 1)
    publish('step.completed', task_id: 1, step_id: 2)
    expect(stats).to include(accepted: 1, in_flight: 1, queued: 1, open_steps: 0, queued_bytes: be_positive)
    Tasker::Native.flush
    expect(stats).to include(accepted: 1, exported: 1, in_flight: 0, queued: 0, queued_bytes: 0)
  end

  it 'balance while four threads publish, and add up to what was published' do
    configure(schedule_delay: 0, max_export_batch_size: 20, max_queue_size: 100_000)

    expect(publish_and_watch).to be_empty
    expect(settled).to include(accepted: 1100, exported: 1100, in_flight: 0)
    expect(spans.size).to eq(1100)
  end

  it 'balance while the queue overflows' do
    configure(schedule_delay: 5, max_export_batch_size: 50, max_queue_size: 50)

    expect(publish_and_watch).to be_empty
    expect(settled).to include(accepted: 1100, in_flight: 0)
    expect(stats[:dropped][:queue_full]).to eq(1100 - stats[:exported])
    expect(spans.size).to eq(stats[:exported])
  end

  it 'balance while the queue overflows by bytes' do
    configure(schedule_delay: 5, max_queue_bytes: 50_000)

    expect(publish_and_watch).to be_empty
    expect(settled[:dropped][:queue_full]).to be_positive
    expect(balanced?).to be(true)
  end

  it 'balance while settings change' do
    changing = Thread.new { 20.times { |number| configure(service_version: number.to_s, schedule_delay: 0) } }

    expect(publish_and_watch).to be_empty
    changing.join
    expect(settled).to include(accepted: 1100, in_flight: 0)
  end

  it 'balance while a collector refuses, and arrive where it does not' do
    receiver = OtlpReceiver.start
    receiver.answer_with({ status: 503 }, { delay: 0.02 }, { status: 500 }, { status: 200 })
    configure(exporter: :otlp, otlp_endpoint: receiver.endpoint, schedule_delay: 0, max_export_batch_size: 100)

    expect(publish_and_watch).to be_empty
    expect(settled).to include(accepted: 1100, in_flight: 0)
    expect(receiver.spans.size).to eq(stats[:exported])
    expect(stats[:dropped].values.sum).to eq(1100 - stats[:exported])
  ensure
    receiver&.stop
  end

  describe 'after shutdown' do
    it 'count what is published still, and nobody raises' do
      publish('step.completed', task_id: 1, step_id: 1)
      expect(Tasker::Native.shutdown).to be(true)
      publish('step.completed', task_id: 1, step_id: 2)

      expect(stats).to include(accepted: 2, exported: 1, in_flight: 0)
      expect(stats[:dropped]).to include(shutdown: 1)
      expect(Tasker::Native.flush).to be(true)
      expect(Tasker::Native.shutdown).to be(false)
    end

    it 'may be asked again, and goes on after a change of settings' do
      3.times { expect(Tasker::Native.shutdown).to be(true) }
      configure(service_version: '2')

      expect(span_of(a: 1)).to be_a(Tasker::Native::SpanData)
    end
  end

  describe 'flush' do
    it 'is true at once with nothing in flight' do
      expect(seconds { expect(Tasker::Native.flush(timeout: 5)).to be(true) }).to be < 0.5
    end

    it 'is true once all is settled, also when it was refused' do
      configure(exporter: :otlp, otlp_endpoint: dead_endpoint, otlp_timeout: 0.2)
      publish('step.completed', task_id: 1, step_id: 1)

      expect(Tasker::Native.flush).to be(true)
    end

    it 'may be called by many threads, while others publish' do
      threads = Array.new(4) do |thread|
        Thread.new { 25.times { |id| publish('step.completed', task_id: thread, step_id: id) && Tasker::Native.flush } }
      end
      threads.each(&:join)

      expect(settled).to include(accepted: 100, exported: 100)
    end

    it 'can be interrupted' do
      with_server do |endpoint|
        configure(exporter: :otlp, otlp_endpoint: endpoint, otlp_timeout: 2)
        publish('step.completed', task_id: 1, step_id: 1)
        thread = Thread.new { Tasker::Native.flush(timeout: 60) }
        eventually('the request') { stats[:queued].zero? }

        expect(seconds { thread.kill.join }).to be < 1
      end
    end

    it 'lets other threads run' do
      with_server do |endpoint|
        configure(exporter: :otlp, otlp_endpoint: endpoint, otlp_timeout: 2)
        publish('step.completed', task_id: 1, step_id: 1)
        ticks = 0
        ticking = Thread.new { loop { (ticks += 1) && sleep(0.01) } }
        Tasker::Native.flush(timeout: 0.3)
        ticking.kill

        expect(ticks).to be > 5
      end
    end
  end
end
