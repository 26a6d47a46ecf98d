# frozen_string_literal: true

# What the rounds of a comparison have measured: medians, and what is made of them.
class Figures
  def self.median(values)
    sorted = values.sort
    (sorted[(sorted.size - 1) / 2] + sorted[sorted.size / 2]) / 2.0
  end

  # Of an entry of Results: the medians stand for the rounds.
  def self.from(entry)
    new(entry['subjects'].to_h do |subject|
      medians = subject['figures'].to_h { |figure, values| [figure.to_sym, values['median']] }
      [subject['subject'], [{ figures: medians }]]
    end)
  end

  # samples: { 'span/small_native' => [{ iterations:, figures:, counts:, traffic: }, ...] }, a sample for each round
  def initialize(samples)
    @samples = samples
  end

  def subjects
    @samples.keys
  end

  # The median; nil if it was not measured.
  def [](subject, figure)
    values = values(subject, figure)
    Figures.median(values) unless values.empty?
  end

  def mebibytes(subject, figure)
    self[subject, figure]&./(1024.0 * 1024)
  end

  # => [best, worst]
  def range(subject, figure)
    values(subject, figure).minmax
  end

  # All figures of a subject: { thread: { median:, low:, high: } }
  def of(subject)
    @samples.fetch(subject).first[:figures].keys.to_h do |figure|
      low, high = range(subject, figure)
      [figure, { median: self[subject, figure], low: low, high: high }]
    end
  end

  # How many times as much the one is of the other; nil if that can't be told.
  def ratio(dividend, divisor, figure)
    Figures.quotient(self[dividend, figure], self[divisor, figure])
  end

  # [[1, median], [64, median]] of a subject that was measured at several sizes ('growth/subscribers_native@64').
  def curve(file, figure)
    @samples.keys.filter_map { |subject| subject[/\A#{file}@(\d+)\z/, 1] }.map(&:to_i).sort
            .map { |size| [size, self["#{file}@#{size}", figure]] }
  end

  # How much more than on average one more costs, where it costs most: between two sizes. 1: always the same.
  def steepest(file, figure)
    steps = curve(file, figure).each_cons(2).map { |(size, cost), (larger, more)| (more - cost) / (larger - size) }
    Figures.quotient(steps.max, slope(file, figure))
  end

  # How many times the least it is that the most is, over all sizes.
  def spread(file, figure)
    least, most = curve(file, figure).map(&:last).minmax
    Figures.quotient(most, least)
  end

  # What one more costs, between the smallest and the largest size.
  def slope(file, figure)
    first, last = curve(file, figure).minmax_by(&:first)
    (last[1] - first[1]) / (last[0] - first[0]) if first && last[0] > first[0]
  end

  # nil if it can't be told.
  def self.quotient(dividend, divisor)
    dividend / divisor if dividend && divisor&.positive?
  end

  # Sums of all rounds: { published: 12, dropped: 0 }
  def counts(subject)
    @samples.fetch(subject).map { |sample| sample[:counts] }.reduce { |a, b| a.merge(b) { |_, x, y| x + y } }
  end

  # Of the first round: { iterations:, figures:, counts:, traffic: }
  def sample(subject)
    @samples.fetch(subject).first
  end

  private

  def values(subject, figure)
    @samples.fetch(subject, []).filter_map { |sample| sample[:figures][figure] }
  end
end
