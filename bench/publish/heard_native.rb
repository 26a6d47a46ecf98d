# frozen_string_literal: true

require_relative '../support/heard_subject'
require_relative '../support/native'

# The event bus alone: no spans.
class HeardNative < HeardSubject
  def prepare(_sink_url)
    @publisher = Native.load { |tel| tel.enabled = false }
    @publisher.subscribe(EVENT, &listener)
  end

  def publish(first, last)
    publisher = @publisher
    number = first
    while number < last
      publisher.publish(EVENT, PAYLOAD)
      number += 1
    end
  end

  def counts
    { **super, counted: Native.published(EVENT) }
  end

  def settings
    Native.settings
  end
end

Subject.run(HeardNative.new('tasker-native'))
