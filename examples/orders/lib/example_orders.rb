# frozen_string_literal: true

# Two orders, with what must never leave the app in them. Both cards are made up.
module ExampleOrders
  ORDERS = [
    { 'cart_id' => 17, 'card_number' => '4111-1111-1111-1111', 'api_token' => 'shop-7d1f0c93',
      'customer' => { 'name' => 'Ada', 'password' => 'correct-horse-battery' } },
    { 'cart_id' => 18, 'card_number' => '4000-0000-0000-0002', 'api_token' => 'shop-b54e8a21',
      'customer' => { 'name' => 'Bob', 'password' => 'staple-of-swordfish' } }
  ].freeze

  SECRETS = ORDERS.flat_map { |order| [*order.values_at('card_number', 'api_token'), order['customer']['password']] }
                  .freeze
end
