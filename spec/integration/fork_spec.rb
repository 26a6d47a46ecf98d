# frozen_string_literal: true

require 'json'
require_relative '../support/collectors'
require_relative '../support/otlp_receiver'
require_relative '../support/own_directory'
require_relative '../support/slow_resolver'

RSpec.describe 'A process that forks' do
  include Collectors

  # What each process has to say goes to standard output, a line of JSON each.
  let(:prelude) do
    <<~RUBY
      require 'json'
      require 'tasker-native'
      Tasker.configuration do |config|
        config.telemetry do |tel|
          tel.exporter = :otlp
          tel.otlp_endpoint = ARGV[0]
          tel.max_queue_size = 100_000
        end
      end

      def publish(name, payload) = Tasker::Events::Publisher.instance.publish(name, payload)
      def step(id, text = nil) = publish('step.completed', task_id: 1, step_id: id.to_s, text: text)

      def tell(**more)
        stats = Tasker::Native.stats
        line = { pid: Process.pid, accepted: stats[:accepted], exported: stats[:exported],
                 dropped: stats[:dropped].values.sum, in_flight: stats[:in_flight], **more }
        $stdout.syswrite(JSON.generate(line) + "\\n")
      end
    RUBY
  end
  let(:receiver) { @receiver } # rubocop:disable RSpec/InstanceVariable

  before(:all) { @receiver = OtlpReceiver.start } # rubocop:disable RSpec/BeforeAfterAll -- one process for all

  before { receiver.clear }

  after(:all) { @receiver.stop } # rubocop:disable RSpec/BeforeAfterAll, RSpec/InstanceVariable

  # @return [Array<Hash>] what the processes told
  def run(script, endpoint: receiver.endpoint, **options)
    ruby("#{prelude}\n#{script}", endpoint, **options).lines.map { |line| JSON.parse(line, symbolize_names: true) }
  end

  it 'has a child with accounts, a thread and a resource of its own, and keeps its own spans' do
    parent, child = run(<<~RUBY).sort_by { |told| told[:child].to_s }
      3.times { |id| step("parent \#{id}") }
      Process.wait(fork { 2.times { |id| step("child \#{id}") } && Tasker::Native.flush && tell(child: true) })
      tell
    RUBY

    expect(child).to include(accepted: 2, exported: 2, dropped: 0, in_flight: 0)
    expect(parent).to include(accepted: 3, dropped: 0)
    expect(receiver.steps_by_process).to eq(child[:pid] => ['child 0', 'child 1'],
                                            parent[:pid] => ['parent 0', 'parent 1', 'parent 2'])
    expect(receiver.resources.map { |resource| resource['service.instance.id'] }.uniq.size).to eq(2)
  end

  it 'delivers what a child has published, when that ends, without being asked' do
    run('3.times { |id| Process.wait(fork { step(id) }) }')

    expect(receiver.steps_by_process.values).to contain_exactly(['0'], ['1'], ['2'])
  end

  it 'keeps its connection, which no child uses or closes' do
    run(<<~RUBY)
      step('before')
      Tasker::Native.flush
      Process.wait(fork { [step('child'), Tasker::Native.flush] })
      Process.wait(fork { nil })
      step('after')
      Tasker::Native.flush
    RUBY

    expect(receiver.steps_by_process.values).to contain_exactly(%w[before after], %w[child])
    expect(receiver.requests.map(&:status)).to eq([200, 200, 200])
  end

  it 'keeps the spans that are open: they are not the child\'s' do
    told = run(<<~RUBY)
      class Handler < Tasker::StepHandler::Base
        def process(*)
          Process.wait(fork { tell(current: Tasker::Native.current_span.inspect, open: Tasker::Native.stats[:open_steps]) })
        end
      end
      publish('task.start_requested', task_id: 7)
      Handler.new.handle(Struct.new(:task_id).new(7), nil, Struct.new(:workflow_step_id, :task_id, :results).new(21, 7))
      publish('task.completed', task_id: 7)
    RUBY

    expect(told).to contain_exactly(include(current: 'nil', open: 0, accepted: 0))
    expect(receiver.spans.map(&:name)).to contain_exactly('tasker.step.execution', 'tasker.task.execution')
  end

  it 'has children that end at once when they have nothing to tell' do
    with_server do |endpoint|
      result = run_ruby("#{prelude}\n#{<<~RUBY}", endpoint)
        step('parent')
        started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        5.times { Process.wait(fork { nil }) }
        $stdout.syswrite(Process.clock_gettime(Process::CLOCK_MONOTONIC) - started)
        exit!
      RUBY

      expect(result.out.to_f).to be < 2
    end
  end

  it 'may fork again from its children' do
    run(<<~RUBY)
      step('parent')
      Process.wait(fork { [step('child'), Process.wait(fork { step('grandchild') })] })
    RUBY

    expect(receiver.steps_by_process.values).to contain_exactly(%w[parent], %w[child], %w[grandchild])
  end

  it 'may fork from many threads under load: nothing hangs, nothing is lost or told twice' do
    told = run(<<~RUBY, timeout: 50)
      Tasker.configuration.telemetry.schedule_delay = 0
      busy = Array.new(2) { |thread| Thread.new { 300.times { |id| step("\#{thread}/\#{id}", 'x' * 500) } } }
      forking = Array.new(3) do |thread|
        Thread.new do
          5.times { |id| Process.wait(fork { 3.times { |number| step("child \#{thread}/\#{id}/\#{number}") } }) }
        end
      end
      (busy + forking).each(&:join)
      Tasker::Native.flush
      tell
    RUBY

    ids = receiver.spans.map { |span| span.attributes['tasker.step_id'] }
    expect(told).to contain_exactly(include(accepted: 600, exported: 600, dropped: 0))
    expect(ids.size).to eq(645)
    expect(ids.uniq.size).to eq(645)
    expect(receiver.steps_by_process.size).to eq(16)
  end

  it 'may run other programs meanwhile' do
    run(<<~RUBY)
      20.times do |id|
        step(id)
        system('true')
      end
    RUBY

    expect(receiver.steps_by_process.values).to eq([(0...20).map(&:to_s)])
  end

  it 'may become a daemon: what was published before arrives, and what comes after' do
    told = run(<<~RUBY)
      step('before')
      publish('step.before_handle', task_id: 1, step_id: 'open')
      Process.daemon(true, true)
      step('after')
      Tasker::Native.flush
      tell
    RUBY

    expect(told).to contain_exactly(include(accepted: 1, exported: 1))
    expect(receiver.wait_for(count: 2).map { |span| span.attributes['tasker.step_id'] }).to include('before', 'after')
    expect(receiver.steps_by_process.fetch(told.first[:pid])).to eq(['after'])
  end

  it 'has children whose exporter :memory is empty' do
    told = run(<<~RUBY)
      require 'tasker/native/testing'
      def ids = Tasker::Native::Testing.finished_spans.map { |span| span.attribute('step_id') }
      Tasker.configuration.telemetry.exporter = :memory
      step('parent')
      Tasker::Native.flush
      Process.wait(fork { [step('child'), tell(ids: ids)] })
      tell(ids: ids)
    RUBY

    expect(told.map { |line| line[:ids] }).to eq([['child'], ['parent']])
  end

  it 'has children with telemetry although it had it switched off itself' do
    run(<<~RUBY)
      Tasker.configuration.telemetry.enabled = false
      step('parent')
      Process.wait(fork { (Tasker.configuration.telemetry.enabled = true) && step('child') })
    RUBY

    expect(receiver.steps_by_process.values).to eq([['child']])
  end

  # Puma warns of every thread that was started before it forks, but of those that say that they don't mind.
  it 'has no thread that a fork could harm, or says so' do
    out = ruby("#{prelude}\n#{<<~RUBY}", receiver.endpoint)
      step('parent')
      $stdout.write((Thread.list - [Thread.main]).map { |thread| [thread.name, thread.thread_variable_get(:fork_safe)] })
    RUBY

    expect(out).to eq([['tasker-native log', true]].inspect)
  end

  # A thousand with the slow specs.
  describe 'while it exports, with a resolver that is slow and fails' do
    include_context 'with a directory'

    let(:forks) { ENV['TASKER_NATIVE_ALL'] == '1' ? 1_000 : 150 }
    # Of metrics, processes that end say that they could not be sent.
    let(:environment) { { **SlowResolver.environment(directory, 100), 'OTEL_METRICS_EXPORTER' => 'none' } }
    let(:endpoint) { receiver.endpoint.sub('127.0.0.1', 'collector.test') }
    let(:script) do
      <<~RUBY
        Tasker.configuration.telemetry.schedule_delay = 0.01
        longest = 0
        running = 0
        #{forks}.times do |number|
          step("parent \#{number}")
          Tasker.configuration.telemetry.otlp_headers = { 'x-number' => number.to_s } if number % 20 == 0 # a lookup
          started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
          fork do
            2.times { |id| step("child \#{number}.\#{id}") }
            fork { step("grandchild \#{number}") } if number % 10 == 0
            [Process.waitall, number.odd? ? exit : (Tasker::Native.flush(timeout: 30) && exit!)]
          end
          longest = [longest, Process.clock_gettime(Process::CLOCK_MONOTONIC) - started].max
          (Process.wait && running -= 1) if (running += 1) == 20
        end
        Process.waitall
        Tasker::Native.flush(timeout: 30)
        tell(longest: longest)
      RUBY
    end

    it 'has children that deliver what is theirs, once; no fork is held up' do
      parent = run(script, endpoint: endpoint, env: environment, timeout: 240).first

      ids = receiver.spans.map { |span| span.attributes['tasker.step_id'] }
      owners = receiver.steps_by_process.values.map { |steps| steps.map { |id| id[/\Aparent|\A\w+ \d+/] }.uniq }
      expect(parent).to include(accepted: forks, exported: forks, dropped: 0, longest: be < 0.5)
      expect(ids.uniq.size).to eq(ids.size)
      expect(ids.grep(/^child/).size).to eq(2 * forks)
      expect(ids.grep(/^grandchild/).size).to eq(forks / 10)
      expect(owners.map(&:size)).to all(eq(1))
    end
  end

  it 'has a log in every child' do
    result = run_ruby("#{prelude}\n#{<<~RUBY}", dead_endpoint)
      step('parent')
      Tasker::Native.flush
      Process.wait(fork { [step('child'), Tasker::Native.flush] })
    RUBY

    expect(result.status).to be_success
    expect(result.err.scan('1 span was lost (unreachable)').size).to eq(2)
  end
end
