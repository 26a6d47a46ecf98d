# frozen_string_literal: true

Rails.application.routes.draw do
  mount Tasker::Engine => '/tasker' # places orders, shows and cancels them

  scope '/orders/:id', controller: :orders do
    post :accept_other_payment
    post :retry_payment
    post :close
  end
end
