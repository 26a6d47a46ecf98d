# frozen_string_literal: true

require 'fileutils'
require 'tmpdir'
require_relative 'meter'

# Four forked processes do the work of a subject that includes it, and share what they record in a directory. What is
# measured is the CPU time that they take for it.
module FourProcesses
  def prepare(sink_url)
    @directory ||= Dir.mktmpdir
    super
  end

  def publish(first, last)
    share, rest = (last - first).divmod(4)
    readers = Array.new(4) { |number| in_child { super(0, share + (number < rest ? 1 : 0)) } }
    @spent = readers.sum { |reader| Integer(reader.read) }
    Process.waitall
  end

  def leave
    FileUtils.remove_entry(@directory)
    super
  end

  private

  def in_child
    IO.pipe.then do |reader, writer|
      fork do
        before = Meter.now(:thread)
        yield
        writer.write(Meter.now(:thread) - before)
        writer.close
        exit!(true)
      end
      writer.close
      reader
    end
  end

  def figures(meter)
    { **super, thread: @spent.fdiv(iterations) }
  end
end
