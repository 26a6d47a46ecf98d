# frozen_string_literal: true

require 'active_support/notifications'

# What Active Record asks the database.
module Queries
  # @return [Array<String>] the queries that the block made
  def queries
    found = []
    count = ->(*, payload) { found << payload[:sql] unless payload[:name] == 'SCHEMA' }
    ActiveSupport::Notifications.subscribed(count, 'sql.active_record') { yield } # rubocop:disable Style/ExplicitBlockArgument
    found
  end
end
