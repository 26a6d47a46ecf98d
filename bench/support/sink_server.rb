# frozen_string_literal: true

# The process behind Sink: answers every export with 200 at once. DELETE /SENDER decodes what that sender's exports were,
# by the official protobuf classes, and answers a summary. Prints its URL, ends with its standard input.

require 'bundler/setup'
require 'json'
require 'opentelemetry/proto/collector/trace/v1/trace_service_pb'
require 'set'
require 'socket'
require 'zlib'

# What one sender has sent.
class Mail
  Message = Opentelemetry::Proto::Collector::Trace::V1::ExportTraceServiceRequest
  STATUSES = { STATUS_CODE_OK: 'ok', STATUS_CODE_ERROR: 'error' }.freeze
  PREFIX = 'tasker.'

  def initialize
    @exports = []
  end

  def add(body, encoding)
    @exports << [body, encoding]
  end

  def summary
    spans = 0
    bytes = 0
    ids = Set.new
    @exports.each do |body, encoding|
      body = Zlib.gunzip(body) if encoding == 'gzip'
      bytes += body.bytesize
      each_span(body) do |span|
        spans += 1
        ids << (span.trace_id + span.span_id)
        @last = span
      end
    end
    { spans: spans, ids: ids.size, requests: @exports.size, wire_bytes: @exports.sum { |body, _| body.bytesize },
      bytes: bytes, facts: @last ? facts(@last) : {} }
  end

  private

  def each_span(body, &block)
    Message.decode(body).resource_spans.each do |group|
      group.scope_spans.each { |scoped| scoped.spans.each(&block) }
    end
  end

  def facts(span)
    raise "unknown kind of value in #{span}" if span.attributes.any? { |pair| pair.value.value.nil? }

    attributes = span.attributes.to_h { |pair| [pair.key.delete_prefix(PREFIX), text(pair.value)] }
    { 'span' => span.name, 'event' => span.events.map(&:name).join(', '), 'status' => STATUSES[span.status&.code],
      **attributes }.compact
  end

  def text(value)
    value.public_send(value.value).to_s
  end
end

# Just as much of HTTP as exporters and Sink speak.
class SinkServer
  def initialize
    @server = TCPServer.new('127.0.0.1', 0)
    @mails = Hash.new { |mails, sender| mails[sender] = Mail.new }
    @lock = Mutex.new
  end

  def run
    Thread.report_on_exception = true
    Thread.new { loop { serve(@server.accept) } }
    $stdout.sync = true
    puts "http://127.0.0.1:#{@server.addr[1]}"
    $stdin.read
  end

  private

  def serve(socket)
    socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
    Thread.new do
      while (request_line = socket.gets)
        socket.write(response(*answer(request_line.split, read_headers(socket), socket)))
      end
    rescue SystemCallError
      nil # the sender is gone
    ensure
      socket.close
    end
  end

  def read_headers(socket)
    lines = []
    while (line = socket.gets&.chomp) && !line.empty?
      lines << line
    end
    lines.to_h { |header| header.split(/:\s*/, 2) }.transform_keys(&:downcase)
  end

  def answer((verb, path), headers, socket)
    sender = path.split('/')[1]
    body = socket.read(headers.fetch('content-length', 0).to_i)
    if verb == 'DELETE'
      mail = @lock.synchronize { @mails.delete(sender) } || Mail.new
      return ['application/json', JSON.generate(mail.summary)]
    end

    @lock.synchronize { @mails[sender].add(body, headers['content-encoding']) }
    ['application/x-protobuf', ''] # an ExportTraceServiceResponse that has nothing to complain of
  end

  def response(type, body)
    "HTTP/1.1 200 OK\r\nContent-Type: #{type}\r\nContent-Length: #{body.bytesize}\r\n\r\n#{body}"
  end
end

SinkServer.new.run
