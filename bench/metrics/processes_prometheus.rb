# frozen_string_literal: true

require_relative '../support/four_processes'
require_relative '../support/prometheus_metrics'

# By prometheus-client, from four processes that share their metrics in files.
class ProcessesPrometheus < PrometheusMetrics
  include FourProcesses

  def prepare(sink_url)
    require 'prometheus/client'
    require 'prometheus/client/data_stores/direct_file_store'
    @directory = Dir.mktmpdir
    Prometheus::Client.config.data_store = Prometheus::Client::DataStores::DirectFileStore.new(dir: @directory)
    super
  end

  private

  def recorded
    @labelled.values.values.sum.to_i
  end
end

Subject.run(ProcessesPrometheus.new('labels', iterations: 20_000))
