# frozen_string_literal: true

require_relative 'bar_plot'
require_relative 'figures'

# All plots that can be drawn of results.
class Plots
  # file => title, comparisons, figure, what it is divided by
  BARS = {
    'publish' => ['Publish an event: CPU of the publishing thread, ns', %w[publish/unheard publish/heard], :thread],
    'step' => ['publish_step_completed(step), beside one publish of dry-events: CPU of the publishing thread, ns',
               %w[step], :thread],
    'span_thread' => ['A span: CPU of the publishing thread, ns', %w[span/small span/large], :thread],
    'span_process' => ['A span, delivered with gzip: CPU of the process, ns', %w[span/small span/large], :process],
    'span_objects' => ["A span: objects allocated, the caller's included", %w[span/small span/large], :objects],
    'export' => ['A delivered span of 8 attributes: CPU of the process, ns',
                 %w[export/gzip export/uncompressed export/plain], :process],
    'rate' => ['Delivered spans a second', %w[export/gzip export/uncompressed export/plain], :rate],
    'sustained' => ['The highest even rate without a loss: spans a second', %w[export/sustained], :sustained],
    'export_memory' => ['Memory that exporting takes: MiB', %w[export/gzip export/sustained], :memory, 1024.0 * 1024],
    'memory' => ['Bytes of memory an open step', %w[growth/memory], :bytes_each],
    'engine_event' => ['Under tasker-engine, the end of a step and of a task: CPU of the publishing thread, us',
                       %w[engine/hidden engine/shown engine/task], :thread, 1e3],
    'engine_workflow' => ['Publishing and logging of a workflow of five empty steps: CPU of the process, ms',
                          %w[engine/in_turn engine/at_once], :telemetry, 1e6]
  }.freeze
  LINES = 'using 1:2 with linespoints pt 7 ps 0.7 lw 2'
  PERCENTILES = %w[p50 p90 p99 p999 max].freeze
  MEBIBYTE = 1024.0 * 1024

  # comparisons: { 'span/small' => entry }, as Results has them
  def initialize(comparisons)
    @comparisons = comparisons
  end

  # => the paths
  def draw(directory)
    plots = { **BARS.transform_values { |arguments| bars(*arguments) },
      'open_spans' => open_spans, 'subscribers' => subscribers, 'keys' => keys,
      'lateness' => lateness, 'outage' => outage }
    plots.compact.map { |name, plot| plot.draw("#{directory}/#{name}.svg") }
  end

  private

  def bars(title, names, figure, scale = 1)
    groups = names.filter_map { |name| [name, values(name, figure, scale)] if @comparisons[name] }
    BarPlot.new(title, groups.to_h) unless groups.empty?
  end

  # { 'tasker-native' => 420.5 } of a comparison
  def values(name, figure, scale)
    @comparisons[name]['subjects'].to_h do |subject|
      [subject['name'], subject['figures'][figure.to_s]['median'] / scale]
    end
  end

  def open_spans
    return unless @comparisons['growth/open_spans'] && @comparisons['growth/scattered_spans']

    Plot.new('A step ends and another one begins, while so many are open: CPU of the publishing thread, ns',
             'set logscale x', 'set xlabel "open steps"', 'set yrange [0:*]', 'set format x "%.0f"')
        .add('the oldest ends', curve('growth/open_spans', 'growth/open_spans_native'), LINES)
        .add('any ends', curve('growth/scattered_spans', 'growth/scattered_spans_native'), LINES)
  end

  def subscribers
    return unless @comparisons['growth/subscribers']

    Plot.new('Publish an event that so many Ruby blocks listen to: CPU of the publishing thread, ns',
             'set xlabel "subscribers"', 'set xrange [0:*]', 'set yrange [0:*]')
        .add('tasker-native', curve('growth/subscribers', 'growth/subscribers_native'), LINES)
        .add('dry-events', curve('growth/subscribers', 'growth/subscribers_dry_events'), LINES)
  end

  def keys
    return unless @comparisons['growth/keys']

    Plot.new("A step's end with so many keys in its payload: CPU of the publishing thread, ns",
             'set xlabel "keys"', 'set xrange [0:*]', 'set yrange [0:*]')
        .add('tasker-native', curve('growth/keys', 'growth/keys_native'), LINES)
  end

  def curve(comparison, file)
    Figures.from(@comparisons[comparison]).curve(file, :thread)
  end

  def lateness
    entry = @comparisons['lateness'] or return
    plot = Plot.new('How late a thread wakes up while 10,000 spans a second are published and exported: milliseconds',
                    'set logscale y', 'set format y "%g"', 'set xrange [-0.3:4.3]',
                    'set xtics ("median" 0, "90 %%" 1, "99 %%" 2, "99.9 %%" 3, "worst" 4)')
    entry['subjects'].each do |subject|
      rows = PERCENTILES.each_with_index.map { |name, place| [place, subject['figures'][name]['median'] / 1e6] }
      plot.add(subject['name'], rows, LINES)
    end
    plot
  end

  # Of the first round.
  def outage
    series = @comparisons.dig('outage', 'subjects', 0, 'series') or return
    Plot.new('2,000,000 spans while the collector is down', 'set xlabel "seconds"', 'set ylabel "MiB"',
             'set yrange [0:36]', 'set y2label "million spans"', 'set y2range [0:*]', 'set y2tics', 'set border 11',
             'set rmargin 9',
             'set arrow from graph 0, first 32 to graph 1, first 32 nohead dt 2 lc rgb "#333333"',
             'set label "max_queue_bytes + 16 MiB" at graph 0.02, first 33.2')
        .add('memory has grown by (MiB)', series.map { |at, memory, _, _| [at, memory / MEBIBYTE] }, line('x1y1'))
        .add('dropped and counted (million)', series.map { |at, _, _, dropped| [at, dropped / 1e6] }, line('x1y2'))
        .add('in flight (million)', series.map { |at, _, in_flight, _| [at, in_flight / 1e6] }, line('x1y2'))
  end

  def line(axes)
    "using 1:2 axes #{axes} with lines lw 2"
  end
end
