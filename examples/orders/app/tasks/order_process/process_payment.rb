# frozen_string_literal: true

module OrderProcess
  # Charges the customer's card. The provider may not answer: the step may be tried again.
  class ProcessPayment < Tasker::StepHandler::Base
    def process(task, _sequence, step)
      Tasker::Native.current_span&.set_attribute('payment.provider', PaymentProvider::NAME)
      publish_event('order.payment_requested', step.inputs)
      payment = PaymentProvider.charge(task, card_number: step.inputs['card_number'])
      publish_event('order.payment_received', payment_id: payment[:id])
      payment
    end
  end
end
