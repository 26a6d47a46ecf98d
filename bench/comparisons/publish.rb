# frozen_string_literal: true

Comparisons.define 'publish/unheard', 'publish an event that nobody listens to' do
  ours = subject 'publish/unheard_native'
  notifications = subject 'publish/unheard_notifications'
  subject 'publish/unheard_dry_events'

  target('thread, times ActiveSupport::Notifications', '<=', 0.5) { |got| got.ratio(ours, notifications, :thread) }
  target('objects an operation', '<=', 0) { |got| got[ours, :objects] }
end

Comparisons.define 'publish/heard', 'publish an event that one Ruby block listens to, telemetry off' do
  subject 'publish/heard_native'
  subject 'publish/heard_notifications'
  subject 'publish/heard_dry_events'
end
