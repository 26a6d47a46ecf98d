# frozen_string_literal: true

require 'open3'
require 'rbconfig'

# Ruby processes that know nothing of this one.
module RubyProcess
  ROOT = File.expand_path('../..', __dir__)
  LIB = File.join(ROOT, 'lib')
  CLEAN = { 'RAILS_ENV' => nil, 'RACK_ENV' => nil, 'TASKER_GC_STRESS' => nil }.freeze

  Result = Struct.new(:out, :err, :status, :seconds, keyword_init: true)

  # Runs a script without Bundler and its gems (gems: true: with them).
  #
  # @return [Result]
  def run_ruby(script, *arguments, env: {}, gems: false, chdir: ROOT, timeout: 60)
    started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    out, err, status = outside_of_bundler(gems) do
      Open3.capture3({ **CLEAN, **env }, 'timeout', '-s', 'KILL', timeout.to_s, RbConfig.ruby, '-w', '-I', LIB, '-e',
                     script, *arguments, chdir: chdir)
    end
    Result.new(out: out, err: err, status: status, seconds: Process.clock_gettime(Process::CLOCK_MONOTONIC) - started)
  end

  # The same, and it must succeed in silence.
  #
  # @return [String] what it wrote
  def ruby(script, *arguments, **options)
    result = run_ruby(script, *arguments, **options)
    raise "#{result.status}: #{result.err}\n#{result.out}" unless result.status.success? && result.err.empty?

    result.out
  end

  # Begins to run a script.
  #
  # @return [Integer] its process id
  def spawn_ruby(script, *arguments, env: {}, gems: false, chdir: ROOT, **options)
    outside_of_bundler(gems) do
      spawn({ **CLEAN, **env }, RbConfig.ruby, '-w', '-I', LIB, '-e', script, *arguments, chdir: chdir, **options)
    end
  end

  private

  def outside_of_bundler(gems, &)
    gems ? yield : Bundler.with_unbundled_env(&)
  end
end
