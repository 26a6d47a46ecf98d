# frozen_string_literal: true

require 'fileutils'
require 'rbconfig'
require 'securerandom'

require_relative '../lib/example_orders'
require_relative 'arrival'
require_relative 'program'
require_relative 'screen'

# What bin/demo runs.
class Demo
  APP = File.expand_path('..', __dir__)
  DATABASE = File.join(APP, 'db/development.sqlite3')
  TRACE_FILE = File.join(APP, 'log/tasker_traces.jsonl')
  SCRATCH = File.join(APP, 'tmp/demo')
  RECEIVER = File.expand_path('../../otlp_receiver/receiver.rb', __dir__)

  BOOT_SECONDS = 40
  WORK_SECONDS = 30
  # Whoever watches the demo may have set these for apps of their own.
  FOREIGN = ENV.keys.grep(/\A(OTEL_|RAILS_|RACK_|DATABASE_URL\z|TASKER_NATIVE\z)/).to_h { |name| [name, nil] }.freeze

  def initialize(screen)
    @screen = screen
    @programs = []
    @sound = true
  end

  # @return [Boolean] whether everything arrived as it should
  def run
    introduce
    prepare
    default_exporter
    collector
    what_next if @sound
    @sound
  rescue Program::Failed, SystemCallError => e
    @screen.failure("\nThe demo can't go on: #{e.message}")
    false
  ensure
    @programs.each(&:kill)
    remove_database
  end

  private

  def introduce
    @screen.title('tasker-native: two orders, from publish_event to a collector')
    @screen.text(<<~TEXT)
      The Rails app in examples/orders places two orders. One worker fetches the cart, validates the products and
      charges the card; a second process ships. The payment provider does not answer at first, so that step is tried
      again; the card of the other order is declined for good. Passwords, card numbers and API tokens are in the
      tasks' contexts, and in what steps get and give.
    TEXT
  end

  def prepare
    FileUtils.rm_rf([SCRATCH, TRACE_FILE])
    FileUtils.mkdir_p(SCRATCH)
    remove_database
    database = rails('database', 'db:schema:load')
    Program.follow([database], timeout: BOOT_SECONDS) { |_, line| line.nil? }
    database.wait
  end

  def default_exporter
    @screen.heading('1. As it comes: spans go to a file. Nothing to install, nothing to start.')
    accounts = work
    judge([TRACE_FILE], accounts, 'What is in log/tasker_traces.jsonl now (bin/rails tasker:telemetry:traces shows it):')
  end

  def collector
    @screen.heading('2. The same app and one variable: spans go to a collector, as OTLP over HTTP.')
    spans, requests = %w[spans requests].map { |name| File.join(SCRATCH, "#{name}.jsonl") }
    receiver = start('receiver', [RECEIVER, '--port', '0', '--output', spans, '--requests', requests,
                                  '--parent', Process.pid.to_s])
    endpoint = wait_for(receiver, /^listening on (\S+)/)
    @screen.text("  OTEL_EXPORTER_OTLP_ENDPOINT=#{endpoint}\n\n")
    accounts = work('OTEL_EXPORTER_OTLP_ENDPOINT' => endpoint)
    end_all([receiver])
    judge([spans, requests], accounts, 'What the receiver, another process, decoded with the official protobuf classes:')
  end

  # Has both orders worked on by two processes.
  #
  # @return [Array<Hash>] what became of the spans of each
  def work(environment = {})
    environment = { 'ORDERS_TRACE_SEED' => SecureRandom.hex(8), **environment }
    shipping = rails('shipping', 'orders:work[shipping]', environment)
    wait_for(shipping, /^ready/)
    workers = [rails('orders', 'orders:place', 'orders:work[orders]', environment), shipping]
    show_events(workers)
    end_all(workers)
  end

  def show_events(workers)
    ended = 0
    Program.follow(workers, timeout: WORK_SECONDS) do |program, line|
      raise Program::Failed, "#{program.name} ended too early#{program.complaint}" unless line

      @screen.said(program.name, line) unless line == 'ready'
      ended += 1 if line.match?(/ task\.(completed|failed) /)
      ended == ExampleOrders::ORDERS.size
    end
  end

  # @return [Array<Hash>] the accounts that they give at their end
  def end_all(programs)
    accounts = []
    programs.each(&:stop)
    Program.follow(programs, timeout: WORK_SECONDS) do |program, line|
      if (account = line&.delete_prefix!('done: '))
        accounts << account.split(', ').to_h { |count| count.split.then { |name, number| [name.to_sym, number.to_i] } }
      elsif line
        @screen.said(program.name, line)
      end
      programs.all?(&:ended?)
    end
    programs.each(&:wait)
    accounts
  end

  def judge(files, accounts, title)
    arrival = Arrival.new(files, accounts: accounts, tasks: ExampleOrders::ORDERS.size,
                                 secrets: ExampleOrders::SECRETS)
    @screen.text("\n#{title}\n\n")
    arrival.print
    @screen.blank
    @screen.success(arrival.summary) if arrival.problems.empty?
    arrival.problems.each { |problem| @screen.failure(problem) }
    @sound &&= arrival.problems.empty?
  end

  def what_next
    @screen.heading('In an app of your own')
    @screen.text(<<~TEXT)
      1. Gemfile: gem 'tasker-native', path: '#{File.expand_path('../..', APP)}'
      2. config/initializers/tasker.rb: as in examples/orders, six lines
      3. Handlers inherit from Tasker::StepHandler::Base; whatever else you want to see: publish_event('order.shipped', ...)
      4. bin/rails tasker:telemetry:traces (ATTRIBUTES=1: all of it) shows what happened
      5. OTEL_EXPORTER_OTLP_ENDPOINT=http://your-collector:4318 sends it to Jaeger, Grafana, ... README.md has the rest.
    TEXT
  end

  def wait_for(program, pattern)
    found = nil
    Program.follow([program], timeout: BOOT_SECONDS) do |_, line|
      raise Program::Failed, "#{program.name} does not start#{program.complaint}" unless line

      found = line.match(pattern)
    end
    found[1]
  end

  def rails(name, *tasks, environment)
    environment, tasks = {}, [*tasks, environment] unless environment.is_a?(Hash)
    start(name, ['bin/rails', *tasks], environment)
  end

  def start(name, command, environment = {})
    Program.new(name, [RbConfig.ruby, *command], environment: { **FOREIGN, 'RAILS_ENV' => 'development', **environment },
                                                 errors: File.join(SCRATCH, "#{name}.err"), chdir: APP)
           .tap { |program| @programs << program }
  end

  def remove_database
    FileUtils.rm_f(Dir["#{DATABASE}*"])
  end
end

exit(Demo.new(Screen.new).run) if $PROGRAM_NAME == __FILE__
