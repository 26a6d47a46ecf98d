# frozen_string_literal: true

require 'faraday'
require 'time'

require_relative '../../support/api_server'
require_relative '../../support/records'

RSpec.describe Tasker::StepHandler::Api do
  let(:server) { ApiServer.new }
  let(:config) { { url: server.url } }
  let(:task) { build_task(context: { 'user_id' => 5, city: 'Łódź 1/2' }) }
  let(:step) { build_step(results: {}) }
  let(:names) { %w[step.execution_requested step.before_handle observability.step.backoff step.completed step.failed] }
  let(:events) { listen(*names) }

  before { events }

  after { server.stop }

  def handler(config = self.config, **more, &)
    Class.new(described_class, &).new(config: config.is_a?(Hash) ? { **config, **more } : config)
  end

  def run(handler)
    handler.handle(task, [step], step)
  end

  def asked
    server.requests.map { |request| [request.verb, request.path, request.query].compact.join(' ') }
  end

  # @return [Exception] what it raises
  def failure_of(handler)
    run(handler)
    raise 'the handler did not fail'
  rescue Tasker::ProceduralError, Faraday::Error => e
    e
  end

  # One for a wait of no length.
  def hasty
    { retry_delay: 0.001, jitter_factor: 0 }
  end

  describe '#process' do
    before { server.will(200, { user: { name: 'Ada' } }, 'X-Request-Id': 'r1', 'Set-Cookie': 'session=secret') }

    it 'makes the request that the template describes, and leaves the answer in the results' do
      response = run(handler(method: 'GET', path: '/users/{user_id}', params: { city: '{city}', full: true }))

      expect(asked).to eq(['GET /users/5 city=%C5%81%C3%B3d%C5%BA+1%2F2&full=true'])
      expect(response).to be_a(Faraday::Response)
      expect(step.results).to include('status' => 200, 'body' => { 'user' => { 'name' => 'Ada' } })
      expect(step.results['headers']).to include('x-request-id' => 'r1').and not_include('set-cookie')
      expect(events.map(&:id)).to eq(%w[step.execution_requested step.before_handle step.completed])
    end

    it 'goes to the URL itself without a path, and keeps a path of the URL in front of its own' do
      run(handler(url: "#{server.url}/v1/data"))
      run(handler(url: "#{server.url}/v1", path: '/users/{city}'))

      expect(asked).to eq(['GET /v1/data', 'GET /v1/users/Łódź 1/2'])
    end

    it 'sends a body as JSON' do
      run(handler(method: :post, path: 'orders', body: { user: '{user_id}', to: ['City {city}'], 'n' => 1 }))

      expect(server.requests.first).to have_attributes(verb: 'POST', path: '/orders')
      expect(JSON.parse(server.requests.first.body)).to eq('user' => 5, 'to' => ['City Łódź 1/2'], 'n' => 1)
    end

    it 'is there for super, after which the parsed body is at hand' do
      documented = handler(path: 'users/{user_id}') do
        def process(task, sequence, step)
          super
          step.results = { name: step.results.body['user']['name'], status: step.results.status }
        end
      end
      run(documented)

      expect(step.results).to eq(name: 'Ada', status: 200)
    end

    it 'does all that with a record, too' do
      record = Records::StepRecord.create!(name: 'fetch_user', task_id: 7)
      seen = []
      handler(path: 'users/5') { define_method(:process) { |*a| super(*a) && (seen << a.last.results.body['user']) } }
        .handle(task, [], record)

      expect(seen).to eq([{ 'name' => 'Ada' }])
      record.save!
      expect(record.reload.results).to include('status' => 200, 'body' => { 'user' => { 'name' => 'Ada' } })
    end

    it 'leaves it as a plain Hash in results that can not be changed' do
      step.define_singleton_method(:results=) { |results| super(results.freeze) }
      run(handler)

      expect(step.results).to include('status' => 200)
    end

    it 'refuses values that lead elsewhere, and places for which the context has nothing' do
      task.context.merge!('up' => '..', 'nothing' => '')
      errors = %w[a/{up}/b {nothing} {missing}].map { |path| failure_of(handler(path: path)) }

      expect(errors).to all(be_a(Tasker::PermanentError))
      expect(errors.map(&:error_code)).to eq(%w[INVALID_CONTEXT INVALID_CONTEXT MISSING_CONTEXT])
      expect(asked).to be_empty
    end
  end

  describe '#connection' do
    it 'is a client of url, params, headers, ssl and timeouts' do
      client = handler(params: { v: 2 }, headers: { 'Authorization' => 'Bearer x', 'accept' => 'text/csv' },
                       ssl: { 'verify' => false }, timeout: 15, open_timeout: 2).connection

      expect(client).to be_a(Faraday::Connection)
      expect(client.url_prefix.to_s).to start_with(server.url)
      expect(client.params).to eq('v' => 2)
      expect(client.headers).to include('Authorization' => 'Bearer x', 'Accept' => 'text/csv',
                                        'Content-Type' => 'application/json')
      expect([client.ssl.verify, client.options.timeout, client.options.open_timeout]).to eq([false, 15, 2])
    end

    it 'is for process: an answer that it returns becomes the results' do
      server.will(200, { user: { name: 'Ada' } })
      own = handler do
        def process(task, _sequence, _step)
          connection.get("/users/#{task.context['user_id']}", { page: 1 })
        end
      end
      run(own)

      expect(asked).to eq(['GET /users/5 page=1'])
      expect(step.results.body).to eq('user' => { 'name' => 'Ada' })
    end

    it 'sends a Hash as JSON, and gives bodies as they came to process_results' do
      server.will(201, { id: 8 })
      own = handler do
        def process(*) = connection.post('/orders', { items: [1] })
        def process_results(step, output, _before) = step.results = { order: JSON.parse(output.body)['id'] }
      end
      run(own)

      expect(server.requests.first.body).to eq('{"items":[1]}')
      expect(step.results).to eq(order: 8)
    end

    it 'leaves what process has set itself, and answers that are none of ours' do
      server.will(200, {})
      run(handler { def process(*, step) = (step.results = { mine: 1 }) && connection.get('/') })
      expect(step.results).to eq(mine: 1)

      run(handler { def process(*) = { status: 'shipped', headers: {} } })
      expect(step.results).to eq(mine: 1, status: 'shipped', headers: {}).or eq(status: 'shipped', headers: {})
    end

    it 'takes a Hash for the answer that it is, and not for one of a server' do
      run(handler { def process(*) = { status: 'sent', headers: ['To: you'], body: 'Dear you' } })
      expect(step.results).to eq(status: 'sent', headers: ['To: you'], body: 'Dear you')
    end

    it 'may be customized, for instance with an adapter of tests' do
      stubs = Faraday::Adapter::Test::Stubs.new { |stub| stub.get('/a') { [200, {}, 'text'] } }
      run(described_class.new(config: { url: 'http://api.test', path: 'a' }) { |client| client.adapter(:test, stubs) })

      expect(step.results.body).to eq('text')
    end
  end

  describe 'the body in the results' do
    {
      'application/json' => ['{"a":1}', { 'a' => 1 }], 'application/problem+json' => ['[1]', [1]],
      'text/plain' => ['{"a":1}', '{"a":1}'], 'application/json;charset=utf-8' => ['{broken', '{broken'],
      'application/octet-stream' => ["\xFF\x00a".b, "\uFFFD\0a"]
    }.each do |type, (sent, kept)|
      it "is #{kept.inspect} for #{sent.inspect} as #{type}" do
        server.will(200, sent, 'Content-Type': type)
        run(handler)

        expect(step.results.body).to eq(kept)
      end
    end
  end

  describe 'an answer other than 2xx' do
    [408, 425, 429, 500, 502, 503, 504].each do |status|
      it "is worth another attempt, after a wait, for #{status}" do
        server.will(status, {})
        error = failure_of(handler(path: 'users', **hasty))

        expect(error).to be_a(Tasker::RetryableError)
        expect(error.message).to eq("GET /users answered #{status}")
        expect(events.map(&:id)).to eq(names - %w[step.completed])
      end
    end

    [301, 304, 400, 401, 403, 404, 409, 422].each do |status|
      it "is final for #{status}" do
        server.will(status, {})
        error = failure_of(handler(path: 'users'))

        expect(error).to be_a(Tasker::PermanentError).and have_attributes(error_code: "HTTP_#{status}")
        expect(events.map(&:id)).to eq(names - %w[step.completed observability.step.backoff])
      end
    end

    it 'fails what process returns, and a Hash like an answer' do
      server.will(503, {})
      expect(failure_of(handler(**hasty) { def process(*) = connection.get('/') })).to be_a(Tasker::RetryableError)
      expect(failure_of(handler { def process(*) = { status: 404, body: '' } })).to be_a(Tasker::PermanentError)
      expect(step.results).to include(error: 'answered 404')
    end

    it 'stops process after super' do
      server.will(404, {})
      failure_of(handler { def process(*) = super && raise('not to be reached') })
      expect(events.last[:error_class]).to eq('Tasker::PermanentError')
    end
  end

  describe 'on error' do
    let(:order) { [] }

    before do
      names.last(3).each do |name|
        publisher.subscribe(name) { |event| order << [name, step.results.key?(:error), event] }
      end
    end

    it 'tells the backoff, keeps the error, publishes failed, and raises' do
      server.will(429, { error: 'slow down', token: 'secret' }, 'Retry-After': '7')
      error = failure_of(handler(path: 'users', params: { key: 'secret' }))

      expect(order.map { |name, kept, _| [name, kept] })
        .to eq([['observability.step.backoff', false], ['step.failed', true]])
      expect(order.first.last.payload).to include(task_id: 7, step_id: 21, step_name: 'fetch_cart', attempt_number: 1,
                                                  backoff_seconds: 7, backoff_type: 'server_requested')
      expect(error.retry_after).to eq(7)
      expect(step.results).to include(
        error: 'GET /users answered 429', error_class: 'Tasker::RetryableError', retry_after: 7,
        error_context: { 'method' => 'GET', 'path' => '/users', 'status' => 429,
                         'body' => { 'error' => 'slow down', 'token' => '[FILTERED]' } }
      )
    end

    it 'tells the wait to a step that has a place for it' do
      record = Records::StepRecord.create!(name: 'fetch_user', task_id: 7, results: {})
      def record.backoff_request_seconds=(seconds)
        results['waits'] = seconds
      end
      server.will(503, {}, 'Retry-After': (Time.now + 100).httpdate)
      expect { handler.handle(task, [], record) }.to raise_error(Tasker::RetryableError)

      expect(record.reload.results).to include('waits' => be_between(98, 100), 'error_class' => 'Tasker::RetryableError')
    end

    it 'doubles the wait with each attempt, up to max_delay, or leaves it as it is' do
      server.will(503, {})
      [1, 2, 3, 9].each do |attempt|
        step.attempts = attempt
        failure_of(handler(retry_delay: 1.5, jitter_factor: 0, retries: { max_delay: 30 }))
        failure_of(handler(retries: { exponential: false, delay: 4, jitter: 0 }))
      end

      backoffs = events.select { |event| event.id == 'observability.step.backoff' }
      expect(backoffs.map { |event| event.payload[:backoff_seconds] }).to eq([1.5, 4, 3.0, 4, 6.0, 4, 30, 4])
      expect(backoffs.map { |event| event[:backoff_type] }.uniq).to eq(['exponential'])
    end

    it 'shortens the wait by a random share of it' do
      server.will(503, {})
      20.times { failure_of(handler(retry_delay: 10, jitter_factor: 0.5)) }
      waits = events.filter_map { |event| event.payload[:backoff_seconds] }

      expect(waits).to all(be_between(5, 10))
      expect(waits.uniq.size).to be > 5
    end

    it 'has no backoff when that is off, but the one that a server asks for' do
      server.will(503, {}).will(503, {}, 'Retry-After': '2')
      2.times { failure_of(handler(enable_exponential_backoff: false)) }

      expect(events.filter_map { |event| event.payload[:backoff_seconds] }).to eq([2])
    end

    it 'has one for a RetryableError of the handler, and none for other errors' do
      failure_of(handler { def process(*) = raise(Tasker::RetryableError.new('busy', retry_after: 3)) })
      failure_of(handler { def process(*) = raise(Tasker::PermanentError, 'never') })
      expect { run(handler { def process(*) = raise('mine') }) }.to raise_error('mine')

      expect(events.filter_map { |event| event.payload[:backoff_seconds] }).to eq([3])
    end

    it 'understands a wait as the server wrote it, and none that is no wait' do
      waits = ['3', (Time.now + 90).httpdate, 5.0, 'soon', -1, nil]
      waits.each do |wait|
        busy = Tasker::RetryableError.new('busy', retry_after: wait)
        failure_of(handler { define_method(:process) { |*| raise busy } })
      end

      backoffs = events.select { |event| event.id == 'observability.step.backoff' }.map(&:payload)
      asked, others = backoffs.partition { |payload| payload[:backoff_type] == 'server_requested' }
      expect(asked.map { |payload| payload[:backoff_seconds] }).to match([3, be_between(85, 90), 5.0])
      expect(others.map { |payload| payload[:backoff_type] }).to eq(%w[exponential] * 3)
    end

    it 'has one for a connection that fails, and raises what Faraday raised' do
      server.stop
      error = failure_of(handler(**hasty))

      expect(error).to be_a(Faraday::ConnectionFailed)
      expect(events.map(&:id)).to eq(names - %w[step.completed])
      expect(step.results).to include(error_class: 'Faraday::ConnectionFailed')
    end

    it 'has one for an error that middleware makes of 429' do
      server.will(429, {}, 'Retry-After': '4')
      raising = described_class.new(config: config) { |client| client.response(:raise_error) }

      expect(failure_of(raising)).to be_a(Faraday::TooManyRequestsError)
      expect(events.filter_map { |event| event.payload[:backoff_seconds] }).to eq([4])
    end
  end

  describe 'retries' do
    it 'are tries within one attempt, as many as the config allows, told in the span' do
      server.will(503, {}).will(429, {}, 'Retry-After': '0').will(200, { ok: true })
      run(handler(retries: { limit: 2, delay: 0.001, jitter: 0 }))

      expect(asked.size).to eq(3)
      expect(step.results.body).to eq('ok' => true)
      expect(events.map(&:id)).to eq(%w[step.execution_requested step.before_handle step.completed])
      expect(only_span.events.select { |event| event.name == 'tasker.http.retry' }.map(&:attributes))
        .to match([include('try' => 1, 'reason' => 503, 'wait' => 0.001), include('try' => 2, 'reason' => 429)])
    end

    it 'end with the last answer' do
      server.will(503, {})
      expect(failure_of(handler(**hasty, retries: 3)).message).to include('503')
      expect(asked.size).to eq(4)
    end

    it 'send the same body again' do
      server.will(503, {}).will(200, {})
      run(handler(method: 'put', body: { a: 1 }, **hasty, retries: 1))

      expect(server.requests.map(&:body)).to eq(['{"a":1}'] * 2)
    end

    it 'leave a request alone that must not be repeated, and an answer that is final' do
      server.will(503, {})
      failure_of(handler(method: 'post', **hasty, retries: 3))
      server.will(404, {})
      2.times { failure_of(handler(**hasty, retries: 0)) }

      expect(asked.size).to eq(3)
    end

    it 'leave a wait longer than max_delay to the next attempt of the step' do
      server.will(503, {}, 'Retry-After': '120')
      error = failure_of(handler(retries: { limit: 5, max_delay: 1 }))

      expect(asked.size).to eq(1)
      expect(error.retry_after).to eq(120)
    end

    it 'try again when the connection fails' do
      server.stop
      tries = []
      busy = handler(**hasty, retries: 2)
      counting = Class.new(Faraday::Middleware) { define_method(:on_request) { |_| tries << 1 } }
      busy.connection.builder.insert_after(Tasker::Native::StepHandler::ApiRetries, counting)

      expect(failure_of(busy)).to be_a(Faraday::ConnectionFailed)
      expect(tries.size).to eq(3)
    end
  end

  describe 'Retry-After' do
    def seconds(header)
      Tasker::Native::StepHandler::Backoff.retry_after(header)
    end

    it 'is seconds or a date, at most an hour, never below zero; all else is as if it were not there' do
      expect([nil, '', ' ', 'soon', '-5', "5\n6", 'Thu, 99 Foo 2020'].map { |header| seconds(header) }).to all(be_nil)
      expect(['0', '7', '0.5', '99999'].map { |header| seconds(header) }).to eq([0, 7, 0.5, 3600])
      expect(seconds((Time.now - 100).httpdate)).to eq(0)
      expect(seconds((Time.now + 90).httpdate)).to be_between(85, 90)
    end
  end

  describe 'the config' do
    {
      { url: 'ftp://a' } => 'url must be an http or https URL', { url: 'a b' } => 'url must be',
      { method: 'fetch' } => 'method must be one of get, head', { retries: -1 } => 'retries must be an Integer',
      { retries: { times: 3 } } => 'retries has no times: it has limit, delay',
      { jitter_factor: 2 } => 'jitter_factor must be', { retries: { jitter: -1 } } => 'jitter must be a number',
      { retries: { delay: 'x' } } => 'delay must be a number of seconds', { timeout: -1 } => 'timeout must be',
      { headers: 'x' } => 'headers must be a Hash', { params: [1] } => 'params must be a Hash'
    }.each do |wrong, message|
      it "is refused when the handler is made: #{wrong}" do
        expect { handler(**wrong) }.to raise_error(Tasker::Native::ConfigurationError, /#{message}/)
      end
    end

    it 'is refused when it is none' do
      ['http://a', [1], 5, { 1 => 2 }].each do |odd|
        expect { described_class.new(config: odd) }.to raise_error(Tasker::Native::ConfigurationError, /must be a Hash/)
      end
    end

    it 'has the default where it says nothing' do
      said = { 'url' => server.url, 'retry_delay' => nil, 'headers' => nil, 'method' => nil, 'params' => nil,
               'retries' => { 'limit' => 1, 'max_delay' => nil } }
      plain = described_class.new(config: { url: server.url, retries: 1 }).config

      defaults = %i[retry_delay headers request_method params retries].to_h { |name| [name, plain.public_send(name)] }
      expect(described_class.new(config: said).config).to have_attributes(defaults)
    end

    it 'may have String keys, and names of the handler\'s own' do
      made = described_class.new(config: { 'type' => 'api', 'url' => server.url, 'retries' => 3, 'sandbox' => true })

      expect(made.config).to have_attributes(url: server.url, retries: include(limit: 3))
      expect([made.config[:sandbox], made.config['type'], made.config[:none]]).to eq([true, 'api', nil])
    end

    it 'may be an object of that kind, or any that has an url' do
      expect(handler(described_class::Config.new(url: 'http://a')).config.url).to eq('http://a')
      like = Class.new { def url = 'http://b' }.new
      expect(handler(like).config.url).to eq('http://b')
    end

    it 'needs no url before there is a request' do
      made = described_class.new
      expect { made.connection }.to raise_error(Tasker::Native::ConfigurationError, /no url/)
    end

    it 'keeps secrets to itself' do
      shown = described_class::Config.new(url: 'http://me:secret@a/b?key=secret', headers: { a: 'secret' },
                                          params: { b: 'secret' }).inspect
      expect(shown).to include('get http://***@a/b').and not_include('secret')

      made = handler(headers: { 'Authorization' => 'secret' })
      made.connection
      expect(made.inspect).to include("get #{server.url}").and not_include('secret')
    end
  end

  it 'says what to add where faraday is not there' do
    script = <<~RUBY
      require 'tasker-native'
      begin
        Tasker::StepHandler::Api.new(config: { url: 'http://a' })
      rescue Tasker::Native::ConfigurationError => e
        puts e.message
      end
    RUBY
    without = { 'GEM_HOME' => '/nowhere', 'GEM_PATH' => '/nowhere' }

    expect(ruby(script, env: without))
      .to start_with("Tasker::StepHandler::Api needs the gem faraday. Next: add the line gem 'faraday', '~> 2.0'")
  end
end
