# frozen_string_literal: true

namespace :tasker do
  namespace :telemetry do
    desc 'Show recorded traces as waterfalls (FILE=path LIMIT=10 of the last traces, TASK_ID=id, ATTRIBUTES=1)'
    task :traces do
      # Looked up now: Rails defines it after the tasks of gems.
      Rake::Task[:environment].invoke if Rake::Task.task_defined?(:environment)
      require_relative '../tasker/native/recorded_traces'

      Tasker::Native::RecordedTraces.from_environment(ENV).print
    rescue Tasker::Native::RecordedTraces::Unavailable => e
      abort e.message
    end
  end
end
