# frozen_string_literal: true

# Collects garbage in the ways that show references which nobody marked: at every allocation (stress), moving objects
# at every full collection (auto_compact), or moving them and looking for who still knows the old place (verify).
class Collecting
  def initialize(mode)
    @mode = mode
  end

  # While the block runs.
  def meanwhile
    GC.stress = true if @mode == 'stress'
    GC.auto_compact = true if @mode == 'auto_compact'
    yield
  ensure
    GC.stress = false
    GC.auto_compact = false if @mode == 'auto_compact' # not every system can
  end

  # For application code in the middle of a publication.
  def now
    @mode == 'verify' ? GC.compact : GC.start
  end

  # Slow, and the heap grows each time.
  def verify
    # Ruby 3.1 has another name for it.
    names = GC.method(:verify_compaction_references).parameters.map(&:last)
    bigger = names.include?(:expand_heap) ? :expand_heap : :double_heap
    GC.verify_compaction_references(toward: :empty, bigger => true)
  end
end
