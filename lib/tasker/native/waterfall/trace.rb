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

        # A span and how deep it stands; detached: it has a parent, which is not here.
        Row = Struct.new(:span, :depth, :detached, keyword_init: true)

        attr_reader :id, :spans, :rows

        # @param id [String]
        # @param spans [Array<SpanData>] at least one
        def initialize(id, spans)
          @id = id
          @spans = spans.each_with_index.sort_by { |span, index| [span.start_ns, -span.end_ns, index] }.map(&:first)
          @rows = place_spans
        end

        def start_ns
          @start_ns ||= spans.first.start_ns
        end

        def end_ns
          @end_ns ||= [spans.map(&:end_ns).max, start_ns].max
        end

        def duration_ns
          end_ns - start_ns
        end

        # The last run's root, when it is here.
        def root
          @root ||= spans.reverse_each.find(&:root?) || spans.reverse_each.find { |span| span.name == ROOT_NAME }
        end

        def status
          root&.status || 'UNSET'
        end

        def task_name
          attribute('task_name')
        end

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
