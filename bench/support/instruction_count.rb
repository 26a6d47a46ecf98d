# frozen_string_literal: true

require 'open3'
require 'rbconfig'
require 'tmpdir'

# Instructions that an operation of a subject takes, by valgrind's callgrind.
#
# Of the publishing thread: the subject marks two windows of equally many operations (Subject#run_windows), callgrind
# begins a new count at each mark, and the lesser of the two counts is taken. Of all other threads, which callgrind does
# not count at marks: everything, divided by all operations; how they start is a percent of that.
#
# What would make a repetition differ is left out: gems, GC in the windows, and addresses, which the kernel otherwise
# chooses at random.
class InstructionCount
  ROOT = File.expand_path('..', __dir__)
  MARK = 'getsid'
  MAIN = '01' # callgrind's number of the first thread, the one that publishes

  # The subject failed, or a tool is missing.
  class Failed < StandardError; end

  # Raises if something is missing that is needed.
  def self.check_tools
    missing = %w[valgrind setarch].reject { |tool| system(tool, '--version', out: File::NULL) }
    raise Failed, "there is no #{missing.join(', ')}. Next: bin/setup" unless missing.empty?
  end

  def initialize(subject, iterations)
    @subject = subject
    @iterations = iterations
  end

  # => { publishing: 861, exporting: 5432 }, an operation; the latter means something for subjects that export
  def take(sink_url)
    Dir.mktmpdir do |directory|
      operations = run(directory, sink_url)
      windows = [2, 3].map { |part| total(directory, "out.#{part}-#{MAIN}") } # part 1 was before the first mark
      others = Dir['out-*', base: directory] - ["out-#{MAIN}"]
      { publishing: windows.min / @iterations,
        exporting: others.sum { |name| total(directory, name) } / operations }
    end
  end

  private

  def run(directory, sink_url)
    environment = { 'BENCH_SINK' => sink_url, 'BENCH_ITERATIONS' => @iterations.to_s }
    output, status = Open3.capture2e(environment, *command(directory))
    raise Failed, "#{@subject} under valgrind: #{output.lines.last(20).join}" unless status.success?

    output[/published (\d+)/, 1].to_i
  end

  def command(directory)
    ['setarch', '-R', 'valgrind', '--tool=callgrind', '--separate-threads=yes', "--dump-before=#{MARK}",
     "--callgrind-out-file=#{directory}/out", '--dump-line=no', '--quiet', '--fair-sched=yes',
     RbConfig.ruby, '--disable-gems', "#{ROOT}/#{@subject}.rb", '--instructions']
  end

  # Instructions that one dump tells of.
  def total(directory, name)
    Integer(File.read("#{directory}/#{name}")[/^totals: (\d+)/, 1])
  rescue SystemCallError
    raise Failed, "callgrind saw no mark in #{@subject}"
  end
end
