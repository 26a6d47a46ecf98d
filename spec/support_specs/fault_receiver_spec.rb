# frozen_string_literal: true

require 'net/http'
require 'opentelemetry/proto/collector/trace/v1/trace_service_pb'
require 'openssl'
require 'socket'
require 'timeout'
require 'zlib'
require_relative '../support/fault_receiver'

RSpec.describe FaultReceiver do
  def trace_service
    Opentelemetry::Proto::Collector::Trace::V1
  end

  # @return [String] a request with spans of these numbers
  def body_of(*numbers)
    spans = numbers.map { |number| { trace_id: "\x01".b * 16, span_id: [number].pack('Q>'), name: "span #{number}" } }
    trace_service::ExportTraceServiceRequest.new(resource_spans: [{ scope_spans: [{ spans: spans }] }]).to_proto
  end

  def id(number)
    format('%016x', number)
  end

  # One connection of Net::HTTP, which would try again by itself, and take a part of a body for all of it.
  def with_http(to = receiver, **options)
    http = Net::HTTP.new(URI(to.url).host, to.port, nil)
    { max_retries: 0, ignore_eof: false, read_timeout: 5, keep_alive_timeout: 60,
      use_ssl: to.url.start_with?('https'), **options }
      .each { |name, value| http.public_send("#{name}=", value) }
    http.start { yield http }
  end

  def post_on(http, body, path: '/v1/traces', **headers)
    http.post(path, body, { 'Content-Type' => 'application/x-protobuf' }.merge(headers.transform_keys(&:to_s)))
  end

  # @return [Net::HTTPResponse] to a request on a connection of its own
  def post(body = body_of(1), to: receiver, path: '/v1/traces', http: {}, **headers)
    with_http(to, **http) { |connection| post_on(connection, body, path: path, **headers) }
  end

  def raw_request(body = body_of(1))
    "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Length: #{body.bytesize}\r\n\r\n".b + body
  end

  # @return [String] all that is answered before the connection ends
  def raw_answer(request = raw_request)
    TCPSocket.open('127.0.0.1', receiver.port) do |socket|
      socket.write(request)
      Timeout.timeout(5) { socket.read }
    end
  end

  def faults(*faults)
    receiver.faults = faults
  end

  let(:receiver) { described_class.new }

  after { receiver.stop }

  describe 'what it receives' do
    it 'is there as it was sent, with a header that names the batch' do
      before = now
      post(body_of(1, 2), 'Idempotency-Key': 'batch 7', 'X-Twice': 'a')

      expect(receiver.requests).to contain_exactly(
        have_attributes(time: be_between(before, now), connection: 1, http_method: 'POST', path: '/v1/traces',
                        headers: include('idempotency-key' => 'batch 7', 'x-twice' => 'a'), idempotency_key: 'batch 7',
                        wire_bytes: body_of(1, 2).bytesize, bytes: body_of(1, 2).bytesize, unknown_bytes: 0,
                        span_ids: [id(1), id(2)], names: ['span 1', 'span 2'], fault: [:ok], error: nil)
      )
      expect(receiver.accepted_span_ids).to eq([id(1), id(2)])
    end

    it 'may be compressed' do
      zipped = Zlib.gzip(body_of(*1..100))
      post(zipped, 'Content-Encoding': 'gzip')

      expect(receiver.requests.first).to have_attributes(wire_bytes: zipped.bytesize, bytes: body_of(*1..100).bytesize)
      expect(receiver.received_span_ids).to eq((1..100).map { |number| id(number) })
    end

    it 'may have fields that the official classes do not know' do
      post(body_of(1) + "\xfa\x3e\x03abc".b) # field 1007

      expect(receiver.requests.first).to have_attributes(unknown_bytes: 6, error: nil)
    end

    it 'comes on connections that have numbers and are kept' do
      with_http { |http| [1, 2].each { |number| post_on(http, body_of(number)) } }
      post(body_of(3))

      expect(receiver.requests.map { |request| [request.connection, request.span_ids] })
        .to eq([[1, [id(1)]], [1, [id(2)]], [2, [id(3)]]])
      expect(receiver.connections).to eq(2)
    end

    it 'is complete when many send at once' do
      senders = Array.new(8) do |sender|
        Thread.new { with_http { |http| 20.times { |i| post_on(http, body_of((sender * 20) + i + 1)) } } }
      end
      senders.each(&:join)

      expect(receiver.accepted_span_ids).to match_array((1..160).map { |number| id(number) })
    end

    it 'is refused as a collector would, whatever the fault is, and says why' do
      faults [:status, 503]
      codes = [post('no protobuf'), post('no gzip', 'Content-Encoding': 'gzip'), post(body_of(0)),
               post(path: '/elsewhere')].map(&:code)
      without_length = raw_answer("POST /v1/traces HTTP/1.1\r\n\r\n")

      expect([*codes, without_length[9, 3]]).to eq(['400'] * 5)
      expect(receiver.requests.map(&:error))
        .to match([/parsing/i, /gzip/, /span id "0000/, 'POST /elsewhere', 'no Content-Length'])
      expect(receiver.received_span_ids).to be_empty
    end

    it 'is nothing when the sender gives up before the end, or speaks something else' do
      [raw_request[0..-2], raw_request[0, 30], "\x16\x03\x01 TLS?\n", ''].each do |bytes|
        TCPSocket.open('127.0.0.1', receiver.port) do |socket|
          socket.write(bytes)
          socket.close_write
          expect(socket.read).to eq('')
        end
      end
      expect(receiver.requests).to be_empty
    end
  end

  describe 'its list of faults' do
    it 'is used up, but for the last one' do
      faults [:status, 503], [:status, 429], :ok

      expect(Array.new(4) { |number| post(body_of(number + 1)).code }).to eq(%w[503 429 200 200])
      expect(receiver.faults).to eq([[:ok]])
      expect(receiver.accepted_span_ids).to eq([id(3), id(4)])
      expect(receiver.received_span_ids.size).to eq(4)
    end

    it 'can be given at the start' do
      own = described_class.new([:status, 500], :ok)

      expect([post(to: own).code, post(to: own).code]).to eq(%w[500 200])
    ensure
      own.stop
    end

    it 'has only those that there are, with what they need' do
      expect { faults :okay }.to raise_error(ArgumentError, /okay/)
      expect { faults :answer }.to raise_error(ArgumentError, /answer/)
      expect { faults [:status, { body: '' }] }.to raise_error(ArgumentError, /status needs 1/)
      expect { faults }.to raise_error(ArgumentError)
    end
  end

  describe 'answers' do
    it ':ok is an empty ExportTraceServiceResponse' do
      response = post

      expect(response).to have_attributes(code: '200', content_type: 'application/x-protobuf', body: '')
    end

    it ':status is any, with headers and a body' do
      faults [:status, 503, { headers: { 'Retry-After' => '1' }, body: 'busy' }], [:status, 202], [:status, 204]
      responses = Array.new(3) { |number| post(body_of(number + 1)) }

      expect(responses[0]).to have_attributes(code: '503', body: 'busy', to_hash: include('retry-after' => ['1']))
      expect(responses[2]).to have_attributes(code: '204', body: nil)
      expect(receiver.accepted_span_ids).to eq([id(2), id(3)])
    end

    it ':redirect asks for the same POST elsewhere' do
      faults [:redirect, 'http://127.0.0.1:1/v1/traces'], [:redirect, '/', { status: 301 }]

      expect([post, post].map { |response| [response.code, response['location']] })
        .to eq([['307', 'http://127.0.0.1:1/v1/traces'], ['301', '/']])
      expect(receiver.accepted_span_ids).to be_empty
    end

    it ':partial_success rejects the last spans' do
      faults [:partial_success, 2, 'too old'], [:partial_success, 9]
      response = post(body_of(1, 2, 3))
      post(body_of(4))

      expect(trace_service::ExportTraceServiceResponse.decode(response.body).partial_success)
        .to have_attributes(rejected_spans: 2, error_message: 'too old')
      expect(receiver.accepted_span_ids).to eq([id(1)])
      expect(receiver.received_span_ids).to eq([1, 2, 3, 4].map { |number| id(number) })
    end

    it ':bad_protobuf is no ExportTraceServiceResponse' do
      faults :bad_protobuf
      response = post

      expect(response.code).to eq('200')
      expect { trace_service::ExportTraceServiceResponse.decode(response.body) }
        .to raise_error(Google::Protobuf::ParseError)
    end

    it ':garbage is no HTTP, and the same each time' do
      faults [:garbage, 500]
      first = raw_answer

      expect(first.bytesize).to eq(500)
      expect(raw_answer).to eq(first)
      expect { post }.to raise_error(Net::HTTPBadResponse)
      expect(receiver.accepted_span_ids).to be_empty
    end

    it ':bad_length and :short_body do not tell their length' do
      faults :bad_length, :short_body, :short_body

      expect { post }.to raise_error(Net::HTTPHeaderSyntaxError)
      expect { post }.to raise_error(EOFError)
      head, body = raw_answer.split("\r\n\r\n")
      expect(head[/Content-Length: (\d+)/, 1].to_i).to eq(2 * body.bytesize)
      expect(trace_service::ExportTraceServiceResponse.decode(body).partial_success.rejected_spans).to eq(0)
    end
  end

  describe 'answers that take long' do
    it ':delay is for some time' do
      faults [:delay, 0.2]

      expect(seconds { post }).to be_between(0.2, 2)
      expect(receiver.accepted_span_ids).to eq([id(1)])
    end

    it ':drip comes byte by byte' do
      faults [:drip, 0.002]
      parts = []
      TCPSocket.open('127.0.0.1', receiver.port) do |socket|
        socket.write(raw_request)
        parts << socket.readpartial(1000) until parts.join.end_with?("\r\n\r\n")
      end

      expect(parts.join).to start_with('HTTP/1.1 200 ')
      expect(parts.size).to be > 20
      expect(post.code).to eq('200')
    end

    it ':huge has as many bytes as it was told' do
      faults [:huge, 3_000_001]

      expect(post.body.bytesize).to eq(3_000_001)
    end

    it ':huge_gzip is small until it is inflated' do
      faults [:huge_gzip, 3_000_001]
      head, zipped = raw_answer.split("\r\n\r\n", 2)

      expect(zipped.bytesize).to be < 30_000
      expect(Zlib.gunzip(zipped)).to eq("\0" * 3_000_001)
      expect(head).to include('Content-Encoding: gzip')
      expect(post.body.bytesize).to eq(3_000_001)
    end

    %i[huge huge_gzip].each do |fault|
      it ":#{fault} ends when nobody reads on" do
        faults [fault, 2**40], :ok
        TCPSocket.open('127.0.0.1', receiver.port) do |socket|
          socket.write(raw_request)
          socket.readpartial(1000)
        end

        expect(post.code).to eq('200')
        expect(seconds { receiver.stop }).to be < 1
      end
    end

    it ':never is not answered, until stop' do
      faults :never

      expect { post(http: { read_timeout: 0.1 }) }.to raise_error(Net::ReadTimeout)
      waiting = Thread.new { raw_answer }
      eventually { receiver.requests.size == 2 }
      receiver.stop
      expect(waiting.value).to eq('')
      expect(receiver.accepted_span_ids).to be_empty
    end
  end

  describe 'broken connections' do
    it ':reset_before_body does not wait for the body' do
      faults :reset_before_body, :ok
      TCPSocket.open('127.0.0.1', receiver.port) do |socket|
        socket.write(raw_request("\0" * 100)[0..-101])
        expect { socket.read }.to raise_error(Errno::ECONNRESET)
      end

      expect(receiver.requests).to be_empty
      expect(post.code).to eq('200')
    end

    it ':reset_after_body has read everything' do
      faults :reset_after_body

      expect { raw_answer }.to raise_error(Errno::ECONNRESET)
      expect(receiver).to have_attributes(received_span_ids: [id(1)], accepted_span_ids: [])
    end

    it ':close_without_answer ends without a reset' do
      faults :close_without_answer

      expect(raw_answer).to eq('')
      expect(receiver).to have_attributes(received_span_ids: [id(1)], accepted_span_ids: [])
    end

    it ':close_after_answer does not tell, :connection_close does' do
      faults :close_after_answer, :connection_close
      silent = raw_answer
      told = raw_answer

      expect(silent).to match(/\AHTTP.1.1 200 .*\r\n\r\n\z/m)
      expect(silent).not_to include('Connection:')
      expect(told).to include("Connection: close\r\n")
      expect(receiver.accepted_span_ids).to eq([id(1), id(1)])
    end

    it 'are refused at once at a port that is closed, until somebody asks for that port' do
      port = described_class.closed_port

      expect { TCPSocket.open('127.0.0.1', port) }.to raise_error(Errno::ECONNREFUSED)
      late = described_class.new(port: port)
      expect([late.port, post(to: late).code]).to eq([port, '200'])
    ensure
      late&.stop
    end
  end

  describe 'with TLS' do
    # A certificate that signs itself.
    def certificate(key)
      name = OpenSSL::X509::Name.parse('/CN=127.0.0.1')
      OpenSSL::X509::Certificate.new.tap do |made|
        made.version = 2
        made.serial = 1
        made.subject = made.issuer = name
        made.public_key = key
        made.not_before = Time.now - 60
        made.not_after = Time.now + 3600
        made.add_extension(OpenSSL::X509::ExtensionFactory.new.create_extension('subjectAltName', 'IP:127.0.0.1'))
        made.sign(key, 'SHA256')
      end
    end

    let(:key) { OpenSSL::PKey::EC.generate('prime256v1') }
    let(:tls) { OpenSSL::SSL::SSLContext.new.tap { |made| made.add_certificate(certificate(key), key) } }
    let(:receiver) { described_class.new(tls: tls) }
    let(:trusting) { { verify_mode: OpenSSL::SSL::VERIFY_NONE } }

    it 'serves HTTPS, on connections that are kept' do
      faults :ok, [:huge, 200_000]
      bodies = with_http(**trusting) { |http| [1, 2].map { |number| post_on(http, body_of(number)).body } }

      expect(bodies.map(&:bytesize)).to eq([0, 200_000])
      expect(receiver).to have_attributes(url: "https://127.0.0.1:#{receiver.port}", connections: 1,
                                          failed_handshakes: 0, accepted_span_ids: [id(1), id(2)])
    end

    it 'counts the handshakes that fail: not trusted, not TLS, nothing at all' do
      expect { post }.to raise_error(OpenSSL::SSL::SSLError)
      raw_answer
      TCPSocket.open('127.0.0.1', receiver.port, &:close)

      eventually { receiver.failed_handshakes == 3 }
      expect(post(http: trusting).code).to eq('200')
      expect(receiver).to have_attributes(failed_handshakes: 3, connections: 4)
    end

    it 'breaks connections as it does without' do
      faults :reset_before_body, :reset_after_body, :close_without_answer, :short_body
      expect { post(http: trusting) }.to raise_error(SystemCallError)
      expect { post(http: trusting) }.to raise_error(SystemCallError)
      expect { post(http: trusting) }.to raise_error(EOFError)
      expect { post(http: trusting) }.to raise_error(EOFError)
    end

    it 'stops during a handshake' do
      TCPSocket.open('127.0.0.1', receiver.port) do |socket|
        eventually { receiver.connections == 1 }
        expect(seconds { receiver.stop }).to be < 1
        expect(socket.read).to eq('')
      end
    end
  end

  describe '#stop' do
    it 'closes everything at once, again and again, and keeps what was seen' do
      threads = Thread.list
      faults :ok, [:delay, 60], [:drip, 60], :never, [:huge, 2**40]
      sockets = Array.new(5) { TCPSocket.open('127.0.0.1', receiver.port).tap { |socket| socket.write(raw_request) } }
      eventually { receiver.requests.size == 5 }

      expect(seconds { 2.times { receiver.stop } }).to be < 1
      expect(Thread.list - threads).to be_empty
      expect { TCPSocket.open('127.0.0.1', receiver.port) }.to raise_error(Errno::ECONNREFUSED)
      expect(receiver).to have_attributes(connections: 5, received_span_ids: [id(1)] * 5)
    ensure
      sockets&.each(&:close)
    end

    it 'of a forked copy leaves the connections alone' do
      with_http do |http|
        post_on(http, body_of(1))
        Process.wait(fork { receiver.stop.then { exit!(0) } })

        expect(post_on(http, body_of(2)).code).to eq('200')
      end
    end
  end
end
