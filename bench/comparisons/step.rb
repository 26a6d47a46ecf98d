# frozen_string_literal: true

Comparisons.define 'step',
                   'publish_step_completed(step): standard payload and span, beside one publish of dry-events' do
  ours = subject 'step/completed_native'
  dry_events = subject 'step/completed_dry_events'

  target('thread, times dry-events', '<=', 1.75) { |got| got.ratio(ours, dry_events, :thread) }
  target('objects an operation', '<=', 3) { |got| got[ours, :objects] }
end
