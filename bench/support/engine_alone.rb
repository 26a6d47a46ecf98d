# frozen_string_literal: true

require_relative 'engine_subject'
require_relative 'opentelemetry_spans'
require 'opentelemetry-sdk'

# tasker-engine alone, with OpenTelemetry for Ruby as its template of an initializer sets it up, but without
# instrumentation of other gems.
class EngineAlone < OpenTelemetrySpans
  include EngineSubject

  EXECUTIONS = 3 # spans of a step that runs once: its end is published so often

  # Counts spans that have ended.
  class Counter < OpenTelemetry::SDK::Trace::SpanProcessor
    attr_reader :finished

    def initialize
      super
      @finished = 0
      @lock = Mutex.new
    end

    def on_finish(_span)
      @lock.synchronize { @finished += 1 }
    end
  end

  def initialize(**options)
    super
    @name = 'tasker-engine alone'
  end

  def prepare(sink_url)
    super
    OpenTelemetry.tracer_provider.add_span_processor(@counter = Counter.new)
    boot('tasker')
  end

  def flush
    @finished = @counter.finished
    super
  end
end
