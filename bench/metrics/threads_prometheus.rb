# frozen_string_literal: true

require_relative '../support/four_threads'
require_relative '../support/prometheus_metrics'

# By prometheus-client, from four threads at once.
class ThreadsPrometheus < PrometheusMetrics
  include FourThreads
end

Subject.run(ThreadsPrometheus.new('labels'))
