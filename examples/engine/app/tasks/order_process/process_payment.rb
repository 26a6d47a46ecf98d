# frozen_string_literal: true

module OrderProcess
  # Charges the customer's card. The provider may not answer, or decline: the step may be tried again.
  class ProcessPayment < Tasker::StepHandler::Base
    prepend Timed

    def self.custom_event_configuration
      [{ name: 'order.payment_received', description: 'The customer has paid' }]
    end

    def process(_task, _sequence, step)
      payment = PaymentProvider.charge(card_number: step.inputs['card_number'], attempt: step.attempts + 1)
      publish_custom_event('order.payment_received', payment_id: payment[:id])
      payment
    end
  end
end
