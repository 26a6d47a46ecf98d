# frozen_string_literal: true

$LOAD_PATH.unshift(File.expand_path('../../../lib', __dir__))

require 'fileutils'
require 'tasker/native/waterfall'
require_relative '../../../spec/support/otlp_receiver'
require_relative '../../orders/demo/screen'
require_relative 'counter'
require_relative 'findings'
require_relative 'order_system'

# What `bin/engine demo` runs: orders that end in all the ways there are, under tasker-engine, and what arrived of them.
class Demo
  SCRATCH = File.join(OrderSystem::APP, 'tmp/demo')

  INTRODUCTION = <<~TEXT
    The Rails app in examples/engine has tasker-engine and, beside it, tasker-native. A web process (Puma) takes orders;
    a worker (Sidekiq) works on them, three steps at once, one of which asks an API; another worker has what is tried
    again. Payments fail once or for good; people resolve a payment, have it tried once more, close or cancel an order.
  TEXT

  # @param screen [Screen]
  def initialize(screen)
    @screen = screen
  end

  # @return [Boolean] whether everything arrived as it should
  def run
    @screen.heading('tasker-native beside tasker-engine')
    @screen.text(INTRODUCTION)
    FileUtils.rm_rf(SCRATCH)
    receiver = OtlpReceiver.start
    tasks, attempts = work(receiver)
    show(receiver.spans)
    findings = Findings.new(receiver.spans, attempts, tasks: tasks)
    conclude(findings)
    findings.problems.empty?
  rescue OrderSystem::Failed, Counter::Failed => e
    @screen.failure("\nThe demo can't go on: #{e.message}")
    false
  ensure
    receiver&.stop
  end

  private

  def work(receiver)
    @screen.heading('What happens')
    @screen.note("(PostgreSQL, Redis and three Rails processes start; their logs are in #{SCRATCH})")
    system = OrderSystem.new(SCRATCH, environment: { 'OTEL_EXPORTER_OTLP_ENDPOINT' => receiver.endpoint })
    begin
      system.start
      tasks = Counter.new(system.url) { |text| @screen.note(text) }.play
    ensure
      system.stop
    end
    [tasks.size, Attempt.read(system.times_file)]
  end

  def show(spans)
    @screen.heading('What a receiver of OTLP, another process, read with the official protobuf classes')
    Tasker::Native::Waterfall.new(spans).print
  end

  def conclude(findings)
    @screen.text('')
    return @screen.success(findings.summary) if findings.problems.empty?

    findings.problems.each { |problem| @screen.failure("Wrong: #{problem}") }
  end
end

exit Demo.new(Screen.new).run if $PROGRAM_NAME == __FILE__
