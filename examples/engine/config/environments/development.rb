# frozen_string_literal: true

Rails.application.configure do
  config.eager_load = false # tasker-engine does not bear it
  config.log_level = ENV.fetch('ORDERS_LOG_LEVEL', :info) # at :debug, Active Record logs card numbers, too
  config.active_record.dump_schema_after_migration = false
end
