# frozen_string_literal: true

require_relative 'number'

# A column of a comparison's table. compared: with how many times ours it is beside it; scale: what the figure is
# divided by.
Column = Struct.new(:figure, :heading, :compared, :scale, keyword_init: true) do
  def initialize(figure, heading, compared: false, scale: 1)
    super(figure: figure, heading: heading, compared: compared, scale: scale)
  end

  # The same, not compared.
  def alone
    dup.tap { |column| column.compared = false }
  end

  def headings
    compared ? [heading, 'x ours'] : [heading]
  end

  # ours: the subject that comes first
  def cells(figures, subject, ours)
    value = figures[subject, figure]
    cell = value ? Number.short(value / scale) : '-'
    compared ? [cell, times(figures, subject, ours)] : [cell]
  end

  private

  def times(figures, subject, ours)
    return '' if subject == ours
    return '-' unless figures[ours, figure]&.>=(0.005)

    Number.short(figures.ratio(subject, ours, figure))
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
  MEBIBYTE = 1024.0 * 1024
  MEMORY = Column.new(:memory, 'memory MiB', scale: MEBIBYTE)
  BYTES_EACH = Column.new(:bytes_each, 'bytes each')
  GROWTH = [THREAD, PROCESS, OBJECTS].map(&:alone).freeze
  LOOKS = Column.new(:looks, 'looks')
end
