# frozen_string_literal: true

# What people do about an order whose payment failed for good; tasker-engine's REST API has no words for it.
module BackOffice
  # The customer paid in another way: that step needs no handler any more, and the task goes on.
  def self.accept_other_payment(task)
    payment_of(task).state_machine.transition_to!(Tasker::Constants::WorkflowStepStatuses::RESOLVED_MANUALLY)
    run_again(task)
  end

  # The bank was called: the card may be charged once more.
  def self.retry_payment(task)
    step = payment_of(task)
    step.update!(retry_limit: step.attempts + 1)
    step.state_machine.transition_to!(Tasker::Constants::WorkflowStepStatuses::PENDING)
    run_again(task)
  end

  # Nothing is shipped.
  def self.close(task)
    task.state_machine.transition_to!(Tasker::Constants::TaskStatuses::RESOLVED_MANUALLY)
  end

  def self.payment_of(task)
    task.get_step_by_name('process_payment')
  end
  private_class_method :payment_of

  def self.run_again(task)
    Tasker::Orchestration::TaskReenqueuer.new.reenqueue_task(task, reason: 'back_office')
  end
  private_class_method :run_again
end
