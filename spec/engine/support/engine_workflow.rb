# frozen_string_literal: true

# Tasks and steps of the engine, in its database, and what works on them as the engine does.
module EngineWorkflow
  # What includes the concern.
  class Host
    include Tasker::Concerns::EventPublisher

    public :publish_event
  end

  # What the engine has of a task's code, as far as a step needs it.
  TaskHandler = Struct.new(:step_handler) do
    def get_step_handler(_step)
      step_handler
    end
  end

  def host
    @host ||= Host.new
  end

  # @param steps [Array<String>] names; each step needs the one before
  # @param context [Hash]
  # @return [Tasker::Task] as it was saved
  def create_task(*steps, name: 'order_process', context: { cart_id: 17 })
    request = Tasker::Types::TaskRequest.new(name: name, context: context)
    task = Tasker::Task.create_with_defaults!(request)
    Tasker::WorkflowStep.get_steps_for_task(task, templates(steps)) if steps.any?
    task
  end

  # @return [Tasker::WorkflowStep] of a new task
  def create_step(name = 'fetch_cart')
    create_task(name).workflow_steps.first
  end

  # For handlers that run in another thread, which does not see what an example has not committed.
  #
  # @return [#workflow_step_id] a step, and its task, without a database
  def step_in_memory(id)
    task = Struct.new(:task_id).new(7)
    Struct.new(:workflow_step_id, :name, :task, :attempts, :results).new(id, 'pay', task, 0, {})
  end

  # @return [Tasker::WorkflowStep, Tasker::Task] the same, as who has asked for nothing else has it
  def fresh(record)
    record.class.find(record.id)
  end

  # @return [Tasker::StepHandler::Base] whose process is the block
  def handler(base = Tasker::StepHandler::Base, &process)
    Class.new(base) { define_method(:process) { |*| process&.call } }.new
  end

  # Runs a step's handler, or the block in the place of one, and nothing around it.
  #
  # @return [Object] what the handler returns
  def handle(step, step_handler = nil, &)
    (step_handler || handler(&)).handle(step.task, sequence_of(step), step)
  end

  # One attempt of a step, as the engine makes it: it tells its end from the handler, from the state machine and from
  # the executor.
  #
  # @return [Tasker::WorkflowStep, nil] nil when it failed
  def attempt(step, step_handler = nil, &)
    executor = Tasker::Orchestration::StepExecutor.new
    executor.execute_single_step(step.task, sequence_of(step), step, TaskHandler.new(step_handler || handler(&)))
  end

  # A task from its start to its end, with one attempt of each step.
  #
  # @return [void]
  def run_task(task)
    task.state_machine.transition_to!('in_progress')
    task.workflow_steps.order(:workflow_step_id).each { |step| attempt(step) }
    finalize(task)
  end

  # What the engine makes of a task of which no step is to run.
  #
  # @return [void]
  def finalize(task)
    Tasker::Orchestration::TaskFinalizer.new.finalize_task(task.id, synchronous: true)
  end

  # @param step [Tasker::WorkflowStep] that has failed
  # @return [void] it waits for its next attempt
  def retry_step(step)
    step.state_machine.transition_to!('pending')
  end

  private

  def templates(names)
    names.zip([nil, *names]).map do |name, parent|
      Tasker::Types::StepTemplate.new(name: name, description: name, dependent_system: 'shop', handler_class: Object,
                                      depends_on_steps: [parent].compact)
    end
  end

  def sequence_of(step)
    Tasker::Types::StepSequence.new(steps: [step])
  end
end
