# frozen_string_literal: true

require_relative 'subject'

# Spans that go to the sink. In bursts, with a flush after each, so that a queue of the usual size never fills up: the
# receiver is on the same machine, and no peer may look fast because it drops.
class SpanSubject < Subject
  QUEUE = 2048
  BATCH = 512
  DELAY = 5 # seconds

  def initialize(name, iterations: 40_000, burst: 1000, compression: 'gzip', queue: QUEUE)
    super(name, iterations: iterations, burst: burst)
    @compression = compression
    @queue = queue
    @arrived = Hash.new(0)
    @names = Hash.new(0)
  end

  def prepare(sink_url)
    @sink_url = sink_url
  end

  def facts
    take[:facts]
  end

  def counts
    take
    { **own_counts, received: @arrived[:spans], different: @arrived[:ids] }
  end

  def traffic
    { wire_bytes_a_span: @arrived[:wire_bytes] / @arrived[:spans], bytes_a_span: @arrived[:bytes] / @arrived[:spans] }
  end

  private

  # accepted, exported, dropped by the subject's own count
  def own_counts
    {}
  end

  def take
    Sink.take(@sink_url).tap do |taken|
      taken.each { |what, count| @arrived[what] += count if count.is_a?(Integer) }
      taken[:names].each { |name, count| @names[name] += count }
    end
  end

  def export_settings
    "OTLP over HTTP with compression #{@compression}, queue #{@queue}, batch #{BATCH}, delay #{DELAY} s, #{pace}"
  end

  def pace
    "flush after each #{@burst}"
  end
end
