# frozen_string_literal: true

require_relative '../support/many_subscribers'
require_relative '../support/native'

# The event bus alone: no spans.
class SubscribersNative < ManySubscribers
  def prepare(_sink_url)
    @publisher = Native.load { |tel| tel.enabled = false }
    subscribe(@publisher)
  end

  def settings
    Native.settings
  end
end

Subject.run(SubscribersNative.new('tasker-native'))
