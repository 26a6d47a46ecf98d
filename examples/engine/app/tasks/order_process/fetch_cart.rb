# frozen_string_literal: true

module OrderProcess
  # Asks the shop for what is in the cart.
  class FetchCart < Tasker::StepHandler::Base
    prepend Timed

    def process(_task, _sequence, step)
      Shop.cart(step.inputs['cart_id'], api_token: step.inputs['api_token'])
    end
  end
end
