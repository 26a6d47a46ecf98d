# frozen_string_literal: true

held = %w[counter held histogram]
{ 'counter' => ['a counter without labels, which is held', 10],
  'labels' => ['a counter with two labels, which is looked up each time', 8],
  'held' => ['a counter with two labels, which is held', 8],
  'histogram' => ['a histogram, which is held', 10],
  'threads' => ['a counter with two labels, looked up by four threads', 8],
  'processes' => ['a counter with two labels, looked up by four processes that share it (CPU of them all)', 8] }
  .each do |kind, (what, wanted)|
  Comparisons.define "metrics/#{kind}", what do
    ours = subject "metrics/#{kind}_native"
    prometheus = subject "metrics/#{kind}_prometheus"
    clock = kind == 'threads' ? :process : :thread
    show Columns::PROCESS, Columns::OBJECTS if kind == 'threads'

    target("#{clock}, prometheus-client beside ours", '>=', wanted) { |got| got.ratio(prometheus, ours, clock) }
    target('objects an operation', '<=', 0.01) { |got| got[ours, :objects] } if held.include?(kind)
  end
end

Comparisons.define 'metrics/exposition', '10,000 series as text' do
  ours = subject 'metrics/exposition_native'
  prometheus = subject 'metrics/exposition_prometheus'
  show Column.new(:process, 'process ms', compared: true, scale: 1e6), Columns::OBJECTS

  target('process, prometheus-client beside ours', '>=', 10) { |got| got.ratio(prometheus, ours, :process) }
end

Comparisons.define 'metrics/lateness', 'how late a thread wakes while 10,000 series are scraped ten times a second' do
  ours = subject 'metrics/lateness_native', [1, 0]
  show(*LATENESS.map { |figure, heading| Column.new(figure, heading, scale: 1000.0) })

  target('ms by which p99 grows', '<=', 1) { |got| (got["#{ours}@1", :p99] - got["#{ours}@0", :p99]) / 1e6 }
end
