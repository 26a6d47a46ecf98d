# frozen_string_literal: true

require 'fileutils'

module Tasker
  module Native
    class Doctor
      # Can the spool be used, and what waits in it.
      #
      # @api private
      class SpoolCheck
        # @param directory [SpoolDirectory]
        # @param settings [Settings]
        def initialize(directory, settings)
          @directory = directory
          @settings = settings
        end

        # @return [Finding]
        def finding
          reason = unusable
          if reason
            return problem("#{path}: #{reason}",
                           'check tel.spool_directory: it should be a folder of this app alone')
          end
          return found(:ok, 'not made yet: nothing has waited so far') unless File.directory?(path)

          waiting
        rescue SpoolDirectory::Unavailable => e
          problem(e.message, 'check tel.spool_directory')
        end

        private

        def path
          @directory.path
        end

        # Why nothing can be written there, or nil.
        def unusable
          return parent_trouble unless File.exist?(path) || File.symlink?(path)
          return 'it is a symbolic link' if File.symlink?(path)
          return 'it is no folder' unless File.directory?(path)

          owner_trouble || write_trouble
        end

        # Where the exporter would refuse it.
        def owner_trouble
          return 'it belongs to another user' unless File.owned?(path)

          shared = File.stat(path).mode.anybits?(0o077)
          'others may use it, and it holds other things than a spool' if shared && @directory.strange?
        end

        def parent_trouble
          parent = File.dirname(path)
          parent = File.dirname(parent) until File.exist?(parent)
          "#{parent} can't be written" unless File.writable?(parent)
        end

        def write_trouble
          probe = File.join(path, ".doctor-#{Process.pid}")
          File.open(probe, File::WRONLY | File::CREAT | File::EXCL, 0o600) do |file|
            file.write("\0" * 4096)
            file.fsync
          end
          nil
        rescue SystemCallError => e
          e.message.split(' @ ').first
        ensure
          FileUtils.rm_f(probe)
        end

        def waiting
          segments = @directory.segments
          return found(:ok, 'empty') if segments.empty?

          bytes = segments.sum(&:bytes)
          text = "#{Table.count(segments.sum(&:spans), 'span')} wait in #{Table.size(bytes)} of " \
                 "#{Table.size(@settings.spool_max_bytes)}, for #{Table.duration(Time.now - segments.first.created)}"
          judge(segments, bytes, text)
        end

        def judge(segments, bytes, text)
          damaged = segments.sum(&:damaged)
          if damaged.positive?
            found(:warning, "#{text}; damaged in #{Table.count(damaged, 'place')}", 'check the disk')
          elsif bytes > @settings.spool_max_bytes * 0.8
            found(:warning, text, 'the oldest spans will be dropped: raise tel.spool_max_bytes, or start the collector')
          else
            found(:ok, text)
          end
        end

        def problem(text, advice)
          Finding.new('spool', :problem, text, advice)
        end

        def found(verdict, text, advice = nil)
          Finding.new('spool', verdict, "#{path}: #{text}", advice)
        end
      end
    end
  end
end
