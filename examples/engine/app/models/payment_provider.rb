# frozen_string_literal: true

# Stands for a company far away: what becomes of a payment depends on the card, and on how often it was asked.
module PaymentProvider
  class Unreachable < StandardError; end
  class Declined < StandardError; end

  FAILURES = {
    '4000-0000-0000-0119' => [Unreachable.new('The provider did not answer')],
    '4000-0000-0000-0002' => [Declined.new('The card was declined')] * 2
  }.freeze

  # @param attempt [Integer] 1 for the first one
  # @return [Hash]
  # @raise [Declined, Unreachable]
  def self.charge(card_number:, attempt:)
    sleep 0.12
    failure = FAILURES.fetch(card_number, [])[attempt - 1]
    raise failure.class, failure.message if failure

    { id: 'pay_1', card_number: card_number, amount: '42.50' }
  end
end
