# frozen_string_literal: true

require_relative 'appointments'

# For a subject that includes it: the highest even rate at which nothing was dropped, with the usual queue and nobody
# who waits for it. The rate grows by a fifth from trial to trial, each a second long, until a span is lost or the
# publishing thread can't keep up.
module Sustained
  FIRST = 2_000 # spans a second
  GROWTH = 1.2
  SECONDS = 1
  AT_ONCE = 20
  ENOUGH = 0.97 # of the rate: the publishing thread has kept up

  def measure
    warm_up
    GC.start
    meter = Meter.new
    meter.process { search }
    counted = check({ published: @published, **counts })
    { iterations: iterations, counts: counted, traffic: traffic,
      figures: { sustained: @sustained, memory: meter.figures(@published)[:memory] }.compact }
  end

  # Whoever is asked for more than it can do drops: what was dropped counts as told, not as lost.
  def counts
    counted = super
    dropped = counted.delete(:dropped)
    counted.to_h { |who, count| [:"#{who}_or_dropped", who == :accepted ? count : count + dropped] }
  end

  private

  def pace
    "faster and faster, #{AT_ONCE} at once, until one is dropped"
  end

  def search
    rate = FIRST
    @sustained = 0
    while keeps_up?(rate)
      @sustained = rate
      rate = (rate * GROWTH).round
    end
  end

  def keeps_up?(rate)
    before = own_counts[:dropped]
    count = [rate * SECONDS, iterations].min
    started = Meter.now(:wall)
    publish_at(rate, count)
    took = Meter.now(:wall) - started
    flush
    own_counts[:dropped] == before && count * 1e9 / took >= rate * ENOUGH && rate < 1_000_000
  end

  def publish_at(rate, count)
    Appointments.evenly(@published, @published + count, AT_ONCE, rate) do |first, last|
      publish(first, last)
      @published = last
    end
  end
end
