# frozen_string_literal: true

OPEN_SPANS = [100, 1000, 10_000, 100_000, 1_000_000].freeze

Comparisons.define 'growth/open_spans', 'a step begins and ends while so many others are open: two publishes' do
  ours = subject 'growth/open_spans_native', OPEN_SPANS
  show(*Columns::GROWTH)

  target('thread, the dearest size beside the cheapest', '<=', 1.5) { |got| got.spread(ours, :thread) }
end

# A step that was opened a million steps ago is in no cache any more: the price of a large memory, whoever keeps it.
Comparisons.define 'growth/oldest_spans',
                   'the oldest of so many open steps ends, another one begins: two publishes' do
  subject 'growth/oldest_spans_native', OPEN_SPANS
  show(*Columns::GROWTH)
end

Comparisons.define 'growth/scattered_spans',
                   'any of so many open steps ends, another one begins, out of all caches: two publishes' do
  subject 'growth/scattered_spans_native', OPEN_SPANS
  show(*Columns::GROWTH)
end

Comparisons.define 'growth/subscribers', 'publish an event that so many Ruby blocks listen to' do
  sizes = [1, 4, 16, 64]
  ours = subject 'growth/subscribers_native', sizes
  dry_events = subject 'growth/subscribers_dry_events', sizes
  show(*Columns::GROWTH)

  target('thread for one more subscriber, the dearest beside the average', '<=', 1.5) do |got|
    got.steepest(ours, :thread)
  end

  target('thread for one more subscriber, times dry-events', '<=', 1) do |got|
    Figures.quotient(got.slope(ours, :thread), got.slope(dry_events, :thread))
  end
end

Comparisons.define 'growth/keys', "a step's end with so many keys, each an attribute" do
  ours = subject 'growth/keys_native', [5, 50, 100, 200, 500]
  show(*Columns::GROWTH)

  target('thread for one more key, the dearest beside the average', '<=', 1.5) { |got| got.steepest(ours, :thread) }
end

Comparisons.define 'growth/memory', 'open a step, of which there are so many in the end' do
  ours = subject 'growth/memory_native', [10_000, 100_000, 1_000_000]
  show Columns::BYTES_EACH, Columns::MEMORY, Columns::THREAD.alone

  target('bytes of memory an open span, at most', '<=', 1024) { |got| got.curve(ours, :bytes_each).map(&:last).max }
end
