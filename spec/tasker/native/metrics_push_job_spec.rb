# frozen_string_literal: true

require_relative '../../support/api_server'

require 'active_job'

RSpec.describe Tasker::Native::MetricsPushJob do
  let(:server) { ApiServer.new }

  before do
    ActiveJob::Base.logger = Logger.new(nil)
    Tasker::Telemetry::MetricsBackend.instance.counter(:orders_total).increment
  end

  after { server.stop }

  def push_to(**options)
    configure(prometheus: { endpoint: server.url, retry_attempts: 0, **options })
  end

  it 'pushes' do
    server.will(200, '')
    push_to
    described_class.perform_now

    expect(server.requests.map(&:body)).to contain_exactly(/^tasker_orders_total 1$/)
    expect(log).to be_empty
  end

  it 'writes to the log what fails' do
    server.will(500, 'no')
    push_to
    described_class.perform_now

    expect(log_lines).to contain_exactly(/WARN .*could not be pushed to .*, 1 times\. Next:/)
  end

  it 'raises what fails, where the queue is to do it again' do
    server.will(500, 'no')
    push_to(skip_if_unavailable: false)

    expect { described_class.perform_now }.to raise_error(Tasker::Native::MetricsPush::Failed, /Next:/)
  end

  it 'is in the queue that is set' do
    expect(described_class.new.queue_name).to eq('metrics_export')
    push_to(queue: 'low')
    expect(described_class.new.queue_name).to eq('low')
  end

  it 'is what tasker-engine calls MetricsExportJob, and takes what that was given' do
    server.will(200, '')
    push_to
    Tasker::MetricsExportJob.perform_now(format: :prometheus, coordinator_instance: 'web-1', timing: {})

    expect(Tasker::MetricsExportJob).to be(described_class)
    expect(server.requests.size).to eq(1)
  end

  it 'is there only with ActiveJob' do
    expect(ruby(<<~RUBY)).to eq("false\nLoadError\n")
      require 'tasker-native'
      p defined?(ActiveJob).nil? ? false : true
      begin
        Tasker::Native::MetricsPushJob
      rescue LoadError => e
        p e.class
      end
    RUBY
  end
end
