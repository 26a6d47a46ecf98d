# frozen_string_literal: true

# How late a Ruby thread wakes up while another one publishes at an even pace: for a subject that includes it, this is
# what is measured instead of what publishing costs.
#
# The main thread has an appointment every millisecond. An appointment that it is kept from by the one before counts
# with its own lateness, so a pause of 35 ms makes 35 appointments late, not one. The publishing thread wakes at random
# moments (the same for all subjects), in order not to be always before or always behind an appointment, and publishes
# ten spans each time; one that has fallen behind catches up. Nobody flushes before the end.
module Paced
  RATE = 10_000 # spans a second
  AT_ONCE = 10
  GAPS = (0.5..1.5) # times what the rate asks for
  PERIOD = 1_000_000 # ns between appointments
  PERCENTILES = { p50: 0.5, p90: 0.9, p99: 0.99, p999: 0.999, max: 1.0 }.freeze

  def measure
    run((iterations * Subject::WARM_UP).ceil)
    GC.start
    meter = Meter.new
    lateness = []
    meter.process { lateness = keep_appointments(Thread.new { publish_paced(iterations) }) }
    flush
    counted = check({ published: @published, **counts })
    { iterations: iterations, figures: { **percentiles(lateness.sort), **meter.figures(iterations) },
      counts: counted, traffic: traffic }
  end

  private

  def pace
    "#{RATE} a second, flush at the end only"
  end

  def publish_paced(count)
    random = Random.new(1)
    due = Meter.now(:wall)
    till = @published + count
    while @published < till
      due += (random.rand(GAPS) * 1e9 * AT_ONCE / RATE).to_i
      sleep_until(due)
      last = [@published + AT_ONCE, till].min
      publish(@published, last)
      @published = last
    end
  end

  # => ns by which each appointment was late, until the other thread ends
  def keep_appointments(other)
    lateness = []
    due = Meter.now(:wall)
    while other.alive?
      due += PERIOD
      sleep_until(due)
      lateness << (Meter.now(:wall) - due)
    end
    other.join
    lateness
  end

  def sleep_until(due)
    left = due - Meter.now(:wall)
    sleep(left / 1e9) if left.positive?
  end

  def percentiles(sorted)
    PERCENTILES.transform_values { |share| sorted[[(sorted.size * share).ceil - 1, 0].max] }
  end
end
