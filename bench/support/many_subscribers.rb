# frozen_string_literal: true

require_relative 'heard_subject'

# An event that `size` blocks listen to.
class ManySubscribers < HeardSubject
  def initialize(name)
    super(name, iterations: 20_000)
  end

  def name
    "#{super}, #{size} #{size == 1 ? 'subscriber' : 'subscribers'}"
  end

  def publish(first, last)
    publisher = @publisher
    number = first
    while number < last
      publisher.publish(EVENT, PAYLOAD)
      number += 1
    end
  end

  # Not whole, if not all have heard as much.
  def counts
    { heard_by_each: @heard.quo(size).then { |each| each.denominator == 1 ? each.to_i : each.to_f } }
  end

  private

  def subscribe(publisher)
    size.times { publisher.subscribe(EVENT, &listener) }
  end
end
