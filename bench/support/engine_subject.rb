# frozen_string_literal: true

require_relative 'queries'

# What subjects with tasker-engine have in common: its app, on a PostgreSQL of its own, whose log goes to the null
# device. They run with the gems of examples/engine: bin/engine exec ruby bench/engine/hidden_native.rb
module EngineSubject
  # log_level: of structured lines; the logger shows those from :info on
  def initialize(log_level: 'info', **options)
    super(**options)
    @log_level = log_level
  end

  # Others say what the second was when they were asked.
  def facts
    super.except('timestamp', 'event_timestamp').reject { |_, value| value.empty? }
  end

  def settings
    "#{super}; log_level #{@log_level}"
  end

  # PostgreSQL has to be stopped.
  def leave
    exit
  end

  private

  # telemetry: the gem that is loaded; tasker-native brings tasker-engine
  def boot(telemetry)
    ENV['RAILS_ENV'] = 'test'
    require_relative '../../spec/engine/support/engine_app'
    require telemetry
    EngineApp.start(log: File.open(File::NULL, 'w'), level: :info)
    Tasker.configuration.telemetry { |settings| settings.log_level = @log_level }
    require_relative 'five_steps'
    require_relative 'publishing_methods'
    @publishing = PublishingMethods.new
  end

  def warm_up
    before = @published
    queries = Queries.count { super }
    @queries = queries.fdiv(@published - before)
  end

  def figures(meter)
    super.merge(queries: @queries)
  end
end
