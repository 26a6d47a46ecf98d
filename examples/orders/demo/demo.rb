# frozen_string_literal: true

require 'fileutils'
require 'rbconfig'
require 'securerandom'

require_relative '../lib/example_orders'
require_relative 'arrival'
require_relative 'program'
require_relative 'screen'

# What bin/demo runs: both orders twice, with two workers; the spans go to a file, then to a receiver.
class Demo
  APP = File.expand_path('..', __dir__)
  DATABASE = File.join(APP, 'db/development.sqlite3')
  TRACE_FILE = File.join(APP, 'log/tasker_traces.jsonl')
  LOCK = File.join(APP, 'tmp/demo.lock')
  SCRATCH = File.join(APP, 'tmp/demo')
  RECEIVER = File.expand_path('../../otlp_receiver/receiver.rb', __dir__)

  BOOT_SECONDS = 40
  WORK_SECONDS = 30

  # What whoever watches may have set for apps of their own.
  FOREIGN = ENV.keys.grep(/\A(OTEL_|RAILS_|RACK_|DATABASE_URL\z)/).to_h { |name| [name, nil] }.freeze

  INTRODUCTION = <<~TEXT
    The Rails app in examples/orders gets two orders. One process fetches the cart,
    validates the products and takes the payment; another one ships. The payment
    provider does not answer at first, so that step is tried again; the card of the
    second order is declined for good. Passwords, card numbers and API tokens are in
    the tasks' contexts and in what the steps are given and return.
  TEXT

  NEXT_STEPS = <<~TEXT.freeze
    1. Gemfile:  gem 'tasker-native', path: '#{File.expand_path('../..', APP)}'
    2. config/initializers/tasker.rb, as in examples/orders
    3. Inherit step handlers from Tasker::StepHandler::Base; tell what else happens by
       publish_event('order.shipped', tracking_number: 'P-2041')
    4. bin/rails tasker:telemetry:traces  shows where the time went
    5. OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318  sends it to a collector instead
    README.md takes you through it (Quick start).
  TEXT

  # @param screen [Screen]
  def initialize(screen)
    @screen = screen
    @programs = []
    @sound = true
  end

  # @return [Boolean] whether everything arrived as it should
  def run
    prepare
    export_to_file
    export_to_collector
    conclude
    @sound
  rescue Program::Failed => e
    @screen.failure("\nThe demo can't go on: #{e.message}")
    false
  ensure
    @programs.each(&:kill)
    remove_database
  end

  private

  def prepare
    @screen.heading('tasker-native: two orders, from publish_event to a collector')
    @screen.text(INTRODUCTION)
    FileUtils.rm_rf([SCRATCH, TRACE_FILE])
    FileUtils.mkdir_p(SCRATCH)
    remove_database
    end_all([rails('database', ['db:schema:load'])])
  end

  def export_to_file
    @screen.heading('1. As it comes: spans go to a file; nothing to install, nothing to start')
    accounts = work
    judge([TRACE_FILE], accounts, 'What is in examples/orders/log/tasker_traces.jsonl now')
  end

  def export_to_collector
    @screen.heading('2. The same app, one environment variable more: spans go to a collector')
    spans, requests = %w[spans requests].map { |name| File.join(SCRATCH, "#{name}.jsonl") }
    receiver = start('receiver', [RECEIVER, '--port', '0', '--output', spans, '--requests', requests,
                                  '--parent', Process.pid.to_s])
    endpoint = wait_for(receiver, /^listening on (\S+)/)[1]
    @screen.text("  OTEL_EXPORTER_OTLP_ENDPOINT=#{endpoint}")
    accounts = work('OTEL_EXPORTER_OTLP_ENDPOINT' => endpoint)
    stop([receiver])
    judge([spans, requests], accounts, 'What the collector, another process, read with the official protobuf classes')
  end

  def conclude
    return unless @sound

    @screen.heading('In an app of your own')
    @screen.text(NEXT_STEPS)
  end

  # Has both orders worked on by two processes.
  #
  # @return [Array<Hash>] what became of the spans of each
  def work(environment = {})
    environment = { 'ORDERS_TRACE_SEED' => SecureRandom.hex(8), **environment }
    @screen.note('(two Rails processes start)')
    shipping = rails('shipping', ['orders:work[shipping]'], environment)
    wait_for(shipping, /^ready/)
    workers = [rails('orders', ['orders:place', 'orders:work[orders]'], environment), shipping]
    show_until_tasks_end(workers)
    stop(workers)
  end

  def show_until_tasks_end(workers)
    missing = ExampleOrders::ORDERS.size
    Program.follow(workers, timeout: WORK_SECONDS) do |program, line|
      raise Program::Failed, "#{program.name} ended too early#{program.complaint}" unless line

      @screen.said(program.name, line) unless line == 'ready'
      missing -= 1 if line.match?(/ task\.(completed|failed) /)
      missing.zero?
    end
  end

  def stop(programs)
    programs.each(&:stop)
    end_all(programs)
  end

  # @return [Array<Hash>] the accounts that they give at their end
  def end_all(programs)
    accounts, others = last_words(programs).partition { |_, line| line.start_with?('done: ') }
    programs.each(&:wait)
    others.each { |name, line| @screen.said(name, line.sub(/( spans?): .*/, '\1')) }
    accounts.map { |_, line| line.scan(/(\w+) (\d+)/).to_h { |count, number| [count.to_sym, number.to_i] } }
  end

  def last_words(programs)
    words = []
    Program.follow(programs, timeout: BOOT_SECONDS) do |program, line|
      words << [program.name, line] if line
      programs.all?(&:ended?)
    end
    words
  end

  def judge(files, accounts, title)
    arrival = Arrival.new(files, accounts: accounts, tasks: ExampleOrders::ORDERS.size,
                                 secrets: ExampleOrders::SECRETS)
    @screen.heading(title)
    arrival.print
    @screen.text('')
    return @screen.success(arrival.summary) if arrival.problems.empty?

    @sound = false
    arrival.problems.each { |problem| @screen.failure("Wrong: #{problem}") }
  end

  def wait_for(program, pattern)
    match = nil
    Program.follow([program], timeout: BOOT_SECONDS) do |_, line|
      raise Program::Failed, "#{program.name} does not start#{program.complaint}" unless line

      match = line.match(pattern)
    end
    match
  end

  def rails(name, tasks, environment = {})
    start(name, ['bin/rails', *tasks], environment)
  end

  def start(name, arguments, environment = {})
    environment = { **FOREIGN, 'RAILS_ENV' => 'development', **environment }
    program = Program.new(name, [RbConfig.ruby, *arguments], environment: environment, chdir: APP,
                                                             errors: File.join(SCRATCH, "#{name}.err"))
    @programs << program
    program
  end

  def remove_database
    FileUtils.rm_f(Dir["#{DATABASE}*"])
  end
end

# Two demos at once would work on the same database.
def take_turns(screen)
  FileUtils.mkdir_p(File.dirname(Demo::LOCK))
  File.open(Demo::LOCK, File::RDWR | File::CREAT) do |lock|
    unless lock.flock(File::LOCK_EX | File::LOCK_NB)
      screen.text('Waiting for another bin/demo.')
      lock.flock(File::LOCK_EX)
    end
    yield
  end
end

if $PROGRAM_NAME == __FILE__
  begin
    screen = Screen.new
    exit take_turns(screen) { Demo.new(screen).run }
  rescue Interrupt
    exit 130
  rescue Errno::EPIPE
    exit 1 # nobody reads any more
  end
end
