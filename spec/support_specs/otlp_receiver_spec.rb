# frozen_string_literal: true

require 'net/http'
require 'open3'
require 'opentelemetry-exporter-otlp'
require 'opentelemetry-sdk'
require 'socket'
require 'zlib'
require_relative '../support/otlp_receiver'

# The sender is OpenTelemetry's own SDK, so that the receiver is proved by something that is not ours.
RSpec.describe OtlpReceiver do
  # An SDK of its own, nothing global.
  def sdk(endpoint: receiver.endpoint, compression: 'none', timeout: 5, headers: {})
    exporter = OpenTelemetry::Exporter::OTLP::Exporter.new(
      endpoint: "#{endpoint}/v1/traces", compression: compression, timeout: timeout, headers: headers
    )
    resource = OpenTelemetry::SDK::Resources::Resource.create('service.name' => 'orders', 'process.pid' => 42)
    OpenTelemetry::SDK::Trace::TracerProvider.new(resource: resource).tap do |provider|
      provider.add_span_processor(OpenTelemetry::SDK::Trace::Export::BatchSpanProcessor.new(exporter))
    end
  end

  # @return what the exporter made of it
  def send_spans(*names, **options)
    provider = sdk(**options)
    tracer = provider.tracer('spec', '1.2.3')
    names.each { |name| tracer.start_root_span(name).finish }
    provider.force_flush
  ensure
    provider.shutdown
  end

  def post(body, path: '/v1/traces', to: receiver, **headers)
    headers = { 'Content-Type' => 'application/x-protobuf' }.merge(headers.transform_keys { |k| k.to_s.tr('_', '-') })
    Net::HTTP.post(URI("#{to.endpoint}#{path}"), body, headers)
  end

  def trace_service
    Opentelemetry::Proto::Collector::Trace::V1
  end

  def request_of(**span)
    span = { trace_id: "\x01".b * 16, span_id: "\x02".b * 8, name: 'hand-made' }.merge(span)
    trace_service::ExportTraceServiceRequest.new(resource_spans: [{ scope_spans: [{ spans: [span] }] }])
  end

  # One process for all examples.
  before(:all) { @receiver = described_class.start } # rubocop:disable RSpec/BeforeAfterAll

  after(:all) { @receiver.stop } # rubocop:disable RSpec/BeforeAfterAll, RSpec/InstanceVariable

  before do
    receiver.clear
    receiver.answer_with({})
  end

  let(:receiver) { @receiver } # rubocop:disable RSpec/InstanceVariable

  %w[none gzip].each do |compression|
    it "decodes what the SDK sends with compression #{compression}" do
      names = Array.new(20) { |number| "span #{number}" }
      send_spans(*names, compression: compression, headers: { 'x-tenant' => 'acme' })

      expect(receiver.spans.map(&:name)).to eq(names)
      expect(receiver.requests).to contain_exactly(
        have_attributes(http_method: 'POST', path: '/v1/traces', content_type: 'application/x-protobuf',
                        content_encoding: compression == 'gzip' ? 'gzip' : nil,
                        user_agent: /OTel-OTLP-Exporter-Ruby/, headers: include('x-tenant' => 'acme'),
                        spans: names, status: 200, unknown_bytes: 0, error: nil)
      )
      expect(receiver.requests.first.wire_bytes <=> receiver.requests.first.bytes).to eq(compression == 'gzip' ? -1 : 0)
    end
  end

  it 'shows a span as it was made: ids, times, kind, typed attributes, status, scope and resource' do
    provider = sdk
    attributes = { 's' => 'ö"\\', 'i' => -(2**63), 'f' => 1.5, 'b' => false, 'list' => %w[a b], 'empty' => '' }
    made = provider.tracer('spec', '1.2.3').start_root_span('made', kind: :client, attributes: attributes)
    made.status = OpenTelemetry::Trace::Status.error('no money')
    made.finish
    provider.shutdown

    expect(receiver.root).to have_attributes(
      name: 'made', id: made.context.hex_span_id, trace_id: made.context.hex_trace_id, parent_id: nil,
      kind: :client, start_ns: made.start_timestamp, end_ns: made.end_timestamp, attributes: attributes,
      status: 'ERROR', status_message: 'no money', flags: 0x101, trace_state: '', scope: ['spec', '1.2.3'],
      resource: include('service.name' => 'orders', 'process.pid' => 42)
    )
    expect(receiver.resources).to eq([receiver.root.resource])
  end

  it 'shows the events and links of a span, and who its parent is' do
    provider = sdk
    tracer = provider.tracer('spec')
    other = tracer.start_root_span('other')
    parent = tracer.start_root_span('parent', links: [OpenTelemetry::Trace::Link.new(other.context, 'why' => 'retry')])
    parent.add_event('step.failed', attributes: { 'attempt' => 1 }, timestamp: Time.at(1_700_000_000, 5, :nsec))
    child = tracer.start_span('child', with_parent: OpenTelemetry::Trace.context_with_span(parent))
    [child, parent, other].each(&:finish)
    provider.shutdown

    expect(receiver.spans('child').first).to have_attributes(parent_id: parent.context.hex_span_id, root?: false)
    expect(receiver.spans('parent').first).to have_attributes(
      events: [have_attributes(name: 'step.failed', time_ns: 1_700_000_000_000_000_005,
                               attributes: { 'attempt' => 1 })],
      links: [have_attributes(trace_id: other.context.hex_trace_id, span_id: other.context.hex_span_id,
                              attributes: { 'why' => 'retry' })]
    )
    expect(receiver.traces.transform_values(&:size)).to eq(parent.context.hex_trace_id => 2,
                                                           other.context.hex_trace_id => 1)
    expect(receiver.roots.map(&:name)).to contain_exactly('parent', 'other')
    expect { receiver.root }.to raise_error(described_class::Unexpected, /2 roots.*parent/m)
  end

  it 'loses and doubles nothing when many send at once' do
    names = Array.new(8) { |sender| Array.new(200) { |number| "#{sender}/#{number}" } }
    names.map { |list| Thread.new { send_spans(*list, compression: 'gzip') } }.each(&:join)

    expect(receiver.spans.map(&:name)).to match_array(names.flatten)
  end

  it 'waits for what is still to come, and says what there is when it does not come' do
    sender = Thread.new { sleep(0.1) && send_spans('late') }

    expect(receiver.wait_for(count: 1, name: 'late').map(&:name)).to eq(['late'])
    expect { receiver.wait_for(count: 2, timeout: 0.05) }
      .to raise_error(described_class::Unexpected, /for 2 spans.*late/m)
    sender.join
  end

  it 'forgets what came before clear' do
    send_spans('before')
    receiver.clear
    send_spans('after')

    expect(receiver.spans.map(&:name)).to eq(['after'])
    expect(receiver.requests.size).to eq(1)
  end

  describe 'answers' do
    it 'can refuse first and take the same spans later' do
      receiver.answer_with({ status: 503, retry_after: 1 }, { status: 200 })
      send_spans('retried')

      expect(receiver.requests.map(&:status)).to eq([503, 200])
      expect(receiver.requests[1].time - receiver.requests[0].time).to be >= 0.9
      expect(receiver.spans.map(&:name)).to eq(['retried'])
    end

    it 'can take its time' do
      receiver.answer_with({ delay: 0.3 })
      started = Time.now
      send_spans('slow')

      expect(Time.now - started).to be_between(0.3, 2)
      expect(receiver.spans.size).to eq(1)
    end

    it 'can accept a part' do
      receiver.answer_with({ partial_success: { rejected_spans: 1, error_message: 'too old' } })
      response = post(request_of.to_proto)

      expect(trace_service::ExportTraceServiceResponse.decode(response.body).partial_success)
        .to have_attributes(rejected_spans: 1, error_message: 'too old')
      expect(receiver.spans).to be_empty
    end

    it 'is an empty ExportTraceServiceResponse otherwise' do
      response = post(request_of.to_proto)

      expect(response).to have_attributes(code: '200', content_type: 'application/x-protobuf')
      expect(trace_service::ExportTraceServiceResponse.decode(response.body).partial_success).to be_nil
    end

    it 'must be known ones' do
      expect { receiver.answer_with({ stattus: 503 }) }.to raise_error(ArgumentError, /stattus/)
    end
  end

  describe 'a request that a collector would refuse' do
    def refused(response)
      message = Google::Rpc::Status.decode(response.body).message
      expect(receiver.spans).to be_empty
      expect(receiver.requests.map(&:error)).to eq([message])
      "#{response.code} #{message}"
    end

    it 'is told so: no protobuf, no gzip, a gzip that is cut, damaged or followed by something' do
      zipped = Zlib.gzip(request_of.to_proto)
      damaged = zipped.dup.tap { |bytes| bytes.setbyte(-6, bytes.getbyte(-6) ^ 1) }

      expect(refused(post('no protobuf'))).to start_with('400 ')
      ['plain', zipped[0..-3], damaged, "#{zipped}more"].each do |body|
        receiver.clear
        expect(refused(post(body, Content_Encoding: 'gzip'))).to start_with('400 ')
      end
    end

    it 'is told so: ids of a wrong size or zero, an attribute twice' do
      twice = Array.new(2) { { key: 'twice', value: { string_value: '' } } }
      { { trace_id: 'short' } => 'trace id "73686f7274"', { span_id: "\0" * 8 } => 'span id "0000',
        { parent_span_id: 'no' } => 'parent span id', { links: [{ trace_id: 'x' }] } => 'of a link',
        { attributes: twice } => '"twice"' }.each do |fields, message|
        receiver.clear
        expect(refused(post(request_of(**fields).to_proto))).to include('400 ', message)
      end
    end

    it 'is told so: another path, method, type or encoding' do
      body = request_of.to_proto
      expect(refused(post(body, path: '/v1/trace'))).to start_with('404 ')
      receiver.clear
      expect(refused(post(body, Content_Type: 'application/json'))).to start_with('415 ')
      receiver.clear
      expect(refused(post(body, Content_Encoding: 'br'))).to start_with('400 ')
      receiver.clear
      expect(refused(Net::HTTP.get_response(URI("#{receiver.endpoint}/v1/traces")))).to start_with('405 ')
    end
  end

  it 'tells of fields which the official classes do not know' do
    post(request_of.to_proto + "\xfa\x3e\x03abc".b) # field 1007

    expect(receiver.requests.first).to have_attributes(status: 200, unknown_bytes: 6)
  end

  it 'keeps every kind of value that a protobuf may have' do
    nested = (1..20).reduce({ string_value: 'deep' }) { |inner, _| { array_value: { values: [inner] } } }
    values = { bytes: { bytes_value: "\xff\0".b }, nan: { double_value: Float::INFINITY }, none: {},
               map: { kvlist_value: { values: [{ key: 'k', value: { int_value: 7 } }] } }, nested: nested }
    attributes = values.map { |key, value| { key: key.to_s, value: value } }
    largest = { start_time_unix_nano: (2**64) - 1, dropped_links_count: (2**32) - 1 }
    post(request_of(attributes: attributes, **largest).to_proto)

    expect(receiver.root).to have_attributes(start_ns: (2**64) - 1, dropped_links_count: (2**32) - 1)
    expect(receiver.root.attributes).to match(
      'bytes' => "\xff\0".b, 'nan' => Float::INFINITY, 'none' => nil, 'map' => { 'k' => 7 }, 'nested' => be_an(Array)
    )
    expect(receiver.root.attributes['nested'].flatten).to eq(['deep'])
  end

  describe 'the process' do
    def alive?(pid)
      !File.read("/proc/#{pid}/stat").split[2].match?(/[ZX]/)
    rescue SystemCallError
      false
    end

    def ends?(pid)
      100.times { alive?(pid) ? sleep(0.05) : (return true) }
      false
    end

    def directories_of(pid)
      Dir.glob(File.join(Dir.tmpdir, "otlp_receiver*-#{pid}-*"))
    end

    # @yield endpoint, output, process
    def with_program
      Open3.popen2e(RbConfig.ruby, described_class::PROGRAM, '--port', '0') do |_, output, process|
        yield output.gets[/http\S+/], output, process
      ensure
        Process.kill('KILL', process.pid) if process.alive?
      end
    end

    it 'ends when its parent was killed' do
      support = File.expand_path('../support/otlp_receiver', __dir__)
      script = '$stdout.syswrite("#{OtlpReceiver.start.pid}\n"); sleep' # rubocop:disable Lint/InterpolationCheck
      parent = IO.popen([RbConfig.ruby, '-r', support, '-e', script])
      pid = Integer(parent.gets)
      expect(alive?(pid)).to be(true)
      Process.kill('KILL', parent.pid)

      expect(ends?(pid)).to be(true)
    ensure
      FileUtils.rm_rf(directories_of(parent.pid)) # nobody was left to do it
      parent.close
    end

    it 'listens on the port it is told, and leaves nothing behind' do
      port = Addrinfo.tcp('127.0.0.1', 0).bind { |socket| socket.local_address.ip_port }
      own = described_class.start(port: port, path: '/custom', status: 429)
      directory = directories_of(Process.pid).max_by { |path| File.ctime(path) }

      expect(own.endpoint).to eq("http://127.0.0.1:#{port}")
      expect(post('', path: '/custom', to: own).code).to eq('429')
      pid = own.pid
      own.stop
      expect([alive?(pid), File.exist?(directory)]).to eq([false, false])
    end

    it 'says why it does not start' do
      taken = TCPServer.new('127.0.0.1', 0)
      expect { described_class.start(port: taken.addr[1]) }
        .to raise_error(described_class::Unexpected, /does not start.*Address already in use/m)
    ensure
      taken.close
    end

    %w[INT TERM].each do |signal|
      it "prints what comes, harmlessly, and ends well after SIG#{signal}" do
        with_program do |endpoint, output, process|
          Net::HTTP.post(URI("#{endpoint}/v1/traces"), request_of(name: "bad\e[2J\nname").to_proto,
                         'Content-Type' => 'application/x-protobuf')
          line = output.gets
          Process.kill(signal, process.pid)

          expect(line).to match(%r{POST  /v1/traces  200  \d+ bytes  1 span: bad\\u\{1b\}\[2J\\u\{a\}name$})
          expect(process.value.exitstatus).to eq(0)
          expect(output.read).to eq('')
        end
      end
    end

    it 'explains itself' do
      output, status = Open3.capture2e(RbConfig.ruby, described_class::PROGRAM, '--help')

      expect(output).to include('Usage:', '--port', '--output')
      expect(status).to be_success
    end
  end
end
