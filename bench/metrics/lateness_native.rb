# frozen_string_literal: true

require_relative '../support/appointments'
require_relative '../support/bystander'
require_relative '../support/native_scrape'

# How late a thread wakes while another one scrapes ours, ten times a second; with BENCH_SIZE=0 it does not.
class LatenessOfScrapes < NativeScrape
  SCRAPES = 10 # a second

  def name
    size.zero? ? 'nothing scraped' : super
  end

  def facts
    {}
  end

  def measure
    meter = Meter.new
    appointments = Appointments.new
    _, bystander = Bystander.beside { meter.process { keep(appointments, Thread.new { scrape }) } }
    counted = check({ published: @published, **counts })
    { iterations: iterations, counts: counted, traffic: traffic,
      figures: { **appointments.percentiles, bystander: bystander, **meter.figures(iterations) } }
  end

  private

  def keep(appointments, other)
    appointments.keep { other.alive? }
    other.join
  end

  def scrape
    iterations.times do
      run(1) unless size.zero?
      sleep 1.0 / SCRAPES
    end
  end
end

Subject.run(LatenessOfScrapes.new(iterations: 50))
