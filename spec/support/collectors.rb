# frozen_string_literal: true

require 'socket'

# Collectors that misbehave.
module Collectors
  # @return [String] an endpoint where nobody listens
  def dead_endpoint
    server = TCPServer.new('127.0.0.1', 0)
    "http://127.0.0.1:#{server.addr[1]}"
  ensure
    server.close
  end

  # A server that gives every connection to the block (nil: keeps it open and says nothing).
  #
  # @yieldparam endpoint [String]
  def with_server(answer = nil)
    server = TCPServer.new('127.0.0.1', 0)
    connections = []
    thread = Thread.new { loop { (connections << server.accept).last.then { |socket| answer&.call(socket) } } }
    thread.report_on_exception = false
    yield "http://127.0.0.1:#{server.addr[1]}"
  ensure
    thread&.kill&.join
    [server, *connections].compact.each(&:close)
  end

  # Reads a request, answers with these bytes and closes.
  def answer(bytes)
    lambda do |socket|
      head = socket.readpartial(65_536)
      size = head[/^content-length: (\d+)/i, 1].to_i
      read = head.bytesize - head.index("\r\n\r\n") - 4
      socket.read(size - read) if size > read
      socket.write(bytes)
      socket.close
    rescue SystemCallError, IOError
      nil # the sender has gone
    end
  end
end
