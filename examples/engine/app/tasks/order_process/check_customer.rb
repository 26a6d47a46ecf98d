# frozen_string_literal: true

module OrderProcess
  # Looks whether the customer is a good one.
  class CheckCustomer < Tasker::StepHandler::Base
    prepend Timed

    def process(_task, _sequence, step)
      Shop.check(step.inputs['customer'])
      { checked: step.inputs['customer']['name'] }
    end
  end
end
