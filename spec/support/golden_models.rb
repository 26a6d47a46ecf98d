# frozen_string_literal: true

# Tasks and steps for {ConcernCalls}, with the values that the records of tasker-engine had when its payloads were
# recorded. Those who record use the lists of attributes, too.
class GoldenModels
  Step = Struct.new(:workflow_step_id, :name, :task_id, :status, :attempts, :retry_limit, :inputs, :results,
                    :last_attempted_at, :processed_at, :parents, keyword_init: true)
  Task = Struct.new(:task_id, :name, :context, :status, :created_at, :workflow_steps, keyword_init: true) do
    # Payloads have it.
    def self.name = 'Tasker::Task'
  end

  # @param records [Hash] as {.attributes_of} gives them for each task, by name
  def initialize(records)
    @tasks = records.transform_values { |attributes| task_of(attributes) }
  end

  # @return [Hash] of a task, its steps, and the names of their parents
  def self.attributes_of(task)
    steps = task.workflow_steps.sort_by(&:workflow_step_id).to_h do |step|
      [step.name, { **values_of(step, Step), parents: step.parents.map(&:name) }]
    end
    { **values_of(task, Task), workflow_steps: steps }
  end

  def self.values_of(record, struct)
    (struct.members - %i[parents workflow_steps]).to_h do |name|
      value = record.public_send(name)
      [name, value.respond_to?(:utc) ? value.utc : value]
    end
  end
  private_class_method :values_of

  def task(name)
    @tasks.fetch(name)
  end

  def step(name)
    @tasks.each_value.flat_map(&:workflow_steps).find { |step| step.name == name } or raise KeyError, name
  end

  private

  def task_of(attributes)
    steps = attributes[:workflow_steps].transform_values { |values| Step.new(**values) }
    steps.each_value { |step| step.parents = steps.values_at(*step.parents) }
    Task.new(**attributes, workflow_steps: steps.values)
  end
end
