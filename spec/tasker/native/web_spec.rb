# frozen_string_literal: true

require 'rack'

RSpec.describe Tasker::Native::Web do
  let(:metrics) { Tasker::Telemetry::MetricsBackend.instance }
  let(:web) { Rack::MockRequest.new(Rack::Lint.new(described_class)) }

  before { metrics.counter(:orders_total, status: 'paid').increment(5) }

  describe '/metrics' do
    it 'is text for Prometheus' do
      response = web.get('/metrics')

      expect(response).to have_attributes(status: 200, body: metrics.export(format: :prometheus))
      expect(response.body).to include("orders_total{status=\"paid\"} 5\n")
      expect(response.headers).to include('content-type' => 'text/plain; version=0.0.4; charset=utf-8',
                                          'cache-control' => 'no-store')
    end

    it 'is OpenMetrics for who asks for that, as Prometheus does' do
      accept = 'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,' \
               'text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
      response = web.get('/metrics', 'HTTP_ACCEPT' => accept)

      expect(response.headers['content-type']).to eq('application/openmetrics-text; version=1.0.0; charset=utf-8')
      expect(response.body).to end_with("# EOF\n")
    end

    formats = {
      'json' => ['application/json', /\A\{"metrics":\{"orders_total/],
      'csv' => ['text/csv; charset=utf-8', /\Atimestamp,name,type,value,label_status$/],
      'openmetrics' => [/openmetrics/, /# EOF/], 'prometheus' => [/0\.0\.4/, /^orders_total/]
    }
    formats.each do |format, (type, body)|
      it "is #{format} where the query or the setting says so" do
        expect(web.get("/metrics?format=#{format}")).to have_attributes(content_type: match(type), body: match(body))

        configure(metrics_format: format)
        expect(web.get('/metrics')).to have_attributes(content_type: match(type), body: match(body))
      end
    end

    it 'names the formats when there is no such one' do
      expect(web.get('/metrics?format=xml'))
        .to have_attributes(status: 400,
                            body: "There is no such format. There are prometheus, openmetrics, json, csv.\n")
    end

    it 'is compressed for who takes that' do
      50.times { |number| metrics.counter(:orders_total, status: number).increment }
      plain = web.get('/metrics')
      packed = web.get('/metrics', 'HTTP_ACCEPT_ENCODING' => 'deflate, gzip;q=0.5')

      expect(packed.headers['content-encoding']).to eq('gzip')
      expect(Zlib.gunzip(packed.body)).to eq(plain.body)
      expect(plain.headers).to not_include('content-encoding').and(include('vary' => 'accept, accept-encoding'))
      ['gzip;q=0', 'gzip;q=0.0', 'br', ''].each do |coding|
        expect(web.get('/metrics', 'HTTP_ACCEPT_ENCODING' => coding).headers).not_to include('content-encoding')
      end
    end

    it 'is off where metrics are' do
      configure(metrics_enabled: false)

      expect(web.get('/metrics')).to have_attributes(status: 503, body: /metrics_enabled is false/)
    end

    it 'may be mounted alone' do
      response = Rack::MockRequest.new(Rack::Lint.new(described_class::Metrics)).get('/')

      expect(response.body).to include('orders_total')
    end

    it 'says that it could not be made, and the log why' do
      allow(Tasker::Native::MetricsExport).to receive(:text).and_raise(NoMemoryError, 'failed')

      expect(web.get('/metrics')).to have_attributes(status: 500,
                                                     body: "The page could not be made. The log says why.\n")
      expect(log).to include('a page could not be made: NoMemoryError: failed')
    end
  end

  describe 'metrics_auth_required' do
    def get_as(credentials, scheme: 'Basic')
      web.get('/metrics', 'HTTP_AUTHORIZATION' => "#{scheme} #{[credentials].pack('m0')}")
    end

    it 'lets in who knows the password' do
      configure(metrics_auth_required: true, metrics_auth: { username: 'prometheus', password: 'ü:x' })

      expect(get_as('prometheus:ü:x').status).to eq(200)
      expect(get_as('prometheus:ü:x', scheme: 'basic').status).to eq(200)
      denied = [get_as('prometheus:ü:y'), get_as('prometheu:ü:x'), get_as('prometheus'), get_as(''),
                web.get('/metrics'), get_as('prometheus:ü:x', scheme: 'Bearer'),
                web.get('/metrics', 'HTTP_AUTHORIZATION' => "Basic \xFF".b)]
      expect(denied).to all(have_attributes(status: 401, body: "Who are you?\n"))
      expect(denied.first.headers['www-authenticate']).to eq('Basic realm="metrics", charset="UTF-8"')
    end

    it 'lets in whom a callable lets in' do
      configure(metrics_auth_required: true, metrics_auth: ->(env) { env['HTTP_X_TOKEN'] == 'secret' })

      expect(web.get('/metrics', 'HTTP_X_TOKEN' => 'secret').status).to eq(200)
      expect(web.get('/metrics').status).to eq(401)
    end

    it 'lets nobody in when nothing says who may, or a callable raises' do
      configure(metrics_auth_required: true)
      expect(web.get('/metrics')).to have_attributes(status: 401,
                                                     body: "Nobody may read metrics: tel.metrics_auth is not set.\n")
      expect(log_lines(/metrics_auth is not set/).size).to eq(1)

      configure(metrics_auth: ->(_) { raise 'no' })
      expect(web.get('/metrics').status).to eq(500)
    end

    it 'does not show the password' do
      configure(metrics_auth: { username: 'prometheus', password: 'hunter2' })

      expect([telemetry.inspect, telemetry.to_h.to_s]).to all(not_include('hunter2').and(include('prometheus')))
    end
  end

  describe '/health' do
    it 'says that the process runs, and what became of its spans' do
      response = web.get('/health')

      expect(response).to have_attributes(status: 200, content_type: 'application/json')
      expect(JSON.parse(response.body)).to match(
        'status' => 'ok', 'version' => Tasker::Native::VERSION,
        'spans' => include('accepted' => 0, 'dropped' => Hash), 'metrics' => include('series' => 1, 'shared' => false)
      )
    end
  end

  it 'answers what is elsewhere, and what is no reading, as HTTP does' do
    expect(web.get('/other')).to have_attributes(status: 404, body: "There are /metrics and /health here.\n")
    expect(web.post('/metrics')).to have_attributes(status: 405)
    expect(web.post('/metrics').headers['allow']).to eq('GET, HEAD')
    expect(web.request('HEAD', '/metrics')).to have_attributes(status: 200, body: '')
    expect(web.get('/metrics/').status).to eq(200)
  end
end
