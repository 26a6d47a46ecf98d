# frozen_string_literal: true

require 'json'
require 'pg'

# What the engine keeps of all tasks, without ids, times, and what else differs from one run to the next.
class Rows
  TABLES = {
    tasks: <<~SQL,
      SELECT tasks.context->'cart_id' AS cart, named.name, complete, initiator, source_system, reason, bypass_steps, tags,
             context
      FROM tasker_tasks tasks JOIN tasker_named_tasks named USING (named_task_id)
      ORDER BY cart
    SQL
    steps: <<~SQL,
      SELECT tasks.context->'cart_id' AS cart, named.name, retryable, retry_limit, in_process, processed, attempts,
             backoff_request_seconds, inputs, results - 'backtrace' AS results, skippable
      FROM tasker_workflow_steps steps JOIN tasker_tasks tasks USING (task_id)
           JOIN tasker_named_steps named USING (named_step_id)
      ORDER BY cart, named.name
    SQL
    task_transitions: <<~SQL,
      SELECT tasks.context->'cart_id' AS cart, sort_key, from_state, to_state, most_recent, metadata
      FROM tasker_task_transitions transitions JOIN tasker_tasks tasks USING (task_id)
      ORDER BY cart, sort_key
    SQL
    step_transitions: <<~SQL
      SELECT tasks.context->'cart_id' AS cart, named.name, sort_key, from_state, to_state, most_recent, metadata
      FROM tasker_workflow_step_transitions transitions JOIN tasker_workflow_steps steps USING (workflow_step_id)
           JOIN tasker_tasks tasks USING (task_id) JOIN tasker_named_steps named USING (named_step_id)
      ORDER BY cart, named.name, sort_key
    SQL
  }.freeze

  # @param url [String] of the database
  # @return [Hash{Symbol=>Array<Hash>}] by table
  def self.of(url)
    connection = PG.connect(url)
    TABLES.transform_values { |query| connection.exec(query).to_a }
  ensure
    connection&.close
  end
end
