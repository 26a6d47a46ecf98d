# frozen_string_literal: true

namespace :tasker do
  # Looked up when it is needed: Rails defines its task after those of gems.
  boot = -> { Rake::Task[:environment].invoke if Rake::Task.task_defined?(:environment) }

  desc 'Print the metrics of all processes of the app (prometheus, openmetrics, json or csv)'
  task :metrics, [:format] do |_, arguments|
    boot.call
    $stdout.write Tasker::Native::MetricsExport.left(arguments[:format] || :prometheus, Tasker::Native.runtime.settings)
  rescue ArgumentError, Tasker::Native::MetricsExport::Unavailable => e
    abort e.message
  end

  namespace :metrics do
    desc 'Push the metrics of the app to the Pushgateway of tel.prometheus; exit code 1 when it does not take them'
    task :push do
      boot.call
      settings = Tasker::Native.runtime.settings
      puts Tasker::Native::MetricsPush.new(settings).push!(Tasker::Native::MetricsExport.left_or_own(settings))
    rescue Tasker::Native::MetricsPush::Failed, Tasker::Native::MetricsExport::Unavailable => e
      abort e.message
    end
  end
end
