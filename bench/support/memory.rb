# frozen_string_literal: true

# What the process has in memory, in bytes, as Linux tells it; nil where it doesn't.
module Memory
  STATUS = '/proc/self/status'

  module_function

  def resident
    read('VmRSS')
  end

  # The most that was resident since `forget_peak`.
  def peak
    read('VmHWM')
  end

  def forget_peak
    File.write('/proc/self/clear_refs', '5')
  rescue SystemCallError
    nil # then it is the most since the process began
  end

  def read(name)
    File.read(STATUS)[/^#{name}:\s*(\d+) kB/, 1]&.then { |kilobytes| Integer(kilobytes) * 1024 }
  rescue SystemCallError
    nil
  end
end
