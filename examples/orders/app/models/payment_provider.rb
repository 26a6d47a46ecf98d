# frozen_string_literal: true

# Stands for a company far away: it does not answer the first time, and declines one card for good.
module PaymentProvider
  NAME = 'example-pay'
  DECLINED_CARDS = ['4000-0000-0000-0002'].freeze

  class Unreachable < StandardError; end
  class Declined < StandardError; end

  # @return [Hash]
  # @raise [Declined]
  # @raise [Unreachable]
  def self.charge(task, card_number:)
    sleep 0.12
    raise Declined, 'The card was declined' if DECLINED_CARDS.include?(card_number)
    raise Unreachable, 'The provider did not answer' if first_call?(task)

    { id: 'pay_1', card_number: card_number, amount: '42.50' }
  end

  def self.first_call?(task)
    @calls ||= Set.new
    !@calls.add?(task.task_id).nil?
  end
  private_class_method :first_call?
end
