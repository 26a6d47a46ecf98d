# frozen_string_literal: true

RSpec.describe Tasker::Native::MetricsBackend do
  subject(:metrics) { Tasker::Telemetry::MetricsBackend.instance }

  it 'is one for the whole process' do
    expect(Tasker::Telemetry::MetricsBackend.instance).to be(metrics)
    expect { Tasker::Telemetry::MetricsBackend.new }.to raise_error(NoMethodError, /private method/)
  end

  describe 'a counter' do
    it 'adds Integers and Floats, and answers its new value' do
      counter = metrics.counter(:orders_total)

      expect([counter.increment, counter.increment(4), counter.increment(0.5), counter.increment(0)])
        .to eq([1, 5, 5.5, 5.5])
      expect(counter).to have_attributes(name: 'orders_total', value: 5.5, type: :counter, labels: {})
    end

    it 'is exact far beyond what a Float can count' do
      counter = metrics.counter(:orders_total)
      (2**21).times { counter.increment((2**32) - 1) }

      expect(counter.increment).to eq((((2**32) - 1) * (2**21)) + 1)
      expect(metrics.export(format: :prometheus)).to include("orders_total #{(((2**32) - 1) * (2**21)) + 1}\n")
    end

    it 'does not wrap around' do
      counter = metrics.counter(:orders_total)
      3.times { counter.increment(2**63) }

      expect(counter.value).to eq(3 * (2**63))
    end

    it 'never goes down' do
      counter = metrics.counter(:orders_total)
      message = 'Counter increment amount must be positive, got: '

      expect { counter.increment(-1) }.to raise_error(ArgumentError, "#{message}-1")
      expect { counter.increment(-0.5) }.to raise_error(ArgumentError, "#{message}-0.5")
      expect { counter.increment(-(2**70)) }.to raise_error(ArgumentError, /#{message}-118/)
      expect(counter.value).to eq(0)
    end

    it 'counts nothing that is no number' do
      counter = metrics.counter(:orders_total)

      expect(['1', nil, :one, [1], Float::NAN, Float::INFINITY].map { |amount| counter.increment(amount) })
        .to all(be(false))
      expect(counter.value).to eq(0)
    end

    it 'may be incremented where it is looked up' do
      expect(metrics.counter(:orders_total, value: 3).value).to eq(3)
      expect(metrics.counter(:orders_total, value: 2).value).to eq(5)
    end

    it 'takes no memory when it is held' do
      counter = metrics.counter(:orders_total, status: 'paid')
      histogram = metrics.histogram(:duration_seconds)
      counter.increment
      before = GC.stat(:total_allocated_objects)
      1000.times do
        counter.increment
        histogram.observe(0.5)
      end

      expect(GC.stat(:total_allocated_objects) - before).to be < 10
    end
  end

  describe 'a gauge' do
    it 'rises and falls' do
      gauge = metrics.gauge(:queue_size)

      expect([gauge.value, gauge.set(5), gauge.increment, gauge.increment(1.5), gauge.decrement, gauge.decrement(10)])
        .to eq([0, 5, 6, 7.5, 6.5, -3.5])
    end

    it 'wants finite numbers' do
      gauge = metrics.gauge(:queue_size)

      expect { gauge.set('5') }.to raise_error(ArgumentError, 'Gauge value must be numeric, got: String')
      expect { gauge.set(Float::NAN) }.to raise_error(ArgumentError, 'Gauge value must be finite, got: NaN')
      expect do
        gauge.increment(nil)
      end.to raise_error(ArgumentError, 'Gauge increment amount must be numeric, got: NilClass')
      expect { gauge.decrement(-1) }.to raise_error(ArgumentError, 'Gauge decrement amount must be positive, got: -1')
    end

    it 'takes whatever is Numeric' do
      expect(metrics.gauge(:queue_size).set(3r / 2)).to eq(1.5)
      expect(metrics.gauge(:queue_size).value).to eq(1.5)
    end
  end

  describe 'a histogram' do
    it 'counts in cumulative buckets, whose bounds are inclusive' do
      histogram = metrics.histogram(:size_bytes, buckets: [10, 1, 5.0])
      [0, 1, 1.5, 5, 10, 10.1].each { |value| histogram.observe(value) }

      expect(histogram.buckets).to eq(1.0 => 2, 5.0 => 4, 10.0 => 5, Float::INFINITY => 6)
      expect(histogram).to have_attributes(count: 6, sum: be_within(1e-9).of(27.6), average: be_within(1e-9).of(4.6),
                                           bucket_boundaries: [1.0, 5.0, 10.0])
    end

    it 'has buckets for seconds by default' do
      expect(metrics.histogram(:duration_seconds).bucket_boundaries)
        .to eq([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
    end

    it 'observes at once with value:' do
      expect(metrics.histogram(:duration_seconds, value: 0.2, step: 'a')).to have_attributes(count: 1, sum: 0.2)
    end

    it 'has one set of buckets' do
      metrics.histogram(:size_bytes, buckets: [1, 2])

      expect(metrics.histogram(:size_bytes, buckets: [2, 1])).to be(metrics.histogram(:size_bytes))
      expect { metrics.histogram(:size_bytes, buckets: [1, 3]) }
        .to raise_error(ArgumentError, 'histogram size_bytes has other buckets already. Give the same ones, or none')
    end

    it 'wants buckets that are some' do
      expect { metrics.histogram(:a, buckets: []) }.to raise_error(ArgumentError, 'Buckets cannot be empty')
      expect { metrics.histogram(:a, buckets: 5) }.to raise_error(ArgumentError, 'Buckets must be an array')
      expect { metrics.histogram(:a, buckets: ['1']) }.to raise_error(ArgumentError, 'Buckets must be numbers')
      expect do
        metrics.histogram(:a, buckets: (1..129).to_a)
      end.to raise_error(ArgumentError, /at most 128 buckets, not 129/)
      expect { metrics.histogram(:a, buckets: [Float::NAN, 1]) }.to raise_error(ArgumentError)
    end

    it 'observes finite numbers' do
      expect do
        metrics.histogram(:a).observe(Float::NAN)
      end.to raise_error(ArgumentError, 'Observed value must be finite, got: NaN')
      expect do
        metrics.histogram(:a).observe('1')
      end.to raise_error(ArgumentError, 'Observed value must be numeric, got: String')
      expect(metrics.histogram(:a).average).to eq(0.0)
    end
  end

  describe 'a series' do
    it 'is the same one for labels in any order, as Symbols or Strings' do
      first = metrics.counter(:orders_total, status: 'paid', shop: 1)

      expect(metrics.counter('orders_total', shop: 1, status: 'paid')).to be(first)
      expect(metrics.counter(:orders_total, shop: '1', status: :paid)).to be(first)
      expect(first.labels).to eq(shop: '1', status: 'paid')
    end

    it 'has no label where the value is empty' do
      expect(metrics.counter(:orders_total, status: nil, shop: '')).to be(metrics.counter(:orders_total))
    end

    it 'has no secret in a label' do
      counter = metrics.counter(:logins_total, password: 'hunter2', note: 'key sk_live_4eC39HqLyjWDarjtT1zdp7dc')

      expect(counter.labels).to eq(password: '[FILTERED]', note: 'key [FILTERED]')
      expect(metrics.export(format: :prometheus)).to not_include('hunter2').and(not_include('sk_live'))
    end

    it 'has labels whose names Prometheus takes' do
      expect(metrics.counter(:a, 'http.method': 'GET', '1st': 1, __name__: 'x', größe: 2).labels)
        .to eq(http_method: 'GET', _1st: '1', _name__: 'x', gr__e: '2')
      expect(metrics.histogram(:b, le: 'x').labels).to eq(exported_le: 'x')
    end

    it 'has valid UTF-8 in its labels, of a bounded size' do
      labels = metrics.counter(:a, broken: "a\xFFb", binary: 'ü'.b, latin: 'ü'.encode('ISO-8859-1'),
                                   long: 'ö' * 2000).labels

      expect(labels).to include(broken: "a\uFFFDb", latin: 'ü', long: 'ö' * 512)
      expect(labels.values).to all(be_valid_encoding)
    end

    it 'takes values of any kind' do
      expect(metrics.counter(:a, on: true, at: 1.5, of: Class.new { def to_s = raise }.new).labels)
        .to match(on: 'true', at: '1.5', of: /Class/)
    end

    it 'can\'t have two labels of one name' do
      expect do
        metrics.counter(:a, 'x.y': 1, x_y: 2)
      end.to raise_error(ArgumentError, /two of its labels have the same name/)
    end

    it 'has at most 32 labels' do
      expect do
        metrics.counter(:a, **(1..33).to_h do |n|
          [:"l#{n}", n]
        end)
      end.to raise_error(ArgumentError, /at most 32 labels/)
    end
  end

  describe 'an instrument' do
    it 'has a name that Prometheus takes' do
      expect(metrics.counter('tasker.task.executions').name).to eq('tasker_task_executions')
      expect(metrics.counter('tasker.task.executions')).to be(metrics.counter(:tasker_task_executions))
      expect(metrics.counter('2nd-try größe').name).to eq('_2nd_try_gr__e')
    end

    it 'needs a name' do
      ['', ' ', nil].each do |name|
        expect { metrics.counter(name) }.to raise_error(ArgumentError, 'Metric name cannot be nil or empty')
      end
      expect { metrics.counter('x' * 201) }.to raise_error(ArgumentError, /its name, unit or help is too long/)
    end

    it 'has one type' do
      metrics.counter(:orders)

      expect { metrics.gauge(:orders) }
        .to raise_error(ArgumentError, 'metric orders is a counter already. Give this one another name')
    end

    it 'may not have samples that are another one\'s' do
      metrics.histogram(:orders)
      metrics.counter(:paid_total)

      expect { metrics.counter(:orders_count) }.to raise_error(ArgumentError, /samples of the same name as orders/)
      expect { metrics.gauge(:paid) }.to raise_error(ArgumentError, /samples of the same name as paid_total/)
    end

    it 'may be described before it is used' do
      metrics.describe(:size_bytes, help: 'How large.', unit: 'bytes', buckets: [1, 2])
      metrics.histogram(:size_bytes).observe(1)

      expect(metrics.export(format: :openmetrics))
        .to start_with("# HELP size_bytes How large.\n# TYPE size_bytes histogram\n# UNIT size_bytes bytes\n" \
                       "size_bytes_bucket{le=\"1.0\"} 1\n")
      expect do
        metrics.describe(:size, combine: :average)
      end.to raise_error(ArgumentError, /one of :sum, :min, :max, :latest/)
    end

    [1999, 2000, 2001, 20_000].each do |sets|
      it "with #{sets} sets of labels has each measurement in one series" do
        sets.times { |number| 2.times { metrics.counter(:a_total, number: number).increment } }
        samples = metrics.export(format: :prometheus).scan(/^a_total\{(.*)\} (\d+)$/)
        overflow = samples.to_h['otel_metric_overflow="true"']

        expect(samples.size).to eq([sets, 2001].min)
        expect(samples.sum { |_, value| value.to_i }).to eq(2 * sets)
        expect(overflow&.to_i).to eq(sets > 2000 ? 2 * (sets - 2000) : nil)
      end
    end

    it 'may have another limit' do
      configure(metrics_cardinality_limit: 2)
      5.times { |number| metrics.counter(:a_total, number: number).increment }

      expect(metrics.counter(:a_total, number: 4).labels).to eq(otel_metric_overflow: 'true')
      expect(metrics.counter(:a_total, number: 1).value).to eq(1)
    end
  end

  it 'counts exactly when threads record at once' do
    counter = metrics.counter(:a_total)
    histogram = metrics.histogram(:b)
    threads = Array.new(8) do |thread|
      Thread.new do
        10_000.times do |n|
          [counter.increment, histogram.observe(1), metrics.counter(:c_total, n: n % 10, thread: thread).increment]
        end
      end
    end
    threads.each(&:join)

    expect(counter.value).to eq(80_000)
    expect(histogram).to have_attributes(count: 80_000, sum: 80_000.0)
    expect(metrics.export(format: :prometheus).scan(/^c_total.* (\d+)$/).flatten.sum(&:to_i)).to eq(80_000)
  end

  it 'records the ends of tasks and steps' do
    metrics.record_task_completion(task_name: 'order', duration: 1.2, status: 'success')
    metrics.record_step_completion(step_name: 'pay', duration: 0.2, status: :failure, task_name: 'order')

    expect(metrics.export(format: :prometheus))
      .to include('tasker_task_executions_total{status="success",task_name="order"} 1')
      .and(include('tasker_task_duration_seconds_sum{status="success",task_name="order"} 1.2'))
      .and(include('tasker_step_executions_total{status="failure",step_name="pay",task_name="order"} 1'))
      .and(include('tasker_step_duration_seconds_sum{status="failure",step_name="pay",task_name="order"} 0.2'))
  end

  it 'exports a Hash as tasker-engine does' do
    metrics.counter(:a_total, x: 'y').increment

    expect(metrics.export).to match(
      timestamp: be_a(Time), backend_created_at: be_a(Time), total_metrics: 1,
      metrics: { 'a_total{x="y"}' => { name: 'a_total', labels: { x: 'y' }, value: 1, type: :counter,
                                       created_at: be_a(Time) } }
    )
    expect(metrics.all_metrics.keys).to eq(['a_total{x="y"}'])
    expect(metrics.stats).to include(total_metrics: 1, counter_metrics: 1, gauge_metrics: 0, histogram_metrics: 0)
    expect(metrics.export_distributed_metrics[:metrics]['a_total{x="y"}']).to include(name: 'a_total', value: 1)
    expect(metrics.sync_to_cache!).to include(success: true, synced_metrics: 1)
  end

  it 'knows four formats' do
    expect { metrics.export(format: :xml) }
      .to raise_error(ArgumentError, 'no such format: :xml. There are :prometheus, :openmetrics, :json, :csv')
    expect(metrics.export(format: 'openmetrics')).to eq("# EOF\n")
    expect(metrics.export(format: :prometheus)).to eq('')
  end

  it 'forgets all' do
    counter = metrics.counter(:a_total)
    counter.increment(5)

    expect(metrics.clear!).to eq(1)
    expect(metrics.all_metrics).to be_empty
    expect(metrics.export(format: :prometheus)).to eq('')
    expect(counter.increment).to eq(1)
    expect(metrics.counter(:a_total).increment).to eq(2)
  end

  it 'says what a series is' do
    metrics.histogram(:b, value: 1.5)

    expect(metrics.counter(:a_total, x: 'y').description).to eq('a_total{:x=>"y"} = 0 (counter)')
    expect(metrics.histogram(:b).description).to eq('b = 1 observations, avg: 1.5 (histogram)')
    expect(metrics.gauge(:c).inspect).to eq('#<Tasker::Native::Gauge c = 0 (gauge)>')
  end

  it 'may reset a series, as tests do' do
    counter = metrics.counter(:a_total, value: 5)
    counter.reset!

    expect(counter.value).to eq(0)
  end
end
