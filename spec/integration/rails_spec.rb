# frozen_string_literal: true

require 'fileutils'
require 'json'
require 'tmpdir'
require_relative '../support/api_server'

RSpec.describe 'A Rails app' do
  let(:root) { File.realpath(Dir.mktmpdir) }
  let(:app) do
    <<~RUBY
      require 'json'
      require 'logger'
      require 'rails'
      require 'tasker-native'

      class App < Rails::Application
        config.root = ENV.fetch('APP_ROOT')
        config.load_defaults 7.2
        config.eager_load = false
        config.secret_key_base = 'x' * 32
        config.logger = Logger.new($stderr, formatter: ->(severity, _, _, message) { "\#{severity} \#{message}\\n" })
        config.filter_parameters += [:card]
      end
      App.initialize!

      def publish(name, payload) = Tasker::Events::Publisher.instance.publish(name, payload)
      def tell(value) = $stdout.syswrite(JSON.generate(value) + "\\n")
    RUBY
  end

  after { FileUtils.remove_entry(root) }

  # @return [RubyProcess::Result]
  def boot(script, environment)
    run_ruby("#{app}\n#{script}", gems: true, chdir: Dir.tmpdir,
                                  env: { 'APP_ROOT' => root, 'RAILS_ENV' => environment })
  end

  # @return [Array] what the app told
  def run(script, environment: 'test')
    result = boot(script, environment)
    raise result.err unless result.status.success?

    result.out.lines.map { |line| JSON.parse(line) }
  end

  def initializer(text)
    FileUtils.mkdir_p("#{root}/config/initializers")
    File.write("#{root}/config/initializers/tasker.rb", text)
  end

  it 'takes filter_parameters of the app over' do
    told = run(<<~RUBY)
      require 'tasker/native/testing'
      publish('step.completed', task_id: 1, step_id: 2, card: '4111', password: 'x', kind: 'y')
      tell(Tasker::Native::Testing.finished_spans.first.attributes)
      Rails.application.env_config # compiles the filters into one Regexp
      Tasker.configuration.telemetry.service_version = '2'
      publish('step.completed', task_id: 1, step_id: 3, card: '4111', kind: 'y')
      tell(Tasker::Native::Testing.finished_spans.last.attributes)
    RUBY

    expect(told.first).to include('tasker.card' => '[FILTERED]', 'tasker.password' => 'x', 'tasker.kind' => 'y')
    expect(told.last).to include('tasker.card' => '[FILTERED]', 'tasker.kind' => 'y')
  end

  it 'loads config/tasker/events before its initializers, and boots although a file is wrong' do
    FileUtils.mkdir_p("#{root}/config/tasker/events")
    File.write("#{root}/config/tasker/events/a.yml", "events:\n  order.shipped: { description: On its way }\n")
    File.write("#{root}/config/tasker/events/b.yml", "events:\n  order.lost: { fired_by: 5 }\n")
    initializer("TOLD = Tasker::Events.event_info('order.shipped')")
    result = boot('tell(TOLD)', 'test')

    expect(JSON.parse(result.out)).to include('description' => 'On its way')
    expect(result.err).to eq("ERROR tasker-native: #{root}/config/tasker/events/b.yml:2: " \
                             "fired_by is not a list of texts\n")
  end

  it 'has upstream\'s filters where it has none of its own' do
    told = run(<<~RUBY)
      Rails.application.config.filter_parameters.clear
      tell(Tasker.configuration.telemetry.filter_parameters)
    RUBY

    expect(told.first).to include('passw', 'token')
  end

  it 'keeps spans in memory in the test environment, from boot on' do
    told = run(<<~RUBY)
      tell(Tasker::Events::Publisher.instance.wanted?('step.completed'))
      publish('step.completed', task_id: 1, step_id: 2)
      Tasker::Native.flush
      tell(Tasker::Native.stats[:exporters].keys)
      tell(Dir.children(Rails.root))
    RUBY

    expect(told).to eq([true, ['memory'], []])
  end

  it 'shares its metrics but in the test environment, unless it is told to' do
    script = <<~RUBY
      Tasker::Telemetry::MetricsBackend.instance.counter(:a).increment
      tell(Tasker::Native::Metrics.stats[:shared])
    RUBY

    expect(%w[test development production].map { |environment| run(script, environment: environment) })
      .to eq([[false], [true], [true]])
    expect(run("Tasker.configuration.telemetry.metrics_directory = 'metrics'\n#{script}")).to eq([true])
    expect(Dir["#{root}/{metrics,tmp/tasker_metrics}/metrics.1"].size).to eq(2)
  end

  it 'prints metrics by a rake task' do
    told = run(<<~RUBY, environment: 'development')
      require 'rake'
      Rails.application.load_tasks
      Tasker::Telemetry::MetricsBackend.instance.counter(:a_total).increment
      output = $stdout.dup
      $stdout = StringIO.new
      Rake::Task['tasker:metrics'].invoke('csv')
      text = $stdout.string
      $stdout = output
      tell(text)
    RUBY

    expect(told.first).to match(/\Atimestamp,name,type,value.*,a_total,counter,1$/m)
  end

  it 'pushes metrics by a rake task, which says how that went' do
    server = ApiServer.new.will(200, '').will(401, 'no')
    script = <<~RUBY
      require 'rake'
      Rails.application.load_tasks
      Tasker.configuration.telemetry.prometheus = { endpoint: '#{server.url}', job: 'nightly', instance: 'a' }
      Tasker::Telemetry::MetricsBackend.instance.counter(:a_total).increment
      Rake::Task['tasker:metrics:push'].invoke
    RUBY
    good, bad = Array.new(2) { boot(script, 'development') }

    expect(good).to have_attributes(status: be_success, err: '',
                                    out: %r{\APushed 1 samples to .*/job/nightly/instance/a in \d})
    expect(server.requests.first.body).to end_with("\ntasker_a_total 1\n")
    expect(bad.status.exitstatus).to eq(1)
    expect(bad.err).to match(/\Ametrics were not taken by .* answered 401 .*Next: check username and password/)
  ensure
    server.stop
  end

  it 'has a page of metrics where it wants one' do
    initializer("require 'action_controller/railtie'\nTasker.configuration.telemetry.metrics_endpoint = '/numbers'\n")
    told = run(<<~RUBY)
      Tasker::Telemetry::MetricsBackend.instance.counter(:a_total).increment
      status, headers, body = Rails.application.call(Rack::MockRequest.env_for('/numbers'))
      tell([status, headers['content-type'], body.each.to_a.join.include?('a_total 1')])
      tell(Rails.application.call(Rack::MockRequest.env_for('/tasker/metrics'))[0])
    RUBY

    expect(told).to eq([[200, 'text/plain; version=0.0.4; charset=utf-8', true], 404])
  end

  it 'writes a trace file below its root in development' do
    run("publish('step.completed', task_id: 1, step_id: 2)", environment: 'development')
    spans = Tasker::Native::TraceFile.new("#{root}/log/tasker_traces.jsonl").to_a

    expect(spans.map { |span| span.resource['deployment.environment.name'] }).to eq(['development'])
  end

  it 'sends to a collector in production' do
    told = run(<<~RUBY, environment: 'production')
      tell(Tasker::Native::PipelineOptions.exporters_of(Tasker.configuration.telemetry))
      Tasker.configuration.telemetry.enabled = false
    RUBY

    expect(told).to eq([['otlp']])
  end

  it 'is set up by its initializer' do
    initializer(<<~RUBY)
      Tasker.configuration do |config|
        config.telemetry do |tel|
          tel.service_name = 'orders'
          tel.filter_parameters += [:pin]
        end
      end
    RUBY
    told = run(<<~RUBY)
      require 'tasker/native/testing'
      publish('step.completed', task_id: 1, step_id: 2, card: '4111', pin: '0000')
      tell(Tasker::Native::Testing.finished_spans.first.attributes)
    RUBY

    expect(told.first).to include('orders.card' => '[FILTERED]', 'orders.pin' => '[FILTERED]')
  end

  it 'has neither threads nor files where its initializer switches telemetry off, and may switch it on later' do
    initializer('Tasker.configuration.telemetry.enabled = false')
    told = run(<<~RUBY, environment: 'development')
      publish('step.completed', task_id: 1, step_id: 2)
      tell([Thread.list.size, Dir.exist?(Rails.root.join('log'))])
      Tasker.configuration.telemetry.enabled = true
      publish('step.completed', task_id: 1, step_id: 2)
      Tasker::Native.flush
      tell(Tasker::Native.stats[:exported])
    RUBY

    expect(told).to eq([[1, false], 1])
  end

  it 'does not boot with a wrong setting, and says what is right' do
    initializer('Tasker.configuration.telemetry.max_queue_size = 0')

    expect { run('') }.to raise_error(/config\.telemetry\.max_queue_size = 0: must be an Integer above 0/)
  end

  it 'has in its log what there is to say' do
    result = boot(<<~RUBY, 'test')
      Tasker::Events::Publisher.instance.subscribe('test.event') { raise 'no' }
      publish('test.event', {})
    RUBY

    expect(result.err.lines.grep(/tasker|publishing/i)).to eq(["ERROR Error publishing event test.event: no\n"])
  end

  it 'has the rake tasks' do
    told = run(<<~RUBY)
      require 'rake'
      Rails.application.load_tasks
      tell(Rake::Task.tasks.map(&:name).grep(/tasker/))
    RUBY

    names = %w[doctor spool spool:drain spool:verify traces]
    expect(told.first).to contain_exactly('tasker:metrics', 'tasker:metrics:push',
                                          *names.map { |name| "tasker:telemetry:#{name}" })
  end

  it 'agrees with its other processes on the ids of a task, which are not those of another environment' do
    script = <<~RUBY
      publish('task.start_requested', task_id: 7)
      tell(Tasker::Events::Subscribers::TelemetrySubscriber.subscribe(Tasker::Events::Publisher.instance)
                                                           .get_task_span(7).then { |s| [s.trace_id, s.span_id] })
    RUBY

    first = run(script)

    expect(run(script)).to eq(first)
    expect(run(script, environment: 'development')).not_to eq(first)
  end
end
