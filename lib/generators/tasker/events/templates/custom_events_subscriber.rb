# frozen_string_literal: true

# Listens to the events of config/tasker/events/examples.yml. To subscribe it, in an initializer:
#
#   Rails.application.config.after_initialize do
#     CustomEventsSubscriber.subscribe(Tasker::Events::Publisher.instance)
#   end
class CustomEventsSubscriber < Tasker::Events::Subscribers::BaseSubscriber
  subscribe_to 'order.fulfilled', 'payment.risk_flagged'

  def handle_order_fulfilled(event)
    Rails.logger.info("Order #{safe_get(event, :order_id)} is on its way in #{safe_get(event, :parcels, 1)} parcels")
  end

  def handle_payment_risk_flagged(event)
    Rails.logger.warn("Payment #{safe_get(event, :payment_id)}: risk #{extract_numeric_metric(event, :risk_score)}")
  end
end
