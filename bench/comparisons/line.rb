# frozen_string_literal: true

# With its line, tasker-engine takes 132 times as much as one publish of dry-events: 141 to 204 us an event, where it
# takes 73 to 108 without, which is 70 times as much.
UPSTREAM_TIMES_DRY_EVENTS = 132

Comparisons.define 'line/shown', "publish_step_completed(step) with the event's line in the log" do
  ours = subject 'line/shown_native'
  dry_events = subject 'step/completed_dry_events'

  target('thread, times dry-events', '<=', UPSTREAM_TIMES_DRY_EVENTS / 8.0) do |got|
    got.ratio(ours, dry_events, :thread)
  end
end

Comparisons.define 'line/hidden', 'the same with a line that is not shown' do
  off = subject 'line/off_native'
  hidden = subject 'line/hidden_native'
  subject 'line/muted_native'

  target('thread, hidden by log_level beside no lines', '<=', 1.05) { |got| got.ratio(hidden, off, :thread) }
end

Comparisons.define 'line/records', 'the same with ActiveRecord objects: queries an event' do
  ours = subject 'line/records_native'
  show Column.new(:of_step, 'a step'), Column.new(:of_task, 'a task'),
       Column.new(:of_counted_task, 'a task, counts given')

  target('queries for a step', '<=', 0) { |got| got[ours, :of_step] }
  target('queries for a task', '<=', 1) { |got| got[ours, :of_task] }
  target('queries for a task whose steps are counted', '<=', 0) { |got| got[ours, :of_counted_task] }
end
