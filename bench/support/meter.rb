# frozen_string_literal: true

# Clocks and counters around the work.
class Meter
  CLOCKS = { thread: Process::CLOCK_THREAD_CPUTIME_ID, process: Process::CLOCK_PROCESS_CPUTIME_ID }.freeze

  def initialize
    @thread = @process = @objects = @gcs = 0
  end

  # CPU of this thread. Many times within `process`.
  def thread
    before = now(:thread)
    yield
    @thread += now(:thread) - before
  end

  # CPU of all threads, native ones too; objects and GCs. Once.
  def process
    gcs = GC.count
    objects = GC.stat(:total_allocated_objects)
    before = now(:process)
    yield
    @process = now(:process) - before
    @objects = GC.stat(:total_allocated_objects) - objects
    @gcs = GC.count - gcs
  end

  # Nanoseconds and objects an operation; GCs in all.
  def per_operation(iterations)
    { thread: @thread.fdiv(iterations), process: @process.fdiv(iterations), objects: @objects.fdiv(iterations),
      gcs: @gcs }
  end

  private

  def now(clock)
    Process.clock_gettime(CLOCKS.fetch(clock), :nanosecond)
  end
end
