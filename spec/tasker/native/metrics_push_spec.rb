# frozen_string_literal: true

require 'openssl'
require 'socket'
require_relative '../../support/api_server'
require_relative '../../support/metrics_parser'
require_relative '../../support/pushgateway'

RSpec.describe Tasker::Native::MetricsPush do
  subject(:push) { described_class.new(telemetry, pause: ->(seconds) { slept << seconds }) }

  let(:slept) { [] }
  let(:metrics) { Tasker::Telemetry::MetricsBackend.instance }

  before do
    metrics.describe(:orders_total, help: "How many.\nAll.")
    metrics.counter(:orders_total, shop: "a\"b\nc").increment(5)
    metrics.histogram(:size_bytes, buckets: [1, 10]).observe(3)
  end

  def push_to(endpoint, **options)
    configure(prometheus: { endpoint: endpoint, **options })
  end

  def failure
    push.push!
    raise 'it did not fail'
  rescue described_class::Failed => e
    e.message
  end

  describe 'to a real Pushgateway' do
    let(:gateway) { Pushgateway.new.start }

    after { gateway.stop }

    def samples
      MetricsParser.instance.parse(gateway.metrics).flat_map(&:samples)
    end

    def sample(name, **labels)
      wanted = labels.transform_keys(&:to_s)
      samples.find { |one| one.name == name && wanted <= one.labels }
    end

    it 'gives it what was recorded, with the names that tasker-engine pushes' do
      push_to(gateway.url, job: 'import', instance: 'host-1')
      delivery = push.push!

      expect(delivery).to have_attributes(url: "#{gateway.url}/metrics/job/import/instance/host-1", samples: 6,
                                          tries: 1, to_s: /\APushed 6 samples to http.* in \d\.\d\d s\.\z/)
      expect(sample('tasker_orders_total', job: 'import', instance: 'host-1')).to have_attributes(
        value: 5, labels: include('shop' => "a\"b\nc")
      )
      expect(sample('tasker_size_bytes_bucket', job: 'import', le: '10')).to have_attributes(value: 1)
    end

    it 'replaces what was there of the same job and instance, and leaves the others alone' do
      %w[a b].each { |job| push_to(gateway.url, job: job) && described_class.new(telemetry).push! }
      metrics.clear!
      metrics.counter(:other_total).increment
      push_to(gateway.url, job: 'a')
      push.push!

      expect(sample('tasker_orders_total', job: 'a')).to be_nil
      expect(sample('tasker_other_total', job: 'a').value).to eq(1)
      expect(sample('tasker_orders_total', job: 'b').value).to eq(5)
    end

    it 'is one job for all hosts without include_instance_labels, and has its own names without a prefix' do
      push_to("#{gateway.url}/", job: 'alone', include_instance_labels: false, metric_prefix: nil)
      push.push!

      expect(gateway.groups).to include({ 'job' => 'alone' })
      expect(sample('orders_total', job: 'alone').value).to eq(5)
    end

    it 'calls the job as the service, and the instance as the host, unless it is told' do
      configure(service_name: 'orders')
      push_to(gateway.url)
      push.push!

      expect(gateway.groups).to include({ 'job' => 'orders', 'instance' => Socket.gethostname })
    end

    it 'uses an endpoint that says all as it is' do
      push_to("#{gateway.url}/metrics/job/whole/team/red", job: 'not this one')
      push.push!

      expect(gateway.groups).to include({ 'job' => 'whole', 'team' => 'red' })
    end

    ['a/b', '../../etc', '.', '..', '%2F', 'a b?c#d', 'größe', '"}\\', 'x' * 100, '@base64', '=', '+/+'].each do |name|
      it "takes a job called #{name}" do
        push_to(gateway.url, job: name, instance: name)
        push.push!

        expect(gateway.groups).to include({ 'job' => name, 'instance' => name })
      end
    end

    it 'says what it refuses' do
      push_to("#{gateway.url}/metrics/job/x/odd")

      expect(failure).to match(%r{not taken by http.*/x/odd: it answered 400 .*odd number.* Next: see what it says})
    end

    it 'needs the password, if there is one' do
      closed = Pushgateway.new(password: 'hunter2').start
      push_to(closed.url, username: 'me', password: 'hunter2')
      expect(push.push).to be(true)
      push_to(closed.url.sub('//', '//me:hunter%32@'))
      expect(described_class.new(telemetry).push).to be(true)
      push_to(closed.url, username: 'me', password: 'hunter3')
      expect { described_class.new(telemetry).push! }
        .to raise_error(described_class::Failed, /answered 401 .*Next: check username and password of tel.prometheus/)
    ensure
      closed.stop
    end
  end

  describe 'to one that does not do its work' do
    let(:server) { ApiServer.new }

    after { server.stop }

    it 'tries again, with growing intervals, until it does' do
      server.will(500, 'no').will(503, 'no').will(429, 'no', retry_after: '7').will(200, '')
      push_to(server.url)

      expect(push.push!).to have_attributes(tries: 4)
      expect(slept).to match([be_between(0.25, 0.5), be_between(0.5, 1), 7.0])
      expect(server.requests.map(&:verb).uniq).to eq(['PUT'])
      expect(server.requests.map(&:body).uniq).to contain_exactly(/^tasker_orders_total\{/)
    end

    it 'gives up after retry_attempts' do
      server.will(500, 'The disk is full.')
      push_to(server.url, retry_attempts: 2)

      expect(failure).to match(/pushed to http.*: it answered 500 .*: The disk is full\., 3 times\. Next: check that/)
      expect(server.requests.size).to eq(3)
    end

    it 'gives up before it would take longer than job_timeout' do
      server.will(503, '', retry_after: '60')
      push_to(server.url, job_timeout: 59)

      expect(failure).to include('1 times')
      expect(slept).to be_empty
    end

    it 'does not try again what was refused' do
      server.will(404, 'page not found')
      push_to("#{server.url}/api/v1/write")

      expect(failure).to include('it answered 404 ', 'must be the address of a Pushgateway, as http://')
      expect(server.requests.map(&:path)).to contain_exactly(%r{\A/api/v1/write/metrics/job/tasker/instance/})
    end

    it 'writes a failure to the log, without secrets, in one line' do
      secret = 'sk_live_4eC39HqLyjWDarjtT1zdp7dc'
      server.will(400, "hunter2 is no password,\nnor is #{secret}\e[31m \xFF".b)
      push_to(server.url.sub('//', '//user:hunter1@'), username: 'me', password: 'hunter2')

      expect(push.push).to be(false)
      expect(log_lines).to contain_exactly(/WARN tasker-native: metrics were not taken by .*is no password, nor is/)
      expect(log).to not_include('hunter').and(not_include(secret)).and(not_include("\e"))
    end
  end

  describe 'to nobody' do
    it 'says what to do next' do
      expect(push.push).to be(false)
      expect(log_lines).to contain_exactly(/pushed nowhere\. Next: set tel.prometheus = \{ endpoint: \}/)
    end

    it 'says that there is nobody' do
      push_to("http://127.0.0.1:#{Pushgateway.free_port}", retry_attempts: 1)

      expect(failure).to match(/Errno::ECONNREFUSED: .*, 2 times\. Next: check that the Pushgateway runs/)
      expect(slept.size).to eq(1)
    end

    it 'says so of a host that does not exist' do
      push_to('http://gateway.invalid:9091', retry_attempts: 0)

      expect(failure).to match(/SocketError|ResolutionError/)
    end

    it 'waits no longer than export_timeout for an answer, however slowly it comes' do
      TCPServer.open('127.0.0.1', 0) do |server|
        drip = Thread.new do
          socket = server.accept
          loop { socket.write('H') && sleep(0.05) }
        rescue SystemCallError
          nil
        end
        push_to("http://127.0.0.1:#{server.addr[1]}", retry_attempts: 0, export_timeout: 0.3)
        started = Process.clock_gettime(Process::CLOCK_MONOTONIC)

        expect(failure).to include('Timeout::Error', '1 times')
        expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - started).to be < 3
      ensure
        drip.kill
      end
    end
  end

  it 'has nothing to push where nothing was recorded' do
    metrics.clear!
    push_to("http://127.0.0.1:#{Pushgateway.free_port}")

    expect(push.push!.to_s).to eq('There is nothing to push: no metrics were recorded.')
  end
end
