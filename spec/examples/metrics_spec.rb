# frozen_string_literal: true

require_relative '../support/prometheus_server'
require_relative '../support/rails_server'

# The dashboard and the alerts of examples/metrics, with a real Prometheus that scrapes a real server.
RSpec.describe 'examples/metrics' do
  include_context 'with a Rails app on a server'

  let(:frameworks) { true }
  let(:telemetry_of_app) { "tel.exporter = :file\ntel.metrics_endpoint = '/tasker/metrics'" }
  let(:examples) { File.expand_path('../../examples/metrics', __dir__) }
  let(:dashboard) { JSON.parse(File.read(File.join(examples, 'grafana_dashboard.json'))) }

  before do
    write('config.ru', <<~RUBY)
      require_relative 'app'
      def publish(event, **payload) = Tasker::Events::Publisher.instance.publish(event, payload)
      def task(event, duration) = publish(event, task_id: SecureRandom.uuid, task_name: 'order', execution_duration: duration)
      def step(event, **more)
        publish(event, task_id: 1, step_id: SecureRandom.uuid, step_name: 'pay', execution_duration: 0.3, **more)
      end
      work = lambda do |_env|
        16.times { task('task.completed', 0.3) }
        2.times { task('task.completed', 4.0) }
        2.times { task('task.failed', 0.3) }
        9.times { step('step.completed') }
        step('step.failed', error_class: 'Timeout::Error', error_message: 'x')
        4.times { step('step.retry_requested', retry_reason: 'x') }
        Tasker::Native.flush
        [200, {}, ['done']]
      end
      Rails.application.routes.append { mount work => '/work' }
      Rails.application.reload_routes!
      run Rails.application
    RUBY
    write('puma.rb', "threads 2, 2\nbind 'tcp://127.0.0.1:#{port}'\n")
  end

  # Each series is there from the first request on; what comes later is what is told.
  def with_prometheus
    rules = File.read("#{examples}/alerts.yml")
    server = PrometheusServer.new("127.0.0.1:#{port}", path: '/tasker/metrics', rules: rules)
    serve('puma', 'puma', '-C', 'puma.rb') do
      wait_for_start
      get('/work')
      server.start
      eventually('the first scrape', timeout: 30) { server.query('up').any? }
      5.times { get('/work') && sleep(1) }
      yield server
    end
  ensure
    server&.stop
  end

  def queries(title)
    dashboard['panels'].find { |panel| panel['title'] == title }['targets'].map { |target| target['expr'] }
  end

  def value(server, title)
    server.value(queries(title).first)
  end

  # From the first scrape on; Prometheus adds what it thinks came before.
  def expect_last_hour(server)
    expect(value(server, 'Tasks completed in the last hour')).to be_between(4 * 18, 6 * 18)
    expect(value(server, 'Retries in the last hour')).to be_between(4 * 4, 6 * 4)
  end

  def expect_shares(server)
    expect(value(server, 'Tasks that fail')).to be_within(0.001).of(0.1)
    expect(value(server, 'Task duration, 95th percentile')).to be_within(0.01).of(3.75) # half of the way from 2.5 to 5
    expect(value(server, 'Step duration, 95th percentile')).to be_within(0.01).of(0.4875)
  end

  def series(server, title)
    queries(title).flat_map { |query| server.query(query).map { |series| series['metric'] } }
  end

  def expect_series(server)
    expect(series(server, 'Tasks that end')).to contain_exactly({ 'task_name' => 'order', 'status' => 'completed' },
                                                                { 'task_name' => 'order', 'status' => 'failed' })
    expect(series(server, 'Steps that fail, by what was raised'))
      .to eq([{ 'step_name' => 'pay', 'error_type' => 'Timeout::Error' }])
    expect(series(server, 'Task duration')).to eq([{ 'task_name' => 'order' }] * 2)
  end

  it 'has queries that tell what has happened, and alerts that see it' do
    with_prometheus do |server|
      expect_last_hour(server)
      expect_shares(server)
      expect_series(server)
      expect(server.query('ALERTS').map { |alert| alert['metric'].slice('alertname', 'task_name', 'step_name') })
        .to include('alertname' => 'TaskerTasksFail', 'task_name' => 'order')
    end
  end

  it 'has alerts that come when they should, and only then' do
    output, status = Open3.capture2e('promtool', 'test', 'rules', 'alerts_test.yml', chdir: examples)

    expect(status).to be_success, output
    expect(system('promtool', 'check', 'config', 'prometheus.yml', chdir: examples, out: File::NULL)).to be(true)
  end

  it 'has panels that each ask for something, by their own ids' do
    panels = dashboard['panels']

    expect(panels.map { |panel| panel['id'] }.uniq.size).to eq(panels.size)
    expect(panels.flat_map { |panel| panel['targets'] }).to all(include('expr' => String, 'legendFormat' => String))
  end
end
