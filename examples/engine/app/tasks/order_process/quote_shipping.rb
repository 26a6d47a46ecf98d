# frozen_string_literal: true

module OrderProcess
  # Asks the carrier's API what the parcel costs.
  class QuoteShipping < Tasker::StepHandler::Api
    prepend Timed

    def process(_task, _sequence, step)
      connection.get('/quotes', cart_id: step.inputs['cart_id'])
    end

    def process_results(step, response, _initial_results)
      step.results = JSON.parse(response.body)
    end
  end
end
