# frozen_string_literal: true

require 'json'
require_relative 'span_data'

module Tasker
  module Native
    # Reads a file of OTLP JSON Lines (an ExportTraceServiceRequest a line), as the `:file` exporter writes it.
    #
    # Damaged lines (a process was killed while it wrote, a disk was full, somebody edited) are skipped and counted.
    # The file is read from its start by every method, line by line: a file that grows can be read again.
    #
    # @example The slowest steps of the last run
    #   traces = Tasker::Native::TraceFile.new('log/tasker_traces.jsonl')
    #   traces.select { |span| span.name == 'tasker.step.execution' }.max_by(5, &:duration)
    class TraceFile
      include Enumerable

      # What is read; the same class wherever finished spans are shown.
      Span = SpanData

      # A line that is no ExportTraceServiceRequest.
      class DamagedLine < StandardError; end

      # A longer line is damaged: OTLP's requests have at most 64 MiB as protobuf, JSON takes up to thrice that.
      MAX_LINE_BYTES = 192 * 1024 * 1024
      # AnyValues may be nested; an honest one is not nested that deeply.
      MAX_NESTING = 256
      private_constant :MAX_LINE_BYTES, :MAX_NESTING

      # @param line [String] one line
      # @return [Array<SpanData>]
      # @raise [DamagedLine]
      def self.parse(line)
        line = String.new(line, encoding: Encoding::UTF_8)
        raise DamagedLine, 'not UTF-8' unless line.valid_encoding?

        SpanData.from_otlp_json_request(JSON.parse(line, max_nesting: MAX_NESTING))
      rescue JSON::ParserError, OtlpJson::Malformed => e
        raise DamagedLine, e.message
      end

      # @return [String]
      attr_reader :path

      # @return [Integer] how many lines the last reading could not use
      attr_reader :damaged_lines

      # @param path [String, Pathname]
      def initialize(path)
        @path = path.to_s
        @damaged_lines = 0
      end

      # @return [Boolean]
      def exist?
        File.file?(path)
      end

      # @yieldparam span [SpanData] in the order of the file: spans that ended earlier come first
      # @return [self, Enumerator]
      # @raise [SystemCallError] when the file can't be read
      def each(&block)
        return enum_for unless block

        @damaged_lines = 0
        File.open(path, 'rb') do |file|
          each_line(file) { |line| read(line).each(&block) }
        end
        self
      end

      # @return [Array<SpanData>]
      def spans
        to_a
      end

      # @return [Hash{String => Array<SpanData>}] by trace id
      def traces
        group_by(&:trace_id)
      end

      # The traces something was last heard of, the latest at the end. Reads the file twice, so that only those have
      # to be in memory.
      #
      # @param limit [Integer] how many traces
      # @param task_id [#to_s, nil] only those in which this task appears
      # @return [Hash{String => Array<SpanData>}] by trace id
      def last_traces(limit, task_id: nil)
        wanted = last_trace_ids(limit, task_id&.to_s).to_h { |id| [id, []] }
        each { |span| wanted[span.trace_id]&.push(span) }
        wanted
      end

      private

      def each_line(file)
        while (line = file.gets("\n", MAX_LINE_BYTES))
          line << skip_line(file) unless line.end_with?("\n") || file.eof?
          yield line if line.match?(/\S/)
        end
      end

      # An overlong line is not kept, but what came of it is no JSON any more, and is counted as damaged.
      def skip_line(file)
        nil until (rest = file.gets("\n", MAX_LINE_BYTES)).nil? || rest.end_with?("\n")
        "\0"
      end

      def read(line)
        self.class.parse(line)
      rescue DamagedLine
        @damaged_lines += 1
        []
      end

      def last_trace_ids(limit, task_id)
        last = {}
        each do |span|
          next if task_id && span.attribute('task_id').to_s != task_id

          last.delete(span.trace_id)
          last[span.trace_id] = true
          last.shift if last.size > limit
        end
        last.keys
      end
    end
  end
end
