# frozen_string_literal: true

# Tasks and steps, as Tasker's models have them, and the orders in which their events come.
module Workflow
  Step = Struct.new(:workflow_step_id, :name, :task_id, :status, :attempts, :retry_limit, :inputs, :results,
                    :last_attempted_at, :processed_at, :parents, keyword_init: true)
  Task = Struct.new(:task_id, :name, :context, :status, :created_at, :workflow_steps, keyword_init: true)

  # What includes the concern.
  class Host
    include Tasker::Concerns::EventPublisher

    public :publish_event
  end

  # A handler whose process is a block.
  class Handler < Tasker::StepHandler::Base
    public :publish_event

    def initialize(&process)
      super()
      @process = process
    end

    def process(task, sequence, step)
      @process&.call(task, sequence, step)
    end
  end

  def build_step(**values)
    Step.new(workflow_step_id: 21, name: 'fetch_cart', task_id: 7, status: 'in_progress', attempts: 1, retry_limit: 3,
             inputs: {}, results: {}, **values)
  end

  def build_task(**values)
    Task.new(task_id: 7, name: 'order_process', context: { 'cart_id' => 5 }, status: 'in_progress',
             created_at: Time.now, workflow_steps: [], **values)
  end

  def host
    @host ||= Host.new
  end

  # Runs the block as the handler of a step.
  def handle(step = build_step, task = build_task(task_id: step.task_id), &)
    Handler.new(&).handle(task, [], step)
  end

  # The events of one attempt as tasker-engine publishes them: the handler, the state machine and the executor each
  # announce it.
  def engine_attempt(ids, outcome = 'step.completed', **payload)
    3.times { publish('step.execution_requested', { **ids, step_inputs: {} }) }
    publish('step.before_handle', ids)
    yield if block_given?
    3.times { publish(outcome, { **ids, **payload }) }
  end
end
