# frozen_string_literal: true

# 10,000 series are written as Prometheus' text: what an operation is for a subject that includes it.
module Scrape
  NAMES = 10
  SERIES = 1000 # of each

  def publish(first, last)
    (last - first).times do
      @text = text
      @scraped = (@scraped || 0) + 1
    end
  end

  def facts
    { series: text.lines.grep(/^series\d+_total\{/).size.to_s }
  end

  # As often as it was written, and each series of the last text has the number that it was given.
  def counts
    super.tap { raise Subject::Miscounted, "#{wrong_series} of the series are wrong" if wrong_series.positive? }
  end

  private

  def recorded
    @scraped
  end

  def wrong_series
    found = text.scan(/^series(\d+)_total\{number="(\d+)"\} (\S+)$/)
    right = found.select { |_, number, value| Float(value).to_i == Integer(number) }.uniq
    [found.size, NAMES * SERIES].max - right.size
  end
end
