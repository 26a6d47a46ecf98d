# frozen_string_literal: true

# Stands for the shop's own services: they take their time, and answer.
module Shop
  def self.cart(cart_id, api_token:)
    sleep 0.04
    { id: cart_id, products: %w[teapot cup cup], api_token: api_token }
  end

  def self.reserve(_products)
    sleep 0.15
  end

  def self.check(_customer)
    sleep 0.2
  end

  def self.hand_over(customer:)
    sleep 0.09
    { tracking_number: 'P-2041', recipient: customer }
  end
end
