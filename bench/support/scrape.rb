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

  private

  def recorded
    @scraped
  end
end
