# frozen_string_literal: true

require_relative 'memory'

# Clocks and counters around the work.
class Meter
  CLOCKS = { thread: Process::CLOCK_THREAD_CPUTIME_ID, process: Process::CLOCK_PROCESS_CPUTIME_ID,
             wall: Process::CLOCK_MONOTONIC }.freeze

  def self.now(clock)
    Process.clock_gettime(CLOCKS.fetch(clock), :nanosecond)
  end

  def initialize
    @thread = @process = @wall = @objects = @gcs = 0
  end

  # CPU of this thread. Many times within `process`.
  def thread
    before = Meter.now(:thread)
    yield
    @thread += Meter.now(:thread) - before
  end

  # CPU of all threads, native ones too; wall time, objects, GCs, and by how much memory grew at most. Once.
  def process(&)
    Memory.forget_peak
    resident = Memory.resident
    objects(&)
    @memory = Memory.peak&.-(resident)
  end

  # Nanoseconds and objects an operation; operations a second; GCs a million operations; bytes in all.
  def figures(iterations)
    { thread: @thread.fdiv(iterations), process: @process.fdiv(iterations), objects: @objects.fdiv(iterations),
      gcs: @gcs * 1e6 / iterations, rate: iterations * 1e9 / @wall, memory: @memory }.compact
  end

  private

  def objects(&)
    gcs = GC.count
    objects = GC.stat(:total_allocated_objects)
    clocks(&)
    @objects = GC.stat(:total_allocated_objects) - objects
    @gcs = GC.count - gcs
  end

  def clocks
    wall = Meter.now(:wall)
    process = Meter.now(:process)
    yield
    @process = Meter.now(:process) - process
    @wall = Meter.now(:wall) - wall
  end
end
