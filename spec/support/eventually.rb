# frozen_string_literal: true

# Waiting for what comes about in another thread or process.
module Eventually
  # @return what the block returns, once that is true
  def eventually(what = 'what was waited for', timeout: 10)
    deadline = now + timeout
    loop do
      result = yield
      return result if result
      raise "#{what} did not happen within #{timeout} s" if now > deadline

      sleep 0.005
    end
  end

  # @return [Float] seconds of a clock that only goes forward
  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  # @return [Float] how many seconds the block took
  def seconds
    started = now
    yield
    now - started
  end
end
