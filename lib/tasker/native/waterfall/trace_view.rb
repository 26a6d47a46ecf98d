# frozen_string_literal: true

module Tasker
  module Native
    class Waterfall
      # One trace on the terminal.
      #
      # @api private
      class TraceView
        MAX_SPANS = 1_000
        MAX_EVENTS = 32
        MAX_ATTRIBUTES = 128
        MAX_MASKED = 32

        MAX_DEPTH = 12 # deeper spans are not indented any further
        DURATION_WIDTH = 8
        MARKS = { 'OK' => ['✓', '+', :green], 'ERROR' => ['✗', 'x', :red], 'UNSET' => ['·', '.', :dim] }.freeze
        BAR_STYLES = { 'OK' => :green, 'ERROR' => :red, 'UNSET' => :cyan }.freeze
        private_constant :MAX_SPANS, :MAX_EVENTS, :MAX_ATTRIBUTES, :MAX_MASKED, :MAX_DEPTH, :DURATION_WIDTH, :MARKS,
                         :BAR_STYLES

        # @param trace [Trace]
        # @param terminal [Terminal]
        # @param masked_names [MaskedNames]
        # @param attributes [Boolean] whether attributes are printed
        def initialize(trace, terminal, masked_names, attributes:)
          @trace = trace
          @terminal = terminal
          @masked_names = masked_names
          @attributes = attributes
          @rows = trace.rows.first(MAX_SPANS)
          lay_out
        end

        # @return [void]
        def print
          print_header
          print_scale
          print_rows
          print_masked
        end

        private

        # Labels take what they need, up to a half of the width.
        def lay_out
          @label_width = @rows.map { |row| @terminal.columns_of(label(row)) }.max.clamp(20, @terminal.width / 2)
          @bar_column = @label_width + DURATION_WIDTH + 2
          @axis = Axis.new(@trace.start_ns, @trace.duration_ns, @terminal.width - @bar_column,
                           unicode: @terminal.unicode?)
        end

        def print_header
          id = ['trace ', @trace.id].map { |text| [text, :dim] }
          whole = [*title, ['  '], *id]
          return @terminal.line(*whole) if @terminal.columns_of(whole) <= @terminal.width

          @terminal.line(*title)
          @terminal.line(['  '], *id)
        end

        def title
          name = @trace.task_name || @trace.root&.name || '(no task here)'
          title = [mark(@trace.status), [' '], [name, :bold], ['  '], [duration(@trace.duration_ns), :bold], ['  '],
                   outcome]
          title.push(['  task '], [@trace.task_id]) unless @trace.task_id.nil?
          title
        end

        def outcome
          @trace.root ? [@trace.status, BAR_STYLES[@trace.status]] : ['its root is not here', :dim]
        end

        def print_scale
          total = duration(@trace.duration_ns)
          @terminal.aligned_line([], @bar_column, ["0#{total.rjust(@terminal.width - @bar_column - 1)}", :dim])
        end

        def print_rows
          detached = false
          @rows.each do |row|
            @terminal.line(['  (parent not here)', :dim]) if row.detached && !detached
            detached = row.detached
            print_row(row)
          end
          print_rest(@trace.rows.size - @rows.size, 'spans', 2)
        end

        def print_row(row)
          span = row.span
          margin = indent(row) + 2
          print_bar(row)
          @terminal.line([' ' * margin], [span.status_message, :red]) if span.error? && !span.status_message.empty?
          print_attributes(span.attributes, margin)
          print_events(span, margin)
        end

        def print_bar(row)
          span = row.span
          duration = duration(span.end_ns - span.start_ns).rjust(DURATION_WIDTH)
          @terminal.aligned_line(label(row), @label_width, [" #{duration} "],
                                 [@axis.bar(span.start_ns, span.end_ns), BAR_STYLES[span.status]])
        end

        # A step's own name comes first: where there is little room, the name that all steps have is what is cut.
        def label(row)
          span = row.span
          step = span.attribute('step_name')
          attempt = span.attribute('attempt_number')
          label = [[' ' * indent(row)], mark(span.status)]
          label.push([" #{step}", :bold]) unless step.nil?
          label.push([" ##{attempt}", :dim]) unless attempt.nil?
          label.push([" #{span.name}", *(:dim unless step.nil?)])
        end

        def indent(row)
          2 * [row.depth + (row.detached ? 1 : 0), MAX_DEPTH].min
        end

        def mark(status)
          unicode, ascii, style = MARKS.fetch(status)
          [@terminal.unicode? ? unicode : ascii, style]
        end

        def print_events(span, margin)
          span.events.first(MAX_EVENTS).each { |event| print_event(event, event.time_ns - span.start_ns, margin) }
          print_rest(span.events.size - MAX_EVENTS, 'events', margin)
        end

        def print_event(event, offset, margin)
          label = [[' ' * margin], ["#{'+' unless offset.negative?}#{duration(offset)} ", :dim], [event.name]]
          error = event.attributes['exception.type']
          label.push([' '], [error, :red]) unless error.nil?
          @terminal.aligned_line(label, @bar_column - 1, [' '], [@axis.moment(event.time_ns), :dim])
          print_attributes(event.attributes, margin + 2)
        end

        def print_attributes(attributes, margin)
          return unless @attributes

          attributes.first(MAX_ATTRIBUTES).each do |key, value|
            @terminal.line([' ' * margin], [key, :dim], [' = ', :dim],
                           [value_text(value), *(:yellow if @masked_names.masked?(value))])
          end
          print_rest(attributes.size - MAX_ATTRIBUTES, 'attributes', margin)
        end

        def value_text(value)
          value.is_a?(String) ? value : value.inspect
        end

        def print_masked
          names = @masked_names.in_spans(@rows.map(&:span))
          lines_of(names.first(MAX_MASKED)).each_with_index do |line, index|
            @terminal.line([index.zero? ? '  masked: ' : '          ', :yellow], [line, :yellow])
          end
          print_rest(names.size - MAX_MASKED, 'masked', 10)
        end

        # Names are put on as many lines as they need; only one that is wider than a line is cut.
        def lines_of(names)
          room = @terminal.width - 11
          names.each_with_object([]) do |name, lines|
            joined = lines.empty? ? name : "#{lines.last}, #{name}"
            fits = lines.any? && @terminal.columns_of([[joined]]) <= room
            lines.last << ',' if lines.any? && !fits
            fits ? lines[-1] = joined : lines << name.dup
          end
        end

        def print_rest(count, what, margin)
          @terminal.line([' ' * margin], ["... and #{count} more #{what}", :dim]) if count.positive?
        end

        def duration(nanoseconds)
          text = Duration.text(nanoseconds)
          @terminal.unicode? ? text : text.sub('µ', 'u')
        end
      end
    end
  end
end
