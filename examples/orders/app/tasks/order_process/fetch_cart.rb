# frozen_string_literal: true

module OrderProcess
  # Asks the shop for what is in the cart.
  class FetchCart < Tasker::StepHandler::Base
    def process(_task, _sequence, step)
      cart = Shop.cart(step.inputs['cart_id'], api_token: step.inputs['api_token'])
      publish_event('order.cart_fetched', cart_id: cart[:id], products: cart[:products].size)
      cart
    end
  end
end
