# frozen_string_literal: true

require 'json'
require 'shellwords'

require_relative '../support/api_server'
require_relative '../support/new_rails_app'
require_relative '../support/otlp_receiver'
require_relative '../support/udp_receiver'

# Code as tasker-engine's documents teach it, in an app that has this gem and not that one.
RSpec.describe 'What a user of tasker-engine wrote', :slow, order: :defined do # the generators find an empty app
  app = receiver = agent = api = alerts = nil

  before(:all) do # rubocop:disable RSpec/BeforeAfterAll -- making an app takes seconds
    app = NewRailsApp.new
    gems = %w[faraday opentelemetry-exporter-otlp opentelemetry-sdk sentry-ruby statsd-instrument]
    app.bundle("gem 'tasker-native', path: '#{NewRailsApp::ROOT}'\n#{gems.map { |name| "gem '#{name}'\n" }.join}")
    receiver = OtlpReceiver.start
    agent = UdpReceiver.new
    alerts = ApiServer.new.will(200, {})
    api = ApiServer.new.will(200, { levels: { '978-1': 4 } }, 'X-Response-Time': '12')
                   .will(200, { name: 'Ada', session_token: 'S3CRET-session' }).will(200, { reader: { name: 'Ada' } })
                   .will(201, { id: 8, status: 'new' }).will(429, {}, 'Retry-After': '7')
  end

  after(:all) do # rubocop:disable RSpec/BeforeAfterAll
    app.remove
    receiver.stop
    agent.close
    [api, alerts].each(&:stop)
  end

  define_method(:shell) do |command|
    env = { 'OTEL_EXPORTER_OTLP_ENDPOINT' => receiver.endpoint, 'API_URL' => api.url,
            'STATSD_ENV' => 'production', 'STATSD_ADDR' => "127.0.0.1:#{agent.port}",
            'SENTRY_DSN' => alerts.url.sub('//', '//key@').concat('/1'), 'PAGERDUTY_URL' => "#{alerts.url}/alerts" }
    app.shell("export #{env.map { |name, value| "#{name}=#{value.shellescape}" }.join(' ')}; #{command}")
  end

  describe 'with the generators' do
    subject(:development_log) { app.read('log/development.log') }

    let(:publishing) do
      <<~RUBY.tr("\n", ';')
        publisher = Tasker::Events::Publisher.instance
        [MetricsSubscriber, PagerDutySubscriber].each { |subscriber| subscriber.subscribe(publisher) }
        publisher.publish(:'task.completed', task_id: 1, task_name: 'order', execution_duration: 1.5, total_steps: 2)
        publisher.publish(:'step.failed', step_name: 'pay', exception_class: 'Net::ReadTimeout', attempt_number: 3)
      RUBY
    end

    before do
      shell('bin/rails generate tasker:subscriber metrics --metrics ' \
            '--events task.completed task.failed step.completed step.failed')
      shell('bin/rails generate tasker:subscriber pager_duty --events task.failed step.failed')
    end

    after { shell('bin/rails destroy tasker:subscriber metrics; bin/rails destroy tasker:subscriber pager_duty') }

    it 'has subscribers that load, and log what they hear' do
      expect(shell('bin/rails zeitwerk:check')).to include('All is good!')
      expect(shell("bin/rails runner #{publishing.shellescape}")).to eq('')

      expect(development_log)
        .to include("tasker.task.completed +1 task:order environment:development\n",
                    "tasker.task.duration 1.5 task:order environment:development\n",
                    "tasker.task.step_count =2 task:order environment:development\n")
        .and match(/^tasker\.step\.failed \+1 step:pay environment:development attempt:3 error_type:timeout final:/)
        .and match(/^step\.failed: .*step_name.*"pay"/)
    end

    it 'has metrics that go where record_counter, record_histogram and record_gauge send them' do
      generated = app.read('app/subscribers/metrics_subscriber.rb')
      filled_in = generated.gsub(/# For example: (.+)\n(.+)\n.+$/, "#\n\\2\n\\1")
      app.write('app/subscribers/metrics_subscriber.rb', "require 'statsd-instrument'\n#{filled_in}")
      shell("bin/rails runner #{publishing.shellescape}")

      expect(filled_in.scan('StatsD.').size).to eq(3)
      expect(agent.lines).to contain_exactly(
        'tasker.task.completed:1|c|#task:order,environment:development',
        'tasker.task.duration:1.5|d|#task:order,environment:development',
        'tasker.task.step_count:2|g|#task:order,environment:development',
        'tasker.step.failed:1|c|#step:pay,environment:development,attempt:3,error_type:timeout,final:true'
      )
    end
  end

  describe 'with files of its own' do
    results = metrics = nil

    before(:all) do # rubocop:disable RSpec/BeforeAfterAll
      FileUtils.cp_r(File.join(__dir__, '../fixtures/user_app/.'), app.path)
      FileUtils.rm_r(File.join(app.path, 'log'))
      [agent.lines, receiver.clear] # of the examples above
      results = shell('bin/rails runner script/orders.rb').lines.map { |line| JSON.parse(line) }.reduce(:merge)
      metrics = agent.lines
      receiver.wait_for(count: 11)
    end

    define_method(:runner) { |code| shell("bin/rails runner #{code.shellescape}") }

    # @return [Tasker::Native::SpanData] of the step with this name
    define_method(:span_of_step) do |name|
      receiver.spans('tasker.step.execution').find { |span| span.attributes['bookshop_tasker.step_name'] == name }
    end

    define_method(:alerts_at) do |path|
      alerts.requests.select { |request| request.path == path }.map(&:body)
    end

    it 'can be loaded, all of it' do
      expect(shell('bin/rails zeitwerk:check')).to include('All is good!')
      expect(shell('RAILS_ENV=production SECRET_KEY_BASE_DUMMY=1 bin/rails runner "puts 17"')).to match(/^17$/)
    end

    it 'asks the APIs by connection.get, post and put, and makes results of the answers' do
      expect(api.requests.map { |request| [request.verb, request.path, request.query, request.body].compact.join(' ') })
        .to eq(['GET /stock isbns%5B%5D=978-1', 'GET /readers/5/profile', 'GET /readers/5',
                'POST /orders {"user_id":5,"isbns":["978-1"]}', 'PUT /charges {"amount":120}'])
      expect(results['fetch_stock']).to eq('levels' => { '978-1' => 4 }, 'response_time' => '12')
      expect(results['fetch_reader']).to include('status' => 200, 'body' => include('name' => 'Ada'))
      expect(results['name_reader']).to include('name' => 'Ada', 'named_at' => be_a(String))
      expect(results['place_order']).to eq('order_id' => 8, 'status' => 'new')
      expect(results['charge_card']).to include('error_class' => 'Tasker::RetryableError', 'retry_after' => 7)
    end

    it 'has what its other handlers leave in the results' do
      expect(results['check_order']).to eq('isbns' => ['978-1'], 'check_passed' => true)
      expect(results['pack_books']).to eq('parcels' => 2, 'packed' => true)
      expect(results['print_invoice'])
        .to include('error' => 'out of paper', 'error_type' => 'IOError', 'custom_context' => 'third floor')
    end

    it 'gives a span for each task, and one for each step below it' do
      roots = receiver.roots.to_h { |span| [span.attributes['bookshop_tasker.task_name'], span] }
      steps = receiver.spans('tasker.step.execution').group_by(&:parent_id).transform_values(&:size)

      expect(roots.transform_values(&:status)).to eq('book_order' => 'OK', 'late_order' => 'ERROR')
      expect(steps).to eq(roots['book_order'].id => 7, roots['late_order'].id => 2)
      expect(span_of_step('charge_card')).to have_attributes(status: 'ERROR')
      expect(receiver.resources).to match([include('service.name' => 'bookshop_tasker', 'service.version' => '2.7.1',
                                                   'deployment.environment.name' => 'development')])
      expect(receiver.spans.flat_map { |span| span.attributes.keys }.grep_v(/\Abookshop_tasker\.|\Aerror\.type\z/))
        .to be_empty
    end

    it 'masks what its filter_parameters name, at every depth' do
      attributes = receiver.roots.first.attributes
      told = receiver.spans.map { |span| [span.attributes, span.events.map(&:attributes), span.status_message] }

      expect(JSON.parse(attributes['bookshop_tasker.task_context']))
        .to include('password' => '<hidden>', 'api_key' => '<hidden>', 'access_token' => '<hidden>', 'user_id' => 5,
                    'credit_card' => { 'number' => '<hidden>', 'brand' => 'Visa' })
      expect(JSON.parse(span_of_step('fetch_reader').attributes['bookshop_tasker.step_results'])['body'])
        .to eq('name' => 'Ada', 'session_token' => '<hidden>')
      expect(JSON.generate(told)).not_to include('S3CRET')
      expect(span_of_step('charge_card').attributes['bookshop_tasker.attempt_number']).to eq(1)
    end

    it 'has its own events in the spans of the steps that published them' do
      started, completed, = span_of_step('check_order').events

      expect(started).to have_attributes(name: 'order.check_started', attributes: include(
        'bookshop_tasker.order_id' => '77', 'bookshop_tasker.access_token' => '<hidden>'
      ))
      expect(completed).to have_attributes(name: 'order.check_completed')
      expect(span_of_step('assess_risk').events.map(&:name)).to include('payment.risk_flagged')
      expect(span_of_step('pack_books').events.map(&:name)).to include('order.fulfilled')
    end

    it 'has subscribers that hear system events and its own' do
      expect(app.read('log/development.log').lines(chomp: true))
        .to include('Order 77 checked: true', 'Order 77 fulfilled by order', 'Risk 0.9 of order 77',
                    match(/\AOrder done: book_order in 3\.\d+s\z/), 'Order failed: late_order-1 - 2 steps failed',
                    'No more tries for charge_card', 'No more tries for print_invoice')
        .and not_include(/Error publishing/)
    end

    it 'has a MetricsSubscriber, of which record_histogram, record_counter and record_gauge are called' do
      expect(metrics.grep(/^bookshop\.step\.duration:0\.\d+\|h\|#step:/).size).to eq(7)
      expect(metrics).to include(
        match(/^bookshop\.task\.duration:3\.\d+\|h\|#task:book_order,environment:development$/),
        match(/^bookshop\.order\.duration:3\.\d+\|h\|#task:book_order$/),
        'bookshop.task.completed:1|c|#task:book_order,environment:development',
        'bookshop.workflow.step_count:7|g|#task:book_order,environment:development',
        'bookshop.task.failed:1|c|#task:late_order,environment:development',
        'bookshop.errors:1|c|#step:print_invoice,environment:development,attempt:1,error_type:other',
        'bookshop.final_failures:1|c|#step:print_invoice,environment:development,attempt:1'
      )
    end

    it 'reports to Sentry and PagerDuty' do
      reported = alerts_at('/api/1/envelope/').map { |envelope| JSON.parse(envelope.lines.last) }
      paged = alerts_at('/alerts').map { |alert| JSON.parse(alert) }

      expect(reported.map { |event| event.slice('message', 'level', 'fingerprint').values })
        .to eq([['Step failed: charge_card', 'warning', []], ['Step failed: print_invoice', 'warning', []],
                ['2 steps failed', 'error', %w[bookshop task_failed late_order-1]]])
      expect(paged.map { |alert| [alert['summary'], alert['severity'], alert['details'].slice('order_id', 'task_id')] })
        .to eq([['Somebody has to look at a payment', 'warning', { 'order_id' => 77 }],
                ['Order failed: late_order-1', 'error', { 'task_id' => 'late_order-1' }]])
    end

    it 'finds its events in the catalog, with what its handlers say about them' do
      expect(runner(<<~RUBY)).to match(/\A55\nSomebody .+\npayment\.assessed, payment\.risk_flagged\n/)
        BookOrder::StepHandler::AssessRiskHandler
        puts Tasker::Events.catalog.keys.size
        puts Tasker::Events.event_info('payment.assessed')[:description]
        puts Tasker::Events.events_by_namespace('payment').keys.sort.join(', ')
        Tasker::Events::Catalog.print_catalog
        pp Tasker::Events.custom_events
      RUBY
    end

    describe 'on the command line' do
      it 'sees who publishes, who listens, and where spans go' do
        expect(runner('puts OpenTelemetry.tracer_provider.inspect')).to include('OpenTelemetry::SDK::Trace')
        expect(runner('puts Tasker::Events::Publisher.instance.inspect'))
          .to match(/\A#<Tasker::Events::Publisher \d+ events, \d+ subscriptions>\n\z/)
        expect(runner('puts Tasker::Events::Publisher.instance.subscribers.map(&:class)').lines(chomp: true))
          .to match_array(%w[MetricsSubscriber SentrySubscriber PagerDutySubscriber ObservabilitySubscriber
                             MonitoringSubscriber TaskDurationSubscriber])
        expect(runner('puts Tasker::Events::Subscribers::TelemetrySubscriber.new.inspect'))
          .to match(/\A#<Tasker::\S*TelemetrySubscriber\b.*>\n\z/)
      end

      it 'drives spans by hand' do
        expect(runner(<<~RUBY)).to eq("OpenTelemetry: true\nTelemetry: true\nSpan: true\nSpan: false\n")
          subscriber = Tasker::Events::Subscribers::TelemetrySubscriber.new
          puts 'OpenTelemetry: ' + subscriber.send(:opentelemetry_available?).to_s
          puts 'Telemetry: ' + subscriber.send(:telemetry_enabled?).to_s

          task_event = { task_id: 'by-hand', task_name: 'tried_task' }
          subscriber.handle_task_start_requested(task_event)
          span = subscriber.send(:get_task_span, 'by-hand')
          puts 'Span: ' + (!span.nil?).to_s

          step_event = { task_id: 'by-hand', step_id: 'step-1', step_name: 'tried', api_key: 'S3CRET' }
          subscriber.handle_step_completed(step_event)
          subscriber.send(:remove_task_span, 'by-hand')
          puts 'Span: ' + (!subscriber.send(:get_task_span, 'by-hand').nil?).to_s

          subscriber.handle_task_start_requested({ task_id: 'ended', task_name: 'tried_task' })
          subscriber.handle_step_failed({ task_id: 'ended', step_id: 'step-2', step_name: 'failed' })
          subscriber.handle_task_completed({ task_id: 'ended', total_steps: 1 })
        RUBY

        receiver.wait_for(count: 1, name: 'tasker.task.execution')
        tried, failed = %w[tried failed].map { |name| span_of_step(name) }
        ended = receiver.roots.find { |span| span.attributes['bookshop_tasker.task_id'] == 'ended' }
        expect(tried.attributes)
          .to include('bookshop_tasker.task_id' => 'by-hand', 'bookshop_tasker.api_key' => '<hidden>')
        expect(failed).to have_attributes(status: 'ERROR', parent_id: ended.id)
        expect(ended).to have_attributes(status: 'OK', attributes: include('bookshop_tasker.total_steps' => 1))
      end

      it 'tries a subscriber with a plain Hash' do
        runner(<<~RUBY)
          subscriber = ObservabilitySubscriber.new
          subscriber.handle_task_completed({ task_id: 'T', task_name: 'plain', execution_duration: 45.2 })
          subscriber.handle_order_fulfilled({ order_id: 78 })
        RUBY

        expect(app.read('log/development.log')).to include("Order done: plain in 45.2s\nOrder 78 fulfilled by \n")
      end

      it 'has the newest subscriber hear each event, once, after reload! and after a request' do
        kept = app.read('app/subscribers/observability_subscriber.rb')

        expect(runner(<<~'RUBY')).to eq("first: order.fulfilled\nsecond: order.fulfilled\n")
          browser = ActionDispatch::Integration::Session.new(Rails.application).tap { |session| session.host!('localhost') }
          reloads = { 'first' => -> { Rails.application.reloader.reload! }, 'second' => -> { browser.get('/up') } }
          reloads.each do |version, reload|
            File.write('app/subscribers/observability_subscriber.rb', <<~CODE)
              class ObservabilitySubscriber < Tasker::Events::BaseSubscriber
                subscribe_to 'order.fulfilled'
                def handle_order_fulfilled(event) = puts("#{version}: \#{event.id}")
              end
            CODE
            reload.call
            Tasker::Events::Publisher.instance.publish('order.fulfilled', order_id: 1)
          end
        RUBY
      ensure
        app.write('app/subscribers/observability_subscriber.rb', kept)
      end
    end
  end
end
