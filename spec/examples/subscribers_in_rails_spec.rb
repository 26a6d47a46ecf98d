# frozen_string_literal: true

require 'json'
require 'shellwords'

require_relative '../support/api_server'
require_relative '../support/new_rails_app'
require_relative '../support/udp_receiver'

# The examples, copied into an app as their README says.
RSpec.describe 'examples/subscribers in a Rails app', :slow do
  app = nil

  before(:all) do # rubocop:disable RSpec/BeforeAfterAll -- making an app takes seconds
    app = NewRailsApp.new
    gems = %w[dogstatsd-ruby prometheus-client sentry-ruby statsd-instrument].map { |name| "gem '#{name}'\n" }.join
    app.bundle("gem 'tasker-native', path: '#{NewRailsApp::ROOT}'\n#{gems}")
    Dir[File.join(NewRailsApp::ROOT, 'examples/subscribers/*.rb')].each do |file|
      app.write("app/subscribers/#{File.basename(file)}", File.read(file))
    end
    app.write('config/initializers/tasker_subscribers.rb', <<~RUBY)
      require 'datadog/statsd'
      require 'sentry-ruby'

      Sentry.init { |config| config.background_worker_threads = 0 }
      datadog = Datadog::Statsd.new
      at_exit { datadog.close }

      Rails.application.config.to_prepare do
        publisher = Tasker::Events::Publisher.instance
        [StatsdSubscriber, PrometheusSubscriber, SentrySubscriber].each { |subscriber| subscriber.subscribe(publisher) }
        DatadogSubscriber.new(statsd: datadog).subscribe_to_publisher(publisher)
        PagerDutySubscriber.new(url: ENV.fetch('PAGERDUTY_URL')).subscribe_to_publisher(publisher)
      end
    RUBY
  end

  after(:all) { app.remove } # rubocop:disable RSpec/BeforeAfterAll

  let(:statsd) { UdpReceiver.new }
  let(:datadog) { UdpReceiver.new }
  let(:alerts) { ApiServer.new.will(200, {}) }
  let(:env) do
    { STATSD_ENV: 'production', STATSD_ADDR: "127.0.0.1:#{statsd.port}", DD_AGENT_HOST: '127.0.0.1',
      DD_DOGSTATSD_PORT: datadog.port, SENTRY_DSN: alerts.url.sub('//', '//key@').concat('/1'),
      PAGERDUTY_URL: "#{alerts.url}/pager_duty", PAGERDUTY_ROUTING_KEY: 'the-key', OTEL_TRACES_EXPORTER: 'none' }
  end
  let(:work) do
    <<~RUBY
      require 'prometheus/client/formats/text'
      Rails.application.reloader.reload!
      Tasker::Events::Publisher.instance.publish('task.failed', task_id: 7, task_name: 'order')
      puts Prometheus::Client::Formats::Text.marshal(Prometheus::Client.registry)
    RUBY
  end

  after do
    [statsd, datadog].each(&:close)
    alerts.stop
  end

  def sent_to(path)
    alerts.requests.select { |request| request.path == path }.map { |request| JSON.parse(request.body.lines.last) }
  end

  # production loads all of it at boot; development loads it anew.
  { 'production' => 'SECRET_KEY_BASE_DUMMY=1', 'development' => '' }.each do |environment, more|
    it "send one event where it belongs, once, in #{environment}" do
      variables = env.map { |name, value| "#{name}=#{value.to_s.shellescape}" }.join(' ')
      page = app.shell("#{variables} RAILS_ENV=#{environment} #{more} bin/rails runner #{work.shellescape}")

      expect(page.lines(chomp: true)).to include('tasker_tasks_total{task="order",outcome="failed"} 1.0')
      expect(statsd.lines).to eq(["tasker.task.failed:1|c|#task:order,environment:#{environment}"])
      expect(datadog.lines.grep(/\Atasker/)).to eq(["tasker.task.failed:1|c|#task:order,environment:#{environment}"])
      expect(sent_to('/api/1/envelope/')).to match([include('message' => 'Task order failed')])
      expect(sent_to('/pager_duty'))
        .to match([include('dedup_key' => 'tasker/7', 'payload' => include('summary' => 'Task order failed'))])
    end
  end
end
