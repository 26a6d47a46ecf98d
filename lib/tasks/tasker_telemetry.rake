# frozen_string_literal: true

namespace :tasker do
  namespace :telemetry do
    # Looked up when it is needed: Rails defines its task after those of gems.
    boot = -> { Rake::Task[:environment].invoke if Rake::Task.task_defined?(:environment) }

    spool = lambda do |&work|
      boot.call
      require_relative '../tasker/native/spool_directory'

      settings = Tasker::Native.runtime.settings
      exit(false) unless work.call(Tasker::Native::SpoolDirectory.of(settings), settings)
    rescue Tasker::Native::SpoolDirectory::Unavailable => e
      abort e.message
    end

    desc 'Show recorded traces as waterfalls (FILE=path LIMIT=10 of the last traces, TASK_ID=id, ATTRIBUTES=1)'
    task :traces do
      boot.call
      require_relative '../tasker/native/recorded_traces'

      Tasker::Native::RecordedTraces.from_environment(ENV).print
    rescue Tasker::Native::RecordedTraces::Unavailable => e
      abort e.message
    end

    desc 'Check configuration, collector, spool and clock; exit code 1 when something is wrong'
    task :doctor do
      boot.call
      exit(false) unless Tasker::Native.doctor
    end

    desc 'List what waits on disk for the collector'
    task(:spool) { spool.call { |directory, _| directory.list || true } }

    namespace :spool do
      desc 'Verify what waits on disk; exit code 1 when something is damaged'
      task(:verify) { spool.call { |directory, _| directory.verify } }

      desc 'Deliver what waits on disk and no living process has; exit code 1 when something is left'
      task(:drain) { spool.call { |directory, settings| directory.drain(settings) } }
    end
  end
end
