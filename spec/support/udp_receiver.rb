# frozen_string_literal: true

require 'socket'

# Where StatsD's agent would listen, on this machine.
class UdpReceiver
  def initialize
    @socket = UDPSocket.new
    @socket.bind('127.0.0.1', 0)
  end

  def port
    @socket.addr[1]
  end

  # @return [Array<String>] the lines that have arrived since the last call
  def lines
    datagrams = []
    while (datagram = @socket.recv_nonblock(65_536, exception: false)) != :wait_readable
      datagrams << datagram.force_encoding(Encoding::UTF_8)
    end
    datagrams.flat_map { |text| text.split("\n") }
  end

  def close
    @socket.close
  end
end
