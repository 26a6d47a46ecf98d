# frozen_string_literal: true

require 'bundler'
require 'fileutils'
require 'timeout'

require_relative '../../../spec/support/api_server'
require_relative '../../../spec/support/postgresql'
require_relative '../../../spec/support/redis_server'

# The app as it runs in production: PostgreSQL, Redis, the API of a carrier, a web process, a worker, and a worker for
# what is tried again. Without workers, the web process does their work.
class OrderSystem
  APP = File.expand_path('..', __dir__)
  GEMFILE = File.join(APP, 'Gemfile')
  WORKERS = { 'worker' => 'default', 'retries' => 'retries' }.freeze
  QUOTE = { carrier: 'Parcel & Sons', price: '4.90' }.freeze
  BOOT_SECONDS = 60
  STOP_SECONDS = 10 # longer than spans wait for others to leave with

  # What whoever runs this has set for other apps, or for this one's bundle.
  FOREIGN = ENV.keys.grep(/\A(BUNDLE|OTEL_|RACK_|RAILS_|RUBYLIB|RUBYOPT|TASKER_)/).to_h { |name| [name, nil] }.freeze
  GEMS = Bundler.bundle_path.to_s[%r{\A(.*)/ruby/[\d.]+\z}, 1]

  # A process ended, or did not begin.
  class Failed < StandardError; end

  # @return [String] of the web process
  attr_reader :url

  # @return [String] what handlers took by their own clocks
  attr_reader :times_file

  # @return [String]
  attr_reader :database_url

  # @param directory [String] for logs and times
  # @param workers [Boolean]
  # @param gemfile [String] of the app's processes
  # @param environment [Hash{String=>String}] of the app's processes
  def initialize(directory, workers: true, gemfile: GEMFILE, environment: {})
    @directory = directory
    @workers = workers ? WORKERS : {}
    @pids = {}
    @times_file = File.join(directory, 'times.jsonl')
    # Few log lines: while one is written, other threads run, and steps begin and end later than they would.
    @environment = FOREIGN.merge('BUNDLE_GEMFILE' => gemfile, 'BUNDLE_PATH' => GEMS, 'ORDERS_TIMES' => @times_file,
                                 'ORDERS_BIND' => 'tcp://127.0.0.1:0', 'ORDERS_LOG_LEVEL' => 'warn', **environment)
  end

  # @return [self] when it takes orders
  def start
    FileUtils.mkdir_p(@directory)
    start_services
    wait('setup', run('setup', 'rails', 'tasker:install:migrations', 'db:create', 'db:migrate'))
    @pids['web'] = run('web', 'puma', '--config', 'config/puma.rb')
    @workers.each { |name, queue| @pids[name] = run(name, 'sidekiq', '--require', '.', '--queue', queue) }
    @url = wait_for_web
    self
  end

  # Ends the app's processes as a deployment does, then what they need.
  #
  # @return [void]
  def stop
    @pids.each_value { |pid| Process.kill('TERM', pid) }
    web = @pids.delete('web')
    end_web(web) if web
    @pids.each { |name, pid| wait(name, pid) }
  ensure
    @pids.clear
    [@carrier, @redis, @database].compact.each(&:stop)
  end

  # @param name [String] setup, web, worker or retries
  # @return [String] what that process said
  def log(name)
    File.read(log_file(name))
  end

  private

  def start_services
    @database = PostgreSQL.new.start
    @redis = RedisServer.new.start if @workers.any?
    @carrier = ApiServer.new.will(200, QUOTE)
    @database_url = "postgresql:///orders?host=#{@database.directory}&user=#{PostgreSQL::USER}"
    @environment.update('DATABASE_URL' => @database_url, 'REDIS_URL' => @redis&.url, 'CARRIER_URL' => @carrier.url)
  end

  def run(name, *command)
    spawn(@environment, 'bundle', 'exec', *command, chdir: APP, in: File::NULL, %i[out err] => log_file(name))
  end

  # Puma 6.6 under Ruby 3.3 sometimes waits for itself when it closes its own pipe, with tasker-native and without.
  def end_web(pid)
    Timeout.timeout(STOP_SECONDS) { wait('web', pid) }
  rescue Timeout::Error
    Process.kill('KILL', pid)
    Process.wait(pid)
  end

  def wait(name, pid)
    _, status = Process.wait2(pid)
    raise Failed, "#{name}: #{status}\n#{log(name)}" unless status.success?
  end

  def wait_for_web
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + BOOT_SECONDS
    until (url = log('web')[%r{Listening on (http://\S+)}, 1])
      ended = Process.wait(@pids['web'], Process::WNOHANG) && @pids.delete('web')
      late = Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
      raise Failed, "the web process does not start\n#{log('web')}" if ended || late

      sleep 0.05
    end
    url
  end

  def log_file(name)
    File.join(@directory, "#{name}.log")
  end
end
