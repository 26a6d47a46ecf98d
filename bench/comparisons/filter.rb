# frozen_string_literal: true

{ 'flat' => '8 keys, Symbols', 'strings' => '8 keys, Strings', 'nested' => '127 keys in 16 Hashes',
  'mixed' => '127 keys in 16 Hashes, regexps and a path among the filters' }.each do |kind, what|
  Comparisons.define "filter/#{kind}", what do
    ours = subject "filter/#{kind}_native"
    scanned = subject "filter/#{kind}_scanned_native"
    active_support = subject "filter/#{kind}_active_support"

    target('thread, ActiveSupport beside ours', '>=', 16) { |got| got.ratio(active_support, ours, :thread) }
    target('thread, ActiveSupport beside ours with scanners', '>=', 8) do |got|
      got.ratio(active_support, scanned, :thread)
    end
  end
end

Comparisons.define 'filter/keys', 'documents with so many keys that were never seen before' do
  ours = subject 'filter/keys_native', [10_000, 1_000_000]
  show Columns::THREAD.alone, Column.new(:grown, 'memory MiB', scale: Columns::MEBIBYTE),
       Column.new(:symbols, 'Symbols kept'), Column.new(:large, 'large Strings kept')

  target('MiB by which memory grows', '<=', 40) { |got| got.mebibytes("#{ours}@1000000", :grown) }
  target('Symbols that are kept, of half a million', '<=', 100) { |got| got["#{ours}@1000000", :symbols] }
  target('large Strings that are kept', '<=', 0) { |got| got["#{ours}@1000000", :large] }
end
