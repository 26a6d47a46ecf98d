# frozen_string_literal: true

require 'action_controller/railtie'
require 'active_job/railtie'
require 'active_record/railtie'
require 'logger'
require 'stringio'
require 'tmpdir'
require 'yaml'
require_relative '../../support/postgresql'

# A Rails app with nothing in it but tasker-engine, and tasker-native if that is loaded, on a PostgreSQL of its own.
# One in a process; it goes away with it.
class EngineApp < Rails::Application
  config.load_defaults 7.2
  config.eager_load = false # the engine does not bear it
  config.active_job.queue_adapter = :test

  # Boots it and makes the engine's tables.
  #
  # @param log [IO, StringIO] where Rails' log goes
  # @param level [Symbol] of that log
  # @return [IO, StringIO] its log
  def self.start(log: StringIO.new, level: :debug)
    server = PostgreSQL.new.start
    root = Dir.mktmpdir('engine_app')
    at_exit do
      server.stop
      FileUtils.remove_entry(root)
    end
    config.log_level = level
    boot(root, server, log)
    migrate
    log
  end

  def self.boot(root, server, log)
    Dir.mkdir(File.join(root, 'config'))
    database = server.configuration.transform_keys(&:to_s)
    File.write(File.join(root, 'config/database.yml'), YAML.dump(ENV.fetch('RAILS_ENV') => database))
    config.root = root
    config.logger = Logger.new(log)
    initialize!
  end
  private_class_method :boot

  def self.migrate
    ActiveRecord::Migration.verbose = false
    ActiveRecord::MigrationContext.new(Tasker::Engine.root.join('db/migrate').to_s).migrate
  end
  private_class_method :migrate
end
