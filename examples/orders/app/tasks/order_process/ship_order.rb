# frozen_string_literal: true

module OrderProcess
  # Has the parcel fetched. Its queue belongs to another process than that of the steps before.
  class ShipOrder < Tasker::StepHandler::Base
    def process(_task, _sequence, step)
      parcel = Shop.hand_over(customer: step.inputs['customer'])
      publish_event('order.shipped', tracking_number: parcel[:tracking_number])
      parcel
    end
  end
end
