# frozen_string_literal: true

require 'etc'

module Tasker
  module Native
    class RuntimeMetrics
      # What the system knows of this process. Where there is no /proc, that is its CPU time and its limit of files.
      #
      # @api private
      module ProcessNumbers
        class << self
          # @return [Hash{Symbol=>Float}]
          def counters
            { process_cpu_seconds_total: Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) }
          end

          # @return [Hash{Symbol=>Numeric}]
          def gauges
            { process_max_fds: Process.getrlimit(:NOFILE).first, **of_proc }
          end

          private

          def of_proc
            virtual, resident = File.read('/proc/self/statm').split.first(2).map { |pages| Integer(pages) * page_size }
            { process_virtual_memory_bytes: virtual, process_resident_memory_bytes: resident,
              process_open_fds: Dir.children('/proc/self/fd').size - 1, # without the folder itself
              process_start_time_seconds: start_time }
          rescue Errno::ENOENT, Errno::EACCES
            {}
          end

          def page_size
            @page_size ||= Etc.sysconf(Etc::SC_PAGESIZE)
          end

          # The name of the program, in parentheses, may have spaces and parentheses in it.
          def start_time
            ticks = File.read('/proc/self/stat', encoding: Encoding::BINARY).rpartition(')').last.split[19]
            boot_time + (Float(ticks) / Etc.sysconf(Etc::SC_CLK_TCK))
          end

          def boot_time
            @boot_time ||= Float(File.read('/proc/stat')[/^btime (\d+)/, 1])
          end
        end
      end
    end
  end
end
