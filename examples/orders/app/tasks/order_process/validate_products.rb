# frozen_string_literal: true

module OrderProcess
  # Looks whether everything in the cart can be had.
  class ValidateProducts < Tasker::StepHandler::Base
    def process(_task, sequence, _step)
      products = results_of(sequence, 'fetch_cart')['products']
      publish_event('order.validation_started', products: products.size)
      Shop.reserve(products)
      publish_event('order.validation_ended', products: products.size)
      { valid: true, reserved: products }
    end

    private

    def results_of(sequence, name)
      sequence.find { |step| step.name == name }.results
    end
  end
end
