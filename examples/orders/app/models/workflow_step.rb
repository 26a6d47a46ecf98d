# frozen_string_literal: true

# A step of a task, with the columns of tasker-engine's model that telemetry reads. Steps run one after the other.
class WorkflowStep < ApplicationRecord
  belongs_to :task

  scope :viable, lambda {
    earlier = 'SELECT 1 FROM workflow_steps earlier WHERE earlier.task_id = workflow_steps.task_id ' \
              "AND earlier.workflow_step_id < workflow_steps.workflow_step_id AND earlier.status <> 'complete'"
    where(status: 'pending').where("NOT EXISTS (#{earlier})")
                            .where('retry_at IS NULL OR retry_at <= ?', Time.current)
  }

  # Takes a step that can run now. Only one process gets it.
  #
  # @return [WorkflowStep, nil]
  def self.claim(queue)
    step = viable.where(queue: queue).order(:workflow_step_id).first
    return unless step

    claimed = where(workflow_step_id: step.workflow_step_id, status: 'pending').update_all(status: 'in_progress')
    step.reload if claimed.positive?
  end

  def begin_attempt
    update!(attempts: attempts + 1, last_attempted_at: Time.current, retry_at: nil)
  end

  def succeed
    update!(status: 'complete', processed_at: Time.current)
  end

  def fail
    update!(status: 'error', processed_at: Time.current)
  end

  def retry_in(duration)
    update!(status: 'pending', retry_at: duration.from_now)
  end

  def complete?
    status == 'complete'
  end

  def retryable?
    attempts < retry_limit
  end
end
