# frozen_string_literal: true

Comparisons.define 'outage', 'spans while the collector is down: nothing listens' do
  ours = subject 'outage/down_native'
  show Columns::MEMORY, *Columns::GROWTH, Columns::LOOKS

  target('MiB by which memory grows, with max_queue_bytes of 16 MiB', '<=', 32) { |got| got.mebibytes(ours, :memory) }
  target('looks at stats that did not balance', '<=', 0) { |got| got[ours, :unbalanced] }
end
