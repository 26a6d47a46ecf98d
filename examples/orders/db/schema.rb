# frozen_string_literal: true

ActiveRecord::Schema[7.2].define(version: 1) do
  create_table :tasks, primary_key: :task_id, force: :cascade do |t|
    t.string :name, null: false
    t.json :context, null: false, default: {}
    t.string :status, null: false, default: 'pending'
    t.timestamps
  end

  create_table :workflow_steps, primary_key: :workflow_step_id, force: :cascade do |t|
    t.references :task, null: false, foreign_key: { primary_key: :task_id }
    t.string :name, null: false
    t.string :queue, null: false
    t.string :status, null: false, default: 'pending'
    t.integer :attempts, null: false, default: 0
    t.integer :retry_limit, null: false, default: 1
    t.json :inputs, null: false, default: {}
    t.json :results, null: false, default: {}
    t.datetime :retry_at
    t.datetime :last_attempted_at
    t.datetime :processed_at
    t.timestamps
  end
end
