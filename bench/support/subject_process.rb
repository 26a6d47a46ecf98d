# frozen_string_literal: true

require 'json'
require 'rbconfig'

# A subject at work in a process of its own, for one round.
class SubjectProcess
  ROOT = File.expand_path('..', __dir__)

  # It ended early, or said something else.
  class Failed < StandardError; end

  attr_reader :file, :introduction

  # Starts it; several may start at the same time.
  def initialize(file, options, sink_url)
    @file = file
    environment = ENV.keys.grep(/\AOTEL_/).to_h { |name| [name, nil] }
    environment['BENCH_SINK'] = sink_url
    environment['BENCH_ITERATIONS'] = options.iterations&.to_s
    @process = IO.popen(environment, [RbConfig.ruby, File.expand_path("#{file}.rb", ROOT), '--in-turn'], 'r+')
  end

  # Waits until it is ready. { name:, settings:, facts: }
  def introduce
    @introduction = read
    @introduction[:facts] = @introduction[:facts].transform_keys(&:to_s)
    self
  end

  # Lets it measure and end. { iterations:, thread:, process:, objects:, gcs:, counts:, traffic: }
  def measure
    @process.puts('go')
    read.tap { close }
  end

  # Before it has measured, it just ends.
  def close
    @process.close unless @process.closed?
  end

  private

  def read
    line = @process.gets or raise Failed, "#{file} ended early"
    JSON.parse(line, symbolize_names: true)
  rescue JSON::ParserError
    raise Failed, "#{file} said #{line.inspect}"
  end
end
