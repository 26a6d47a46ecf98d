# frozen_string_literal: true

class OrdersController < ActionController::API
  %i[accept_other_payment retry_payment close].each do |operation|
    define_method(operation) do
      BackOffice.public_send(operation, Tasker::Task.find(params[:id]))
      head :no_content
    end
  end
end
