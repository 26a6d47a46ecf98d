# frozen_string_literal: true

require 'active_record'

require_relative '../support/logged_step'
require_relative '../support/queries'

# A step and its task as ActiveRecord objects on SQLite, loaded anew: what is asked of the database meanwhile.
class RecordsNative < LoggedStep
  def prepare(sink_url)
    super
    ActiveRecord::Base.establish_connection(adapter: 'sqlite3', database: ':memory:')
    create_tables
    define_models
    task = @tasks.create!(name: 'order_process', status: 'complete', created_at: Time.now)
    @steps.create!(task_id: task.id, name: 'process_payment', status: 'complete', attempts: 1, results: '{}')
    @task_id = task.id
  end

  def measure
    step = @steps.first
    task = @tasks.find(@task_id)
    { iterations: 1, counts: {}, traffic: {},
      figures: { of_step: Queries.count { publish_step_completed(step) },
                 of_task: Queries.count { publish_task_completed(task) },
                 of_counted_task: Queries.count { publish_task_completed(task, **counts) } } }
  end

  private

  def counts
    { total_steps: 1, completed_steps: 1, failed_steps: 0, pending_steps: 0 }
  end

  def create_tables
    ActiveRecord::Schema.verbose = false
    ActiveRecord::Schema.define do
      create_table(:tasks, primary_key: :task_id) do |t|
        t.string :name
        t.string :status
        t.datetime :created_at
      end
      create_table(:workflow_steps, primary_key: :workflow_step_id) do |t|
        t.integer :task_id
        t.string :name
        t.string :status
        t.integer :attempts
        t.text :results
        t.datetime :last_attempted_at
        t.datetime :processed_at
      end
    end
  end

  def define_models
    @tasks = Object.const_set(:Task, Class.new(ActiveRecord::Base))
    @steps = Object.const_set(:WorkflowStep, Class.new(ActiveRecord::Base))
    @tasks.has_many(:workflow_steps)
    @steps.belongs_to(:task)
  end
end

Subject.run(RecordsNative.new)
