# frozen_string_literal: true

# Specs that need tasker-engine: bin/engine specs. The app is there before the examples.

# What the examples find must not depend on who runs them, or where.
ENV['RAILS_ENV'] = 'test'
ENV.delete_if { |name, _| name.start_with?('OTEL_') || name.match?(/\A(https?|all|no)_proxy\z/i) }

require_relative '../support/warnings'
require_relative 'support/engine_app'
require_relative 'support/early_listeners'
Bundler.require(:default, :test)
require 'tasker/native/testing/rspec'
require_relative '../support/eventually'
require_relative '../support/queries'

EngineApp.start
require_relative 'support/engine_telemetry'
require_relative 'support/engine_workflow'
EngineTelemetry.standing

RSpec.configure do |config|
  config.disable_monkey_patching!
  config.expect_with(:rspec) { |expectations| expectations.max_formatted_output_length = 2000 }
  config.mock_with(:rspec) { |mocks| mocks.verify_partial_doubles = true }
  config.filter_run_when_matching :focus

  config.order = :random
  Kernel.srand config.seed

  config.include Eventually
  config.include Queries
  config.include EngineTelemetry
  config.include EngineWorkflow

  config.before { reset_telemetry }

  # Nothing of an example stays in the database.
  config.around do |example|
    ActiveRecord::Base.transaction do
      example.run
      raise ActiveRecord::Rollback
    end
  end

  config.after(:suite) do
    raise "Ruby warns of our own files:\n#{Warnings.seen.join}" if Warnings.seen.any?
  end
end
