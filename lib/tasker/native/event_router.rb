# frozen_string_literal: true

require_relative 'event_mapping'

module Tasker
  module Native
    # Which events go where. Tasks and steps become spans and are measured from them whatever is mapped; a mapping to
    # +:metrics+ counts all the events of its name ({MetricsBackend#handle_event}) as they are published, one to +:logs+
    # is for {#route_event}.
    #
    # Mappings may change at any time; any thread.
    #
    # @example
    #   Tasker::Telemetry::EventRouter.configure do |router|
    #     router.map 'order.fulfilled' => %i[metrics]
    #     router.map 'database.query_executed' => %i[trace metrics], sampling_rate: 0.01
    #   end
    class EventRouter
      METRICS_ONLY = { backends: %i[metrics] }.freeze
      TRACE_ONLY = { backends: %i[trace] }.freeze
      BOTH = { backends: %i[trace metrics] }.freeze
      # Upstream's.
      DEFAULTS = {
        'task.initialize_requested' => BOTH, 'task.start_requested' => BOTH, 'task.completed' => BOTH,
        'task.failed' => BOTH, 'step.execution_requested' => BOTH, 'step.completed' => BOTH, 'step.failed' => BOTH,
        'step.retry_requested' => BOTH, 'workflow.viable_steps_discovered' => BOTH,
        'observability.task.enqueue' => { **METRICS_ONLY, priority: :high },
        'observability.task.finalize' => TRACE_ONLY,
        'observability.step.backoff' => BOTH, 'observability.step.find_viable' => TRACE_ONLY,
        'observability.step.handle' => TRACE_ONLY, 'observability.step.skip' => BOTH,
        'observability.step.max_retries_reached' => { **BOTH, priority: :high }, 'step.before_handle' => TRACE_ONLY,
        'database.query_executed' => { **BOTH, sampling_rate: 0.1 }, 'dependency.resolved' => TRACE_ONLY,
        'batch.step_execution' => BOTH, 'memory.spike_detected' => { **METRICS_ONLY, priority: :critical },
        'performance.slow_operation' => { **BOTH, priority: :high }
      }.freeze
      # What is counted where a span ends, each attempt once, however often that is told.
      OF_SPANS = %w[task.completed task.failed task.cancelled step.completed step.failed step.cancelled
                    step.retry_requested].freeze
      BACKENDS = { trace: :trace, traces: :trace, metric: :metrics, metrics: :metrics, log: :logs, logs: :logs }.freeze
      OPTIONS = %i[enabled sampling_rate priority metadata].freeze
      # What a backend is called in results, and who does it.
      ACTIONS = { metrics: %i[metrics count], trace: %i[traces record], logs: %i[logs log] }.freeze
      private_constant :METRICS_ONLY, :TRACE_ONLY, :BOTH, :DEFAULTS, :OF_SPANS, :BACKENDS, :OPTIONS, :ACTIONS

      # @return [Hash{String=>EventMapping}] by the event's name, frozen
      attr_reader :mappings

      # @yieldparam router [EventRouter]
      # @return [EventRouter]
      def self.configure
        instance.tap { |router| yield(router) if block_given? }
      end

      def initialize
        @lock = Monitor.new
        @mappings = defaults
      end

      # @param event_name [String, Symbol, Hash] a Hash: the name and its backends, and options of {EventMapping}
      # @param backends [Symbol, Array<Symbol>] +:trace+, +:metrics+, +:logs+
      # @param options [Hash] enabled, sampling_rate, priority, metadata
      # @return [EventMapping] in the place of the one that was there
      # @raise [ArgumentError] says what is wrong
      # @example
      #   router.map 'step.before_handle' => [:trace], sampling_rate: 0.1
      #   router.map 'memory.spike_detected', backends: [:metrics], priority: :critical
      def map(event_name = nil, backends: [:trace], **options)
        event_name, backends, options = from_pairs(event_name.to_h.merge(options)) unless name?(event_name)
        raise ArgumentError, 'event_name cannot be nil' if event_name.nil?

        mapping = EventMapping.new(event_name: event_name, backends: Array(backends), **options)
        change { |mappings| mappings[mapping.event_name] = mapping }
        mapping
      end

      # @param configuration [Hash{String=>Array, Hash, Symbol}, nil] options of each event, or its backends
      # @return [Array<EventMapping>]
      # @raise [ArgumentError] says what is wrong; then none of them is mapped
      def bulk_configure(configuration)
        mappings = (configuration || {}).map do |name, options|
          EventMapping.new(event_name: name, **options_of(name, options))
        end
        change { |all| mappings.each { |mapping| all[mapping.event_name] = mapping } }
        mappings
      end

      # @param event_name [String, Symbol]
      # @return [EventMapping, nil]
      def mapping_for(event_name)
        mappings[event_name.to_s]
      end

      # @param event_name [String, Symbol]
      # @return [Boolean]
      def mapping_exists?(event_name)
        mappings.key?(event_name.to_s)
      end

      # @param event_name [String, Symbol]
      # @return [Boolean] whether its mapping is enabled and has that backend, here and below
      def routes_to_traces?(event_name)
        routes?(event_name, :trace)
      end

      # @param (see #routes_to_traces?)
      # @return [Boolean]
      def routes_to_metrics?(event_name)
        routes?(event_name, :metrics)
      end

      # @param (see #routes_to_traces?)
      # @return [Boolean]
      def routes_to_logs?(event_name)
        routes?(event_name, :logs)
      end

      # @param backend [Symbol] +:trace+, +:metrics+ or +:logs+
      # @return [Array<String>] the names of the events that are mapped to it
      # @raise [ArgumentError]
      def events_for_backend(backend)
        known = BACKENDS[backend] or
          raise ArgumentError, "Unknown backend type: #{backend.inspect}. Valid backends: :trace, :metrics, :logs"

        mappings.each_value.select { |mapping| mapping.backends.include?(known) }.map(&:event_name)
      end

      # @return [Array<String>]
      def trace_events = events_for_backend(:trace)

      # @return [Array<String>]
      def metrics_events = events_for_backend(:metrics)

      # @return [Array<String>]
      def log_events = events_for_backend(:logs)

      # @return [Array<String>]
      def configured_events = mappings.keys

      # @return [Hash{Symbol=>Integer}] how many mappings there are, of which kinds
      def routing_stats
        all = mappings.values
        { total_mappings: all.size, trace_events: trace_events.size, metrics_events: metrics_events.size,
          log_events: log_events.size, enabled_mappings: all.count(&:enabled),
          high_priority: all.count { |mapping| mapping.priority == :high },
          sampled_mappings: all.count { |mapping| mapping.sampling_rate < 1.0 } }
      end

      # Back to the defaults.
      #
      # @return [void]
      def reset!
        change { |mappings| mappings.replace(defaults) }
      end

      # Sends an event that was not published where its mapping says. Never raises.
      #
      # @param event_name [String, Symbol]
      # @param payload [Hash]
      # @return [Hash{Symbol=>Boolean}] what became of it, by backend (+:metrics+, +:traces+, +:logs+); empty: it has no
      #   mapping, or was not wanted this time
      def route_event(event_name, payload = {})
        mapping = mapping_for(event_name)
        return {} unless mapping&.active?

        mapping.backends.sort_by { |backend| ACTIONS.keys.index(backend) }.to_h do |backend|
          name, action = ACTIONS.fetch(backend)
          [name, attempt(mapping.event_name) { __send__(action, mapping.event_name, payload) }]
        end
      end

      # Listens to what it counts.
      #
      # @api private
      # @param publisher [Publisher]
      # @param enabled [Boolean] whether anything is counted
      # @param spans [Boolean] whether spans are measured
      # @return [void]
      def attach(publisher, enabled:, spans:)
        @lock.synchronize do
          @publisher = publisher
          @enabled = enabled
          @spans = spans
          listen
        end
      end

      # A published event.
      #
      # @api private
      # @param event [Event]
      # @return [void]
      def call(event)
        mapping = @mappings[event.id]
        count(event.id, event.payload) if mapping&.active?
      end

      private

      def defaults
        DEFAULTS.to_h { |name, options| [name, EventMapping.new(event_name: name, **options)] }.freeze
      end

      def name?(argument)
        argument.is_a?(String) || argument.is_a?(Symbol)
      end

      def from_pairs(pairs)
        options, events = pairs.partition { |key, _| OPTIONS.include?(key) }.map(&:to_h)
        raise ArgumentError, "map takes one event at a time, not #{events.keys.inspect}" if events.size > 1

        [*events.first || [nil, []], options]
      end

      def options_of(name, options)
        case options
        when Hash then options
        when Array, Symbol, String then { backends: Array(options) }
        else raise ArgumentError, "Invalid config for #{name}: #{options.inspect}. Must be Array, Hash, or Symbol"
        end
      end

      def routes?(event_name, backend)
        mapping = mapping_for(event_name)
        mapping ? mapping.enabled && mapping.backends.include?(backend) : false
      end

      def change
        @lock.synchronize do
          mappings = @mappings.dup
          yield mappings
          @mappings = mappings.freeze
          listen
        end
      end

      # To the names that there are now, and to those only.
      def listen
        names = counted
        return if @publisher.nil? || (names == @listened && @publisher.subscribed?(self))

        @publisher.unsubscribe(self)
        @publisher.subscribe(/\A(?:#{Regexp.union(names)})\z/, self) if names.any?
        @listened = names
      end

      # @return [Array<String>] names of events
      def counted
        return [] unless @enabled

        metrics_events.select { |name| mappings[name].enabled } - (@spans ? OF_SPANS : [])
      end

      def count(event_name, payload)
        Tasker::Telemetry::MetricsBackend.instance.handle_event(event_name, payload)
      end

      def record(event_name, payload) # rubocop:disable Naming/PredicateMethod -- it acts, and tells how it went
        runtime = Native.runtime
        publisher = Native.publisher
        return false unless runtime.tracing? && publisher&.registered?(event_name)

        runtime.spans.record(publisher.event_id(event_name), event_name, payload)
        true
      end

      def log(event_name, payload) # rubocop:disable Naming/PredicateMethod -- the same
        Native.logger.info("#{event_name} #{Native.filter.json(payload)}")
        true
      end

      def attempt(event_name)
        yield
      rescue *ISOLATED_ERRORS => e
        Native.report_publishing_error(event_name, e)
        false
      end
    end
  end
end
