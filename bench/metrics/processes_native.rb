# frozen_string_literal: true

require_relative '../support/four_processes'
require_relative '../support/native_metrics'

# By ours, from four processes that share their metrics.
class ProcessesNative < NativeMetrics
  include FourProcesses

  def prepare(sink_url)
    super
    Tasker.configuration.telemetry.metrics_directory = @directory
  end

  private

  def recorded
    @metrics.export(format: :prometheus)[/^bench_labelled_total\{.*\} (\d+)/, 1].to_i
  end
end

Subject.run(ProcessesNative.new('labels'))
