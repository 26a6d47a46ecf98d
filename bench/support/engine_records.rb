# frozen_string_literal: true

require 'securerandom'

# Tasks of five steps that are complete, as the engine leaves them: the first was run by it, the others are copies.
module EngineRecords
  BEGAN = Time.utc(2026, 1, 1, 12, 0, 0)
  ENDED = Time.utc(2026, 1, 1, 12, 0, 1)

  module_function

  # => their ids
  def create(count)
    task = FiveSteps.run('five_in_turn', 0)
    copies = Array.new(count) { attributes(task).merge('identity_hash' => SecureRandom.hex(32)) }
    Tasker::Task.insert_all!(copies, returning: :task_id).rows.flatten.tap do |ids|
      task.workflow_steps.each { |step| copy_step(step, ids) }
    end
  end

  # As a handler has them: task and names are loaded, columns have been read, the state has been asked for.
  def steps(task_ids)
    steps = Tasker::WorkflowStep.where(task_id: task_ids).preload(:named_step, task: :named_task)
    steps.to_a.each(&:status).each(&:attributes)
  end

  # As the engine's finalizer has them.
  def tasks(task_ids)
    Tasker::Task.where(task_id: task_ids).preload(:named_task).to_a.each(&:status).each(&:attributes)
  end

  def copy_step(step, task_ids)
    times = { 'last_attempted_at' => BEGAN, 'processed_at' => ENDED }
    steps = task_ids.map { |id| attributes(step).merge('task_id' => id, **times) }
    ids = Tasker::WorkflowStep.insert_all!(steps, returning: :workflow_step_id).rows.flatten
    state = attributes(step.workflow_step_transitions.find_by!(most_recent: true))
    Tasker::WorkflowStepTransition.insert_all!(ids.map { |id| state.merge('workflow_step_id' => id) })
  end

  def attributes(record)
    record.attributes.except(record.class.primary_key)
  end
end
