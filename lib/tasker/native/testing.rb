# frozen_string_literal: true

require 'tasker-native'
require_relative 'trace_file'

module Tasker
  module Native
    # For test suites: what was published and traced. Spans need the exporter :memory, which is Rails' default in the
    # test environment. RSpec's matchers are {Matchers}.
    #
    # @example
    #   require 'tasker/native/testing'
    #
    #   RSpec.configure { |config| config.before { Tasker::Native::Testing.reset! } }
    module Testing
      module_function

      # Forgets recorded events, open spans, finished spans, the counts in Tasker::Native.stats, and metrics.
      # Subscriptions stay, and recording goes on.
      #
      # @return [void]
      def reset!
        Native.runtime.reset
        Pipeline.take_memory
        Metrics.clear
        @finished = []
        @events&.clear
      end

      # Records events from now on; with a block, those that are published meanwhile, by whatever thread. Without, no
      # event costs more for it.
      #
      # @return [Array<Tasker::Native::Event>, nil] with a block: the events, in their order
      # @example
      #   events = Tasker::Native::Testing.record_events { handler.handle(task, sequence, step) }
      #   events.map(&:id) # => ["step.execution_requested", "step.before_handle", "step.completed"]
      def record_events
        return record_events_of { yield } if block_given? # rubocop:disable Style/ExplicitBlockArgument

        @events ||= []
        @recorder ||= ->(event) { @events << event }
        publisher = Native.publisher
        publisher.subscribe('*', @recorder) unless publisher.subscribed?(@recorder)
        nil
      end

      # @return [void]
      def stop_recording_events
        Native.publisher.unsubscribe(@recorder) if @recorder
        @events = nil
      end

      # @return [Array<Tasker::Native::Event>] in the order in which they were published, unfiltered, since {record_events}
      #   and {reset!}
      # @raise [ConfigurationError] when none are recorded
      def published_events
        raise ConfigurationError, 'published_events needs Tasker::Native::Testing.record_events before' unless @events

        @events.dup
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

      def record_events_of
        events = []
        publisher = Native.publisher
        recorder = publisher.subscribe('*') { |event| events << event }
        yield
        events
      ensure
        publisher.unsubscribe(recorder)
      end
      private_class_method :record_events_of
    end
  end
end

require_relative 'testing/matchers' if defined?(RSpec::Core)
