# frozen_string_literal: true

require_relative 'meter'

# A thread that has an appointment every millisecond, and how late it comes. An appointment that it is kept from by the
# one before counts with its own lateness, so a pause of 35 ms makes 35 appointments late, not one.
class Appointments
  PERIOD = 1_000_000 # ns
  PERCENTILES = { p50: 0.5, p90: 0.9, p99: 0.99, p999: 0.999, max: 1.0 }.freeze

  def self.sleep_until(due)
    left = due - Meter.now(:wall)
    sleep(left / 1e9) if left.positive?
  end

  # Yields from first to till in pieces, at an even rate (a second).
  def self.evenly(first, till, at_once, rate)
    due = Meter.now(:wall)
    first.step(till - 1, at_once) do |from|
      last = [from + at_once, till].min
      yield from, last
      due += (last - from) * 1_000_000_000 / rate
      sleep_until(due)
    end
  end

  def initialize
    @lateness = []
  end

  # As long as the block says so.
  def keep
    due = Meter.now(:wall)
    while yield
      due += PERIOD
      Appointments.sleep_until(due)
      @lateness << (Meter.now(:wall) - due)
    end
    self
  end

  # { p99: ns }
  def percentiles
    sorted = @lateness.sort
    PERCENTILES.transform_values { |share| sorted[[(sorted.size * share).ceil - 1, 0].max] || 0 }
  end
end
