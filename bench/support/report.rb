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
    @figures.range(subject, column.figure).compact.map { |value| Number.short(value / column.scale) }.join('-')
  end

  # Once for all sizes of a subject.
  def settings
    first_of_files = @introductions.uniq { |subject, _| subject[/[^@]+/] }
    first_of_files.filter_map do |_, introduction|
      "  #{introduction[:name]}: #{introduction[:settings]}" unless introduction[:settings].empty?
    end
  end

  # What ours says beyond its peers (of its size).
  def more
    size = subjects.first[/@.*/]
    ours, *peers = @introductions.select { |subject, _| subject[/@.*/] == size }.values.map { |one| one[:facts].keys }
    beyond = ours - peers.flatten
    return [] if beyond.empty? || peers.flatten.empty?

    ["  compared before timing: #{(ours & peers.flatten).join(', ')}; only #{@introductions.values.first[:name]} " \
     "gives #{beyond.join(', ')}"]
  end

  # Sums of all rounds.
  def counts
    subjects.map do |subject|
      line = @figures.counts(subject).map { |who, count| "#{who.to_s.tr('_', ' ')} #{Number.grouped(count)}" }
      line += @figures.sample(subject)[:traffic].map do |what, value|
        "#{Number.grouped(value)} #{what.to_s.tr('_', ' ')}"
      end
      "  #{@introductions[subject][:name]}: #{line.join(', ')}"
    end
  end
end
