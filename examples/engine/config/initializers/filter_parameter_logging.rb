# frozen_string_literal: true

# Rails' own list, and :card_number. Telemetry masks what Rails masks, without being told.
Rails.application.config.filter_parameters += %i[
  passw email secret token _key crypt salt certificate otp ssn card_number
]
