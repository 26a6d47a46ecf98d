# frozen_string_literal: true

require_relative 'cpp_program'
require_relative 'span_subject'

# Spans by OpenTelemetry's C++ SDK, in a program of its own (cpp_spans.cc); this one only asks it, and asks the sink.
class CppSpans < SpanSubject
  def initialize(**options)
    super('opentelemetry-cpp', compression: 'none', **options)
  end

  def prepare(sink_url)
    super
    program = CppProgram.new('support/cpp_spans', *CppProgram::OPENTELEMETRY).compile
    @process = IO.popen([program, sink_url, @queue.to_s, BATCH.to_s, (DELAY * 1000).to_s, rate.to_s], 'r+')
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

  # Spans a second; 0: as fast as it can, with a flush after each burst
  def rate
    0
  end

  def run(count)
    first = @published
    @published += count
    @process.puts("#{first} #{@published} #{@burst}")
    line = @process.gets or raise Miscounted, 'cpp_spans ended early'
    @measured = line.split.map { |number| Integer(number) }
  end

  def figures
    thread, process, wall, memory = @measured
    { thread: thread.fdiv(iterations), process: process.fdiv(iterations), rate: iterations * 1e9 / wall,
      memory: memory }
  end
end
