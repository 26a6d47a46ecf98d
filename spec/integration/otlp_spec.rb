# frozen_string_literal: true

require_relative '../support/otlp_receiver'
require_relative '../support/traffic'

# What a collector gets, decoded there by the official protobuf classes.
RSpec.describe 'The exporter :otlp' do
  before(:all) { @receiver = OtlpReceiver.start } # rubocop:disable RSpec/BeforeAfterAll -- one process for all

  after(:all) { @receiver.stop } # rubocop:disable RSpec/BeforeAfterAll, RSpec/InstanceVariable

  before do
    receiver.clear
    receiver.answer_with({})
    configure(exporter: :otlp, otlp_endpoint: receiver.endpoint)
  end

  let(:receiver) { @receiver } # rubocop:disable RSpec/InstanceVariable

  def send_one_span
    publish('step.completed', task_id: 1, step_id: "s#{stats[:accepted]}")
    Tasker::Native.flush
  end

  describe 'of a task with all kinds of steps' do
    %w[gzip none].each do |compression|
      it "delivers just what was published, with compression #{compression}" do
        configure(otlp_compression: compression)
        traffic = Traffic.new.run

        expect(traffic.problems(receiver.spans)).to be_empty
        expect(receiver.spans.size).to eq(traffic.expected.size)
        expect(receiver.requests).to contain_exactly(
          have_attributes(content_encoding: compression == 'gzip' ? 'gzip' : nil, unknown_bytes: 0, status: 200)
        )
      end
    end

    it 'delivers nothing that is secret' do
      Traffic.new.run
      seen = receiver.spans.map(&:to_h).to_s

      expect(Traffic::SECRETS.select { |secret| seen.include?(secret) }).to be_empty
    end

    it 'says which process of which service they come from' do
      configure(service_name: 'orders', service_version: '1.2.3')
      traffic = Traffic.new(prefix: 'orders').run

      expect(traffic.problems(receiver.spans)).to be_empty
      expect(receiver.resources.size).to eq(1)
      expect(receiver.resources.first).to include(
        'service.name' => 'orders', 'service.version' => '1.2.3', 'process.pid' => Process.pid,
        'telemetry.sdk.language' => 'ruby', 'telemetry.sdk.name' => 'tasker-native', 'host.name' => be_a(String)
      )
      expect(receiver.spans.map(&:scope).uniq).to eq([['tasker-native', Tasker::Native::VERSION]])
    end

    it 'has the ids that the handler saw' do
      seen = handle { Tasker::Native.current_span }
      Tasker::Native.flush

      expect(receiver.spans.first).to have_attributes(trace_id: seen.trace_id, span_id: seen.span_id)
    end

    it 'has the link and the number of a run that came again' do
      2.times { %w[task.start_requested task.completed].each { |event| publish(event, task_id: 1) } }
      Tasker::Native.flush
      first, second = receiver.spans

      expect(second.links).to contain_exactly(have_attributes(trace_id: first.trace_id, span_id: first.span_id))
      expect(second.attributes).to include('tasker.run' => 2)
    end

    it 'counts what limits have left out' do
      configure(span_attribute_count_limit: 2, span_event_count_limit: 0)
      publish('step.completed', task_id: 1, step_id: 2, a: 1, b: 2, timestamp: 't')
      Tasker::Native.flush

      expect(receiver.spans.first).to have_attributes(attributes: { 'tasker.task_id' => '1', 'tasker.step_id' => '2' },
                                                      dropped_attributes_count: 3, dropped_events_count: 1)
    end
  end

  describe 'its requests' do
    it 'go to /v1/traces, with content type and user agent' do
      send_one_span

      expect(receiver.requests.first).to have_attributes(
        http_method: 'POST', path: '/v1/traces', content_type: 'application/x-protobuf',
        user_agent: "OTel-OTLP-Exporter-tasker-native/#{Tasker::Native::VERSION} Ruby/#{RUBY_VERSION}"
      )
      expect(receiver.requests.first.headers).not_to have_key('expect')
    end

    it 'have the headers that are set' do
      configure(otlp_headers: { 'X-Tenant' => 'acme', authorization: 'Bearer abc=' })
      send_one_span

      expect(receiver.requests.first.headers).to include('x-tenant' => 'acme', 'authorization' => 'Bearer abc=')
    end

    it 'go below a base that has a path' do
      configure(otlp_endpoint: "#{receiver.endpoint}/base/")
      send_one_span

      expect(receiver.requests.first).to have_attributes(path: '/base/v1/traces', status: 404)
    end

    it 'go just where the variable of the signal says' do
      with_env(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "#{receiver.endpoint}/elsewhere",
               OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_EXPORTER_OTLP_HEADERS: 'x-from=the%20env') do
        Tasker.reset_configuration!
        send_one_span
      end

      expect(receiver.requests.first).to have_attributes(path: '/elsewhere', headers: include('x-from' => 'the env'))
    end

    it 'go below the endpoint that the environment names' do
      with_env(OTEL_EXPORTER_OTLP_ENDPOINT: "#{receiver.endpoint}/", OTEL_EXPORTER_OTLP_COMPRESSION: 'none') do
        Tasker.reset_configuration!
        send_one_span
      end

      expect(receiver.requests.first).to have_attributes(path: '/v1/traces', content_encoding: nil, status: 200)
    end

    it 'carry at most a batch each, and as many as are needed' do
      configure(max_export_batch_size: 10)
      25.times { |id| publish('step.completed', task_id: 1, step_id: id) }
      Tasker::Native.flush

      expect(receiver.requests.map { |request| request.spans.size }).to all(be <= 10)
      expect(receiver.spans.map { |span| span.attributes['tasker.step_id'].to_i }).to eq((0...25).to_a)
    end

    it 'go by themselves after the delay' do
      configure(schedule_delay: 0.05)
      publish('step.completed', task_id: 1, step_id: 2)

      expect(receiver.wait_for(count: 1).size).to eq(1)
      eventually('the account') { stats[:exported] == 1 }
    end

    it 'go by themselves when a batch is full' do
      configure(schedule_delay: 3600, max_export_batch_size: 5)
      5.times { |id| publish('step.completed', task_id: 1, step_id: id) }

      expect(receiver.wait_for(count: 5).size).to eq(5)
    end

    it 'use a proxy for no loopback address' do
      with_env(http_proxy: 'http://127.0.0.1:1') do
        configure(service_version: '2')
        send_one_span
      end

      expect(receiver.requests.size).to eq(1)
    end
  end

  describe 'large spans' do
    it 'arrive whole' do
      text = 'ä€😀' * 5_000
      publish('step.completed', task_id: 1, step_id: 2, **(1..4).to_h { |number| [:"text#{number}", text] })
      Tasker::Native.flush

      expect(receiver.spans.first.attributes.values_at('tasker.text1', 'tasker.text4')).to eq([text, text])
    end

    it 'arrive in numbers' do
      configure(max_queue_size: 5_000)
      2_000.times { |id| publish('step.completed', task_id: 1, step_id: id, text: 'x' * 100) }

      expect(Tasker::Native.flush(timeout: 30)).to be(true)
      expect(receiver.spans.map { |span| span.attributes['tasker.step_id'] }.uniq.size).to eq(2_000)
      expect(stats).to include(accepted: 2_000, exported: 2_000, in_flight: 0)
    end
  end
end
