# frozen_string_literal: true

require_relative 'memory'
require_relative 'meter'

# Looks at the accounts of our spans, and remembers what they were.
class Books
  POINTS = 200 # of a series, at most

  attr_reader :looks, :unbalanced

  # most: more than so many spans can't be in flight
  def initialize(most)
    @most = most
    @looks = @unbalanced = 0
    @series = []
    @settled = 0
    @lock = Mutex.new
    @resident = Memory.resident
    @began = Meter.now(:wall)
  end

  # At any moment, from any thread.
  def look
    judge { true }
  end

  # While nobody publishes: then as many are accepted as were published.
  def look_at_rest(published)
    judge { |stats| stats[:accepted] == published }
  end

  # [[seconds, bytes by which memory has grown, in flight, dropped], ...]
  def series
    every = [(@series.size / POINTS.to_f).ceil, 1].max
    @series.each_slice(every).map(&:last)
  end

  private

  # What is settled only grows, so nobody else may look between the asking and the comparing.
  def judge
    @lock.synchronize do
      stats = Tasker::Native.stats
      dropped = stats[:dropped].values.sum
      settled = stats[:exported] + dropped
      @unbalanced += 1 unless balanced?(stats, settled) && yield(stats)
      @settled = settled
      @looks += 1
      @series << [(Meter.now(:wall) - @began) / 1e9, Memory.resident.to_i - @resident.to_i, stats[:in_flight], dropped]
    end
  end

  def balanced?(stats, settled)
    stats[:accepted] == settled + stats[:in_flight] && stats[:in_flight].between?(0, @most) && settled >= @settled
  end
end
