# frozen_string_literal: true

# A completed step with what tasker-engine's WorkflowStep has that telemetry reads.
BenchStep = Struct.new(:workflow_step_id, :name, :task_id, :status, :attempts, :retry_limit, :inputs, :results,
                       :last_attempted_at, :processed_at, keyword_init: true) do
  def self.example
    new(workflow_step_id: 0, name: 'process_payment', task_id: 1, status: 'complete', attempts: 1, retry_limit: 3,
        inputs: {}, results: { 'amount' => 4200 },
        last_attempted_at: Time.utc(2026, 1, 1, 12, 0, 0), processed_at: Time.utc(2026, 1, 1, 12, 0, 1))
  end
end
