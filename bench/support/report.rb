# frozen_string_literal: true

require_relative 'column'
require_relative 'figures'

# The table of a comparison, and what the reader has to know about it.
class Report
  # introductions: { 'span/small_native' => { name:, settings:, facts: } }, ours first
  def initialize(title, introductions, figures, columns: Columns::COST)
    @title = title
    @introductions = introductions
    @figures = figures
    @columns = columns
  end

  def lines
    ['', @title, *table, *settings, *more, *counts]
  end

  private

  def subjects
    @introductions.keys
  end

  def table
    rows = [headings, *subjects.map { |subject| row(subject) }]
    widths = rows.transpose.map { |column| column.map(&:size).max }
    rows.map do |first, *cells|
      "  #{first.ljust(widths.first)}  #{cells.zip(widths.drop(1)).map { |cell, width| cell.rjust(width) }.join('  ')}"
    end
  end

  def headings
    ['', *@columns.flat_map(&:headings), "#{@columns.first.heading} from-to"]
  end

  def row(subject)
    [@introductions[subject][:name], *@columns.flat_map { |column| column.cells(@figures, subject, subjects.first) },
     range(subject)]
  end

  # The best and the worst round: a difference within that means nothing.
  def range(subject)
    column = @columns.first
    @figures.range(subject, column.figure).compact.map { |value| Column.number(value / column.scale) }.join('-')
  end

  # Once for all sizes of a subject.
  def settings
    lines = @introductions.filter_map do |subject, introduction|
      next if introduction[:settings].empty?

      name = subject.include?('@') ? "#{subject[/[^@]+/]}, each size" : introduction[:name]
      "  #{name}: #{introduction[:settings]}"
    end
    lines.uniq
  end

  # What ours says beyond its peers.
  def more
    ours, *peers = @introductions.values.map { |introduction| introduction[:facts].keys }
    beyond = ours - peers.flatten
    return [] if beyond.empty? || peers.flatten.empty?

    ["  compared before timing: #{(ours & peers.flatten).join(', ')}; only #{@introductions.values.first[:name]} " \
     "gives #{beyond.join(', ')}"]
  end

  # Sums of all rounds.
  def counts
    subjects.map do |subject|
      line = @figures.counts(subject).map { |who, count| "#{who} #{grouped(count)}" }
      @figures.sample(subject)[:traffic].each { |what, value| line << "#{grouped(value)} #{what.to_s.tr('_', ' ')}" }
      "  #{@introductions[subject][:name]}: #{line.join(', ')}"
    end
  end

  def grouped(count)
    count.to_s.gsub(/(\d)(?=(\d{3})+\z)/, '\1,')
  end
end
