# frozen_string_literal: true

require 'openssl'
require 'socket'
require_relative '../../examples/otlp_receiver/export_request'
require_relative 'fault_receiver/faults'

# An OTLP/HTTP receiver in threads of this process, whose answers are as bad as networks and collectors can be. It
# decodes with the official protobuf classes, and remembers what it was sent and what it accepted.
#
#   receiver = FaultReceiver.new([:status, 503, headers: { 'Retry-After' => '1' }], :reset_after_body, :ok)
#   ... export to receiver.url ...
#   receiver.accepted_span_ids
#   receiver.stop
#
# Each request takes one of the faults, the last one stays; {Faults} has them all. They are taken in the order in which
# the headers of the requests were read. A request that a collector would refuse is answered 400 whatever its fault is,
# and has an error.
#
# A forked process keeps copies of the connections that were open: a reset reaches the sender only once they are closed
# there, too.
class FaultReceiver
  HOST = '127.0.0.1'
  PATH = '/v1/traces'
  METRICS_PATH = '/v1/metrics'
  STOP_SECONDS = 1

  # A request that was read to its end. time is monotonic; connection: its number, from 1; headers: by lower-case name;
  # wire_bytes: of the body as it came, bytes: of the decoded one; span_ids are hex; step_ids: nil for spans of tasks;
  # unknown_bytes should be 0; fault: what it was met with; error: why a collector would refuse it.
  Request = Struct.new(:time, :connection, :http_method, :path, :headers, :wire_bytes, :bytes, :unknown_bytes,
                       :span_ids, :step_ids, :names, :accepted_span_ids, :fault, :error, keyword_init: true) do
    def initialize(**)
      super
      self.span_ids = self.step_ids = self.names = self.accepted_span_ids = [].freeze
    end

    def idempotency_key = headers['idempotency-key']

    def decode(body)
      raise ExportRequest::Invalid, "#{http_method} #{path}" unless [http_method, path] == ['POST', PATH]
      raise ExportRequest::Invalid, 'no Content-Length' unless headers['content-length']&.match?(/\A\d+\z/)

      keep(ExportRequest.new(body, headers['content-encoding']))
    rescue ExportRequest::Invalid => e
      self.error = e.message
    end

    private

    def keep(export)
      spans = export.spans
      self.bytes = export.bytes
      self.unknown_bytes = export.unknown_bytes
      self.span_ids = spans.map { |span| span.span_id.unpack1('H*') }
      self.step_ids = spans.map { |span| step_id_of(span) }
      self.names = spans.map(&:name)
    end

    def step_id_of(span)
      span.attributes.find { |attribute| attribute.key == 'tasker.step_id' }&.value&.string_value
    end
  end

  # Reads the requests of one connection, and meets each with its fault.
  class Connection
    include Faults

    REQUEST_LINE = %r{\A(\S+) (\S+) HTTP/1\.1\r\n\z}
    MAX_LINE = 65_536

    attr_reader :request, :seed

    def initialize(socket, number, receiver, seed)
      @socket = @stream = socket
      @number = number
      @receiver = receiver
      @seed = seed
    end

    # @return [Boolean] whether the handshake succeeded
    def start_tls(context)
      @stream = OpenSSL::SSL::SSLSocket.new(@socket, context).tap(&:accept)
      true
    rescue SystemCallError, IOError, OpenSSL::SSL::SSLError
      @stream = @socket
      close
      false
    end

    # Until one of both has closed the connection.
    def serve
      @socket.setsockopt(:TCP, :NODELAY, true) # what drips should not be collected
      serve_request until @socket.closed?
    rescue SystemCallError, IOError, OpenSSL::SSL::SSLError
      nil # the sender has gone
    ensure
      close
    end

    # As a sender sees it that is told properly: with TLS's own goodbye, if it is TLS.
    def close
      return if @socket.closed?

      @stream.close unless @stream.equal?(@socket)
      @socket.shutdown unless @socket.closed? # also ends it where a forked process has a copy
    rescue SystemCallError, IOError, OpenSSL::SSL::SSLError
      nil # it was no longer connected
    ensure
      @socket.close
    end

    private

    def serve_request
      head = read_head or return close
      return take_metrics(head) if head[:path] == METRICS_PATH

      fault = @receiver.take_fault
      return reset_before_body if fault == [:reset_before_body]

      body = read_body(head[:headers]) or return close
      @request = Request.new(time: Process.clock_gettime(Process::CLOCK_MONOTONIC), connection: @number, fault: fault,
                             wire_bytes: body.bytesize, **head)
      @request.decode(body)
      @receiver.record(@request)
      @request.error ? refuse : meet_with(*fault)
    end

    # They are sent when a process ends, and meet no faults: those are for spans.
    def take_metrics(head)
      read_body(head[:headers]) ? write(answer(200, {}, '')) : close
    end

    def meet_with(name, *arguments)
      options = arguments.last.is_a?(Hash) ? arguments.pop : {}
      public_send(name, *arguments, **options)
    end

    # Where a body without a length ends is not known: nothing can be read after it.
    def refuse
      status(400, headers: { 'Connection' => 'close' }, body: @request.error)
      close
    end

    # @return [Hash, nil] nil: the sender has closed, or this is not HTTP
    def read_head
      http_method, path = @stream.gets("\n", MAX_LINE)&.match(REQUEST_LINE)&.captures
      headers = path && read_headers
      { http_method: http_method, path: path, headers: headers } if headers
    end

    # What came twice is joined, so that it can be seen.
    def read_headers
      headers = {}
      while (line = @stream.gets("\n", MAX_LINE))
        return headers if line == "\r\n"

        name, value = line.split(':', 2).map(&:strip)
        headers.merge!(name.downcase => value) { |_, first, second| "#{first}, #{second}" }
      end
    end

    # @return [String, nil] nil: the sender has closed before its end
    def read_body(headers)
      size = headers['content-length'].to_i
      body = @stream.read(size)
      body if body&.bytesize == size
    end

    def write(bytes)
      @stream.write(bytes)
    end

    # Nothing is kept for later, the sender is told at once that the connection is broken.
    def reset
      @socket.setsockopt(Socket::Option.linger(true, 0))
      @socket.close
    end

    def wait_for_hangup
      @stream.read
    end
  end

  class << self
    # One that is stopped when the block is left. See #initialize.
    #
    # @yieldparam receiver [FaultReceiver]
    # @return [Object] what the block returns
    def open(*faults, **options)
      receiver = new(*faults, **options)
      yield receiver
    ensure
      receiver&.stop
    end

    # @return [Integer] a port that refuses connections: it stays taken, but nobody listens. Only who asks for it by
    #   its number can still have it (see the port of #initialize).
    def closed_port
      socket = Socket.new(:INET, :STREAM)
      socket.setsockopt(:SOCKET, :REUSEADDR, true)
      socket.bind(Addrinfo.tcp(HOST, 0))
      (@closed ||= []) << socket # not closed by the garbage collector
      socket.local_address.ip_port
    end
  end

  attr_reader :port

  # @param faults [Array<Symbol, Array>] see {#faults=}; none: all is well
  # @param tls [OpenSSL::SSL::SSLContext, nil] for HTTPS: with a certificate and its key
  # @param port [Integer] 0: any that is free
  # @param seed [Integer] of what is random
  def initialize(*faults, tls: nil, port: 0, seed: 1)
    @owner = Process.pid
    @tls = tls
    @seed = seed
    @lock = Mutex.new
    @requests = []
    @connections = []
    @threads = []
    @failed_handshakes = 0
    self.faults = faults.empty? ? [:ok] : faults
    @server = TCPServer.new(HOST, port)
    @port = @server.addr[1]
    @acceptor = Thread.new { accept_connections }
  end

  def url
    "#{@tls ? 'https' : 'http'}://#{HOST}:#{port}"
  end

  # What the next requests are met with: each takes one, the last one stays.
  #
  # @param faults [Array<Symbol, Array>] names, or names with arguments, of {Faults}
  def faults=(faults)
    faults = faults.map { |fault| [*fault] }
    raise ArgumentError, 'no faults' if faults.empty?

    faults.each { |fault| check(*fault) }
    @lock.synchronize { @faults = faults }
  end

  # @return [Array<Array>] those that are left, with their arguments
  def faults
    @lock.synchronize { @faults.dup }
  end

  # @return [Array<Request>] in the order in which they came to their ends
  def requests
    @lock.synchronize { @requests.dup }
  end

  # @return [Array<String>] of all requests, also those that were not answered; as often as they came
  def received_span_ids
    requests.flat_map(&:span_ids)
  end

  # @return [Array<String>] of requests that were answered 2xx, without those that the answer rejected; as often as they
  #   were accepted
  def accepted_span_ids
    requests.flat_map(&:accepted_span_ids)
  end

  # @return [Integer] how many there were, open or not
  def connections
    @lock.synchronize { @connections.size }
  end

  def failed_handshakes
    @lock.synchronize { @failed_handshakes }
  end

  # Closes everything. What was received can still be seen. A forked copy of this object leaves the connections alone.
  def stop
    return if Process.pid != @owner

    @server.close # which ends the acceptor
    @acceptor.join(STOP_SECONDS)
    @threads.each(&:kill)
    deadline = now + STOP_SECONDS
    @threads.each { |thread| thread.join([deadline - now, 0].max) }
    @connections.each(&:close) # those whose thread had not even started
  end

  # For a connection: the fault of its next request.
  def take_fault
    @lock.synchronize { @faults.size > 1 ? @faults.shift : @faults.first }
  end

  # For a connection.
  def record(request)
    @lock.synchronize { @requests << request }
  end

  private

  def accept_connections
    loop do
      socket = @server.accept
      connection = Connection.new(socket, @connections.size + 1, self, @seed)
      @lock.synchronize { @connections << connection }
      @threads << Thread.new { serve(connection) }
    end
  rescue IOError, Errno::EBADF
    nil # stopped
  end

  def serve(connection)
    return connection.serve if @tls.nil? || connection.start_tls(@tls)

    @lock.synchronize { @failed_handshakes += 1 }
  end

  def check(name, *arguments)
    raise ArgumentError, "no fault: #{name.inspect}" unless Faults.public_method_defined?(name)

    needed = Faults.instance_method(name).parameters.count { |kind, _| kind == :req }
    raise ArgumentError, "#{name} needs #{needed} arguments" if arguments.grep_v(Hash).size < needed
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
