# frozen_string_literal: true

require 'csv'
require_relative '../support/metrics_parser'
require_relative '../support/metrics_model'

# What is written, read by parsers that others have written.
RSpec.describe 'Metrics as text' do
  let(:metrics) { Tasker::Telemetry::MetricsBackend.instance }
  let(:parser) { MetricsParser.instance }

  def families(format)
    parser.parse(metrics.export(format: format), format: format)
  end

  # Each value is one example; all of them together go to promtool.
  MetricsModel::HOSTILE.each do |what, value|
    it "keeps #{what} in a label" do
      metrics.counter(:a_total, label: value).increment(5)
      metrics.histogram(:b, buckets: [1], label: value).observe(0.5)
      json = JSON.parse(metrics.export(format: :json))['metrics'].values.map { |metric| metric['labels']['label'] }
      csv = CSV.parse(metrics.export(format: :csv), headers: true).map { |row| row['label_label'].delete_prefix("'") }

      expect(labels(:prometheus) | labels(:openmetrics)).to eq([value])
      expect(json | csv).to eq([value])
    end
  end

  def labels(format)
    families(format).flat_map(&:samples).map { |sample| sample.labels['label'] }
  end

  it 'keeps what is hostile in a help text' do
    metrics.describe(:a_total, help: "back\\slash \"quotes\"\nand a new line")
    metrics.counter(:a_total).increment

    expect(families(:openmetrics).map(&:help)).to eq(["back\\slash \"quotes\"\nand a new line"])
    expect(families(:prometheus).map(&:help)).to eq(["back\\slash \"quotes\"\nand a new line"])
  end

  it 'has nothing that a spreadsheet would run' do
    %w[=1+2 +1 -1 @a].each { |value| metrics.counter(:a_total, label: value).increment }
    rows = CSV.parse(metrics.export(format: :csv), headers: true)

    expect(rows.map { |row| row['label_label'] }).to contain_exactly("'=1+2", "'+1", "'-1", "'@a")
  end

  it 'has histograms with all of their buckets' do
    metrics.histogram(:b_seconds, buckets: [0.001, 1, 1_000_000], a: 'x').observe(0.5)
    json = JSON.parse(metrics.export(format: :json))
    rows = CSV.parse(metrics.export(format: :csv), headers: true).map { |row| row.fields('name', 'value', 'label_le') }

    expect(json['metrics']['b_seconds{a="x"}'])
      .to include('buckets' => { '0.001' => 0, '1.0' => 1, '1e+06' => 1, '+Inf' => 1 }, 'sum' => 0.5, 'count' => 1)
    expect(rows.first(4)).to eq([%w[b_seconds_bucket 0 0.001], %w[b_seconds_bucket 1 1.0],
                                 %w[b_seconds_bucket 1 1e+06], ['b_seconds_bucket', '1', "'+Inf"]])
    expect(rows.drop(4)).to eq([['b_seconds_sum', '0.5', nil], ['b_seconds_count', '1', nil]])
  end

  it 'says when, and by whom' do
    metrics.counter(:a_total).increment

    expect(JSON.parse(metrics.export(format: :json)))
      .to include('timestamp' => match(/\A\d{4}-\d\d-\d\dT/), 'total_metrics' => 1,
                  'metadata' => include('exporter' => 'json'))
    expect(CSV.parse(metrics.export(format: :csv), headers: true).first['timestamp']).to match(/\A\d{4}-\d\d-\d\dT/)
  end

  it 'is valid where sums may fall' do
    metrics.histogram(:a, buckets: [-1, 0, 1]).observe(-5)
    metrics.histogram(:b).observe(-5)

    expect(families(:openmetrics).map(&:name)).to eq(%w[a b])
    expect(families(:prometheus).first.samples.map(&:value)).to eq([1, 1, 1, 1, -5, 1])
  end

  it 'is what promtool takes' do
    MetricsModel::HOSTILE.each_value { |value| metrics.counter(:a_total, label: value).increment }
    metrics.histogram(:b_seconds).observe(1)
    metrics.gauge(:c).set(-1.5e-7)

    expect { MetricsParser.promtool(metrics.export(format: :prometheus)) }.not_to raise_error
    expect { MetricsParser.promtool("a{ 5\n") }.to raise_error(MetricsParser::Refused)
  end

  it 'is not taken by a parser that only nods' do
    expect { parser.parse("a_total 5\n", format: :openmetrics) }.to raise_error(MetricsParser::Refused, /EOF/)
    expect { parser.parse("a{b=\"c} 5\n") }.to raise_error(MetricsParser::Refused)
  end

  # The model knows what was recorded, and nothing of how.
  Array.new(60) { |number| number }.each do |number|
    it "is what was recorded, at random (#{number})" do
      model = MetricsModel.new(Random.new(RSpec.configuration.seed + number))
      model.record(metrics, 200)

      expect(model.difference(families(:prometheus), :prometheus)).to be_nil
      expect(model.difference(families(:openmetrics), :openmetrics)).to be_nil
      expect(model.difference_of_json(JSON.parse(metrics.export(format: :json)))).to be_nil
      expect(model.difference_of_rows(CSV.parse(metrics.export(format: :csv), headers: true))).to be_nil
      MetricsParser.promtool(metrics.export(format: :prometheus)) if number < 10
    end
  end
end
