# frozen_string_literal: true

# Orders that end in all the ways there are, with what must never leave the app in them. All cards are made up.
module ExampleOrders
  ACCEPTED = '4111-1111-1111-1111'
  ACCEPTED_AT_LAST = '4000-0000-0000-0119' # the provider does not answer the first time
  DECLINED = '4000-0000-0000-0002' # twice, and that is how often it may be tried

  def self.order(cart_id, name, card_number)
    { 'cart_id' => cart_id, 'card_number' => card_number, 'api_token' => "shop-7d1f0c93-#{cart_id}",
      'customer' => { 'name' => name, 'password' => "correct-horse-#{cart_id}" } }
  end
  private_class_method :order

  ALL = {
    shipped: order(17, 'Ada', ACCEPTED),
    retried: order(18, 'Bob', ACCEPTED_AT_LAST),
    paid_otherwise: order(19, 'Cyd', DECLINED),
    paid_at_last: order(20, 'Dan', DECLINED),
    closed: order(21, 'Eve', DECLINED),
    cancelled: order(22, 'Fay', ACCEPTED_AT_LAST)
  }.freeze

  SECRETS = ALL.each_value.flat_map do |order|
    [*order.values_at('card_number', 'api_token'), order['customer']['password']]
  end.uniq.freeze
end
