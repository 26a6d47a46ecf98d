# frozen_string_literal: true

# Before anything is loaded: what the examples find must not depend on who runs them, or where.
ENV['RAILS_ENV'] = 'test'
ENV.delete_if { |name, _| name.start_with?('OTEL_') || name.match?(/\A(https?|all|no)_proxy\z/i) }

require 'time'
require_relative 'support/warnings'
require 'tasker/native/testing/rspec'
require_relative 'support/eventually'
require_relative 'support/ruby_process'
require_relative 'support/telemetry'
require_relative 'support/workflow'
require_relative 'support/gc_stress' if ENV['TASKER_GC_STRESS'] == '1'

RSpec::Matchers.define_negated_matcher :not_include, :include

RSpec.configure do |config|
  config.disable_monkey_patching!
  config.expect_with(:rspec) { |expectations| expectations.max_formatted_output_length = 2000 }
  config.mock_with(:rspec) { |mocks| mocks.verify_partial_doubles = true }
  config.example_status_persistence_file_path = '.rspec_status'
  config.filter_run_when_matching :focus
  config.filter_run_excluding :slow unless ENV['TASKER_NATIVE_ALL']

  config.order = :random
  Kernel.srand config.seed

  config.include Eventually
  config.include RubyProcess
  config.include Telemetry
  config.include Workflow

  config.before { reset_telemetry }

  config.after(:suite) do
    raise "Ruby warns of our own files:\n#{Warnings.seen.join}" if Warnings.seen.any?
  end
end
