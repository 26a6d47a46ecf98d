# frozen_string_literal: true

require_relative 'span_data'
require_relative 'waterfall/axis'
require_relative 'waterfall/duration'
require_relative 'waterfall/masked_names'
require_relative 'waterfall/terminal'
require_relative 'waterfall/trace'
require_relative 'waterfall/trace_view'

module Tasker
  module Native
    # Prints traces for people who look at a terminal: a header for each trace, then a line for each span with its
    # bar on the trace's time axis, and below it what went wrong and what happened when.
    #
    # Names and values of spans are user data: control characters are escaped, long texts cut, and of a huge trace
    # a part is shown, which it says.
    #
    # @example
    #   Tasker::Native::Waterfall.new(Tasker::Native::TraceFile.new('log/tasker_traces.jsonl')).print
    class Waterfall
      # What masked values are replaced by, unless an app configures something else.
      MASK = '[FILTERED]'

      # @param spans [Enumerable<SpanData>] of any number of traces, in any order
      # @param io [IO] gets plain ASCII unless its encoding is UTF-8
      # @param color [Boolean, nil] nil: when io is a terminal and NO_COLOR is not set
      # @param width [Integer, nil] columns (at least 40); nil: the terminal's, or 100
      # @param attributes [Boolean] whether the attributes of spans and events are printed, too
      # @param mask [String] what masked values were replaced by
      def initialize(spans, io: $stdout, color: nil, width: nil, attributes: false, mask: MASK)
        @traces = spans.group_by(&:trace_id).map { |id, members| Trace.new(id, members) }.sort_by(&:start_ns)
        @terminal = Terminal.new(io, color: color, width: width)
        @masked_names = MaskedNames.new(mask)
        @attributes = attributes
      end

      # @return [void]
      def print
        @traces.each_with_index do |trace, index|
          @terminal.line if index.positive?
          TraceView.new(trace, @terminal, @masked_names, attributes: @attributes).print
        end
        nil
      end
    end
  end
end
