# frozen_string_literal: true

# Workflows of five steps.
class FiveSteps
  # Does nothing, so that what its workflow takes is what the engine takes.
  class EmptyStep < Tasker::StepHandler::Base
    def process(*) = nil
  end

  # One after the other.
  class InTurn
    include Tasker::TaskHandler

    register_handler('five_in_turn')
    define_step_templates do |templates|
      5.times do |place|
        templates.define(name: "step_#{place}", handler_class: EmptyStep, dependent_system: 'bench',
                         depends_on_step: place.zero? ? nil : "step_#{place - 1}")
      end
    end
  end

  # All at once, as far as the engine does that.
  class AtOnce
    include Tasker::TaskHandler

    register_handler('five_at_once')
    define_step_templates do |templates|
      5.times do |place|
        templates.define(name: "step_#{place}", handler_class: EmptyStep, dependent_system: 'bench')
      end
    end
  end

  HANDLERS = { 'five_in_turn' => InTurn, 'five_at_once' => AtOnce }.freeze

  # Creates a task of that name and lets the engine work on it. => the task, complete
  def self.run(name, number)
    request = Tasker::Types::TaskRequest.new(name: name, context: { cart_id: number }, initiator: 'bench',
                                             source_system: 'bench', reason: "number #{number}")
    handler = HANDLERS.fetch(name).new
    task = Tasker::Task.find(handler.initialize_task!(request).task_id)
    handler.handle(task)
    Tasker::Task.find(task.task_id).tap { |ended| raise "#{name} is #{ended.status}" unless ended.status == 'complete' }
  end
end
