# frozen_string_literal: true

module Tasker
  module Native
    class RuntimeMetrics
      # What Ruby knows of itself.
      #
      # @api private
      module RubyNumbers
        class << self
          # @return [Hash{Symbol=>Numeric}]
          def counters
            { ruby_major_gc_ops_total: GC.stat(:major_gc_count), ruby_minor_gc_ops_total: GC.stat(:minor_gc_count),
              ruby_gc_seconds_total: GC.stat(:time) / 1000.0,
              ruby_allocated_objects_total: GC.stat(:total_allocated_objects) }
          end

          # @return [Hash{Symbol=>Integer}]
          def gauges
            { ruby_threads: Thread.list.size, ruby_heap_live_slots: GC.stat(:heap_live_slots),
              ruby_heap_free_slots: GC.stat(:heap_free_slots) }
          end
        end
      end
    end
  end
end
