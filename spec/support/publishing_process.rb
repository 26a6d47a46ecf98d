# frozen_string_literal: true

require 'json'
require 'open3'
require_relative 'ruby_process'

# A process that publishes, and watches itself while it does: whether its accounts are right at every moment, and how
# long publishing was held up.
#
#   publishing(endpoint, count: 30, otlp_timeout: 1) do |process|
#     process.flushed      # what its stats were after the first flush
#     process.settle       # the same, once nothing is on disk any more
#   end
class PublishingProcess
  # A publisher is held up while it neither runs nor is ready to run, and while it runs for us. What the scheduler gives
  # to others (schedstat's second number) and what the garbage collector takes is not telemetry's doing: it is left out.
  SCRIPT = <<~'RUBY'
    require 'json'
    require 'tasker-native'
    settings = JSON.parse(ARGV[0], symbolize_names: true)
    Tasker::Native.logger = Logger.new(ARGV[1])
    Tasker.configuration { |config| config.telemetry.configure_telemetry(exporter: :otlp, **settings) }
    count, pause, user_time = JSON.parse(ARGV[2])
    publisher = Tasker::Events::Publisher.instance
    publisher.subscribe('step.completed') { sleep(user_time) } if user_time.positive?

    def ready_but_not_running
      File.read('/proc/thread-self/schedstat').split[1].to_i / 1e9
    rescue SystemCallError
      0.0
    end

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    def collecting = GC.stat(:time) / 1e3

    def held_up
      before = [ready_but_not_running, collecting]
      started = now
      yield
      now - started - (ready_but_not_running - before[0]) - (collecting - before[1])
    end

    unbalanced = 0
    look = lambda do
      stats = Tasker::Native.stats
      sum = stats[:exported] + stats[:spooled] + stats[:dropped].values.sum + stats[:in_flight]
      unbalanced += 1 unless stats[:accepted] == sum
      stats
    end
    longest = 0
    tell = lambda do
      stats = look.call
      $stdout.puts(JSON.generate(**stats.slice(:accepted, :exported, :spooled, :in_flight, :dropped, :spool),
                                 unbalanced: unbalanced, longest: longest))
      $stdout.flush
    end
    $stdin.each_line(chomp: true).with_index do |command, round|
      case command
      when 'publish'
        count.times do |id|
          time = held_up { publisher.publish('step.completed', task_id: 1, step_id: "#{round}.#{id}", text: 'x' * 200) }
          longest = time if time > longest
          look.call
          sleep(pause) if pause.positive?
        end
        Tasker::Native.flush(timeout: 20)
      when 'settle'
        deadline = now + 30
        sleep(0.01) while !look.call.values_at(:spooled, :in_flight).all?(&:zero?) && now < deadline
      end
      tell.call
    end
  RUBY
  private_constant :SCRIPT

  # @param log [String] a file
  # @param count [Integer] steps for each {#publish}
  # @param pause [Float] seconds between two of them
  # @param user_time [Float] seconds that a listener takes
  # @param settings [Hash] of telemetry
  def initialize(log:, count:, pause: 0.002, user_time: 0, **settings)
    arguments = [JSON.generate(settings), log, JSON.generate([count, pause, user_time])]
    @input, @output, @thread = Bundler.with_unbundled_env do
      Open3.popen2(RubyProcess::CLEAN, Gem.ruby, '-I', RubyProcess::LIB, '-e', SCRIPT, *arguments)
    end
  end

  # @return [Hash{Symbol=>Object}] its stats once it has flushed, and: unbalanced (how often the accounts were wrong),
  #   longest (seconds that a publication was held up)
  def publish
    ask('publish')
  end

  # @return [Hash] the same, once nothing is on disk or in flight
  def settle
    ask('settle')
  end

  # @return [void]
  def stop
    @input.close
    @thread.value
    @output.close
  end

  # @return [void]
  def kill
    Process.kill(:KILL, @thread.pid)
    stop
  end

  private

  def ask(command)
    @input.puts(command)
    @input.flush
    line = @output.gets or raise 'the publishing process has ended'
    JSON.parse(line, symbolize_names: true).tap { |told| told[:dropped].delete_if { |_, spans| spans.zero? } }
  end
end
