# frozen_string_literal: true

require_relative 'boot'

require 'rails'
require 'action_controller/railtie'
require 'active_job/railtie'
require 'active_record/railtie'

Bundler.require(*Rails.groups)

module Orders
  class Application < Rails::Application
    config.load_defaults 7.2
    config.api_only = true
    config.active_record.schema_format = :sql # tasker-engine's functions are in no schema.rb
    config.active_job.queue_adapter = ENV.key?('REDIS_URL') ? :sidekiq : :async
  end
end
