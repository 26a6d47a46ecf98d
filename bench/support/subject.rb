# frozen_string_literal: true

unless ARGV.include?('--instructions') # ours needs no gem, and a simulated processor takes its time for Bundler
  ENV['BUNDLE_GEMFILE'] ||= File.expand_path('../../Gemfile', __dir__)
  require 'bundler/setup'
end
require 'json'
require_relative 'figures'
require_relative 'meter'
require_relative 'number'
require_relative 'options'
require_relative 'report'
require_relative 'sink'

# Something whose cost is measured. Its file ends with `Subject.run(...)` and is a program: alone it measures once and
# says what it found; with --in-turn it is a part of a comparison (see SubjectProcess), with --instructions it is run by
# callgrind (see InstructionCount).
class Subject
  EXAMPLES = 3
  WARM_UP = 0.1 # of the iterations

  # Something was lost, or is more than was published.
  class Miscounted < StandardError; end

  class << self
    def run(subject)
      return serve(subject, ENV.fetch('BENCH_SINK')) if ARGV.include?('--in-turn')
      return subject.run_windows(ENV.fetch('BENCH_SINK')) if ARGV.include?('--instructions')

      Sink.open { |sink| alone(subject, sink.url_for(Process.pid)) }
    rescue Miscounted => e
      abort "bench: #{subject.name}: #{e.message}"
    end

    private

    # A line of JSON that introduces it; upon a line from the other side the measurement, also one line.
    def serve(subject, sink_url)
      $stdout.sync = true
      puts JSON.generate(subject.introduce(sink_url))
      puts JSON.generate(subject.measure) if $stdin.gets
      subject.leave
    end

    def alone(subject, sink_url)
      introduction = subject.introduce(sink_url)
      puts "gives out: #{introduction[:facts]}"
      figures = Figures.new({ $PROGRAM_NAME => [subject.measure] })
      puts Report.new($PROGRAM_NAME, { $PROGRAM_NAME => introduction }, figures).lines
    end
  end

  attr_reader :name, :iterations

  # burst: so many operations are published at once, then comes `flush`
  def initialize(name, iterations:, burst: nil)
    @name = name
    @iterations = Options.from_environment.iterations || iterations
    @burst = burst || @iterations
    @published = 0
  end

  # How large something is, for a subject that is measured at several sizes ('growth/keys_native@50').
  def size
    @size ||= Integer(ENV['BENCH_SIZE'] || '1')
  end

  # Requires and configures what is to be measured.
  def prepare(_sink_url); end

  # The operation, for every number from `first` up to the one before `last`. The clock of the publishing thread runs.
  def publish(_first, _last)
    raise NotImplementedError
  end

  # Waits until what was published has arrived. The clock of the process runs, that of the thread does not.
  def flush; end

  # What is comparable of the last operation, as Strings: ours must give out at least what its peers do.
  def facts
    {}
  end

  # How often what was published was counted, by who counts; +dropped+ must be 0, all others as many as were published.
  def counts
    {}
  end

  # More that is worth knowing.
  def traffic
    {}
  end

  # One line.
  def settings
    ''
  end

  def introduce(sink_url)
    prepare(sink_url)
    run(EXAMPLES)
    { name: name, settings: settings, facts: facts }
  end

  def measure
    warm_up
    GC.start
    meter = Meter.new
    meter.process { run(iterations) { |first, last| meter.thread { publish(first, last) } } }
    counted = check({ published: @published, **counts })
    { iterations: iterations, figures: figures(meter), counts: counted, traffic: traffic }
  end

  # Ends the process. What a subject does then is not asked for.
  def leave
    exit!(true)
  end

  # The operations twice, between marks that callgrind sees: a call of getsid(2), which nobody else needs. Without GC,
  # which comes when it likes.
  def run_windows(sink_url)
    introduce(sink_url)
    run(iterations)
    GC.start
    GC.disable
    2.times do
      Process.getsid
      run(iterations)
    end
    Process.getsid
    puts check({ published: @published, **counts }).map { |who, count| "#{who} #{count}" }.join(', ')
  end

  private

  # How many are published until all is measured.
  def operations
    EXAMPLES + (iterations * WARM_UP).ceil + iterations
  end

  def warm_up
    run((iterations * WARM_UP).ceil)
  end

  # { thread: 420.5, ... }
  def figures(meter)
    meter.figures(iterations)
  end

  def run(count)
    till = @published + count
    while @published < till
      last = [@published + @burst, till].min
      block_given? ? yield(@published, last) : publish(@published, last)
      @published = last
      flush
    end
  end

  def check(counted)
    wrong = counted.reject { |who, count| count == (who == :dropped ? 0 : @published) }
    return counted if wrong.empty?

    raise Miscounted, "published #{@published}, but #{wrong.map { |who, count| "#{who} #{count}" }.join(', ')}"
  end
end
