# frozen_string_literal: true

require 'json'
require 'rbconfig'

# A subject at work in a process of its own, for one round.
class SubjectProcess
  ROOT = File.expand_path('..', __dir__)

  # It ended early, or said something else.
  class Failed < StandardError; end

  attr_reader :subject, :introduction

  # 'growth/subscribers_native@64' is in growth/subscribers_native.rb.
  def self.file_of(subject)
    subject[/[^@]+/]
  end

  def self.size_of(subject)
    subject[/@(\d+)/, 1]
  end

  # Starts it; several may start at the same time.
  def initialize(subject, options, sink_url)
    @subject = subject
    environment = ENV.keys.grep(/\AOTEL_/).to_h { |name| [name, nil] }
    environment['BENCH_SINK'] = sink_url
    environment['BENCH_ITERATIONS'] = options.iterations&.to_s
    environment['BENCH_SIZE'] = self.class.size_of(subject)
    @process = IO.popen(environment, [*command, '--in-turn'], 'r+')
  end

  # Waits until it is ready. { name:, settings:, facts: }
  def introduce
    @introduction = read
    @introduction[:facts] = @introduction[:facts].transform_keys(&:to_s)
    self
  end

  # Lets it measure and end. { iterations:, figures:, counts:, traffic: }
  def measure
    @process.puts('go')
    read.tap { close }
  end

  # Before it has measured, it just ends.
  def close
    @process.close unless @process.closed?
  end

  private

  def command
    [RbConfig.ruby, File.expand_path("#{self.class.file_of(subject)}.rb", ROOT)]
  end

  def read
    line = @process.gets or raise Failed, "#{subject} ended early"
    JSON.parse(line, symbolize_names: true)
  rescue JSON::ParserError
    raise Failed, "#{subject} said #{line.inspect}"
  end
end
