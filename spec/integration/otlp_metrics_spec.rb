# frozen_string_literal: true

require 'bigdecimal'
require 'bigdecimal/math'
require_relative '../support/collectors'
require_relative '../support/eventually'
require_relative '../support/otlp_receiver'

# Decoded with the official protobuf classes, and checked as a strict collector would: examples/otlp_receiver.
RSpec.describe 'Metrics that leave by OTLP' do
  include Collectors

  let(:receiver) { @receiver } # rubocop:disable RSpec/InstanceVariable
  let(:metrics) { Tasker::Telemetry::MetricsBackend.instance }

  before(:all) { @receiver = OtlpReceiver.start } # rubocop:disable RSpec/BeforeAfterAll -- one process for all

  before do
    receiver.answer_with({ status: 200 }, path: OtlpReceiver::METRICS_PATH)
    receiver.clear
    export
  end

  after(:all) { @receiver.stop } # rubocop:disable RSpec/BeforeAfterAll, RSpec/InstanceVariable

  def export(**settings)
    configure(metrics_exporter: :otlp, otlp_endpoint: receiver.endpoint, **settings)
  end

  # @return [Hash{String=>Hash}] the metrics of the request that a flush sends, by name
  def sent
    before = receiver.metrics.size
    Tasker::Native.flush
    metrics_of(receiver.metrics[before])
  end

  def metrics_of(request)
    return {} unless request

    scopes = request['resourceMetrics'].flat_map { |group| group['scopeMetrics'] }
    scopes.flat_map { |scope| scope['metrics'] }.to_h { |metric| [metric['name'], metric] }
  end

  def points(metric)
    metric.values_at('sum', 'gauge', 'histogram', 'exponentialHistogram').compact.first['dataPoints']
  end

  def labels(point)
    point.fetch('attributes', []).to_h { |pair| [pair['key'], pair['value']['stringValue']] }
  end

  def resource(request)
    request['resourceMetrics'].first['resource']['attributes'].to_h { |pair| [pair['key'], pair['value'].values.first] }
  end

  describe 'have their kinds of points' do
    it 'a monotonic sum of each counter, whole or not' do
      metrics.describe(:orders_total, help: 'What was ordered.')
      metrics.counter(:orders_total, status: 'paid', kind: "a\"b\n").increment(3)
      metrics.counter(:weight_total).increment(0.25)

      expect(sent).to match(
        'orders_total' => { 'name' => 'orders_total', 'description' => 'What was ordered.',
                            'sum' => { 'aggregationTemporality' => 2, 'isMonotonic' => true,
                                       'dataPoints' => [include('asInt' => '3')] } },
        'weight_total' => include('sum' => include('dataPoints' => [include('asDouble' => 0.25)]))
      )
      expect(labels(points(metrics_of(receiver.metrics.last)['orders_total']).first))
        .to eq('status' => 'paid', 'kind' => "a\"b\n")
    end

    it 'a gauge of each gauge' do
      metrics.gauge(:queue_size, queue: 'mail').set(-2.5)

      expect(sent['queue_size']['gauge']['dataPoints']).to match([include('asDouble' => -2.5)])
    end

    it 'a histogram with its bounds, and its unit as UCUM has it' do
      metrics.describe(:wait_seconds, unit: 'seconds', buckets: [0.1, 1])
      [0.1, 0.5, 7].each { |value| metrics.histogram(:wait_seconds, value: value) }

      expect(sent['wait_seconds']).to include('unit' => 's')
      expect(points(metrics_of(receiver.metrics.last)['wait_seconds']).first)
        .to include('count' => '3', 'sum' => 7.6, 'bucketCounts' => %w[1 1 1], 'explicitBounds' => [0.1, 1])
    end

    it 'what steps took, with the trace that a measurement is of' do
      publish('step.completed', task_id: 1, step_id: 's', step_name: 'ship', task_name: 'order')

      point = points(sent['step_duration_seconds']).first
      expect(point['exemplars'].map { |one| one.values_at('traceId', 'spanId') })
        .to eq([[only_span.trace_id, only_span.id]])
      expect(points(metrics_of(receiver.metrics.last)['step_completed_total']).first).to include('asInt' => '1')
    end
  end

  it 'say who sends them, and since when, in a request that nobody finds strange' do
    metrics.counter(:a_total).increment
    point = points(sent['a_total']).first

    expect(resource(receiver.metrics.last)).to include('service.name' => 'tasker', 'process.pid' => Process.pid.to_s,
                                                       'service.instance.id' => /\A\h{8}-/)
    expect(receiver.metrics_requests.last).to have_attributes(
      unknown_bytes: 0, content_type: 'application/x-protobuf', content_encoding: 'gzip', status: 200,
      user_agent: start_with('OTel-OTLP-Exporter-tasker-native/')
    )
    start, time = point.values_at('startTimeUnixNano', 'timeUnixNano').map(&:to_i)
    expect(start).to be_between(time - 600_000_000_000, time)
    expect(time / 1e9).to be_within(5).of(Time.now.to_f)
  end

  it 'are not sent while there are none' do
    Tasker::Native.flush

    expect(receiver.metrics_requests).to be_empty
  end

  it 'leave by themselves, each interval' do
    export(metrics_export_interval: 0.05)
    metrics.counter(:a_total).increment

    expect(eventually('three requests') { receiver.metrics_requests.size >= 3 }).to be(true)
  end

  describe 'cumulative' do
    it 'have all since the beginning, in each request' do
      metrics.counter(:a_total).increment(2)
      sent
      metrics.counter(:a_total).increment(3)

      expect(points(sent['a_total'])).to match([include('asInt' => '5')])
    end
  end

  describe 'as deltas' do
    before { export(metrics_temporality: :delta) }

    it 'have what came since the last request, and nothing else' do
      [[2, 0.5], [3, 7]].each do |amount, value|
        metrics.counter(:a_total).increment(amount)
        metrics.counter(:b_total).increment if amount == 2
        metrics.histogram(:h, buckets: [1], value: value)
        sent
      end
      first, second = receiver.metrics.map { |request| metrics_of(request) }

      expect(first['a_total']['sum']).to include('aggregationTemporality' => 1,
                                                 'dataPoints' => [include('asInt' => '2')])
      expect(second['a_total']['sum']['dataPoints']).to match([include('asInt' => '3')])
      expect(second).not_to include('b_total')
      expect(points(second['h']).first).to include('count' => '1', 'sum' => 7.0, 'bucketCounts' => %w[0 1])
      expect(points(second['a_total']).first['startTimeUnixNano']).to eq(points(first['a_total']).first['timeUnixNano'])
    end

    it 'have what could not be delivered, too' do
      metrics.counter(:a_total).increment(2)
      receiver.answer_with({ status: 400 }, { status: 200 }, path: OtlpReceiver::METRICS_PATH)
      Tasker::Native.flush
      metrics.counter(:a_total).increment(3)

      expect(points(sent['a_total'])).to match([include('asInt' => '5')])
    end

    it 'may be exponential' do
      export(metrics_temporality: :delta, metrics_histogram_aggregation: :base2_exponential_bucket_histogram)
      metrics.histogram(:h, value: 1.5)
      sent
      [1.5, 1e9].each { |value| metrics.histogram(:h, value: value) }

      point = points(sent['h']).first
      expect(point).to include('count' => '2', 'sum' => 1_000_000_001.5)
      expect(point['positive']['bucketCounts'].sum(&:to_i)).to eq(2)
    end
  end

  # Buckets as the specification has them, with as many digits as it takes: the scale is the finest at which all values
  # are in 160 buckets, and a value is in the bucket (base ** index, base ** (index + 1)].
  describe 'as exponential histograms' do
    before { export(metrics_histogram_aggregation: :base2_exponential_bucket_histogram) }

    def logarithm(value)
      BigMath.log(BigDecimal(value.to_r, 40), 40) / BigMath.log(BigDecimal(2), 40)
    end

    def index(value, scale)
      (logarithm(value) * (BigDecimal(2)**scale)).round(25).ceil - 1
    end

    def spread(values, scale)
      indexes = values.map { |value| index(value, scale) }
      indexes.max - indexes.min
    end

    def finest(values)
      scale = 20
      scale -= 1 while [values.select(&:positive?), values.select(&:negative?).map(&:abs)].any? do |side|
        side.any? && spread(side, scale) >= 160
      end
      scale
    end

    def counts(buckets)
      return {} unless buckets

      offset = buckets['offset'].to_i
      buckets['bucketCounts'].map(&:to_i).each_with_index.to_h { |count, i| [offset + i, count] }
                             .reject { |_, count| count.zero? }
    end

    # @return [Hash] what a point has, in the words of the model below
    def seen(point)
      { scale: point.fetch('scale', 0), positive: counts(point['positive']), negative: counts(point['negative']),
        zero: point.fetch('zeroCount', '0').to_i, **point.slice('count', 'min', 'max') }
    end

    def model(values)
      scale = finest(values)
      positive, negative = values.reject(&:zero?).partition(&:positive?)
      { scale: scale, positive: positive.map { |value| index(value, scale) }.tally,
        negative: negative.map { |value| index(-value, scale) }.tally, zero: values.count(&:zero?),
        'count' => values.size.to_s, 'min' => values.min.to_f, 'max' => values.max.to_f }
    end

    def expect_model(values)
      values.each { |value| metrics.histogram(:h, value: value) }

      expect(seen(points(sent['h']).first)).to eq(model(values))
    end

    { 'one value' => [0.3], 'powers of two' => [1, 2, 4, 8, 1024],
      'neighbours' => [1.0, 1.0.next_float, 1.0.prev_float],
      'both signs and zero' => [-3, -0.5, 0, 0.25, 7.5], 'the largest and the smallest' => [5e-324, Float::MAX],
      'what needs 160 buckets' => Array.new(160) { |i| 1.0 + (i * 1e-6) },
      'what is too much for them' => Array.new(400) { |i| 1.0 + (i * 0.37) },
      'the smallest normal number and its neighbours' => [Float::MIN, Float::MIN.prev_float, Float::MIN.next_float] }
      .each do |what, values|
      it "have #{what}" do
        expect_model(values)
      end
    end

    it 'equal the model, whatever is observed' do
      random = Random.new(RSpec.configuration.seed)
      values = Array.new(150) { random.rand(-1.0..1.0) * (10.0**random.rand(-8..8)) }

      expect_model(values)
    end

    it 'are what children, too, count alone' do
      metrics.histogram(:h, value: 1)
      child = fork do
        metrics.histogram(:h, value: 2)
        Tasker::Native.flush
        exit!(true)
      end
      Process.wait(child)

      expect(receiver.metrics.map { |request| points(metrics_of(request)['h']).first['sum'] }.uniq).to eq([2.0])
    end
  end

  it 'equal what was recorded, whatever that was' do
    bounds = [-Float::INFINITY, -1, 0, 1.5, 10, Float::INFINITY]
    random = Random.new(RSpec.configuration.seed)
    model = Hash.new { |hash, key| hash[key] = [] }
    400.times do
      name = "h#{random.rand(3)}"
      label = %w[a b c][random.rand(3)]
      value = random.rand(-2.0..12.0).round(3)
      metrics.histogram(name, buckets: [-1, 0, 1.5, 10], kind: label, value: value)
      model[[name, label]] << value
    end

    found = sent.flat_map { |name, metric| points(metric).map { |point| [[name, labels(point)['kind']], point] } }.to_h
    expect(found.keys).to match_array(model.keys)
    found.each do |key, point|
      expect(point['sum']).to be_within(1e-6).of(model[key].sum)
      expect(point['bucketCounts'].map(&:to_i))
        .to eq(bounds.each_cons(2).map { |low, high| model[key].count { |value| value > low && value <= high } })
    end
  end

  describe 'of several processes' do
    let(:script) do
      <<~RUBY
        require 'tasker-native'
        Tasker.configuration do |config|
          config.telemetry { |tel| tel.exporter = :none; tel.metrics_exporter = :otlp; tel.otlp_endpoint = ARGV[0] }
        end
        counter = Tasker::Telemetry::MetricsBackend.instance.counter(:work_total)
        counter.increment(100)
        Process.waitall if Array.new(3) { |n| fork { counter.increment(n + 1) } }
      RUBY
    end

    it 'are told apart, each with its own values, so that a sum of them is right' do
      ruby(script, receiver.endpoint)
      found = receiver.metrics.to_h do |request|
        [resource(request)['service.instance.id'], points(metrics_of(request)['work_total']).first['asInt'].to_i]
      end

      expect(found.values).to contain_exactly(1, 2, 3, 100)
    end

    it 'have an id each, also where the app has given itself one' do
      ruby(script, receiver.endpoint, env: { 'OTEL_RESOURCE_ATTRIBUTES' => 'service.instance.id=web-1' })
      ids = receiver.metrics.map { |request| resource(request)['service.instance.id'] }

      expect(ids.uniq.size).to eq(4)
      expect(ids).to all(match(%r{\Aweb-1/\d+\z}))
    end

    it 'have what a dead process has left in the directory in nobody’s request, since it has sent that itself' do
      Dir.mktmpdir do |directory|
        env = { 'RAILS_ENV' => 'development' }
        shared = script.sub('tel.exporter', "tel.metrics_directory = #{directory.inspect}; tel.exporter")
        2.times { ruby(shared, receiver.endpoint, env: env) }
      end

      expect(receiver.metrics.map { |request| points(metrics_of(request)['work_total']).first['asInt'].to_i }.sort)
        .to eq([1, 1, 2, 2, 3, 3, 100, 100])
    end
  end

  describe 'to a collector that fails' do
    def failing(*answers)
      receiver.answer_with(*answers, path: OtlpReceiver::METRICS_PATH)
      before = stats[:metrics]
      metrics.counter(:a_total).increment
      Tasker::Native.flush
      stats[:metrics].to_h { |name, count| [name, count == true || (count - before[name])] }
    end

    it 'are sent again where that may help' do
      expect(failing({ status: 503 }, { status: 200 })).to include(requests: 1, failed: 0, points: 1)
      expect(receiver.metrics_requests.map(&:status)).to eq([503, 200])
    end

    it 'are not sent again where it takes none, and the log says what to do' do
      expect(failing({ status: 404 })).to include(requests: 0, failed: 1)
      expect(receiver.metrics_requests.map(&:status)).to eq([404])
      expect(log_lines(/metrics were not sent/)).to contain_exactly(
        include('/v1/metrics answered 404. Next: if it takes no metrics, set tel.metrics_exporter = :none')
      )
    end

    it 'are counted where it takes some of them' do
      partial = { rejected_data_points: 1, error_message: 'too old' }

      expect(failing({ status: 200, partial_success: partial })).to include(requests: 1, points: 0, rejected: 1)
      expect(log_lines(/the collector says: too old/).size).to eq(1)
    end

    it 'wait for nobody when the process ends' do
      endpoint = dead_endpoint
      began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      result = run_ruby(<<~RUBY, endpoint)
        require 'tasker-native'
        Tasker.configuration do |config|
          config.telemetry { |tel| tel.exporter = :none; tel.metrics_exporter = :otlp; tel.otlp_endpoint = ARGV[0] }
        end
        Tasker::Telemetry::MetricsBackend.instance.counter(:a_total).increment
      RUBY

      expect(result.err).to include('metrics were not sent')
      expect(result.status).to be_success
      expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - began).to be < 5
    end
  end

  describe 'by the variables of OpenTelemetry' do
    def child(**env)
      ruby(<<~RUBY, env: env.transform_keys(&:to_s))
        require 'tasker-native'
        Tasker::Telemetry::MetricsBackend.instance.histogram(:h, value: 3)
        Tasker::Native.flush
      RUBY
    end

    it 'go where OTEL_EXPORTER_OTLP_METRICS_ENDPOINT says, as they are told to' do
      child(OTEL_METRICS_EXPORTER: 'otlp', OTEL_TRACES_EXPORTER: 'none',
            OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "#{receiver.endpoint}/v1/metrics",
            OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'x-of=metrics', OTEL_EXPORTER_OTLP_HEADERS: 'x-of=all',
            OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: 'none',
            OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta',
            OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'base2_exponential_bucket_histogram')

      expect(receiver.metrics_requests.first).to have_attributes(content_encoding: nil,
                                                                 headers: include('x-of' => 'metrics'))
      expect(metrics_of(receiver.metrics.first)['h']['exponentialHistogram']).to include('aggregationTemporality' => 1)
    end

    it 'go where spans go, if nothing else is said' do
      child(OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, RAILS_ENV: 'production')

      expect(metrics_of(receiver.metrics.first)).to include('h')
    end

    it 'stay where OTEL_METRICS_EXPORTER says none, or that Prometheus comes for them' do
      %w[none prometheus].each do |exporter|
        child(OTEL_METRICS_EXPORTER: exporter, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, RAILS_ENV: 'production')
      end

      expect(receiver.metrics_requests).to be_empty
    end
  end
end
