# frozen_string_literal: true

require_relative '../../support/metrics_parser'
require_relative '../../support/own_directory'

RSpec.describe Tasker::Native::RuntimeMetrics do
  include_context 'with a directory'

  let(:metrics) { Tasker::Telemetry::MetricsBackend.instance }
  let(:begun) { [] } # children

  before { stub_const("#{described_class}::INTERVAL", 0.1) }

  after do
    configure(runtime_metrics: false)
    begun.each { |pid| end_by_force(pid) }
  end

  def text
    metrics.export(format: :prometheus)
  end

  def values
    MetricsParser.instance.parse(text).flat_map(&:samples).to_h { |sample| [sample.name, sample.value] }
  end

  def threads
    Thread.list.map(&:name).grep(/runtime metrics/)
  end

  # The child says that it is there, lives until it is told to end, and ends as +ending+ says.
  def child(ending)
    told = IO.pipe
    release = IO.pipe
    pid = fork do
      yield
      told.last.write("#{Tasker::Native::RuntimeMetrics::ProcessNumbers.gauges[:process_resident_memory_bytes]}\n")
      release.first.read(1)
      ending.call
    end
    begun << pid
    [pid, Integer(told.first.gets), release.last]
  end

  # Where an example did not come to its end: nobody else would, and they hold what it writes to.
  def end_by_force(pid)
    Process.kill('KILL', pid)
    Process.wait(pid)
  rescue Errno::ESRCH, Errno::ECHILD
    nil # as it should be
  end

  def end_of(children)
    children.each do |pid, _, release|
      release.write('.')
      Process.wait(pid)
    end
  end

  def work(seconds)
    until_then = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) + seconds
    nil while Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) < until_then
  end

  it 'are none, and no thread, unless they are wanted' do
    expect(text).to eq('')
    expect(threads).to be_empty
  end

  describe 'when they are wanted' do
    before do
      configure(runtime_metrics: true, metrics_directory: directory)
      Tasker::Native.start # as the Railtie does at boot
    end

    it 'are those of the process' do
      before = values['process_cpu_seconds_total']
      work(0.2)

      expect(values).to include(
        'process_cpu_seconds_total' => be_between(before + 0.2, before + 0.8),
        'process_resident_memory_bytes' => be_within(20_000_000).of(File.read('/proc/self/status')[/VmRSS:\s*(\d+)/, 1]
                                                                        .to_i * 1024),
        'process_virtual_memory_bytes' => be > 50_000_000,
        'process_open_fds' => be_within(3).of(Dir.children('/proc/self/fd').size),
        'process_max_fds' => Process.getrlimit(:NOFILE).first,
        'process_start_time_seconds' => be_within(5).of(Time.now.to_f - Float(`ps -o etimes= -p #{Process.pid}`))
      )
    end

    it 'are those of Ruby' do
      before = values
      GC.start
      100_000.times { Object.new }
      GC.start(full_mark: false)

      expect(values).to include(
        'ruby_processes' => 1, 'ruby_threads' => Thread.list.size,
        'ruby_major_gc_ops_total' => be > before['ruby_major_gc_ops_total'],
        'ruby_minor_gc_ops_total' => be > before['ruby_minor_gc_ops_total'],
        'ruby_gc_seconds_total' => be > before['ruby_gc_seconds_total'],
        'ruby_allocated_objects_total' => be >= before['ruby_allocated_objects_total'] + 100_000,
        'ruby_heap_live_slots' => be_within(100_000).of(GC.stat(:heap_live_slots)), 'ruby_heap_free_slots' => be >= 0
      )
    end

    it 'are in every format, as others have it' do
      expect { MetricsParser.promtool(text) }.not_to raise_error
      expect { MetricsParser.instance.parse(metrics.export(format: :openmetrics), format: :openmetrics) }
        .not_to raise_error
    end

    it 'are recorded while nobody asks, by one thread, which ends when they are no longer wanted' do
      eventually('a first time') { File.exist?(File.join(directory, 'metrics.1')) }
      eventually('numbers') do
        Tasker::Native::Metrics.read(directory, :prometheus, '').include?('ruby_processes 1')
      end
      telemetry.service_name = 'other'
      expect(threads.size).to eq(1)
      configure(runtime_metrics: false)

      eventually('no thread') { threads.empty? }
    end

    it 'are the sum of two processes that were forked and of their parent, and those of dead ones vanish' do
      children = Array.new(2) { child(-> { exit!(true) }) { @ballast = '.' * 40_000_000 } }
      resident = children.sum { |_, bytes, _| bytes } # what is shared is counted in each
      eventually('three processes') { values['ruby_processes'] == 3 }

      expect(resident).to be > 80_000_000
      expect(values['process_resident_memory_bytes']).to be > resident
      end_of(children)
      expect(values).to include('ruby_processes' => 1, 'process_resident_memory_bytes' => be < resident)
    end

    it 'keep the CPU time of processes that have ended, by whatever way, but not twice what was their parent\'s',
       :no_valgrind do
      work(0.5)
      before = values
      end_of([child(-> { exit! }) { metrics.counter(:a).increment && work(0.3) },
              child(-> { exit }) { work(0.3) }])
      used = values['process_cpu_seconds_total'] - before['process_cpu_seconds_total']

      expect(used).to be_between(0.6, 1.4)
      expect(values['ruby_allocated_objects_total'] - before['ruby_allocated_objects_total']).to be < 1_000_000
    end

    it 'of a process that ends before it has recorded anything are none' do
      script = <<~RUBY
        require 'tasker-native'
        Tasker.configuration { |config| config.telemetry { |tel| tel.runtime_metrics = true } }
        Tasker.configuration.telemetry.metrics_directory = ARGV[0]
        Tasker::Native.start
      RUBY
      ruby(script, File.join(directory, 'other'))

      expect(Dir.exist?(File.join(directory, 'other'))).to be(false)
    end

    it 'that can\'t be read are a line in the log, once, and nothing else' do
      allow(GC).to receive(:stat).and_raise('not here')

      expect { 3.times { text } }.not_to raise_error
      expect(log_lines(/numbers of this process could not be read: RuntimeError: not here\. Next: /).size).to eq(1)
    end
  end

  describe 'of ActiveRecord' do
    let(:script) do
      <<~RUBY
        require 'active_record'
        require 'tasker-native'
        Tasker.configuration.telemetry.runtime_metrics = true
        ActiveRecord::Base.configurations = { development: { primary: { adapter: 'sqlite3', database: ':memory:', pool: 7 } } }
        ActiveRecord::Base.establish_connection(:primary)
        ActiveRecord::Base.connection_pool.with_connection do |connection|
          connection.execute('SELECT 1')
          puts Tasker::Telemetry::MetricsBackend.instance.export(format: :prometheus)
        end
        ActiveRecord::Base.remove_connection
        puts Tasker::Telemetry::MetricsBackend.instance.export(format: :prometheus)
      RUBY
    end

    it 'are those of its pools; of one that is no more they are zero' do
      labels = '{pool="primary",role="writing",shard="default"}'
      found = run_ruby(script, gems: true, env: { 'RAILS_ENV' => 'development' }, chdir: directory)
              .out.scan(/^active_record_connection_pool_(\w+)#{Regexp.escape(labels)} (\d+)$/)

      expect(found).to eq([%w[busy 1], %w[connections 1], %w[dead 0], %w[idle 0], %w[size 7], %w[waiting 0]] +
                          %w[busy connections dead idle size waiting].map { |name| [name, '0'] })
    end
  end
end
