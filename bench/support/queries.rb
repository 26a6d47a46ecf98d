# frozen_string_literal: true

# What ActiveRecord asks the database.
module Queries
  module_function

  # How many there are in the block, from any thread.
  def count(&)
    count = 0
    counter = ->(*, payload) { count += 1 unless payload[:name] == 'SCHEMA' }
    ActiveSupport::Notifications.subscribed(counter, 'sql.active_record', &)
    count
  end
end
