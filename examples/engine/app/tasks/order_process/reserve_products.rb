# frozen_string_literal: true

module OrderProcess
  # Looks whether everything in the cart can be had.
  class ReserveProducts < Tasker::StepHandler::Base
    prepend Timed

    def process(_task, sequence, _step)
      products = sequence.find_step_by_name('fetch_cart').results['products']
      Shop.reserve(products)
      { reserved: products }
    end
  end
end
