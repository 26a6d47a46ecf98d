# frozen_string_literal: true

require 'tmpdir'
require_relative '../support/collectors'
require_relative '../support/otlp_receiver'

RSpec.describe 'A process that ends' do
  include Collectors

  let(:prelude) do
    <<~RUBY
      require 'tasker-native'
      Tasker.configuration do |config|
        config.telemetry do |tel|
          tel.exporter = :otlp
          tel.otlp_endpoint = ARGV[0]
          tel.shutdown_timeout = 0.5
        end
      end

      def publish(name, payload) = Tasker::Events::Publisher.instance.publish(name, payload)
    RUBY
  end
  let(:receiver) { @receiver } # rubocop:disable RSpec/InstanceVariable

  before(:all) { @receiver = OtlpReceiver.start } # rubocop:disable RSpec/BeforeAfterAll -- one process for all

  before { receiver.clear }

  after(:all) { @receiver.stop } # rubocop:disable RSpec/BeforeAfterAll, RSpec/InstanceVariable

  def run(script, endpoint = receiver.endpoint)
    run_ruby("#{prelude}\n#{script}", endpoint)
  end

  # @return [Array<String>] the ids of the steps that have arrived
  def steps
    receiver.spans.map { |span| span.attributes['tasker.step_id'] }
  end

  it 'delivers what it has published at once: a script may be short' do
    result = run(<<~RUBY)
      publish('task.start_requested', task_id: 7)
      publish('step.completed', task_id: 7, step_id: 21)
      publish('task.completed', task_id: 7)
    RUBY

    expect(result).to have_attributes(status: be_success, out: '', err: '')
    expect(receiver.spans.map(&:name)).to eq(%w[tasker.step.execution tasker.task.execution])
    expect(result.seconds).to be < 2
  end

  it 'interrupts the steps that are open, and leaves roots that are open to others' do
    run(<<~RUBY)
      publish('task.start_requested', task_id: 7)
      publish('step.before_handle', task_id: 7, step_id: 21)
    RUBY

    expect(receiver.spans).to contain_exactly(
      have_attributes(name: 'tasker.step.execution', status: 'UNSET',
                      events: [have_attributes(name: 'tasker.span.interrupted')])
    )
  end

  it 'delivers all of the steps that are open, however many' do
    result = run(<<~RUBY)
      Tasker.configuration.telemetry.shutdown_timeout = 60
      3_000.times { |number| publish('step.before_handle', task_id: 7, step_id: number) } # more than the queue takes
    RUBY

    expect(result.err).to eq('')
    expect(receiver.spans.size).to eq(3_000)
  end

  {
    'exit(3)' => 3, 'abort' => 1, 'raise("no")' => 1, 'exit' => 0, 'Process.kill(:TERM, Process.pid); sleep' => nil,
    'Process.kill(:INT, Process.pid); sleep' => nil, 'at_exit { exit(4) }' => 4
  }.each do |ending, status|
    it "delivers when it ends by #{ending}, and keeps its status" do
      result = run("publish('step.completed', task_id: 7, step_id: 21)\n#{ending}")

      expect(result.status.exitstatus).to eq(status)
      expect(steps).to eq(['21'])
    end
  end

  describe 'by exit!' do
    # How long the exit took, in a process that has published; what it should have cost without telemetry is little.
    def exit_seconds(exit, endpoint, spool: nil)
      out = ruby(<<~RUBY, endpoint)
        #{prelude}
        Tasker.configuration.telemetry.spool_directory = #{spool.inspect}
        Tasker::Native.logger = Logger.new(nil)
        times = Array.new(5) do |number|
          reader, writer = IO.pipe
          Process.wait(fork do
            publish('step.completed', task_id: 7, step_id: number.to_s)
            sleep 0.05
            writer.syswrite(Process.clock_gettime(Process::CLOCK_MONOTONIC))
            #{exit}
          end)
          Process.clock_gettime(Process::CLOCK_MONOTONIC) - reader.read_nonblock(100).to_f
        end
        puts times.sort[2]
      RUBY
      out.to_f
    end

    %w[exit! Process.exit! Kernel.exit!(true) Process::exit!].each do |exit|
      it "delivers (#{exit})" do
        expect(exit_seconds(exit, receiver.endpoint)).to be < 0.1
        expect(steps.sort).to eq(%w[0 1 2 3 4])
      end
    end

    it 'takes no longer where nobody answers' do
      with_server { |endpoint| expect(exit_seconds('exit!', endpoint)).to be < 0.1 + 0.1 }
    end

    it 'puts on disk what nobody takes, and another process delivers it' do
      Dir.mktmpdir do |directory|
        with_server { |endpoint| expect(exit_seconds('exit!', endpoint, spool: directory)).to be < 0.1 + 0.1 }
        expect(exit_seconds('exit!', dead_endpoint, spool: directory)).to be < 0.1
        expect(Dir.children(directory).size).to eq(10)

        run(<<~RUBY)
          Tasker.configuration.telemetry.spool_directory = #{directory.inspect}
          Tasker::Native.start
          publish('step.completed', task_id: 7, step_id: 'living')
          Tasker::Native.flush
          sleep 0.01 until Dir.empty?(#{directory.inspect})
          stats = Tasker::Native.stats
          warn stats unless stats.values_at(:accepted, :exported, :spooled) == [11, 11, 0]
        RUBY
        expect(steps.tally).to eq('living' => 1, **Array.new(5) { |number| [number.to_s, 2] }.to_h)
      end
    end

    it 'keeps its status, and takes no time where nothing was published' do
      with_server do |endpoint|
        result = run('Tasker::Native.start; exit!(3)', endpoint)

        expect(result).to have_attributes(err: '', seconds: be < 0.5, status: have_attributes(exitstatus: 3))
      end
    end
  end

  it 'delivers when a handler leaves by exit' do
    run(<<~RUBY)
      handler = Class.new(Tasker::StepHandler::Base) { def process(*) = exit }
      handler.new.handle(nil, nil, Struct.new(:workflow_step_id, :task_id, :results).new(21, 7))
    RUBY

    expect(receiver.spans.flat_map { |span| span.events.map(&:name) }).to eq(['tasker.span.interrupted'])
  end

  it 'does not mind blocks of at_exit that publish still' do
    result = run(<<~RUBY)
      at_exit { publish('step.completed', task_id: 7, step_id: 'late') }
      publish('step.completed', task_id: 7, step_id: 'in time')
      at_exit { publish('step.completed', task_id: 7, step_id: 'first') }
    RUBY

    expect(result).to have_attributes(status: be_success, err: '')
    expect(steps).to eq(['in time', 'first'])
  end

  it 'does not mind threads that publish still' do
    result = run(<<~RUBY)
      Thread.new { loop { publish('step.completed', task_id: 7, step_id: rand(1_000_000)) } }
      sleep 0.1
    RUBY

    expect(result.status).to be_success
    expect(steps).not_to be_empty
  end

  it 'does not wait for a collector that is not there, and says what was lost' do
    result = run("publish('step.completed', task_id: 7, step_id: 21)", dead_endpoint)

    expect(result.status).to be_success
    expect(result.seconds).to be < 2
    expect(result.err).to match(/WARN .*tasker-native: 1 span was lost \(unreachable\): .*Next: start a collector/)
  end

  it 'waits no longer than shutdown_timeout for a collector that says nothing' do
    with_server do |endpoint|
      result = run("publish('step.completed', task_id: 7, step_id: 21)", endpoint)

      expect(result.status).to be_success
      expect(result.seconds).to be_between(0.5, 2.5)
      expect(result.err).to match(/1 span was lost \(deadline\): POST http\S+: given up before there was an answer\./)
    end
  end

  it 'waits not at all where nothing was published' do
    with_server do |endpoint|
      expect(run('Tasker::Native.start', endpoint)).to have_attributes(status: be_success, err: '',
                                                                       seconds: be < 0.5)
    end
  end

  it 'tells by shutdown whether all was delivered' do
    script = "publish('step.completed', task_id: 7, step_id: 21)\np Tasker::Native.shutdown(timeout: 1)"

    expect(run(script).out).to eq("true\n")
    expect(run(script, dead_endpoint).out).to eq("false\n")
  end

  it 'says what was lost even if it is interrupted before it begins to wait' do
    script = <<~RUBY
      publish('step.completed', task_id: 7, step_id: 21)
      class Thread
        def value = raise(Interrupt)
      end
      begin
        Tasker::Native.shutdown(timeout: 30)
      rescue Interrupt
        p Tasker::Native.stats[:dropped][:deadline]
      end
      exit!
    RUBY
    with_server do |endpoint|
      result = run(script, endpoint)

      expect(result).to have_attributes(out: "1\n", err: include('1 span was lost (deadline)'))
    end
  end

  it 'can be interrupted while it waits, and says still what was lost' do
    with_server do |endpoint|
      script = <<~RUBY
        #{prelude}
        Tasker.configuration.telemetry.shutdown_timeout = 30
        publish('step.completed', task_id: 7, step_id: 21)
        at_exit { $stdout.syswrite('.') }
      RUBY
      (reader, writer), (log, errors) = IO.pipe, IO.pipe
      pid = spawn_ruby(script, endpoint, out: writer, err: errors)
      [writer, errors].each(&:close)
      reader.read(1)
      sleep 0.2 # it waits by now
      Process.kill(:INT, pid)

      expect(seconds { Process.wait(pid) }).to be < 5
      expect(log.read).to include('1 span was lost (deadline)')
    end
  end
end
