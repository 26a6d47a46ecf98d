# frozen_string_literal: true

require 'fileutils'
require 'tmpdir'

# A Redis server of its own, from the system's packages: on a private socket, without a file, and gone with its
# directory.
class RedisServer
  START_SECONDS = 10

  def initialize
    @directory = Dir.mktmpdir('tasker-redis')
    @socket = File.join(@directory, 'socket')
  end

  # @return [self]
  def start
    @pid = spawn('redis-server', '--port', '0', '--unixsocket', @socket, '--unixsocketperm', '700',
                 '--save', '', '--appendonly', 'no', '--dir', @directory, %i[out err] => log)
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + START_SECONDS
    until File.socket?(@socket)
      raise "Redis does not start: #{File.read(log)}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

      sleep 0.01
    end
    self
  rescue StandardError
    stop
    raise
  end

  # @return [String]
  def url
    "unix://#{@socket}"
  end

  # @return [void]
  def stop
    return unless @pid

    Process.kill('TERM', @pid)
    Process.wait(@pid)
  ensure
    FileUtils.rm_rf(@directory)
  end

  private

  def log
    File.join(@directory, 'log')
  end
end
