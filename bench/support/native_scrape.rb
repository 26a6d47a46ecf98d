# frozen_string_literal: true

require_relative 'native_metrics'
require_relative 'scrape'

# 10,000 series of ours are written.
class NativeScrape < NativeMetrics
  include Scrape

  def initialize(**options)
    super('exposition', **options)
  end

  def prepare(_sink_url)
    super
    NAMES.times do |name|
      SERIES.times { |number| @metrics.counter("series#{name}_total", number: number).increment(number) }
    end
  end

  private

  def text
    @metrics.export(format: :prometheus)
  end
end
