# frozen_string_literal: true

require 'active_record'
require 'fileutils'
require 'tmpdir'

require_relative 'postgresql'

# Steps in a database of their own, with more in their rows than telemetry knows of.
module StepDatabase
  # Has the connections.
  class Base < ActiveRecord::Base
    self.abstract_class = true
  end

  # What handlers are given.
  class Step < Base
    self.table_name = 'steps'
    self.primary_key = 'workflow_step_id'

    before_save { raise 'callbacks are not to run' if name == 'no callbacks' }
  end

  class << self
    def open_sqlite
      @directory = Dir.mktmpdir
      connect(adapter: 'sqlite3', database: File.join(@directory, 'steps.sqlite3'), timeout: 20_000)
    end

    # A server takes two seconds to start.
    def open_postgresql
      @server = PostgreSQL.new.start
      connect(**@server.configuration)
    end

    def close
      Base.remove_connection
      @server&.stop
      FileUtils.remove_entry(@directory) if @directory
      @server = @directory = nil
    end

    def pool
      Base.connection_pool
    end

    # @return [Array<String>] the first word of each statement that the block sends, but for those on the schema
    def statements
      found = []
      count = ->(*, payload) { found << payload[:sql][/\w+/] unless payload[:name] == 'SCHEMA' }
      ActiveSupport::Notifications.subscribed(count, 'sql.active_record') { yield } # rubocop:disable Style/ExplicitBlockArgument
      found
    end

    private

    def connect(**configuration)
      Base.establish_connection(pool: 5, checkout_timeout: 20, **configuration)
      Base.with_connection { |connection| create(connection) }
      Step.reset_column_information
    end

    def create(connection)
      json = connection.adapter_name == 'PostgreSQL' ? :jsonb : :json
      connection.create_table(:steps, primary_key: :workflow_step_id, force: true) do |t|
        t.integer :task_id
        t.string :name
        t.string :status
        t.integer :attempts
        t.integer :cost, null: false, default: 0
        t.integer :lock_version, null: false, default: 0
        t.integer :backoff_request_seconds
        t.column :results, json
        t.datetime :updated_at
      end
    end
  end
end
