# frozen_string_literal: true

require 'fileutils'
require 'json'
require 'rbconfig'
require 'tmpdir'
require_relative 'fault_receiver'
require_relative 'ruby_process'

# Producers and a collector that are killed at random, a disk that fills up, a clock that jumps; and in the end the
# question whether everything has arrived that somebody was told is safe.
#
#   result = Chaos.new(seconds: 600, seed: 1).run { |line| puts line }
#   result.violations # => []
class Chaos
  PRODUCERS = 4
  DISK = '512k'
  FAKETIME = '/usr/lib/*/faketime/libfaketimeMT.so.1'
  ACTIONS = { kill_producer: 5, kill_receiver: 3, fill_disk: 1, jump: 2, wait: 6 }.freeze
  private_constant :PRODUCERS, :DISK, :FAKETIME, :ACTIONS

  # What came of it. violations: sentences.
  Result = Struct.new(:figures, :violations, keyword_init: true)

  # Compares what was acknowledged with what has arrived.
  class Check
    # @param acknowledged [Array<String>] ids
    # @param requests [Array<Hash>] key, ids, unknown; or error
    def initialize(acknowledged, requests)
      @acknowledged = acknowledged
      @requests = requests
    end

    # @return [Array<String>]
    def violations
      [missing, broken, told_twice].compact
    end

    # @return [Integer] spans that came more than once
    def duplicates
      arrivals.sum { |_, keys| keys.size - 1 }
    end

    # @return [Integer]
    def arrived
      arrivals.size
    end

    private

    # { id => [key, key] }
    def arrivals
      @arrivals ||= accepted.each_with_object(Hash.new { |hash, id| hash[id] = [] }) do |request, all|
        request[:ids].each { |id| all[id] << request[:key] }
      end
    end

    def accepted
      @requests.reject { |request| request[:error] }
    end

    def missing
      lost = @acknowledged - arrivals.keys
      "#{lost.size} spans were acknowledged and never arrived: #{lost.first(5).join(', ')}" if lost.any?
    end

    def broken
      errors = @requests.filter_map { |request| request[:error] } + accepted.filter_map { |one| unknown(one) }
      "#{errors.size} requests were broken: #{errors.first(3).join('; ')}" if errors.any?
    end

    def unknown(request)
      "#{request[:unknown]} unknown bytes" unless request[:unknown].zero?
    end

    def told_twice
      twice = arrivals.select { |_, keys| keys.uniq.size > 1 }
      "#{twice.size} spans came under two keys: #{twice.keys.first(5).join(', ')}" if twice.any?
    end
  end

  # @param seconds [Numeric]
  # @param seed [Integer] of what is random here
  def initialize(seconds:, seed:)
    @seconds = seconds
    @random = Random.new(seed)
    @counts = Hash.new(0)
    @port = FaultReceiver.closed_port
  end

  # @yieldparam line [String] how it goes, every few seconds
  # @return [Result]
  def run(&tell)
    Dir.mktmpdir do |directory|
      @directory = directory
      prepare
      disturb(&tell)
      calm_down
      conclude
    ensure
      clean_up
    end
  end

  private

  def path(name)
    File.join(@directory, name)
  end

  def prepare
    Dir.mkdir(spool, 0o700)
    @small_disk = system('mount', '-t', 'tmpfs', '-o', "size=#{DISK},mode=700", 'none', spool, err: File::NULL)
    File.write(path('clock'), "+0s\n")
    start_receiver
    @producers = Array.new(PRODUCERS) { start_producer }
  end

  def spool
    path('spool')
  end

  # Producers live in a time of their own, where there is faketime.
  def clock
    library = Dir[FAKETIME].first or return {}
    { 'LD_PRELOAD' => library, 'FAKETIME_TIMESTAMP_FILE' => path('clock'), 'FAKETIME_NO_CACHE' => '1',
      'FAKETIME_DONT_FAKE_MONOTONIC' => '1' }
  end

  def start(script, *arguments, env: {}, log: File::NULL)
    program = File.expand_path("chaos/#{script}.rb", __dir__)
    spawn({ **RubyProcess::CLEAN, **env }, RbConfig.ruby, '-I', RubyProcess::LIB, program, *arguments,
          %i[out err] => log)
  end

  def start_receiver
    @receiver = start('receiver', @port.to_s, path('received'), @random.rand(1_000_000).to_s, log: path('receiver.log'))
  end

  def start_producer
    name = "p#{@counts[:producers] += 1}"
    start('producer', name, @port.to_s, spool, path("ledger.#{name}"), env: clock, log: path("#{name}.err"))
  end

  def kill(pid, signal = :KILL)
    Process.kill(signal, pid)
    Process.wait(pid)
  end

  def disturb
    started = told = now
    while now < started + @seconds
      act(choose)
      sleep(@random.rand(0.05..0.4))
      next if now < told + 5

      told = now
      yield progress(now - started) if block_given?
    end
  end

  def choose
    at = @random.rand(ACTIONS.values.sum)
    ACTIONS.find { |_, weight| (at -= weight).negative? }.first
  end

  def act(action)
    @counts[action] += 1
    send(action)
  end

  def kill_producer
    at = @random.rand(PRODUCERS)
    kill(@producers[at])
    @producers[at] = start_producer
  end

  def kill_receiver
    kill(@receiver)
    sleep(@random.rand(1.0))
    start_receiver
  end

  def fill_disk
    return unless @small_disk

    system('dd', 'if=/dev/zero', "of=#{path('spool/filler')}", 'bs=4k', err: File::NULL)
    sleep(@random.rand(1.0))
    FileUtils.rm_f(path('spool/filler'))
  end

  def jump
    seconds = @random.rand(-3600..3600)
    File.write(path('clock'), format("%+ds\n", seconds))
  end

  def wait; end

  # Everybody ends as he should, then one more process delivers what is left.
  def calm_down
    FileUtils.rm_f(path('spool/filler'))
    File.write(path('clock'), "+0s\n")
    File.write(path('CALM'), '')
    @producers.each { |pid| kill(pid, :TERM) }
    @producers = []
    command = File.expand_path('../../exe/tasker-native', __dir__)
    @drained = system(RubyProcess::CLEAN, RbConfig.ruby, '-I', RubyProcess::LIB, command, 'spool', spool, 'drain',
                      '--endpoint', "http://127.0.0.1:#{@port}", %i[out err] => path('drain.log'))
    kill(@receiver, :TERM)
    @receiver = nil
  end

  def conclude
    ledgers = Dir[path('ledger.*')].grep_v(/\.log\z/).map { |file| lines(file) }
    acknowledged = ledgers.flatten(1).select { |line| line[:acknowledged] }.flat_map { |line| line[:ids] }
    check = Check.new(acknowledged, lines(path('received')))
    violations = check.violations
    violations << "the spool could not be drained: #{File.read(path('drain.log'))}" unless @drained
    Result.new(violations: violations, figures: figures(ledgers, acknowledged, check))
  end

  def figures(ledgers, acknowledged, check)
    lost = ledgers.filter_map { |rounds| rounds.last&.fetch(:lost) }
    lost = lost.reduce({}) { |all, one| all.merge(one) { |_, left, right| left + right } }
    { acknowledged: acknowledged.size, arrived: check.arrived, duplicates: check.duplicates, lost: lost, **@counts }
  end

  # A process that was killed may have left a half one.
  def lines(file)
    return [] unless File.exist?(file)

    File.foreach(file).filter_map { |line| parse(line) if line.end_with?("\n") }
  end

  def parse(line)
    JSON.parse(line, symbolize_names: true)
  rescue JSON::ParserError
    nil # two halves of lines
  end

  def progress(seconds)
    "#{seconds.round} of #{@seconds.round} s: #{@counts[:producers]} producers, #{@counts[:kill_receiver]} kills of " \
      "the collector, #{@counts[:fill_disk]} full disks, #{@counts[:jump]} jumps of the clock"
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  def clean_up
    [*@producers, @receiver].compact.each { |pid| kill(pid) }
    system('umount', spool, err: File::NULL) if @small_disk
  end
end
