# frozen_string_literal: true

require_relative 'native/version'
require_relative 'native/extension'
require_relative 'native/errors'
require_relative 'native/answer'
require_relative 'native/runtime'
require_relative 'native/event'
require_relative 'native/publisher'
require_relative 'native/catalog'
require_relative 'native/span'
require_relative 'native/event_payload_builder'
require_relative 'native/event_publisher'
require_relative 'native/base_subscriber'
require_relative 'native/telemetry_subscriber'
require_relative 'native/structured_logging'
require_relative 'native/step_handler'
require_relative 'native/configuration'
require_relative 'native/event_router'
require_relative 'native/metrics_backend'

module Tasker
  # Telemetry of Tasker workflows with a native core: events, spans, filtering and export.
  #
  # These are the names for operating it. What handlers, subscribers and initializers use are the names of Tasker itself
  # ({Tasker.configuration}, {Tasker::Concerns::EventPublisher}, ...).
  module Native
    autoload :Web, File.expand_path('native/web', __dir__)
    autoload :MetricsPush, File.expand_path('native/metrics_push', __dir__)
    autoload :MetricsPushJob, File.expand_path('native/metrics_push_job', __dir__)

    class << self
      # Waits until every span that has ended so far was exported, spooled or dropped.
      #
      # @param timeout [Numeric] seconds
      # @return [Boolean] true once nothing is in flight, also when spans were refused; false when time ran out
      # @note Releases the GVL while it waits. Any thread.
      def flush(timeout: 5.0)
        runtime.interruptibly { runtime.flush(timeout) }
      ensure
        runtime.write_log
      end

      # Ends open step spans with the event +tasker.span.interrupted+, flushes, and stops the native thread. Later spans
      # are counted as dropped, as +shutdown+; publishing goes on without raising. Runs by itself when the process
      # exits. It may take some seconds longer than +timeout+, since a transfer has to be given up.
      #
      # @param timeout [Numeric] seconds
      # @return [Boolean] true when no span of this process was lost
      def shutdown(timeout: 5.0)
        runtime = self.runtime
        lossless = runtime.interruptibly { runtime.shutdown(timeout) }
      ensure
        if runtime
          Pipeline.shutdown(0) if lossless.nil? # it was interrupted, perhaps before it began: what is left is given up
          runtime.write_log
        end
      end

      # What became of this process' spans: accepted = exported + spooled + the sum of dropped + in_flight, at every
      # moment. +spooled+ are on disk now. +held+ is 0: this version holds no spans back. A forked process begins with
      # zeros in all of these.
      #
      # @return [Hash{Symbol=>Integer, Hash}] accepted, exported, spooled, held, dropped (by reason), in_flight, queued,
      #   queued_bytes, spool (segments, bytes, synced: spans that fsync has confirmed, damaged, errors), exporters (by
      #   name), open_tasks, open_steps, abandoned_roots,
      #   unkept_step_errors, filter, metrics (sent by OTLP: requests and points that were delivered, requests that
      #   failed, points that were rejected, running)
      def stats
        runtime.stats
      end

      # Checks configuration, libraries, the collector (DNS, TCP, TLS, an export without spans), the spool and the
      # clock, and prints a table with the next step where something is wrong. Takes some seconds at most.
      #
      # @param io [IO]
      # @return [Boolean] whether nothing is wrong
      def doctor(io: $stdout)
        require_relative 'native/doctor'
        Doctor.new(runtime.settings).print(io: io)
      end

      # The span of the step whose handler runs in this thread; the task's, once the step's has ended.
      #
      # @return [Tasker::Native::Span, nil] nil outside of a handler, or when telemetry is off
      def current_span
        runtime.current_span
      end

      # What telemetry passes all through that it writes or sends, for what an application writes elsewhere. Another one
      # when settings have changed.
      #
      # @return [ParameterFilter]
      def filter
        runtime.filter
      end

      # Where Tasker::Native writes what it has to say: Rails' logger, else standard error.
      #
      # @return [Logger]
      def logger
        runtime.logger
      end

      # @param logger [Logger, #info, #warn, #error, nil] nil: back to the default
      # @return [void]
      def logger=(logger)
        runtime.logger = logger
      end

      # Makes the settings effective and begins to trace. Runs by itself at the first event, in Rails at boot.
      #
      # @return [void]
      def start
        runtime.start
      end

      # @api private
      # @return [Publisher, nil] the application's bus; nil: nobody has connected one, and telemetry stands aside
      attr_accessor :publisher

      # Whoever brings the Tasker names says which bus the application's events come from, and where its settings are.
      #
      # @api private
      # @param publisher [Publisher]
      # @param router [EventRouter, nil] counts its events; nil: somebody else does
      # @yieldreturn [Settings]
      # @return [void]
      def connect(publisher, router = nil, &settings)
        @publisher = publisher
        runtime.connect(publisher, router, settings)
      end

      # @api private
      # @return [Time, ActiveSupport::TimeWithZone] in the zone of the application
      def now
        Time.respond_to?(:current) ? Time.current : Time.now
      end

      # @api private
      # @return [Runtime] the only one of this process
      # @raise [RactorError]
      def runtime
        @runtime ||= Runtime.new
      rescue Ractor::IsolationError
        raise RactorError
      end

      # Called by the extension for what listeners and payload objects raise, and by whatever publishes. Never raises
      # for the logger.
      #
      # @api private
      # @param event_name [String, Symbol]
      # @param error [Exception]
      # @return [nil]
      # @raise [RactorError] where there is no logger either
      def report_publishing_error(event_name, error)
        logger.error("Error publishing event #{filter.clean(event_name.to_s)}: #{runtime.shown_message(error)}")
        nil
      rescue RactorError
        raise
      rescue StandardError
        nil # a logger that raises must not stop the next listener, or the handler
      end
    end
  end
end

require_relative 'native/engine'
require_relative 'native/standalone' unless Tasker::Native::Engine.present?
require_relative 'native/railtie' if defined?(Rails::Railtie)
