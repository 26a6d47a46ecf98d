# frozen_string_literal: true

# Tasks and steps of tasker-engine, made by its own code and brought into their states by its state machines.
class EngineRecords
  ATTEMPTED = Time.utc(2026, 1, 2, 3, 4, 5)
  ENDED = ATTEMPTED + 1.2345r
  CREATED = ATTEMPTED - 10
  FIRST_IDS = { 'tasker_tasks_task_id_seq' => 7, 'tasker_workflow_steps_workflow_step_id_seq' => 21 }.freeze

  # By task and step: parents, states after pending, columns.
  TASKS = {
    'order_process' => {
      'fetch_cart' => [[], %w[in_progress complete],
                       { attempts: 1, results: { items: 3, total: 59.9, sizes: [nil, { s: true }] },
                         last_attempted_at: ATTEMPTED - 5, processed_at: ATTEMPTED - 4 }],
      'process_payment' => [%w[fetch_cart], %w[in_progress],
                            { attempts: 2, results: { payment: 'pay_1' },
                              last_attempted_at: ATTEMPTED, processed_at: ENDED }],
      'ship_order' => [%w[fetch_cart process_payment], [], { attempts: nil, results: nil }],
      'reserve_stock' => [%w[fetch_cart], %w[in_progress error],
                          { attempts: 3, results: { error: 'gone', backtrace: ['b.rb:1'] },
                            last_attempted_at: ATTEMPTED, processed_at: nil }],
      'send_receipt' => [%w[ship_order], %w[cancelled], { attempts: 0 }],
      'print_label' => [[], %w[in_progress error resolved_manually],
                        { attempts: 2, results: { label: 'l_1' },
                          last_attempted_at: ATTEMPTED, processed_at: ATTEMPTED - 60 }]
    },
    'refund_process' => {
      'find_payment' => [[], %w[in_progress complete], { processed_at: ATTEMPTED }],
      'pay_back' => [%w[find_payment], %w[in_progress error resolved_manually], { processed_at: ENDED }]
    },
    'empty_process' => {}
  }.freeze
  STATES = { 'order_process' => %w[in_progress], 'refund_process' => %w[in_progress complete],
             'empty_process' => [] }.freeze

  def initialize
    FIRST_IDS.each { |sequence, id| connection.execute("ALTER SEQUENCE #{sequence} RESTART WITH #{id}") }
    TASKS.each do |name, steps|
      task = create_task(name)
      create_steps(task, steps)
      STATES.fetch(name).each { |state| task.state_machine.transition_to!(state) }
    end
  end

  # @return [Array<String>] the names of all tasks
  def names
    TASKS.keys
  end

  # @return [Tasker::Task] as the database has it
  def task(name)
    Tasker::Task.joins(:named_task).find_by!(named_task: { name: name })
  end

  # @return [Tasker::WorkflowStep]
  def step(name)
    Tasker::WorkflowStep.joins(:named_step).find_by!(named_step: { name: name })
  end

  private

  def connection
    ActiveRecord::Base.connection
  end

  def create_task(name)
    request = Tasker::Types::TaskRequest.new(name: name, context: { cart_id: 5 }, requested_at: CREATED)
    Tasker::Task.create_with_defaults!(request).tap { |task| task.update_columns(created_at: CREATED) }
  end

  def create_steps(task, steps)
    templates = steps.map do |name, (parents)|
      Tasker::Types::StepTemplate.new(name: name, description: name, dependent_system: 'shop', handler_class: Object,
                                      depends_on_steps: parents)
    end
    Tasker::WorkflowStep.get_steps_for_task(task, templates)
    steps.each do |name, (_, states, columns)|
      step = step(name)
      step.update!(columns)
      states.each { |state| step.state_machine.transition_to!(state) }
    end
  end
end
