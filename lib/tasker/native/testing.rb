# frozen_string_literal: true

require 'tasker-native'
require_relative 'trace_file'

module Tasker
  module Native
    # For test suites: what was traced so far. Uses the exporter :memory, which is Rails' default in the test
    # environment.
    #
    # @example
    #   require 'tasker/native/testing'
    #
    #   RSpec.configure { |config| config.before { Tasker::Native::Testing.reset! } }
    module Testing
      module_function

      # Forgets open spans, finished spans and the counts in Tasker::Native.stats. Subscriptions stay.
      #
      # @return [void]
      def reset!
        Native.runtime.reset
        Pipeline.take_memory
        @finished = []
      end

      # Waits until all spans that have ended are there.
      #
      # @return [Array<Tasker::Native::SpanData>] in the order in which they arrived, since {reset!}
      # @raise [ConfigurationError] without the exporter :memory
      def finished_spans
        Native.start
        Native.flush
        taken = Pipeline.take_memory
        raise ConfigurationError, 'finished_spans needs tel.exporter = :memory' unless taken

        @finished = (@finished || []) + taken.each_line.flat_map { |line| TraceFile.parse(line) }
      end
    end
  end
end
