# frozen_string_literal: true

# This example's own stand-in for tasker-engine, which decides when which step of a task runs: it takes steps from one
# queue, hands them to their handlers, tries again what may be tried again, and ends tasks.
#
# Handlers publish the events of their steps by themselves (Tasker::StepHandler::Base does). Whoever runs them publishes
# those of the task, and that a step will be tried again.
class StepWorker
  include Tasker::Concerns::EventPublisher

  POLL = 0.01.seconds
  BACKOFF = 0.1.seconds

  def initialize(queue)
    @queue = queue
    @parent = Process.ppid
  end

  # Works until it is stopped, or whoever started it is gone.
  def run
    until @stopping || Process.ppid != @parent
      step = WorkflowStep.claim(@queue)
      step ? perform(step) : sleep(POLL)
    end
  end

  # Lets it end after the step it is at. May be called by a signal handler.
  def stop
    @stopping = true
  end

  private

  def perform(step)
    task = step.task
    publish_task_started(task) if task.start
    step.begin_attempt
    attempt(task, step) ? succeed(task, step) : try_again_or_fail(task, step)
  end

  def attempt(task, step)
    OrderProcess.handler_for(step).handle(task, task.workflow_steps.to_a, step)
    true
  rescue StandardError => e
    @error = e
    false
  end

  def succeed(task, step)
    step.succeed
    task.reload
    return unless task.complete?

    task.update!(status: 'complete')
    publish_task_completed(task, **exact_start(task))
  end

  def try_again_or_fail(task, step)
    return give_up(task, step) unless step.retryable?

    publish_step_retry_requested(step, retry_reason: @error.message)
    step.retry_in(BACKOFF)
  end

  def give_up(task, step)
    step.fail
    task.reload.update!(status: 'error')
    publish_task_failed(task, error_message: "#{step.name} failed: #{@error.message}", error_steps: [step.name],
                              **exact_start(task))
  end

  # The standard payload says in whole seconds when a task began. The root span of a task that began in another process
  # starts there, so it is told more exactly.
  def exact_start(task)
    { started_at: task.created_at.iso8601(6) }
  end
end
