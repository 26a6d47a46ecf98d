# frozen_string_literal: true

require_relative 'appointments'
require_relative 'bystander'

# How late a Ruby thread wakes up while another one publishes at an even pace: for a subject that includes it, this is
# what is measured instead of what publishing costs.
#
# The main thread keeps appointments. The publishing thread wakes at random moments (the same for all subjects), so that
# it is not always before or always behind an appointment, and publishes ten spans each time; one that has fallen behind
# catches up. Nobody flushes before the end. A bystander in another process, which shares the processors and not Ruby's
# lock, tells what of the lateness anybody would have.
module Paced
  RATE = 10_000 # spans a second
  AT_ONCE = 10
  GAPS = (0.5..1.5) # times what the rate asks for

  def measure
    run((iterations * Subject::WARM_UP).ceil)
    GC.start
    meter = Meter.new
    appointments = Appointments.new
    _, bystander = Bystander.beside { meter.process { keep(appointments, Thread.new { publish_paced(iterations) }) } }
    flush
    counted = check({ published: @published, **counts })
    { iterations: iterations, counts: counted, traffic: traffic,
      figures: { **appointments.percentiles, bystander: bystander, **meter.figures(iterations) } }
  end

  private

  def pace
    "#{RATE} a second, flush at the end only"
  end

  # Until the other thread ends.
  def keep(appointments, other)
    appointments.keep { other.alive? }
    other.join
  end

  def publish_paced(count)
    random = Random.new(1)
    due = Meter.now(:wall)
    till = @published + count
    while @published < till
      due += (random.rand(GAPS) * 1e9 * AT_ONCE / RATE).to_i
      Appointments.sleep_until(due)
      last = [@published + AT_ONCE, till].min
      publish(@published, last)
      @published = last
    end
  end
end
