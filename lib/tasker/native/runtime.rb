# frozen_string_literal: true

require 'logger'
require 'monitor'
require 'securerandom'

require_relative 'fork_hook'
require_relative 'log_writer'
require_relative 'metrics_backend'
require_relative 'metrics_options'
require_relative 'pipeline_options'
require_relative 'process_hooks'
require_relative 'runtime_metrics'

module Tasker
  module Native
    # The telemetry of this process: makes settings effective, follows it through forks, ends it at exit.
    #
    # @api private
    class Runtime
      include ProcessHooks

      CURRENT_STEP = :tasker_native_current_step # the extension reads it, too
      TIME_TRAVELLERS = %i[RSpec Minitest Timecop].freeze
      MESSAGE_KEYS = %w[error_message message exception.message].freeze
      private_constant :CURRENT_STEP, :TIME_TRAVELLERS, :MESSAGE_KEYS

      # @return [RuntimeMetrics] those of this process
      attr_reader :runtime_metrics

      # @param error [Exception]
      # @return [String] its message, or the name of its class when that raises
      def self.message_of(error)
        error.message
      rescue *ISOLATED_ERRORS
        error.class.to_s
      end

      def initialize
        @lock = Monitor.new
        @publishers = []
        @unkept_errors = 0
        @log_writer = LogWriter.new
        @runtime_metrics = RuntimeMetrics.new
      end

      # @return [Logger] the one that was set, else Rails', else one to standard error
      def logger
        application_logger || (@default_logger ||= default_logger)
      end

      # @param logger [Logger, nil] nil: back to the default
      def logger=(logger)
        @logger = logger
        @lock.synchronize { configure_lines if @started }
      end

      # @return [Logger, nil] nil: there is none but standard error, which is not for lines of events
      def application_logger
        @logger || (defined?(Rails.logger) && Rails.logger) || nil
      end

      # Events of this publisher become spans.
      #
      # @param publisher [Publisher]
      # @param router [EventRouter, nil]
      # @param settings [#call]
      # @return [void]
      def connect(publisher, router, settings)
        @publishers << publisher
        @router = router
        @settings_of_application = settings
      end

      # Once a process; again in a forked one, whose resource is another.
      #
      # @return [Boolean] false in a trap handler, where nothing can be locked: the next event will do
      def start
        @lock.synchronize do
          next true if @publishers.empty? || @started == Pipeline.forks

          prepare_process unless @started
          @started = Pipeline.forks
          @instance_id = SecureRandom.uuid
          apply
          true
        end
      rescue ThreadError
        false
      end

      # Settings have changed, or who makes the spans.
      #
      # @return [void]
      def refresh
        @filter = @shown_from = @slow_from = nil
        @lock.synchronize { apply if @started }
      end

      # @return [Settings] those of the application; until they are connected, telemetry is off
      def settings
        return @settings_of_application.call if @settings_of_application

        @settings ||= Settings.new.configure_telemetry(enabled: false)
      end

      # What all that is written or sent goes through. Another one when settings have changed.
      #
      # @return [ParameterFilter]
      def filter
        @filter || @lock.synchronize { @filter ||= settings.native_filter.count_for_process }
      end

      # @param error [Exception]
      # @return [String] its message without secrets, or the mask where a filter names messages of errors, by whatever
      #   name telemetry has for them
      def shown_message(error)
        return settings.filter_mask if MESSAGE_KEYS.any? { |key| filter.masks?(key) }

        filter.clean(Runtime.message_of(error).to_s)
      end

      # The number of +log_level+; asked for with every line.
      #
      # @return [Integer]
      def shown_from
        @shown_from ||= LogLine::LEVELS.fetch(settings.log_level.to_sym, 1)
      end

      # Asked for with every measured operation.
      #
      # @return [Float] seconds
      def slow_from
        @slow_from ||= settings.slow_query_threshold_seconds
      end

      # @return [Boolean] whether events become spans: telemetry is on, and something is to be exported
      def tracing?
        settings.enabled && !Environment.disabled? && !PipelineOptions.exporters_of(settings).empty?
      end

      # @return [SpanManager] the built-in one
      def spans
        @spans ||= SpanManager.new(*span_manager_options)
      end

      # Starts telemetry.
      #
      # @return [SpanManager] a new one with the same settings, for a subscriber
      def new_span_manager
        start
        SpanManager.new(*span_manager_options)
      end

      # Runs the block as the handler of a step: custom events belong to its span meanwhile.
      #
      # @param key [Array(Object, Object)] the ids of the task and the step
      # @return [Object] what the block returns
      def with_current_step(key)
        thread = Thread.current
        outer = thread[CURRENT_STEP]
        thread[CURRENT_STEP] = key.freeze
        yield
      ensure
        thread[CURRENT_STEP] = outer
      end

      # An attempt was left by throw, Thread#kill, a Timeout of the caller, exit: nobody will tell its end.
      #
      # @param key [Array(Object, Object)] the ids of the task and the step
      # @return [void]
      def interrupt_step(key)
        @spans&.interrupt_step(*key)
      end

      # Once a minute: whoever puts ids into names of events does it at every event.
      #
      # @param event_name [String, Symbol]
      # @param error [TooManyEventsError]
      # @return [nil]
      def warn_of_too_many_events(event_name, error)
        now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        return if @warned_of_events && now < @warned_of_events + 60

        @warned_of_events = now
        Native.report_publishing_error(event_name, error)
      end

      # The error of an attempt could not be written into its step's results: counts and logs it.
      #
      # @param step [Object]
      # @param error [Exception] why not
      # @return [void]
      def report_unkept_error(step, error)
        @lock.synchronize { @unkept_errors += 1 }
        name = step.name if step.respond_to?(:name)
        # The other lines may show data, and what is inspected does.
        reason = shown_message(error).lines.first.to_s[/\A(?:(?!:? #<).)*/].strip[0, 200]
        logger.error("tasker-native: the error of step #{name} could not be kept in its results: " \
                     "#{error.class}: #{reason}. It was raised and published all the same.")
      rescue *ISOLATED_ERRORS
        nil
      end

      # @return [Array(Object, Object), nil] the ids of the task and the step whose handler runs in this thread
      def current_step
        Thread.current[CURRENT_STEP]
      end

      # @return [Span, nil] see {Native.current_span}
      def current_span
        task_id, step_id = current_step
        step_id && (Span.find(spans, task_id, step_id) || Span.find(spans, task_id, nil))
      end

      # @return [Hash] see {Native.stats}
      def stats
        pipeline = Pipeline.stats
        { accepted: pipeline.delete(:accepted), exported: pipeline.delete(:exported),
          spooled: pipeline.delete(:spooled), held: 0,
          dropped: pipeline.delete(:dropped), in_flight: pipeline.delete(:in_flight), **pipeline,
          **spans.stats, unkept_step_errors: @unkept_errors,
          filter: Native.filter_counts, metrics: PeriodicReader.stats }
      end

      # Writes what native threads have said so far to the logger, at once.
      #
      # @return [void]
      def write_log
        @log_writer.drain
      end

      # Waits for the block in a thread of its own: before version 3.3, Ruby looks after signals only while one of its
      # threads waits in Ruby. When it is interrupted, the block ends early, but it ends.
      #
      # @return [Object] what the block returns
      def interruptibly(&)
        waiting = Thread.new(&)
        waiting.report_on_exception = false
        waiting.value
      ensure
        waiting&.kill&.join
      end

      # For tests: forgets everything but the subscriptions.
      #
      # @return [void]
      def reset
        @lock.synchronize do
          Pipeline.flush(1.0)
          @unkept_errors = 0
          @applied = nil
          apply if @started
          Pipeline.clear
        end
      end

      private

      def default_logger
        Logger.new($stderr, level: Logger::INFO)
      end

      def prepare_process
        ForkHook.install
        at_exit { Native.shutdown(timeout: settings.shutdown_timeout) }
        at_exit { @runtime_metrics.finish }
      end

      def apply
        @filter = nil
        Native.configure_payload(filter, limits)
        configure_lines
        apply_metrics
        @runtime_metrics.follow(settings)
        tracing = tracing?
        apply_pipeline if tracing
        @publishers.each do |publisher|
          publisher.trace_with(tracing ? spans : nil, stand_in?(publisher))
          publisher.ask_for_time(time_travel?)
        end
        @router&.attach(Native.publisher, enabled: counting?, spans: tracing)
      end

      # Suites of tests replace Time.now; elsewhere, reading the clock is cheaper.
      def time_travel?
        PipelineOptions.environment_name == 'test' || TIME_TRAVELLERS.any? { |name| Object.const_defined?(name) }
      end

      # Whether a subscriber of the application's own makes the spans of tasks and steps.
      def stand_in?(publisher)
        publisher.event_names.any? do |name|
          publisher.listeners(name).any? { |one| one.is_a?(Subscription) && one.receiver.is_a?(SpanHandlers) }
        end
      end

      def counting?
        settings.enabled && settings.metrics_enabled && !Environment.disabled?
      end

      def apply_metrics
        options = MetricsOptions.new(settings, @instance_id)
        Metrics.configure(*options.recording)
        exporting = options.exporting
        return if @applied_metrics == exporting

        PeriodicReader.configure(exporting)
        @applied_metrics = exporting
        @log_writer.start if exporting
      end

      def apply_pipeline
        options = PipelineOptions.new(settings, @instance_id).to_h
        spans.configure(*span_manager_options)
        return if @applied == options

        Pipeline.configure(options)
        @applied = options
        @log_writer.start
      end

      def span_manager_options
        [settings.trace_seed, settings.max_open_spans, settings.span_max_age]
      end

      # Rails' logger may come and change at any time, so it is asked for at each line.
      def configure_lines
        shown = settings.structured_logging_enabled && (@logger || defined?(Rails.logger))
        Native.configure_lines(shown, LogLine::LEVELS.fetch(settings.log_level.to_sym, 1),
                               LogLine::FORMATS.index(settings.log_format.to_s) || 0,
                               PipelineOptions.environment_name, LogLine.tasker_version)
      end

      def limits
        [settings.span_attribute_count_limit, settings.span_event_count_limit, settings.span_link_count_limit,
         settings.span_attribute_value_length_limit, settings.stringify_attributes]
      end
    end
  end
end
