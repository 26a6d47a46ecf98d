# frozen_string_literal: true

module Tasker
  module Native
    class Waterfall
      # The spans of one trace as a tree. Whatever the spans say (parents that are not here, parents in a circle, ids
      # that appear twice), each of them has one place in it.
      #
      # @api private
      class Trace
        ROOT_NAME = 'tasker.task.execution'
        private_constant :ROOT_NAME

        # A span and how deep it stands.
        #
        # @!attribute [r] span
        #   @return [SpanData]
        # @!attribute [r] depth
        #   @return [Integer] 0: it stands at the top
        # @!attribute [r] detached
        #   @return [Boolean] whether it, or the topmost span above it, has a parent which is not here
        Row = Struct.new(:span, :depth, :detached, keyword_init: true)

        # @return [String] 32 hexadecimal digits
        attr_reader :id

        # @return [Array<SpanData>] in the order of their starts; of those that start together, the longest first
        attr_reader :spans

        # @return [Array<Row>] in the order in which they are shown
        attr_reader :rows

        # @param id [String]
        # @param spans [Array<SpanData>] at least one
        def initialize(id, spans)
          @id = id
          @spans = spans.each_with_index.sort_by { |span, index| [span.start_ns, -span.end_ns, index] }.map(&:first)
          @rows = place_spans
        end

        # @return [Integer] nanoseconds since the epoch, of the first start
        def start_ns
          @start_ns ||= spans.first.start_ns
        end

        # @return [Integer] nanoseconds since the epoch, of the last end
        def end_ns
          @end_ns ||= [spans.map(&:end_ns).max, start_ns].max
        end

        # @return [Integer] nanoseconds
        def duration_ns
          end_ns - start_ns
        end

        # @return [SpanData, nil] the last run's root, when it is here
        def root
          @root ||= spans.reverse_each.find(&:root?) || spans.reverse_each.find { |span| span.name == ROOT_NAME }
        end

        # @return [String] the root's: 'OK', 'ERROR' or 'UNSET'
        def status
          root&.status || 'UNSET'
        end

        # @return [Object, nil] the first that a span tells, the root before all others
        def task_name
          attribute('task_name')
        end

        # @return [Object, nil] the same
        def task_id
          attribute('task_id')
        end

        private

        def attribute(key)
          [*([root] if root), *spans].each do |span|
            value = span.attribute(key)
            return value unless value.nil?
          end
          nil
        end

        def place_spans
          @children = spans.group_by(&:parent_id)
          ids = spans.to_h { |span| [span.span_id, true] }
          detached = spans.select { |span| span.parent_id && !ids[span.parent_id] }
          placed = {}.compare_by_identity

          # The third list places what is left over: spans that are their own ancestors.
          rows = @children.fetch(nil, []).flat_map { |span| place(span, placed, detached: false) }
          rows + (detached + spans).flat_map { |span| place(span, placed, detached: true) }
        end

        # Without recursion: a chain of spans may be longer than the stack.
        def place(top, placed, detached:)
          rows = []
          pending = [Row.new(span: top, depth: 0, detached: detached)]
          while (row = pending.pop)
            next if placed[row.span]

            placed[row.span] = true
            rows << row
            pending.concat(rows_below(row))
          end
          rows
        end

        def rows_below(row)
          children = @children.delete(row.span.span_id) || [] # an id that appears twice has its children once
          children.reverse.map { |span| Row.new(span: span, depth: row.depth + 1, detached: row.detached) }
        end
      end
    end
  end
end
