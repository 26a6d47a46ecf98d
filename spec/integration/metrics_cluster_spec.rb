# frozen_string_literal: true

require 'timeout'
require_relative '../support/metrics_parser'
require_relative '../support/prometheus_server'
require_relative '../support/rails_server'

# What a cluster of real Puma workers has recorded, as a real Prometheus sees it.
RSpec.describe 'Metrics of a cluster' do
  include_context 'with a Rails app on a server'

  let(:frameworks) { true }
  let(:telemetry_of_app) { "tel.exporter = :none\ntel.metrics_endpoint = '/tasker/metrics'" }

  before do
    write('config.ru', <<~RUBY)
      require_relative 'app'
      METRICS = Tasker::Telemetry::MetricsBackend.instance
      METRICS.counter(:boots_total).increment # before the fork
      METRICS.describe(:workers, combine: :sum)
      count = lambda do |env|
        kind = env['PATH_INFO'].delete('/')
        METRICS.gauge(:workers).set(1)
        METRICS.counter(:requests_total, kind: kind).increment
        METRICS.histogram(:size_bytes, buckets: [1, 10, 100]).observe(kind.size)
        [200, {}, [Process.pid.to_s]]
      end
      Rails.application.routes.append { mount count => '/count' }
      Rails.application.reload_routes!
      run Rails.application
    RUBY
    # Some workers of Puma 8 never see the signal, with Ruby 3.3, whatever the app is.
    write('puma.rb',
          "workers 3\npreload_app!\nthreads 4, 4\nworker_shutdown_timeout 3\nbind 'tcp://127.0.0.1:#{port}'\n")
  end

  # Sends requests from threads during the block. What a killed worker had may have been counted, or not.
  #
  # @return [Array<Array(String, Integer, Integer)>] for each kind, how many were answered and how many were not
  def load_for(kinds)
    stopped = false
    threads = kinds.map do |kind|
      Thread.new do
        answers = []
        answers << answered?(kind) until stopped
        [kind, answers.count(true), answers.count(false)]
      end
    end
    yield
    stopped = true
    threads.map(&:value)
  end

  def answered?(kind)
    get("/count/#{kind}").match?(/\A\d+\z/)
  rescue SystemCallError, IOError
    false
  end

  def workers
    Array.new(30) { get('/count/look') }.uniq.map(&:to_i)
  end

  # Kills one worker, has Puma replace another one, and goes on.
  def disturb
    sleep 2
    Process.kill(:KILL, workers.first)
    sleep 2
    Process.kill(:TERM, workers.last)
    sleep 2
  end

  def serve_and_scrape
    prometheus = PrometheusServer.new("127.0.0.1:#{port}", path: '/tasker/metrics')
    serve('puma', 'puma', '-C', 'puma.rb') do
      wait_for_start
      prometheus.start
      eventually('the first scrape', timeout: 30) { prometheus.query('up').any? }
      yield prometheus
    end
  ensure
    prometheus&.stop
  end

  def expect_exact_counters(prometheus, answered)
    answered.each do |kind, sure, unsure|
      series = "requests_total{kind=\"#{kind}\"}"
      expect(sure).to be > 20
      expect(prometheus.value(series)).to be_between(sure, sure + unsure)
      expect(prometheus.value("resets(#{series}[1m])")).to eq(0)
      expect(prometheus.query("#{series}[1m]").first['values'].size).to be > 8
    end
    expect(prometheus.value('boots_total')).to eq(1)
  end

  def expect_whole_histogram(prometheus)
    total = prometheus.value('sum(requests_total)')
    expect(prometheus.value('size_bytes_count')).to eq(total)
    expect(prometheus.value('size_bytes_bucket{le="+Inf"}')).to eq(total)
  end

  it 'are the sum of all workers, also of killed ones, and never fall' do
    serve_and_scrape do |prometheus|
      answered = load_for(%w[a bb ccc]) { disturb }
      sleep 1.5 # two more scrapes

      expect_exact_counters(prometheus, answered)
      expect_whole_histogram(prometheus)
      expect(prometheus.value('workers')).to be_between(1, 3)
      expect { MetricsParser.promtool(get('/tasker/metrics')) }.not_to raise_error
      expect(Dir.children(File.join(directory, 'tmp/tasker_metrics'))).to contain_exactly('metrics.1', 'metrics.1.lock')
    end
  end

  it 'begin anew when the whole app has ended, and can be read until then' do
    serve('puma', 'puma', '-C', 'puma.rb') do
      wait_for_start
      5.times { get('/count/a') }
    end
    left = Tasker::Native::Metrics.read(File.join(directory, 'tmp/tasker_metrics'), :prometheus, '')
    expect(left).to include('requests_total{kind="a"} 5').and(not_include('workers'))

    serve('puma', 'puma', '-C', 'puma.rb') do
      wait_for_start
      expect(get('/tasker/metrics')).to include('boots_total 1').and(not_include('requests_total'))
    end
  end
end
