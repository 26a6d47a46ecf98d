# frozen_string_literal: true

require 'bundler/inline'
require 'logger'
require 'stringio'
require 'tmpdir'
require 'yaml'
require_relative '../../spec/support/postgresql'

warn 'Fetching tasker-engine 0.1.0 and what it needs (the first time takes a minute)'
Gem.use_paths(File.expand_path('../../tmp/golden/gems', __dir__), Gem.path) # specs want a Ruby without gems
gemfile(true, quiet: true) do
  source Gem.sources.to_a.first # whatever this machine is configured to use
  gem 'rails', '~> 7.2.0'
  gem 'tasker-engine', '0.1.0', require: false
end

ENV['RAILS_ENV'] = 'test'
require 'action_controller/railtie'
require 'active_job/railtie'
require 'active_record/railtie'
require 'tasker' # its engine alone has no configuration yet when the app is initialized

# A Rails app with nothing in it but tasker-engine, on a PostgreSQL of its own.
class EngineApp < Rails::Application
  config.eager_load = false # the engine does not bear it
  config.active_job.queue_adapter = :test

  # Boots it and makes the engine's tables. Yields the log: a StringIO.
  def self.run
    server = PostgreSQL.new.start
    Dir.mktmpdir do |root|
      boot(root, server, log = StringIO.new)
      migrate
      yield log
    end
  ensure
    server&.stop
  end

  def self.boot(root, server, log)
    Dir.mkdir(File.join(root, 'config'))
    File.write(File.join(root, 'config/database.yml'), YAML.dump('test' => server.configuration.transform_keys(&:to_s)))
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
