# frozen_string_literal: true

require_relative '../support/api_server'
require_relative '../support/udp_receiver'

# What the examples send arrives, as their own clients send it.
RSpec.describe 'examples/subscribers' do
  # Ids, and a secret wherever an event can have one.
  let(:task) { build_task(task_id: 'task-4711', context: { note: 'a secret' }, workflow_steps: [failed]) }
  let(:failed) { build_step(status: 'error', task_id: 'task-4711') }
  let(:step) do
    build_step(workflow_step_id: 'step-4712', task_id: 'task-4711', attempts: 3, inputs: { note: 'a secret' },
               results: { note: 'a secret' })
  end
  let(:hidden) { /secret|471/ }

  def example(name)
    require_relative "../../examples/subscribers/#{name}"
  end

  # A step that ends well, one that times out at its last attempt and before, and waits, and tasks that end both ways.
  def work
    handle(step, task) { { note: 'a secret' } }
    fail_step(step)
    fail_step(step.dup.tap { |early| early.attempts = 1 })
    host.publish_step_backoff(step, backoff_seconds: 4, note: 'a secret')
    host.publish_task_completed(task, execution_duration: 2.5)
    fail_task
  end

  def fail_step(step)
    expect { handle(step, task) { raise IOError, 'a secret' } }.to raise_error(IOError)
  end

  def fail_task
    host.publish_task_failed(task, error_message: 'a secret', error_step_results: [{ note: 'a secret' }])
  end

  # @return [Hash{String=>Array<Array<String>>}] by name: name, value, type and tags of each line
  def by_name(lines)
    lines.map { |line| line.match(/\A([\w.]+):([\d.]+)\|(\w+)(?:\|#([^|]+))?/).captures }.group_by(&:first)
  end

  def values(metrics, name)
    metrics.fetch(name).map { |_, value, type,| [value.to_f, type] }
  end

  def tags(metrics, name)
    metrics.fetch(name).map { |*, tags| tags.split(',').grep_v(/\Aenvironment:/) }
  end

  shared_examples 'an agent of StatsD' do |type, second|
    it 'gets a count of everything that ends, by name, outcome and type of error' do
      counts = by_name(received)
      expect(tags(counts, 'tasker.task.completed')).to eq([['task:order_process']])
      expect(tags(counts, 'tasker.task.failed')).to eq([['task:order_process']])
      expect(tags(counts, 'tasker.step.completed')).to eq([%w[step:fetch_cart attempt:3]])
      expect(tags(counts, 'tasker.step.failed')).to eq([%w[step:fetch_cart attempt:3 error_type:other],
                                                        %w[step:fetch_cart attempt:1 error_type:other]])
      expect(values(counts, 'tasker.step.failed')).to eq([[1.0, 'c'], [1.0, 'c']])
    end

    it 'gets durations of tasks that say how long they took, of attempts, and of backoff' do
      times = by_name(received)
      expect(values(times, 'tasker.task.duration')).to eq([[2.5 * second, type]])
      expect(tags(times, 'tasker.task.duration')).to eq([%w[task:order_process outcome:completed]])
      expect(tags(times, 'tasker.step.duration').map(&:last)).to eq(%w[outcome:completed outcome:failed outcome:failed])
      expect(values(times, 'tasker.step.backoff')).to eq([[4.0 * second, type]])
    end

    it 'gets neither ids nor messages, inputs or results' do
      expect(received.size).to eq(10)
      expect(received.join("\n")).not_to match(hidden)
      expect(log).not_to include('Error publishing')
    end
  end

  describe 'StatsdSubscriber' do
    let(:agent) { UdpReceiver.new }
    let(:received) do
      StatsdSubscriber.subscribe(publisher)
      work
      agent.lines
    end

    around do |run|
      example 'statsd_subscriber'
      before = StatsD.singleton_client
      sink = StatsD::Instrument::Sink.for_addr("127.0.0.1:#{agent.port}")
      StatsD.singleton_client = StatsD::Instrument::Client.new(sink: sink, implementation: 'datadog')
      run.run
    ensure
      StatsD.singleton_client = before
      agent.close
    end

    it_behaves_like 'an agent of StatsD', 'ms', 1000
  end

  describe 'DatadogSubscriber' do
    let(:agent) { UdpReceiver.new }
    let(:statsd) { Datadog::Statsd.new('127.0.0.1', agent.port, telemetry_enable: false) }
    let(:received) do
      DatadogSubscriber.new(statsd: statsd).subscribe_to_publisher(publisher)
      work
      statsd.flush(sync: true)
      agent.lines
    end

    before { example 'datadog_subscriber' }

    after do
      statsd.close
      agent.close
    end

    it_behaves_like 'an agent of StatsD', 'd', 1
  end

  describe 'PrometheusSubscriber' do
    let(:registry) { Prometheus::Client::Registry.new }
    let(:page) { Prometheus::Client::Formats::Text.marshal(registry) }

    before do
      example 'prometheus_subscriber'
      require 'prometheus/client/formats/text'
      PrometheusSubscriber.new(registry: registry).subscribe_to_publisher(publisher)
    end

    it 'counts what ends, and how long it took' do
      work
      expect(page.lines(chomp: true)).to include(
        'tasker_tasks_total{task="order_process",outcome="completed"} 1.0',
        'tasker_tasks_total{task="order_process",outcome="failed"} 1.0',
        'tasker_steps_total{step="fetch_cart",outcome="completed"} 1.0',
        'tasker_steps_total{step="fetch_cart",outcome="failed"} 2.0',
        'tasker_step_errors_total{step="fetch_cart",error_type="other"} 2.0',
        'tasker_step_backoff_seconds_total{step="fetch_cart"} 4.0',
        'tasker_task_duration_seconds_bucket{task="order_process",outcome="completed",le="1"} 0.0',
        'tasker_task_duration_seconds_bucket{task="order_process",outcome="completed",le="5"} 1.0',
        'tasker_task_duration_seconds_sum{task="order_process",outcome="completed"} 2.5',
        'tasker_step_duration_seconds_count{step="fetch_cart",outcome="failed"} 2.0'
      )
      expect(page).not_to match(/task_duration_seconds_count.*failed/) # it did not say how long it took
    end

    it 'shows neither ids nor messages, inputs or results' do
      work
      expect(page).not_to match(hidden)
      expect(log).not_to include('Error publishing')
    end

    it 'goes on with the metrics that there are when it is loaded anew' do
      host.publish_task_completed(task)
      publisher.unsubscribe_all
      PrometheusSubscriber.new(registry: registry).subscribe_to_publisher(publisher)
      host.publish_task_completed(task)

      expect(page).to include('tasker_tasks_total{task="order_process",outcome="completed"} 2.0')
    end
  end

  describe 'SentrySubscriber' do
    let(:transport) { Sentry.get_current_client.transport }
    let(:events) { transport.events.map(&:to_h) }

    before do
      example 'sentry_subscriber'
      Sentry.init do |config|
        config.dsn = 'http://key@127.0.0.1/1'
        config.transport.transport_class = Sentry::DummyTransport
        config.background_worker_threads = 0
        config.sdk_logger = Logger.new(nil)
        config.context_lines = nil # lines of this file, which have the secret
      end
      SentrySubscriber.subscribe(publisher)
    end

    after { Sentry.close }

    it 'reports tasks that failed, and steps at their last attempt' do
      work
      expect(events.map { |event| event[:message] }).to eq(['Step fetch_cart failed: IOError',
                                                            'Task order_process failed'])
      expect(events.map { |event| event[:level] }).to eq(%i[error error])
      expect(events.map { |event| event[:fingerprint] })
        .to eq([%w[tasker step.failed fetch_cart IOError], %w[tasker task.failed order_process]])
    end

    it 'shows where the error came from' do
      fail_step(step)
      frames = events.first[:threads][:values].first[:stacktrace][:frames]
      expect(frames.map { |frame| frame[:filename] }).to include(end_with('subscribers_spec.rb'))
    end

    it 'has ids in the context, and none in tags' do
      work
      expect(events.map { |event| event[:contexts]['tasker'] })
        .to match([include(task_id: 'task-4711', step_id: 'step-4712', error_class: 'IOError', attempt_number: 3),
                   include(task_id: 'task-4711', step_count: 1, failed_steps: 1)])
      expect(events.first[:tags]).to eq(step: 'fetch_cart', attempt: '3', error_type: 'other')
      expect(events.last[:tags]).to eq(task: 'order_process')
    end

    it 'sends neither messages nor inputs or results' do
      work
      sent = transport.envelopes.map { |envelope| transport.serialize_envelope(envelope).first }.join
      expect(sent).to include('fetch_cart', 'order_process')
      expect(sent).not_to include('secret')
      expect(log).not_to include('Error publishing')
    end
  end

  describe 'PagerDutySubscriber' do
    let(:server) { ApiServer.new.will(answer) }
    let(:answer) { 202 }
    let(:pager) { PagerDutySubscriber.new(routing_key: 'the-key', url: "#{server.url}/v2/enqueue") }
    let(:sent) { server.requests.map { |request| JSON.parse(request.body, symbolize_names: true) } }

    before do
      example 'pager_duty_subscriber'
      pager.subscribe_to_publisher(publisher)
    end

    after { server.stop }

    it 'opens one incident for a task that failed and for the last attempt of its step' do
      work
      expect(server.requests.map { |request| [request.verb, request.path] }).to eq([%w[POST /v2/enqueue]] * 2)
      expect(sent.map { |body| body.slice(:routing_key, :event_action, :dedup_key) }.uniq)
        .to eq([{ routing_key: 'the-key', event_action: 'trigger', dedup_key: 'tasker/task-4711' }])
      expect(sent.map { |body| body[:payload] })
        .to match([include(summary: 'Step fetch_cart failed: IOError', severity: 'error', component: 'fetch_cart',
                           source: Socket.gethostname, custom_details: include(step_id: 'step-4712',
                                                                               error_class: 'IOError')),
                   include(summary: 'Task order_process failed', component: 'order_process',
                           custom_details: include(task_id: 'task-4711', step_count: 1))])
    end

    it 'closes the incident when somebody settles the task or has it run again' do
      host.publish_task_retry_requested(task)
      publish('task.resolved_manually', task_id: 'task-4711')

      expect(sent).to eq([{ routing_key: 'the-key', event_action: 'resolve', dedup_key: 'tasker/task-4711' }] * 2)
    end

    it 'sends neither messages nor inputs or results' do
      work
      expect(server.requests.map(&:body).join).not_to include('secret')
    end

    context 'when PagerDuty is busy' do
      let(:answer) { 429 }

      it 'logs that, without the key' do
        fail_task
        expect(log_lines(/PagerDuty/)).to eq(['ERROR Error publishing event task.failed: PagerDuty answered 429'])
        expect(pager.inspect).to eq('#<PagerDutySubscriber>')
      end
    end

    it 'says at once when it has no key' do
      with_env(PAGERDUTY_ROUTING_KEY: nil) do
        expect { PagerDutySubscriber.subscribe(publisher) }.to raise_error(KeyError, /PAGERDUTY_ROUTING_KEY/)
      end
    end
  end

  it 'names every file, and what it needs, in its README' do
    files = Dir[File.join(RubyProcess::ROOT, 'examples/subscribers/*.rb')].map { |path| File.basename(path) }
    readme = File.read(File.join(RubyProcess::ROOT, 'examples/subscribers/README.md'))

    expect(readme.scan(/^\| \[(\w+\.rb)\]/).flatten).to match_array(files)
  end
end
