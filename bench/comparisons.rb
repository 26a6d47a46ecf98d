# frozen_string_literal: true

require_relative 'support/column'
require_relative 'support/comparison'
require_relative 'support/target'

# What is compared, and what should come of it.
module Comparisons
  module_function

  def all
    [unheard, heard, step, small_span, large_span]
  end

  # By name, or by the first part of it.
  def named(wanted)
    all.select { |comparison| comparison.named?(wanted) }
  end

  def unheard
    ours = 'publish/unheard_native'
    Comparison.new(
      'publish/unheard', 'publish an event that nobody listens to',
      [ours, 'publish/unheard_notifications', 'publish/unheard_dry_events'],
      targets: [at_most('thread, times ActiveSupport::Notifications', 0.5, ours, 'publish/unheard_notifications'),
                objects(ours, 0)]
    )
  end

  def heard
    Comparison.new(
      'publish/heard', 'publish an event that one Ruby block listens to, telemetry off',
      %w[publish/heard_native publish/heard_notifications publish/heard_dry_events]
    )
  end

  def step
    ours = 'step/completed_native'
    Comparison.new(
      'step', 'publish_step_completed(step): standard payload and span, beside one publish of dry-events',
      [ours, 'step/completed_dry_events'],
      targets: [at_most('thread, times dry-events', 1.75, ours, 'step/completed_dry_events'), objects(ours, 3)]
    )
  end

  def small_span
    span('small', 'a span from beginning to collector: an event, and the attributes that name it',
         thread: 15, process: 12)
  end

  def large_span
    span('large', 'a span from beginning to collector: 8 attributes, an event and a status', thread: 10, process: 15)
  end

  def span(size, title, thread:, process:)
    ours = "span/#{size}_native"
    theirs = "span/#{size}_opentelemetry"
    Comparison.new(
      "span/#{size}", title, [ours, theirs],
      targets: [at_least('thread, OpenTelemetry Ruby beside ours', thread, :thread, theirs, ours),
                at_least('whole process with gzip, OpenTelemetry Ruby beside ours', process, :process, theirs, ours),
                at_least('objects, OpenTelemetry Ruby beside ours', 3, :objects, theirs, ours)]
    )
  end

  # Ours takes no more of the publishing thread than so many times what theirs takes.
  def at_most(what, wanted, ours, theirs)
    Target.new(what, '<=', wanted) { |figures| figures.ratio(ours, theirs, :thread) }
  end

  # The one is at least so many times the other.
  def at_least(what, wanted, figure, dividend, divisor)
    Target.new(what, '>=', wanted) { |figures| figures.ratio(dividend, divisor, figure) }
  end

  def objects(ours, wanted)
    Target.new('objects an operation', '<=', wanted) { |figures| figures[ours, :objects] }
  end
end
