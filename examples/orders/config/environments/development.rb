# frozen_string_literal: true

Rails.application.configure do
  config.eager_load = false
  config.log_level = :info # at :debug, Active Record logs what it writes: card numbers, too
end
