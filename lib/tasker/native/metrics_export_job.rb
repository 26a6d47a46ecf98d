# frozen_string_literal: true

module Tasker
  # What tasker-engine calls the job that exports metrics.
  MetricsExportJob = Native::MetricsPushJob
end
