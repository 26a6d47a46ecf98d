# frozen_string_literal: true

# Records at random, and knows what must have come of it: samples by name and labels.
class MetricsModel
  # What labels may hold, and texts must not break.
  HOSTILE = {
    quotes: '"', backslash: '\\', newline: "a\nb", escaped: '\\n', comma: 'a,b="c"} 5', brace: '}', space: ' ',
    nul: "a\0b", tab: "\t", emoji: '🚀', separator: "\u2028", formula: '=1+2', at: '@x',
    comment: '# EOF', long: 'é' * 512
  }.freeze
  TEXTS = ['', 'a', 'b', 'paid', "'x", "a\nb\"c\\", *HOSTILE.values].freeze
  BOUNDS = [[1], [0.1, 1, 10], [1e-5, 2.5e6, 1e12], [-1, 0, 1], [0.005, 0.01, 0.025]].freeze

  Instrument = Struct.new(:name, :type, :bounds, :series)

  def initialize(random)
    @random = random
    @instruments = %i[counter gauge histogram].flat_map do |type|
      Array.new(3) do |n|
        Instrument.new("#{type[0]}#{n}#{'_total' if type == :counter && n.zero?}", type, pick(BOUNDS), {})
      end
    end
  end

  def record(metrics, times)
    times.times { record_one(metrics, pick(@instruments), labels) }
  end

  # @return [String, nil] what is not as it should be in what a parser has read
  def difference(families, format)
    samples = families.flat_map do |family|
      family.samples.map { |sample| [key(plain(sample.name, family), sample.labels), sample.value] }
    end
    compare(samples, expected(openmetrics: format == :openmetrics))
  end

  def difference_of_json(document)
    compare(document['metrics'].values.flat_map { |metric| samples_of(metric) }, expected)
  end

  def difference_of_rows(rows)
    samples = rows.map do |row|
      labels = row.to_h.select { |name, value| name.start_with?('label_') && value.to_s != '' }
      labels = labels.to_h { |name, value| [name.delete_prefix('label_'), value.sub(/\A'(?=[=+\-@\t\r])/, '')] }
      [key(row['name'], labels), Float(row['value'])]
    end
    compare(samples, expected)
  end

  private

  def pick(list)
    list[@random.rand(list.size)]
  end

  def labels
    %w[x y z].first(@random.rand(3)).to_h { |name| [name, pick(TEXTS)] }
  end

  def number
    case @random.rand(4)
    when 0 then @random.rand(100)
    when 1 then @random.rand * (10**@random.rand(-6..12))
    when 2 then 0
    else @random.rand(2**40)
    end
  end

  def record_one(metrics, instrument, labels)
    value = number
    value = -value if instrument.type != :counter && @random.rand(3).zero?
    handle = handle_of(metrics, instrument, labels.to_a.shuffle(random: @random).to_h)
    handle.public_send({ counter: :increment, gauge: :set, histogram: :observe }.fetch(instrument.type), value)
    known = labels.reject { |_, text| text.empty? }
    instrument.series[known] = combined(instrument, instrument.series[known], value)
  end

  def combined(instrument, before, value)
    case instrument.type
    when :counter then (before || 0) + value
    when :gauge then value
    else [*before, value]
    end
  end

  def handle_of(metrics, instrument, labels)
    labels = labels.transform_keys(&:to_sym)
    return metrics.histogram(instrument.name, buckets: instrument.bounds, **labels) if instrument.type == :histogram

    metrics.public_send(instrument.type, instrument.name, **labels)
  end

  def expected(openmetrics: false)
    @instruments.flat_map do |instrument|
      instrument.series.flat_map do |labels, value|
        next [[key(instrument.name, labels), value.to_f]] unless instrument.type == :histogram

        histogram_samples(instrument, labels, value, openmetrics)
      end
    end.to_h
  end

  # OpenMetrics has neither sum nor count of what may fall.
  def histogram_samples(instrument, labels, values, openmetrics)
    buckets = [*instrument.bounds.map(&:to_f), Float::INFINITY].map do |bound|
      [key("#{instrument.name}_bucket", { **labels, 'le' => bound }), values.count { |value| value <= bound }.to_f]
    end
    return buckets if openmetrics && (instrument.bounds.first.negative? || values.sum(0.0).negative?)

    [*buckets, [key("#{instrument.name}_sum", labels), values.sum(0.0)],
     [key("#{instrument.name}_count", labels), values.size.to_f]]
  end

  def key(name, labels)
    [name, labels.map { |label, value| [label, label == 'le' ? bound(value) : value] }.sort_by(&:first)]
  end

  def bound(text)
    text.is_a?(Float) ? text : (text == '+Inf' && Float::INFINITY) || Float(text)
  end

  # OpenMetrics adds _total, and so does the parser of the older format.
  def plain(name, family)
    return name unless family.type == 'counter'

    known = @instruments.map(&:name)
    known.include?(name) ? name : name.delete_suffix('_total')
  end

  def samples_of(metric)
    return [[key(metric['name'], metric['labels']), metric['value'].to_f]] unless metric['type'] == 'histogram'

    [*metric['buckets'].map do |le, count|
      [key("#{metric['name']}_bucket", { **metric['labels'], 'le' => le }), count.to_f]
    end,
     [key("#{metric['name']}_sum", metric['labels']), metric['sum'].to_f],
     [key("#{metric['name']}_count", metric['labels']), metric['count'].to_f]]
  end

  def compare(samples, wanted)
    found = samples.to_h
    missing = wanted.keys - found.keys
    return "#{samples.size} samples, not #{wanted.size}" if samples.size != wanted.size
    return "missing: #{missing.first(3)}" if missing.any?

    wrong = wanted.find { |sample, value| !close?(found[sample], value) }
    wrong && "#{wrong} is #{found[wrong.first]}"
  end

  def close?(one, other)
    (one - other).abs <= 1e-9 * [other.abs, 1].max
  end
end
