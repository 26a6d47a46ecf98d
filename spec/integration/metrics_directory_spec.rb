# frozen_string_literal: true

require 'fileutils'
require_relative '../support/own_directory'

# Metrics of processes that share a directory, and what becomes of the directory.
RSpec.describe 'metrics_directory' do
  include_context 'with a directory'

  let(:shared) { File.join(directory, 'metrics') }
  let(:metrics) { Tasker::Telemetry::MetricsBackend.instance }

  before { configure(metrics_directory: shared) }

  def child
    Process.wait(fork do
      yield
      exit!(true)
    end)
  end

  def text
    metrics.export(format: :prometheus).lines(chomp: true).grep_v(/\A#/)
  end

  it 'has one sum of what a parent and its children have counted, also by handles of the parent' do
    counter = metrics.counter(:a_total)
    counter.increment
    2.times { child { counter.increment(10) && metrics.counter(:b_total, who: 'child').increment } }

    expect(text).to contain_exactly('a_total 21', 'b_total{who="child"} 2')
    expect(counter.value).to eq(1)
  end

  it 'keeps what children count while only the parent lives, who counts nothing' do
    ruby(<<~RUBY, shared)
      require 'tasker-native'
      Tasker.configuration { |config| config.telemetry.metrics_directory = ARGV[0] }
      Tasker::Native.start
      2.times do
        Process.wait(fork { Tasker::Telemetry::MetricsBackend.instance.counter(:a_total).increment })
      end
    RUBY

    expect(Tasker::Native::Metrics.read(shared, :prometheus, '')).to include('a_total 2')
  end

  it 'takes what was counted to a new file when somebody has removed it' do
    counter = metrics.counter(:a_total)
    gauge = metrics.gauge(:b)
    histogram = metrics.histogram(:c, buckets: [1])
    counter.increment(5)
    gauge.set(3)
    histogram.observe(0.5)
    FileUtils.rm_rf(shared)

    expect(text).to include('a_total 5', 'b 3', 'c_bucket{le="1.0"} 1', 'c_sum 0.5')
    expect(File.exist?(File.join(shared, 'metrics.1'))).to be(true)
    counter.increment
    histogram.observe(2)
    child { counter.increment }
    expect(text).to include('a_total 7', 'b 3', 'c_count 2')
    expect(counter.value).to eq(6)
  end

  it 'may be taken from under an application that forks' do
    counter = metrics.counter(:a_total)
    counter.increment(5)
    FileUtils.rm_rf(shared)
    child { metrics.counter(:a_total).increment(100) && metrics.counter(:new_total).increment }

    expect(text).to contain_exactly('a_total 105', 'new_total 1')
  end

  it 'sets aside what is no segment, and says so' do
    FileUtils.mkdir(shared, mode: 0o700)
    File.write(File.join(shared, 'metrics.1'), 'garbage')
    metrics.counter(:a_total).increment

    expect(text).to eq(['a_total 1'])
    expect(File.read(File.join(shared, 'metrics.1.damaged'))).to eq('garbage')
    expect(log_lines(/the file of metrics could not be used, and was set aside/).size).to eq(1)
    expect(Tasker::Native::Metrics.stats).to include(damaged: 1, shared: true)
  end

  it 'is done without where it can\'t be used' do
    FileUtils.mkdir(shared)
    File.chmod(0o777, shared)
    metrics.counter(:a_total).increment

    expect(text).to eq(['a_total 1'])
    expect(log_lines(/this process alone.*Operation not permitted.*Next: check tel.metrics_directory/).size).to eq(1)
    expect(Tasker::Native::Metrics.stats).to include(shared: false)
  end

  it 'can be read by who is none of the application\'s processes' do
    metrics.counter(:a_total).increment(5)

    expect(Tasker::Native::MetricsExport.left('csv', telemetry)).to match(/,a_total,counter,5$/)
    expect { Tasker::Native::MetricsExport.left(:xml, telemetry) }.to raise_error(ArgumentError, /no such format/)
    configure(metrics_directory: File.join(directory, 'other'))
    expect { Tasker::Native::MetricsExport.left(:csv, telemetry) }
      .to raise_error(Tasker::Native::MetricsExport::Unavailable, /There are no metrics in .*other yet/)
    configure(metrics_directory: nil)
    expect { Tasker::Native::MetricsExport.left(:csv, telemetry) }
      .to raise_error(Tasker::Native::MetricsExport::Unavailable, /set tel.metrics_directory/)
  end
end
