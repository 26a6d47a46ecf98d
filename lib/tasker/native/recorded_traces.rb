# frozen_string_literal: true

require_relative 'trace_file'
require_relative 'waterfall'

module Tasker
  module Native
    # What `rake tasker:telemetry:traces` shows: the last traces of the trace file, as waterfalls.
    class RecordedTraces
      # There is nothing to show; the message says what to do about it.
      class Unavailable < StandardError; end

      DEFAULT_FILE = 'log/tasker_traces.jsonl'
      DEFAULT_LIMIT = 10
      private_constant :DEFAULT_FILE, :DEFAULT_LIMIT

      class << self
        # @param variables [#[]] FILE, LIMIT, TASK_ID and ATTRIBUTES, all of them optional
        # @return [RecordedTraces]
        # @raise [Unavailable] for a limit that is none
        def from_environment(variables)
          new(given(variables['FILE']) || configured(:trace_file) || DEFAULT_FILE,
              limit: limit(given(variables['LIMIT'])),
              task_id: given(variables['TASK_ID']),
              attributes: %w[1 true yes].include?(variables['ATTRIBUTES']))
        end

        # @param name [Symbol] a setting of telemetry
        # @return [Object, nil] nil also where the gem is not configured at all, as in a Rakefile of its own
        def configured(name)
          return unless Tasker.respond_to?(:configuration)

          telemetry = Tasker.configuration.telemetry
          telemetry.public_send(name) if telemetry.respond_to?(name)
        end

        private

        def given(value)
          value unless value.to_s.empty?
        end

        def limit(value)
          return DEFAULT_LIMIT unless value

          number = Integer(value, 10, exception: false)
          raise Unavailable, "LIMIT=#{value.inspect}: give a number of traces, such as 10" unless number&.positive?

          number
        end
      end

      # @param path [String, Pathname]
      # @param limit [Integer] how many traces, the latest
      # @param task_id [String, nil] only the traces of this task
      # @param attributes [Boolean] whether attributes are shown, too
      def initialize(path, limit: DEFAULT_LIMIT, task_id: nil, attributes: false)
        @file = TraceFile.new(path)
        @limit = limit
        @task_id = task_id
        @attributes = attributes
      end

      # @param io [IO]
      # @return [void]
      # @raise [Unavailable] when there is no such file, it can't be read, or there is nothing in it
      def print(io: $stdout)
        traces = last_traces
        mask = self.class.configured(:filter_mask) || Waterfall::MASK
        Waterfall.new(traces.values.flatten(1), io: io, attributes: @attributes, mask: mask).print
        io.puts "\n#{@file.damaged_lines} damaged lines in #{@file.path} were skipped" if @file.damaged_lines.positive?
      rescue Errno::EPIPE
        nil # a pager was left
      end

      private

      def last_traces
        raise Unavailable, missing unless @file.exist?

        traces = @file.last_traces(@limit, task_id: @task_id)
        raise Unavailable, nothing if traces.empty?

        traces
      rescue SystemCallError => e
        raise Unavailable, "Can't read #{@file.path}: #{e.message}"
      end

      def missing
        <<~MESSAGE
          There are no recorded traces: #{File.expand_path(@file.path)} does not exist.
          Telemetry writes it when a task has run while the exporter is :file, which it is in development unless
          something else was configured:
            Tasker.configuration { |config| config.telemetry { |tel| tel.exporter = :file } }
          Traces that are somewhere else: rake tasker:telemetry:traces FILE=path/to/traces.jsonl
        MESSAGE
      end

      def nothing
        which = @task_id ? "trace of task #{@task_id}" : 'trace'
        "There is no #{which} in #{File.expand_path(@file.path)} " \
          "(#{@file.damaged_lines} damaged lines). Traces arrive when their spans end."
      end
    end
  end
end
