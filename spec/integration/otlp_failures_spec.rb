# frozen_string_literal: true

require_relative '../support/collectors'
require_relative '../support/fault_receiver'
require_relative '../support/otlp_receiver'

# What is said and counted when spans do not arrive, and there is no spool. Of what is tried again: delivery_spec.rb.
RSpec.describe 'The exporter :otlp, with a collector that fails' do
  include Collectors

  # What the only log line about losses is.
  let(:told) { eventually('a log line') { log_lines(/lost/).first } }

  def export_to(endpoint, count = 1, **settings)
    configure(exporter: :otlp, otlp_endpoint: endpoint, **settings)
    count.times { |id| publish('step.completed', task_id: 1, step_id: "s#{id}") }
    Tasker::Native.flush
  end

  def dropped
    stats[:dropped].reject { |_, count| count.zero? }
  end

  describe 'that answers with a status' do
    before(:all) { @receiver = OtlpReceiver.start } # rubocop:disable RSpec/BeforeAfterAll -- one process for all

    after(:all) { @receiver.stop } # rubocop:disable RSpec/BeforeAfterAll, RSpec/InstanceVariable

    before { receiver.clear }

    let(:receiver) { @receiver } # rubocop:disable RSpec/InstanceVariable

    [400, 401, 403, 404, 413, 500, 501].each do |status|
      it "#{status} counts the spans as rejected, and says where, which and what next" do
        receiver.answer_with({ status: status })

        expect(export_to(receiver.endpoint, 3)).to be(true)
        expect(stats).to include(accepted: 3, exported: 0, in_flight: 0)
        expect(dropped).to eq(rejected: 3)
        expect(told).to start_with('WARN tasker-native: 3 spans were lost (rejected): ' \
                                   "POST #{receiver.endpoint}/v1/traces answered #{status}. Next: ")
        expect(told).to include('tel.otlp_endpoint')
        expect(receiver.requests.size).to eq(1)
      end
    end

    it 'goes on with the next batch' do
      receiver.answer_with({ status: 500 }, { status: 200 })
      export_to(receiver.endpoint)
      publish('step.completed', task_id: 1, step_id: 'again')
      Tasker::Native.flush

      expect(stats).to include(accepted: 2, exported: 1)
      expect(dropped).to eq(rejected: 1)
      expect(Tasker::Native.shutdown).to be(false)
    end

    it 'is told of once a minute, not with each batch' do
      receiver.answer_with({ status: 500 })
      export_to(receiver.endpoint, 10, max_export_batch_size: 1)

      expect(told).to include('1 span was lost', 'Told once a minute')
      expect(dropped).to eq(rejected: 10)
      expect(log_lines(/lost/).size).to eq(1)
    end

    it 'has rejected a part: counted, with what it said' do
      receiver.answer_with({ partial_success: { rejected_spans: 2, error_message: 'too old' } })

      expect(export_to(receiver.endpoint, 5)).to be(true)
      expect(stats).to include(accepted: 5, exported: 3)
      expect(dropped).to eq(rejected: 2)
      expect(told).to include('2 spans were lost (rejected)', 'too old')
      expect(receiver.requests.size).to eq(1)
    end

    it 'has a word to say, though it took all' do
      receiver.answer_with({ partial_success: { rejected_spans: 0, error_message: 'use gzip' } })
      export_to(receiver.endpoint)

      expect(stats).to include(exported: 1)
      expect(eventually('a log line') { log_lines(/use gzip/).first }).to include('the collector says')
    end

    it 'answers too late: the deadline is that of otlp_timeout' do
      receiver.answer_with({ delay: 5 })
      took = seconds { export_to(receiver.endpoint, otlp_timeout: 0.2) }

      expect(took).to be < 2
      expect(dropped).to eq(deadline: 1)
      expect(told).to include('1 span was lost (deadline)', 'too slow')
    end
  end

  it 'that nobody is: counted as unreachable, told once with what to do' do
    export_to(dead_endpoint, 5, max_export_batch_size: 1, otlp_timeout: 0.2)

    expect(stats).to include(accepted: 5, exported: 0, in_flight: 0)
    expect(dropped).to eq(unreachable: 5)
    expect(told).to match(/WARN .*1 span was lost \(unreachable\): POST http.*Failed to connect.*Next: start a coll/)
    expect(log_lines(/lost/).size).to eq(1)
  end

  it 'whose name does not exist: counted as unreachable' do
    export_to('http://collector.invalid:4318', otlp_timeout: 3)

    expect(dropped.keys - %i[unreachable deadline]).to be_empty
    expect(dropped.values).to eq([1])
  end

  it 'that takes connections and says nothing: no longer than the timeout' do
    with_server do |endpoint|
      expect(seconds { export_to(endpoint, otlp_timeout: 0.2) }).to be < 2
    end

    expect(dropped).to eq(deadline: 1)
  end

  it 'that holds up nobody who publishes meanwhile' do
    with_server do |endpoint|
      configure(exporter: :otlp, otlp_endpoint: endpoint, otlp_timeout: 1, schedule_delay: 0, max_queue_size: 100)
      publish('step.completed', task_id: 1, step_id: 'first')
      eventually('the request') { stats[:queued].zero? }
      longest = (0...1_000).map { |id| seconds { publish('step.completed', task_id: 1, step_id: id) } }.max

      expect(longest).to be < 0.2
      expect(stats).to include(queued: be <= 100)
      expect(dropped).to eq(queue_full: 900)
      expect(balanced?).to be(true)
      expect(log_lines(/queue_full/)).to contain_exactly(match(/max_queue_size or tel.max_queue_bytes/)) # at once
    end
  end

  it 'that makes flush wait no longer than it should' do
    with_server do |endpoint|
      configure(exporter: :otlp, otlp_endpoint: endpoint, otlp_timeout: 30)
      publish('step.completed', task_id: 1, step_id: 1)

      expect(seconds { expect(Tasker::Native.flush(timeout: 0.2)).to be(false) }).to be_between(0.2, 1.5)
      expect(stats).to include(in_flight: 1)
      expect(seconds { expect(Tasker::Native.shutdown(timeout: 0.2)).to be(false) }).to be < 2
      expect(dropped).to eq(deadline: 1)
    end
  end

  {
    'hangs up before it answers' => [lambda(&:close), :unreachable],
    'answers with no HTTP' => ["SSH-2.0-OpenSSH_9.2\r\n", :unreachable],
    'redirects' => ["HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", :rejected],
    'answers with half a response' => ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", :unreachable]
  }.each do |what, (bytes, reason)|
    it "that #{what}: counted as #{reason}" do
      with_server(bytes.is_a?(String) ? answer(bytes) : bytes) { |endpoint| export_to(endpoint, otlp_timeout: 2) }

      expect(dropped).to eq(reason => 1)
      expect(told).to include("(#{reason})")
    end
  end

  it 'that answers 200 with garbage: taken for delivered' do
    body = "\xFF\xFE\x00garbage".b * 10
    with_server(answer("HTTP/1.1 200 OK\r\nContent-Length: #{body.bytesize}\r\n\r\n#{body}")) do |endpoint|
      export_to(endpoint, 3)
    end

    expect(stats).to include(accepted: 3, exported: be_between(0, 3))
    expect(balanced?).to be(true)
  end

  it 'that answers without end: given up at 4 MiB' do
    endless = lambda do |socket|
      socket.readpartial(65_536)
      socket.write("HTTP/1.1 200 OK\r\n\r\n")
      loop { socket.write('x' * 1_000_000) }
    rescue SystemCallError, IOError
      nil # the sender has gone
    end
    with_server(endless) { |endpoint| export_to(endpoint, otlp_timeout: 5) }

    expect(dropped.values).to eq([1])
    expect(stats).to include(in_flight: 0)
  end

  it 'that was the wrong one: what comes after a change arrives, and what was not given up yet' do
    configure(exporter: :otlp, otlp_endpoint: dead_endpoint, otlp_timeout: 60, schedule_delay: 0)
    publish('step.completed', task_id: 1, step_id: 'first')
    eventually('a try') { stats[:queued].zero? }
    configure(exporter: :memory)
    publish('step.completed', task_id: 1, step_id: 'second')

    expect(spans.map { |span| span.attributes['tasker.step_id'] }).to eq(%w[first second])
    expect(stats).to include(accepted: 2, exported: 2)
  end

  it 'that was the wrong one: what it may have got once is not sent to another one, whatever it has answered since' do
    receiver = FaultReceiver.new(:reset_after_body, [:status, 503])
    configure(exporter: :otlp, otlp_endpoint: receiver.url, otlp_timeout: 60, schedule_delay: 0)
    publish('step.completed', task_id: 1, step_id: 'first')
    eventually('a second try') { receiver.requests.size == 2 }
    configure(exporter: :memory)

    expect(spans).to be_empty
    expect(dropped).to eq(unreachable: 1)
  ensure
    receiver&.stop
  end

  it 'that was the wrong one: what it may have got is not sent to another one' do
    with_server do |endpoint|
      configure(exporter: :otlp, otlp_endpoint: endpoint, otlp_timeout: 60, schedule_delay: 0)
      publish('step.completed', task_id: 1, step_id: 'first')
      eventually('a try') { stats[:queued].zero? }
      configure(exporter: :memory)

      expect(spans).to be_empty
      expect(dropped).to eq(deadline: 1)
    end
  end
end
