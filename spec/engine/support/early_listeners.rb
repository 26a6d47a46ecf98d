# frozen_string_literal: true

require 'rails/railtie'

# Listens before tasker-native takes over, as initializers of other gems may: to the publisher, and to its class.
class EarlyListeners < Rails::Railtie
  # @return [Array<Array>] who heard what
  def self.heard
    @heard ||= []
  end

  initializer 'early_listeners', after: 'tasker.setup', before: 'tasker_native.engine' do
    heard = EarlyListeners.heard
    Tasker::Events::Publisher.subscribe('test.event') { |event| heard << [:class, event.payload[:n]] }
    publisher = Tasker::Events::Publisher.instance
    publisher.subscribe('test.event') { |event| heard << [:all, event.payload[:n]] }
    publisher.subscribe('test.event', n: 2) { |event| heard << [:second, event.payload[:n]] }
  end
end
