# frozen_string_literal: true

# The table of a comparison.
class Report
  HEADINGS = ['', 'thread ns', 'x ours', 'process ns', 'x ours', 'objects', 'x ours', 'GCs a million',
              'thread ns from-to'].freeze

  # introductions, and for each subject its measurements, ours first
  def initialize(title, introductions, samples)
    @title = title
    @introductions = introductions
    @samples = samples
  end

  def lines
    ['', @title, *table, *settings, *more, *counts]
  end

  private

  def table
    rows = [HEADINGS, *@samples.each_index.map { |index| row(index) }]
    widths = rows.transpose.map { |column| column.map(&:size).max }
    rows.map do |first, *cells|
      "  #{first.ljust(widths.first)}  #{cells.zip(widths.drop(1)).map { |cell, width| cell.rjust(width) }.join('  ')}"
    end
  end

  def row(index)
    [@introductions[index][:name],
     *%i[thread process objects].flat_map { |figure| [number(median(index, figure)), ratio(index, figure)] },
     gcs(index), range(index)]
  end

  def median(index, figure)
    sorted = @samples[index].map { |sample| sample[figure] }.sort
    (sorted[(sorted.size - 1) / 2] + sorted[sorted.size / 2]) / 2.0
  end

  def ratio(index, figure)
    ours = median(0, figure)
    return '' if index.zero?

    return '-' if ours < 0.005

    ratio = median(index, figure) / ours
    format(ratio < 1 ? '%.2f' : '%.1f', ratio)
  end

  def gcs(index)
    format('%.0f', median(index, :gcs) * 1_000_000 / @samples[index].first[:iterations])
  end

  # The best and the worst round: a difference within that means nothing.
  def range(index)
    @samples[index].map { |sample| sample[:thread] }.minmax.map { |value| number(value) }.join('-')
  end

  def number(value)
    format(value < 100 ? '%.1f' : '%.0f', value)
  end

  def settings
    @introductions.filter_map do |introduction|
      "  #{introduction[:name]}: #{introduction[:settings]}" unless introduction[:settings].empty?
    end
  end

  # What ours says beyond its peers.
  def more
    ours, *peers = @introductions.map { |introduction| introduction[:facts].keys }
    beyond = ours - peers.flatten
    return [] if beyond.empty? || peers.flatten.empty?

    ["  compared before timing: #{(ours & peers.flatten).join(', ')}; only #{@introductions.first[:name]} " \
     "gives #{beyond.join(', ')}"]
  end

  # Sums of all rounds.
  def counts
    @samples.each_with_index.map do |samples, index|
      sums = samples.map { |sample| sample[:counts] }.reduce { |a, b| a.merge(b) { |_, x, y| x + y } }
      line = sums.map { |who, count| "#{who} #{grouped(count)}" }
      line.concat(samples.first[:traffic].map { |what, value| "#{value} #{what.to_s.tr('_', ' ')}" })
      "  #{@introductions[index][:name]}: #{line.join(', ')}"
    end
  end

  def grouped(count)
    count.to_s.gsub(/(\d)(?=(\d{3})+\z)/, '\1,')
  end
end
