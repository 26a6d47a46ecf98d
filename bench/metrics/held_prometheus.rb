# frozen_string_literal: true

require_relative '../support/prometheus_metrics'

Subject.run(PrometheusMetrics.new('held'))
