# frozen_string_literal: true

require_relative 'appointments'

# For a subject that includes it: it publishes at an even rate, as an app does, and leaves it to whoever exports when to
# do so; the flush comes at the end. Many spans at once, so that waking up is next to nothing.
module Steady
  RATE = 10_000 # spans a second
  BURST = 500

  private

  def rate
    RATE
  end

  def pace
    "#{RATE} a second, #{@burst} at once, flush at the end only"
  end

  def run(count)
    Appointments.evenly(@published, @published + count, @burst, RATE) do |first, last|
      block_given? ? yield(first, last) : publish(first, last)
      @published = last
    end
    flush
  end
end
