# frozen_string_literal: true

require 'fileutils'
require 'net/http'
require 'socket'
require_relative 'own_directory'

# A small Rails app in a directory, which real servers run.
RSpec.shared_context 'with a Rails app on a server' do
  include_context 'with a directory'

  before do
    FileUtils.mkdir_p(File.join(directory, 'tmp'))
    write('app.rb', <<~RUBY)
      require 'logger'
      require 'rails'
      #{'require "action_controller/railtie"' if frameworks}
      require 'tasker-native'

      class App < Rails::Application
        config.root = __dir__
        config.load_defaults 7.2
        config.eager_load = false
        config.secret_key_base = 'x' * 32
        config.logger = Logger.new(File.join(__dir__, 'app.log'))
      end
      Tasker.configuration do |config|
        config.telemetry do |tel|
          #{telemetry_of_app}
        end
      end
      App.initialize!
    RUBY
  end

  let(:frameworks) { false }
  let(:environment_of_server) { {} }
  let(:port) { free_port }

  def free_port
    TCPServer.open('127.0.0.1', 0) { |server| server.addr[1] }
  end

  def write(name, text)
    File.write(File.join(directory, name), text)
  end

  # Runs a program of a gem in the app while the block runs; ends it by the signal.
  def serve(gem, program, *arguments, signal: :TERM, **env)
    environment = { 'RAILS_ENV' => 'production', **environment_of_server, **env.transform_keys(&:to_s) }
    pid = spawn(RubyProcess::CLEAN.merge(environment), Gem.ruby, '-I', RubyProcess::LIB,
                Gem.bin_path(gem, program), *arguments,
                chdir: directory, %i[out err] => File.join(directory, 'server.log'))
    yield pid
    end_by(signal, pid)
    pid = nil
  ensure
    pid && Process.kill(:KILL, pid) && Process.wait(pid)
  end

  # With Ruby 3.3, a worker of Puma 8 misses the signal now and then, on a busy machine, also without telemetry; Puma
  # would wait for half a minute. So workers that go on are told once more.
  def end_by(signal, pid)
    Process.kill(signal, pid)
    Timeout.timeout(6) { Process.wait(pid) }
  rescue Timeout::Error
    File.read("/proc/#{pid}/task/#{pid}/children").split.each { |worker| Process.kill(signal, Integer(worker)) }
    Timeout.timeout(20) { Process.wait(pid) }
  end

  def get(path)
    Net::HTTP.get('127.0.0.1', path, port)
  end

  def wait_for_start
    eventually('the server', timeout: 30) do
      get('/started')
    rescue SystemCallError
      nil
    end
  end
end
