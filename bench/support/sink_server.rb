# frozen_string_literal: true

# The process behind Sink: answers every export with 200 at once. DELETE /SENDER answers a summary of what that sender's
# exports were (sink_mail.rb). Prints its URL, ends with its standard input.

require 'bundler/setup'
require 'json'
require 'socket'
require_relative 'sink_mail'

# Just as much of HTTP as exporters and Sink speak.
class SinkServer
  def initialize
    @server = TCPServer.new('127.0.0.1', 0)
    @mails = Hash.new { |mails, sender| mails[sender] = SinkMail.new }
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
      mail = @lock.synchronize { @mails.delete(sender) } || SinkMail.new
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
