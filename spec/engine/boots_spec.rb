# frozen_string_literal: true

require_relative '../support/otlp_receiver'
require_relative 'support/shop_app'

# Apps in processes of their own, which boot in all the ways there are, and then work on orders.
RSpec.describe 'Apps beside tasker-engine' do
  # What telemetry makes of one order, neither more nor less.
  let(:one_order) do
    { status: 'complete', current: true,
      spans: { 'tasker.task.execution': 1, 'tasker.step.execution': 2 },
      heard: { 'step.completed': 6, 'task.completed': 2 }, # the engine tells an attempt's end three times
      counted: { step_completed_total: 2, task_completed_total: 1 } }
  end
  let(:app) { ShopApp.new(files) }
  let(:files) { {} }
  let(:opentelemetry) do
    <<~RUBY
      require 'opentelemetry/sdk'

      OTHERS = OpenTelemetry::SDK::Trace::Export::InMemorySpanExporter.new
      OpenTelemetry::SDK.configure do |sdk|
        sdk.add_span_processor(OpenTelemetry::SDK::Trace::Export::SimpleSpanProcessor.new(OTHERS))
      end
    RUBY
  end
  let(:untouched) do
    <<~RUBY
      tell(bus: Tasker::Events::Publisher.ancestors.grep(/Native/).size,
           concern: Tasker::Concerns::EventPublisher.ancestors.grep(/Native/).size,
           settings: Tasker::Configuration.ancestors.grep(/Native/).size,
           flush: Tasker::Native.flush, accepted: Tasker::Native.stats[:accepted])
    RUBY
  end
  let(:nothing_taken_over) { { bus: 0, concern: 0, settings: 0, flush: true, accepted: 0 } }

  before(:all) { ShopApp.make_database } # rubocop:disable RSpec/BeforeAfterAll -- one for all

  after { app.remove }

  describe 'with two lines in the Gemfile' do
    it 'trace, count and tell of an order without OpenTelemetry, with settings in an initializer' do
      told = app.run("tell(traced)\ntell([defined?(OpenTelemetry), Tasker.configuration.telemetry.service_name])")

      expect(told).to eq([one_order, [nil, 'shop']])
    end

    it 'do so whichever line stands first' do
      app.rebundle { |lines| lines.grep(/^gem 'tasker-native'/) | lines }

      expect(app.run('tell(traced)')).to eq([one_order])
    end

    it 'do so beside OpenTelemetry, which gets none of these spans' do
      app.write('config/initializers/opentelemetry.rb', opentelemetry)

      expect(app.run('tell([traced, OTHERS.finished_spans.size])')).to eq([[one_order, 0]])
    end
  end

  describe 'with telemetry off at boot' do
    let(:files) { { 'config/initializers/zz_off.rb' => 'Tasker.configuration.telemetry.enabled = false' } }

    it 'trace from when it is turned on, with a block or without' do
      told = app.run(<<~RUBY)
        tell(traced)
        Tasker.configuration.telemetry.enabled = true
        tell(traced)
        Tasker.configuration.telemetry.enabled = false
        tell(traced)
        Tasker.configuration { |config| config.telemetry { |tel| tel.enabled = true } }
        tell(traced)
      RUBY
      dark = one_order.merge(spans: {}, current: false, counted: {})

      expect(told).to eq([dark, one_order, dark, one_order])
    end
  end

  describe 'which are to leave the engine alone' do
    it 'do so with TASKER_NATIVE=off: its spans go to OpenTelemetry' do
      app.write('config/initializers/opentelemetry.rb', opentelemetry)
      told = app.run(<<~RUBY, TASKER_NATIVE: 'off')
        #{untouched}
        work_on(place)
        tell([OTHERS.finished_spans.map(&:name).tally, Tasker::Native.flush, Tasker::Native.stats[:accepted]])
      RUBY

      expect(told).to match([nothing_taken_over,
                             [a_hash_including('tasker.step.execution': 6, 'tasker.task.execution': 1), true, 0]])
      expect(app.log.grep(/tasker-native/)).to be_empty
    end

    it 'do so with a version of it that nobody has looked at, and say so' do
      app.write('config/boot.rb', <<~RUBY)
        require 'bundler/setup'
        engine = Gem.loaded_specs.fetch('tasker-engine')
        def engine.version = Gem::Version.new('0.2.0')
      RUBY

      expect(app.run("#{untouched}\ntell(work_on(place))")).to eq([nothing_taken_over, 'complete'])
      expect(app.log.grep(/tasker-native/)).to contain_exactly(
        a_string_matching(/tasker-engine 0\.2\.0 is unknown here\. .*'s own telemetry stays as it is\. Next: use/)
      )
    end

    it 'do so with a version that lacks what is relied on, and say so' do
      app.write('config/application.rb', app.read('config/application.rb').sub(/^end$/, <<~RUBY))
          initializer 'other_engine', after: 'tasker.setup', before: 'tasker_native.engine' do
            Tasker::Events::Subscribers::TelemetrySubscriber.remove_method(:get_task_span)
          end
        end
      RUBY

      expect(app.run("#{untouched}\ntell(work_on(place))")).to eq([nothing_taken_over, 'complete'])
      expect(app.log.grep(/tasker-native/)).to contain_exactly(
        a_string_matching(/tasker-engine 0\.1\.0 has no \S+Subscriber#get_task_span, as it should\..* Next: use/)
      )
    end
  end

  it 'have their own module in front of the publisher' do
    app.write('config/initializers/zz_audit.rb', <<~RUBY)
      AUDIT = []
      Tasker::Events::Publisher.prepend(Module.new do
        def publish(name, payload = {})
          AUDIT << name
          super
        end
      end)
    RUBY
    told = app.run("tell(traced)\ntell(AUDIT.tally.slice('step.before_handle', 'step.completed'))")

    expect(told).to eq([one_order, { 'step.before_handle': 2, 'step.completed': 6 }])
  end

  describe 'whose code is loaded anew' do
    let(:files) do
      { 'config/initializers/zz_memory.rb' => 'Tasker.configuration.telemetry { |tel| tel.exporter = :memory }' }
    end

    it 'trace, count and tell of each order once: before, between and after' do
      told = app.run(<<~RUBY, environment: 'development')
        # What the engine's threads hold of it, Rails would wait for.
        ActiveRecord::Base.connection_pool.checkout_timeout = 0.05
        handlers = [ShipOrder]
        tell(traced)
        2.times do |time|
          File.write('app/tasks/ship_order.rb', "\#{File.read('app/tasks/ship_order.rb')}# \#{time}\\n")
          Rails.application.reloader.reload!
          handlers << ShipOrder
          tell(traced)
        end
        tell(handlers.uniq.size)
      RUBY

      expect(told).to eq([one_order, one_order, one_order, 3])
    end
  end

  describe 'with eager_load, as in production' do
    let(:receiver) { OtlpReceiver.start }

    after { receiver.stop }

    it 'boot, and export what they traced when they end' do
      told = app.run('tell(work_on(place))', environment: 'production', OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint)

      expect(told).to eq(['complete'])
      expect(receiver.root.resource).to include('service.name' => 'shop', 'deployment.environment.name' => 'production')
      expect(receiver.spans('tasker.step.execution')).to contain_exactly(
        have_attributes(parent_id: receiver.root.span_id), have_attributes(parent_id: receiver.root.span_id)
      )
    end
  end

  it 'boot with eager_load also where the engine is to be left alone' do
    told = app.run("#{untouched}\ntell(work_on(place))", environment: 'production', TASKER_NATIVE: 'off')

    expect(told).to eq([nothing_taken_over, 'complete'])
  end

  it 'do not boot with eager_load without tasker-native' do
    app.rebundle do |lines|
      lines.grep_v(/^gem 'tasker-native'/).map { |line| line.sub(/'tasker-engine'.*/, "\\0, require: 'tasker'") }
    end
    result = app.try('', environment: 'production')

    expect(result.status).not_to be_success
    expect(result.err).to include('uninitialized constant Tasker::Errors')
  end

  describe 'of which some take orders and others work on them' do
    let(:files) { { 'config/initializers/zz_few.rb' => 'Tasker.configuration.telemetry.max_open_spans = 2' } }

    # @return [Array] what the script told, in a process that does nothing else
    def process(script)
      app.run(script, environment: 'development')
    end

    def roots_of(task_id)
      spans_of(task_id, 'tasker.task.execution')
    end

    def attempts_of(task_id, step_name)
      spans_of(task_id, 'tasker.step.execution').select { |span| span.attribute('step_name') == step_name }
    end

    def spans_of(task_id, name)
      app.spans.select { |span| span.name == name && span.attribute('task_id') == task_id.to_s }
    end

    it 'export nothing where orders are only taken, and keep no more of them than they may' do
      _, stats = process('4.times { place }; tell(Tasker::Native.flush); tell(Tasker::Native.stats)')

      expect(stats).to include(accepted: 0, open_tasks: 2, abandoned_roots: 2, open_steps: 0)
      expect(app.spans).to be_empty
    end

    it 'export one root where the work is done' do
      (id, taken_at), = process('tell([place, Time.now.to_f])')
      process("work_on(#{id})")
      attempts = %w[charge ship].flat_map { |step| attempts_of(id, step) }

      expect(roots_of(id)).to contain_exactly(
        have_attributes(status: 'OK', start_time: be_between(taken_at.floor, attempts.first.start_time),
                        end_time: be_between(attempts.last.end_time, attempts.last.end_time + 1))
      )
      expect(attempts).to all(have_attributes(parent_id: roots_of(id).first.span_id))
    end

    it 'keep one root for an order that waits for its payment to be tried again, over all processes' do
      (id,), = process('id = place(failures: 1); tell([id, work_on(id)])')
      expect(roots_of(id)).to be_empty

      expect(process("tell(again(#{id}))")).to eq(['complete'])
      expect(roots_of(id)).to contain_exactly(have_attributes(status: 'OK'))
      expect(attempts_of(id, 'charge')).to contain_exactly(
        have_attributes(parent_id: roots_of(id).first.span_id, status: 'ERROR'),
        have_attributes(parent_id: roots_of(id).first.span_id, status: 'OK')
      )
      expect(roots_of(id).first.start_time).to be <= attempts_of(id, 'charge').first.start_time
    end

    it 'have another root for an order that is run again after it failed, linked to the first' do
      (id, *statuses), = process('id = place(failures: 2); tell([id, work_on(id), again(id), again(id, limit: 3)])')
      first, second = roots_of(id).sort_by(&:start_time)

      expect(statuses).to eq(%w[pending error complete])
      expect([first, second]).to match([have_attributes(status: 'ERROR'), have_attributes(status: 'OK')])
      expect(second).to have_attributes(trace_id: first.trace_id, attributes: a_hash_including('tasker.run' => 2),
                                        links: [have_attributes(span_id: first.span_id)])
      expect(attempts_of(id, 'charge').sort_by(&:start_time).map(&:parent_id))
        .to eq([first.span_id, first.span_id, second.span_id])
    end

    it 'have another root for it also in another process' do
      (id,), = process('id = place(failures: 2); tell([id, work_on(id), again(id)])')

      expect(process("tell(again(#{id}, limit: 3))")).to eq(['complete'])
      expect(roots_of(id).map(&:status)).to eq(%w[ERROR OK])
      expect(roots_of(id).map(&:span_id).uniq.size).to eq(2)
    end
  end

  describe 'with settings' do
    it 'are told of one that there is not' do
      app.write('config/initializers/zz_unknown.rb', 'Tasker.configuration.telemetry { |tel| tel.max_queue_sise = 9 }')

      expect(app.run('tell(Tasker.configuration.telemetry.max_queue_size)')).to eq([2048])
      expect(app.log.grep(/tasker-native/)).to contain_exactly(
        a_string_ending_with('config.telemetry has no setting max_queue_sise. Did you mean max_queue_size?')
      )
    end

    it 'do not boot with a wrong value, and say what is right' do
      app.write('config/initializers/zz_wrong.rb', 'Tasker.configuration.telemetry { |tel| tel.max_queue_size = 0 }')
      result = app.try('')

      expect(result.status).not_to be_success
      expect(result.err).to match(/max_queue_size .*\(Tasker::Native::ConfigurationError\)/)
    end

    context 'when they are read before the initializers have run' do
      let(:files) do
        { 'config/initializers/a_first.rb' => 'FIRST = Tasker.configuration.telemetry.max_queue_size',
          'config/initializers/filter_parameter_logging.rb' => 'Rails.application.config.filter_parameters += [:card]',
          'config/initializers/zz_queue.rb' => 'Tasker.configuration.telemetry.max_queue_size = 9' }
      end
      let(:attributes) do
        <<~RUBY
          Tasker::Events::Publisher.instance.publish('step.completed', task_id: 1, step_id: 2, card: '4111', passw: 'x')
          tell(spans.first.attributes.slice('shop.card', 'shop.passw'))
        RUBY
      end

      def filter_from_the_start(*names)
        app.write('config/application.rb', app.read('config/application.rb')
                                              .sub(/^end$/, "  config.filter_parameters += #{names}\nend"))
      end

      it 'have them, and filter all that Rails filters in the end' do
        filter_from_the_start(:passw)
        told = app.run("#{attributes}\ntell([FIRST, Tasker.configuration.telemetry.max_queue_size])")

        expect(told).to eq([{ 'shop.card': '[FILTERED]', 'shop.passw': '[FILTERED]' }, [2048, 9]])
      end

      it 'filter it also where Rails has put its filters in another order, or has made one of them' do
        filter_from_the_start(:passw)
        app.write('config/initializers/filter_parameter_logging.rb', <<~RUBY)
          Rails.application.config.filter_parameters = [/card/i, *Rails.application.config.filter_parameters]
        RUBY

        expect(app.run(attributes)).to eq([{ 'shop.card': '[FILTERED]', 'shop.passw': '[FILTERED]' }])
      end

      it 'filter what the engine does, too, where Rails had no filters then' do
        expect(app.run(attributes)).to eq([{ 'shop.card': '[FILTERED]', 'shop.passw': '[FILTERED]' }])
      end

      it 'filter what they are told to filter, and no more' do
        filter_from_the_start(:passw, :number)
        app.write('config/initializers/zz_own.rb', 'Tasker.configuration.telemetry.filter_parameters = [:passw]')

        expect(app.run(attributes)).to eq([{ 'shop.card': '4111', 'shop.passw': '[FILTERED]' }])
      end
    end
  end

  it 'have the generators and rake tasks of both, each once' do
    expect(app.rails('generate', '--help').scan(/^ +tasker:(\w+)$/).flatten)
      .to eq(%w[authenticator authorization_coordinator events install subscriber task_handler])
    tasks = app.rails('--tasks').scan(%r{^bin/rails tasker:(\S+) .*# (.*)}).to_h
    expect(tasks).to include('telemetry:traces' => /\AShow recorded/, 'metrics_status' => anything)
    expect(tasks.values.grep(%r{ / })).to be_empty # the descriptions of a task that was defined twice
  end

  it 'have subscribers and events that generators made' do
    app.rails('generate', 'tasker:subscriber', 'pager', '--events', 'order.fulfilled')
    app.rails('generate', 'tasker:events')
    events = app.rails('runner', <<~RUBY)
      PagerSubscriber.subscribe(Tasker::Events::Publisher.instance)
      Tasker::Events::Publisher.instance.publish('order.fulfilled', task_id: 1, step_name: 'pack')
      puts Tasker::Events::CustomRegistry.instance.registered_events
    RUBY

    expect(events.lines(chomp: true)).to eq(%w[order.fulfilled payment.risk_flagged])
    expect(app.log.grep(/^order\.fulfilled: \{.*"pack"/).size).to eq(1)
    expect(app.log.grep(/tasker-native/)).to be_empty
  end
end
