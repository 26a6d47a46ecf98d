# frozen_string_literal: true

require 'active_record'
require_relative 'queries'

# Records in a database in memory, with the columns of upstream's models.
module Records
  include Queries

  ActiveRecord::Base.establish_connection(adapter: 'sqlite3', database: ':memory:')
  ActiveRecord::Migration.verbose = false
  ActiveRecord::Schema.define do
    create_table(:task_records, primary_key: :task_id) do |t|
      t.string :name
      t.string :status
      t.json :context
      t.datetime :created_at
    end
    create_table(:step_records, primary_key: :workflow_step_id) do |t|
      t.integer :task_id
      t.string :name
      t.string :status
      t.integer :attempts
      t.integer :retry_limit
      t.json :inputs
      t.json :results
      t.datetime :last_attempted_at
      t.datetime :processed_at
    end
    create_table(:stateless_step_records) { |t| t.integer :task_id }
  end

  # A step whose state is elsewhere.
  class StatelessStepRecord < ActiveRecord::Base
  end

  # A task, as upstream's model has it.
  class TaskRecord < ActiveRecord::Base
    has_many :workflow_steps, class_name: 'Records::StepRecord', foreign_key: :task_id
  end

  # A step with parents, which are found by a query.
  class StepRecord < ActiveRecord::Base
    belongs_to :task, class_name: 'Records::TaskRecord'

    def parents
      StepRecord.where(task_id: task_id).where.not(workflow_step_id: workflow_step_id)
    end
  end

  def in_transaction
    ActiveRecord::Base.transaction do
      yield
      raise ActiveRecord::Rollback
    end
  end
end
