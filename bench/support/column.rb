# frozen_string_literal: true

# A column of a comparison's table. compared: with how many times ours it is beside it; scale: what the figure is
# divided by.
Column = Struct.new(:figure, :heading, :compared, :scale, keyword_init: true) do
  def initialize(figure, heading, compared: false, scale: 1)
    super(figure: figure, heading: heading, compared: compared, scale: scale)
  end

  def headings
    compared ? [heading, 'x ours'] : [heading]
  end

  # ours: the subject that comes first
  def cells(figures, subject, ours)
    value = figures[subject, figure]
    cell = value ? self.class.number(value / scale) : '-'
    compared ? [cell, times(figures, subject, ours)] : [cell]
  end

  def self.number(value)
    return value.round.to_s.gsub(/(\d)(?=(\d{3})+\z)/, '\1,') if value.abs >= 100

    format(value.abs < 10 ? '%.2f' : '%.1f', value)
  end

  private

  def times(figures, subject, ours)
    return '' if subject == ours
    return '-' unless figures[ours, figure]&.>=(0.005)

    self.class.number(figures.ratio(subject, ours, figure))
  end
end

# Columns that several comparisons have.
module Columns
  THREAD = Column.new(:thread, 'thread ns', compared: true)
  PROCESS = Column.new(:process, 'process ns', compared: true)
  OBJECTS = Column.new(:objects, 'objects', compared: true)
  GCS = Column.new(:gcs, 'GCs a million')
  COST = [THREAD, PROCESS, OBJECTS, GCS].freeze
  RATE = Column.new(:rate, 'a second', compared: true)
  MEMORY = Column.new(:memory, 'memory MiB', scale: 1024 * 1024)
end
