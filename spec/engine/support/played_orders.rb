# frozen_string_literal: true

require 'tmpdir'
require_relative '../../../examples/engine/demo/attempt'
require_relative '../../../examples/engine/demo/counter'
require_relative '../../../examples/engine/demo/order_system'
require_relative '../../../examples/engine/demo/rows'
require_relative '../../support/otlp_receiver'

# What is left when examples/engine has worked on its orders: spans at a receiver, the handlers' own times, and the rows
# of the engine.
class PlayedOrders
  # To play takes half a minute.
  #
  # @return [PlayedOrders] the same for all examples
  # @raise [Exception] the same for all examples, when they could not be played
  def self.once(way)
    @played ||= {}
    @played[way] ||= begin
      new(way)
    rescue StandardError => e
      e
    end
    @played[way].is_a?(Exception) ? raise(@played[way]) : @played[way]
  end

  attr_reader :tasks, :spans, :attempts, :rows

  # @param way [Symbol] :workers, :in_one_process, :off (workers with TASKER_NATIVE=off) or :without (workers, no gem)
  def initialize(way)
    Dir.mktmpdir do |directory|
      @receiver = OtlpReceiver.start
      system = OrderSystem.new(directory, **options(way, directory))
      play(system)
      @attempts = Attempt.read(system.times_file)
      @spans = @receiver.spans
    end
  ensure
    @receiver&.stop
  end

  private

  def options(way, directory)
    environment = { 'OTEL_EXPORTER_OTLP_ENDPOINT' => @receiver.endpoint }
    case way
    when :workers then { environment: environment }
    when :in_one_process then { environment: environment, workers: false }
    when :off then { environment: { **environment, 'TASKER_NATIVE' => 'off' } }
    when :without then { environment: environment, gemfile: bundle_without_gem(directory) }
    end
  end

  # As somebody has it who knows nothing of tasker-native: the engine's name alone does not load it whole.
  def bundle_without_gem(directory)
    gemfile = File.join(directory, 'Gemfile')
    lines = File.readlines(OrderSystem::GEMFILE, chomp: true).grep_v(/^gem 'tasker-native'/)
    File.write(gemfile, lines.join("\n").sub(/^gem 'tasker-engine'.*$/, "\\0, require: 'tasker'"))
    FileUtils.cp("#{OrderSystem::GEMFILE}.lock", "#{gemfile}.lock")
    gemfile
  end

  def play(system)
    system.start
    @tasks = Counter.new(system.url).play
    @rows = Rows.of(system.database_url)
  ensure
    system.stop
  end
end
