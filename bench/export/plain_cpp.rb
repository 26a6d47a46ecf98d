# frozen_string_literal: true

require_relative '../support/cpp_program'
require_relative '../support/span_subject'

# Spans by OpenTelemetry's C++ SDK, in a program of its own (plain_cpp.cc); this one only asks it, and asks the sink.
class PlainCpp < SpanSubject
  def initialize
    super('opentelemetry-cpp', iterations: 100_000, burst: 1024, compression: 'none')
  end

  def prepare(sink_url)
    super
    program = CppProgram.new('export/plain_cpp', *CppProgram::OPENTELEMETRY).compile
    @process = IO.popen([program, sink_url, @queue.to_s, BATCH.to_s, (DELAY * 1000).to_s], 'r+')
  end

  def measure
    run((iterations * WARM_UP).ceil)
    run(iterations)
    counted = check({ published: @published, **counts })
    { iterations: iterations, figures: figures, counts: counted, traffic: traffic }
  end

  def settings
    "BatchSpanProcessor of version #{CppProgram.opentelemetry_version}, #{export_settings}"
  end

  private

  def run(count)
    first = @published
    @published += count
    @process.puts("#{first} #{@published} #{@burst}")
    line = @process.gets or raise Miscounted, 'plain_cpp ended early'
    @measured = line.split.map { |number| Integer(number) }
  end

  def figures
    thread, process, wall, memory = @measured
    { thread: thread.fdiv(iterations), process: process.fdiv(iterations), rate: iterations * 1e9 / wall,
      memory: memory }
  end
end

Subject.run(PlainCpp.new)
