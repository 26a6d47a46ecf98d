# frozen_string_literal: true

module OrderProcess
  # The workflow of config/tasker/tasks/order_process.yaml; Tasker::TaskBuilder makes it a handler of the engine's.
  class OrderHandler
    # A step that failed is ready again when its backoff is over, but the engine runs pending ones only: without this
    # it would look for steps, find this one and leave it, without end.
    def start_task(task)
      started = super
      task.workflow_steps.failed.select(&:ready?).each { |step| try_again(step) } if started
      started
    end

    private

    def try_again(step)
      step.state_machine.transition_to!(Tasker::Constants::WorkflowStepStatuses::PENDING)
      publish_step_retry_requested(step, retry_reason: step.results['error'])
    end
  end
end
