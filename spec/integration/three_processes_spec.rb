# frozen_string_literal: true

require 'json'
require_relative '../support/otlp_receiver'

# One process creates a task, another one runs two of its steps, a third one runs the last step and ends it.
RSpec.describe 'A task on which three processes work' do
  # Each part runs in a process of its own, and says at its end what its accounts are.
  let(:prelude) do
    <<~RUBY
      require 'json'
      require 'tasker-native'
      Tasker.configuration do |config|
        config.telemetry do |tel|
          tel.service_name = 'orders'
          tel.trace_seed = 'three processes'
          tel.exporter = :otlp
          tel.otlp_endpoint = ARGV[0]
        end
      end
      include Tasker::Concerns::EventPublisher

      Step = Struct.new(:workflow_step_id, :name, :task_id, :attempts, :retry_limit, :results, keyword_init: true)
      Task = Struct.new(:task_id, :name, :context, :created_at, keyword_init: true)
      TASK = Task.new(task_id: 4711, name: 'order_process', context: { cart: 5 }, created_at: Time.at(Integer(ARGV[1])))

      class Handler < Tasker::StepHandler::Base
        def process(_task, _sequence, step) = sleep(0.05)
      end

      def work_on(id, name)
        step = Step.new(workflow_step_id: id, name: name, task_id: TASK.task_id, attempts: 0, retry_limit: 3)
        2.times { publish_step_started(step) } # as the engine does
        Handler.new.handle(TASK, nil, step)
        2.times { publish_step_completed(step) }
      end

      # The engine announces the start in every process that runs the task; others do it once.
      def start = (publish_task_started(TASK) if ARGV[2] == 'everywhere')

      def create = 3.times { publish_task_started(TASK) }

      def run_two_steps
        start
        work_on(1, 'fetch_cart')
        work_on(2, 'process_payment')
        publish_task_pending_transition(TASK)
      end

      def run_last_step
        start
        work_on(3, 'ship_order')
        2.times { publish_task_completed(TASK) }
      end

      def report
        Tasker::Native.flush
        $stdout.write(JSON.generate(pid: Process.pid, stats: Tasker::Native.stats) + "\\n")
        $stdout.flush
      end
    RUBY
  end
  let(:created_at) { Time.now.to_i - 60 }
  let(:receiver) { @receiver } # rubocop:disable RSpec/InstanceVariable

  before(:all) { @receiver = OtlpReceiver.start } # rubocop:disable RSpec/BeforeAfterAll -- one process for all

  before { receiver.clear }

  after(:all) { @receiver.stop } # rubocop:disable RSpec/BeforeAfterAll, RSpec/InstanceVariable

  # @return [Array<Hash>] pid and stats of each
  def run(*parts, announced: 'once')
    out = parts.map { |part| ruby("#{prelude}\n#{part}\n", receiver.endpoint, created_at.to_s, announced) }
    out.join.lines.map { |line| JSON.parse(line, symbolize_names: true) }
  end

  def run_started_one_by_one(**options)
    run("create\nreport", "run_two_steps\nreport", "run_last_step\nreport", **options)
  end

  # Only the first of them is started: the others are its children.
  def run_forked(**options)
    run(<<~RUBY, **options).rotate(-1)
      create
      %i[run_two_steps run_last_step].each { |part| Process.wait(fork { [send(part), report] }) }
      report
    RUBY
  end

  # All but waits: on a machine that has much to do, a step waits for more than the ten milliseconds that make a span.
  def spans
    receiver.spans.reject { |span| span.name == 'tasker.step.queued' }
  end

  # @return [Integer]
  def waits_of(pid)
    receiver.spans('tasker.step.queued').count { |span| span.resource['process.pid'] == pid }
  end

  def steps
    receiver.spans('tasker.step.execution')
  end

  # One root, three steps under it, nothing twice, nothing left.
  def expect_one_trace
    expect([spans, spans.uniq(&:span_id)].map(&:size)).to eq([4, 4])
    expect(receiver.root).to have_attributes(name: 'tasker.task.execution', status: 'OK',
                                             end_ns: be >= steps.map(&:end_ns).max)
    expect_steps_below(receiver.root)
  end

  def expect_steps_below(root)
    expect(steps.map { |step| step.attributes['orders.step_name'] }).to eq(%w[fetch_cart process_payment ship_order])
    expect(steps).to all(have_attributes(parent_id: root.span_id, trace_id: root.trace_id, status: 'OK',
                                         duration: be_between(0.05, 5)))
  end

  def expect_right_accounts(reports)
    figures = reports.map { |report| report[:stats].values_at(:accepted, :exported, :in_flight, :open_steps) }
    wanted = reports.zip([0, 2, 2]).map { |report, count| [*[count + waits_of(report[:pid])] * 2, 0, 0] }

    expect(figures).to eq(wanted)
    expect(reports.map { |report| report[:stats][:dropped].values.sum }).to eq([0, 0, 0])
  end

  # The process that only created the task exports nothing.
  def expect_each_to_tell_what_it_saw(reports)
    told = spans.group_by { |span| span.resource.values_at('process.pid', 'service.instance.id') }
    names = told.to_h { |(pid, _), spans| [pid, spans.map(&:name)] }

    expect(reports.map { |report| names[report[:pid]] })
      .to eq([nil, ['tasker.step.execution'] * 2, %w[tasker.step.execution tasker.task.execution]])
    expect(told.size).to eq(2)
  end

  %i[run_started_one_by_one run_forked].each do |way|
    it "gives one trace, in processes #{way.to_s.tr('_', ' ').delete_prefix('run ')}" do
      reports = public_send(way)

      expect_one_trace
      expect_right_accounts(reports)
      expect_each_to_tell_what_it_saw(reports)
      expect(receiver.root.start_ns).to eq(created_at * 1_000_000_000)
    end

    it "gives one trace also where every process announces the start, #{way.to_s.tr('_', ' ').delete_prefix('run ')}" do
      reports = public_send(way, announced: 'everywhere')

      expect_one_trace
      expect_right_accounts(reports)
      expect_each_to_tell_what_it_saw(reports)
    end
  end
end
