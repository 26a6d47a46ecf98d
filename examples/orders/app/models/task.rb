# frozen_string_literal: true

# A run of a workflow, with the columns of tasker-engine's model that telemetry reads.
class Task < ApplicationRecord
  has_many :workflow_steps, -> { order(:workflow_step_id) }, dependent: :destroy, inverse_of: :task

  # @return [Boolean] whether this call started it: it happens once, whichever process comes first
  def start
    started = Task.where(task_id: task_id, status: 'pending').update_all(status: 'in_progress').positive?
    reload if started
    started
  end

  def complete?
    workflow_steps.all?(&:complete?)
  end
end
