# frozen_string_literal: true

require_relative 'subject'

# Metrics are recorded: kind says what is done, `operation` how.
class MetricsSubject < Subject
  LABELS = { status: 'paid', shop: 'north' }.freeze

  # kind: 'counter' (a handle that is held), 'labels' (looked up each time), 'held' (a handle with labels), 'histogram'
  def initialize(name, kind, iterations: 200_000)
    super(name, iterations: iterations)
    @kind = kind
  end

  def publish(first, last)
    send(@kind, last - first)
  end

  def counts
    { recorded: recorded }
  end
end
