# frozen_string_literal: true

namespace :tasker do
  desc 'Print the metrics of all processes of the app (prometheus, openmetrics, json or csv)'
  task :metrics, [:format] do |_, arguments|
    # Looked up when it is needed: Rails defines its task after those of gems.
    Rake::Task[:environment].invoke if Rake::Task.task_defined?(:environment)

    $stdout.write Tasker::Native::MetricsExport.left(arguments[:format] || :prometheus, Tasker::Native.runtime.settings)
  rescue ArgumentError, Tasker::Native::MetricsExport::Unavailable => e
    abort e.message
  end
end
