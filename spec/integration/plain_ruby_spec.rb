# frozen_string_literal: true

require 'tmpdir'

RSpec.describe 'Plain Ruby, without Rails and without gems' do
  let(:script) do
    <<~RUBY
      require 'tasker-native'
      Tasker.configuration { |config| config.telemetry { |tel| tel.service_name = 'orders' } }
      class FetchCart < Tasker::StepHandler::Base
        def process(_task, _sequence, _step) = { items: 3, token: 'secret' }
      end
      Step = Struct.new(:workflow_step_id, :name, :task_id, :results)
      Task = Struct.new(:task_id, :name)
      include Tasker::Concerns::EventPublisher
      task = Task.new(7, 'order_process')
      publish_task_started(task)
      p FetchCart.new.handle(task, nil, Step.new(21, 'fetch_cart', 7))
      publish_task_completed(task)
      p defined?(Rails), defined?(ActiveSupport), defined?(OpenTelemetry)
      p Gem.loaded_specs.values.reject(&:default_gem?).map(&:name) - ['did_you_mean'] # Ruby's own, which Debian packages
    RUBY
  end

  around { |example| Dir.mktmpdir { |directory| Dir.chdir(directory) { example.run } } }

  def traces
    Tasker::Native::TraceFile.new('log/tasker_traces.jsonl').to_a
  end

  it 'writes spans to log/tasker_traces.jsonl' do
    expect(ruby(script, chdir: Dir.pwd)).to end_with("\nnil\nnil\nnil\n[]\n").and include('items', 'secret')
    expect(traces.map(&:name)).to eq(%w[tasker.step.execution tasker.task.execution])
    expect(traces.first.attributes).to include('orders.step_name' => 'fetch_cart',
                                               'orders.step_results' => '{"items":3,"token":"[FILTERED]"}')
    expect(traces.last.resource).to include('deployment.environment.name' => 'development')
  end

  it 'starts with the first event, and not before' do
    out = ruby(<<~RUBY, chdir: Dir.pwd)
      tasks = -> { Dir.children('/proc/self/task').size }
      rubys_own = tasks.call
      require 'tasker-native'
      p tasks.call - rubys_own, Thread.list.size, Dir.exist?('log')
      Tasker::Events::Publisher.instance.publish('step.completed', task_id: 1)
      p tasks.call > rubys_own, Thread.list.size > 1
    RUBY

    expect(out).to eq("0\n1\nfalse\ntrue\ntrue\n")
    expect(traces.size).to eq(1)
  end

  it 'starts once for threads that publish their first events at the same time, and loses none' do
    out = ruby(<<~RUBY, chdir: Dir.pwd)
      require 'tasker-native'
      publisher = Tasker::Events::Publisher.instance
      threads = Array.new(4) { |thread| Thread.new { 100.times { |id| publisher.publish('step.completed', task_id: thread, step_id: id) } } }
      threads.each(&:join)
      p Tasker::Native.stats[:accepted]
    RUBY

    expect(out).to eq("400\n")
  end

  it 'starts with the next event when the first one comes from a trap handler' do
    out = ruby(<<~RUBY, chdir: Dir.pwd)
      require 'tasker-native'
      publish = ->(id) { Tasker::Events::Publisher.instance.publish('step.completed', task_id: 1, step_id: id) }
      trap(:USR1) { publish.call(1) }
      Process.kill(:USR1, Process.pid)
      publish.call(2)
      p Tasker::Native.stats[:accepted] >= 1, Tasker::Native.flush
    RUBY

    expect(out).to eq("true\ntrue\n")
  end

  it 'writes to standard error what it has to say, in a line' do
    result = run_ruby(<<~RUBY, chdir: Dir.pwd)
      require 'tasker-native'
      publisher = Tasker::Events::Publisher.instance
      publisher.subscribe('test.event') { raise 'no' }
      publisher.publish('test.event')
    RUBY

    expect(result.err).to match(/\AE, \[.*\] ERROR -- .*: Error publishing event test\.event: no\n\z/)
  end

  it 'writes lines of events to the logger that it is given, and none before' do
    out = ruby(<<~RUBY, chdir: Dir.pwd)
      require 'tasker-native'
      require 'json'
      include Tasker::Concerns::EventPublisher
      publish_custom_event('order.packed', number: 1)
      Tasker::Native.logger = Logger.new($stdout, formatter: ->(*, line) { "\#{JSON.parse(line)['number']}\\n" })
      publish_custom_event('order.packed', number: 2)
    RUBY

    expect(out).to eq("2\n")
  end

  it 'may be required by either name, and twice' do
    out = ruby(<<~RUBY, chdir: Dir.pwd)
      require 'tasker/native'
      require 'tasker-native'
      load $LOADED_FEATURES.grep(%r{tasker-native\\.rb}).first
      p Tasker::Events::Publisher.instance.event_names.size
    RUBY

    expect(out).to eq("55\n")
  end

  it 'needs no RubyGems' do
    out, status = Open3.capture2e({ 'RUBYOPT' => nil }, RbConfig.ruby, '--disable-gems', '-I', RubyProcess::LIB, '-e',
                                  "require 'tasker-native'; p Tasker::Native.flush")

    expect([out, status.success?]).to eq(["true\n", true])
  end

  it 'gives counts and a current span before anything was published' do
    out = ruby(<<~RUBY, chdir: Dir.pwd)
      require 'tasker-native'
      p Tasker::Native.current_span, Tasker::Native.stats[:accepted], Tasker::Native.flush, Tasker::Native.shutdown
    RUBY

    expect(out).to eq("nil\n0\ntrue\ntrue\n")
  end

  it 'takes the names of upstream from initializers that are written for it' do
    out = ruby(<<~RUBY, chdir: Dir.pwd)
      require 'tasker-native'
      Tasker::Configuration.configuration do |config|
        config.telemetry do |tel|
          tel.enabled = true
          tel.service_name = 'my_app'
          tel.service_version = '1.0.0'
          tel.filter_parameters = [:password, :api_key, 'credit_card.number', /token/i]
          tel.filter_mask = '***REDACTED***'
        end
      end
      Tasker::Events::Subscribers::TelemetrySubscriber.subscribe(Tasker::Events::Publisher.instance)
      payload = { task_id: 1, step_id: 2, api_key: 'x', credit_card: { number: '4111' }, auth_TOKEN: 'y', kind: 'z' }
      Tasker::Events::Publisher.instance.publish(Tasker::Constants::StepEvents::COMPLETED, payload)
    RUBY

    expect(out).to eq('')
    expect(traces.first.attributes).to include(
      'my_app.api_key' => '***REDACTED***', 'my_app.auth_TOKEN' => '***REDACTED***', 'my_app.kind' => 'z',
      'my_app.credit_card' => '{"number":"***REDACTED***"}'
    )
  end
end
