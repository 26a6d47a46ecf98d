# frozen_string_literal: true

require_relative '../support/prometheus_metrics'
require_relative '../support/scrape'

# By prometheus-client.
class ExpositionPrometheus < PrometheusMetrics
  include Scrape

  def prepare(_sink_url)
    require 'prometheus/client'
    require 'prometheus/client/formats/text'
    @registry = Prometheus::Client::Registry.new
    NAMES.times do |name|
      counter = @registry.counter(:"series#{name}_total", docstring: 'x', labels: [:number])
      SERIES.times { |number| counter.increment(by: number, labels: { number: number.to_s }) }
    end
  end

  private

  def text
    Prometheus::Client::Formats::Text.marshal(@registry)
  end
end

Subject.run(ExpositionPrometheus.new('exposition', iterations: 20))
