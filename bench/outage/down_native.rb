# frozen_string_literal: true

require 'socket'
require_relative '../support/books'
require_relative '../support/large_native_span'

# The collector is down: nothing listens. All spans are lost, memory stays bounded, and the books balance throughout.
class DownNative < LargeNativeSpan
  QUEUE = 1_000_000 # spans: so that max_queue_bytes is what limits
  SAMPLE = 10_000 # spans between two looks at the books
  FLUSH_SECONDS = 30

  def initialize
    super(iterations: 2_000_000, burst: SAMPLE, queue: QUEUE)
  end

  def prepare(_sink_url)
    super("http://127.0.0.1:#{closed_port}")
    Tasker::Native.logger = Logger.new(IO::NULL)
    @books = Books.new(QUEUE + BATCH)
  end

  # Another thread looks as well, whenever it can.
  def measure
    watch = Thread.new { loop { @books.look.then { sleep 0.005 } } }
    super.merge(series: @books.series)
  ensure
    watch&.kill
  end

  def facts
    {}
  end

  # Nobody waits for anything before the end: the books are looked at instead.
  def flush
    @books&.look_at_rest(@published)
  end

  def counts
    Tasker::Native.flush(timeout: FLUSH_SECONDS)
    stats = Tasker::Native.stats
    { accepted: stats[:accepted], exported_or_dropped: stats[:exported] + stats[:dropped].values.sum }
  end

  def traffic
    Tasker::Native.stats[:dropped].select { |_, spans| spans.positive? }.transform_keys { |why| :"dropped_#{why}" }
  end

  private

  def pace
    'no flush before the end'
  end

  def warm_up; end

  def figures(meter)
    { **super, looks: @books.looks, unbalanced: @books.unbalanced }
  end

  def closed_port
    server = TCPServer.new('127.0.0.1', 0)
    server.addr[1]
  ensure
    server&.close
  end
end

Subject.run(DownNative.new)
