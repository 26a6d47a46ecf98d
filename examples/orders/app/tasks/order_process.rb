# frozen_string_literal: true

# The workflow of an order: its steps in their order, the queue whose worker runs them, and what they get.
module OrderProcess
  STEPS = {
    'fetch_cart' => { queue: 'orders', retry_limit: 1, inputs: %w[cart_id api_token] },
    'validate_products' => { queue: 'orders', retry_limit: 1, inputs: [] },
    'process_payment' => { queue: 'orders', retry_limit: 2, inputs: %w[customer card_number] },
    'ship_order' => { queue: 'shipping', retry_limit: 1, inputs: %w[customer] }
  }.freeze

  # @param context [Hash{String=>Object}] cart_id, customer, card_number, api_token
  # @return [Task]
  def self.place(context)
    Task.transaction do
      Task.create!(name: 'order_process', context: context).tap do |task|
        STEPS.each do |name, step|
          task.workflow_steps.create!(name: name, queue: step[:queue], retry_limit: step[:retry_limit],
                                      inputs: context.slice(*step[:inputs]))
        end
      end
    end
  end

  # @return [Tasker::StepHandler::Base]
  def self.handler_for(step)
    const_get(step.name.camelize).new
  end
end
