# frozen_string_literal: true

require_relative 'event_metrics'
require_relative 'instrument'
require_relative 'instrument_description'
require_relative 'labels'
require_relative 'metrics_export'

module Tasker
  module Native
    # The metrics of the application: counters, gauges and histograms, by name and labels.
    #
    # A handle costs no memory to record to; looking it up each time costs a Hash of labels. All processes of an app
    # share what they record (+metrics_directory+): what {#export} writes is their sum. Any thread; a forked child goes
    # on recording to the handles it has.
    #
    # Labels are for what has few values: beyond +metrics_cardinality_limit+ sets of them, an instrument has one more
    # series for all others, +otel_metric_overflow="true"+. Values pass the filter of secrets.
    #
    # @example
    #   metrics = Tasker::Telemetry::MetricsBackend.instance
    #   metrics.counter(:orders_total, status: 'paid').increment
    #   metrics.histogram(:order_value_euros, buckets: [10, 100, 1000]).observe(49.9)
    #   metrics.gauge(:queue_size, queue: 'default').set(12)
    #
    # @!method counter(name, value: nil, **labels)
    #   @param name [String, Symbol] characters that Prometheus does not take become _
    #   @param value [Integer, Float, nil] is added at once
    #   @param labels [Hash] in any order; an empty value is no label
    #   @return [Counter]
    #   @raise [ArgumentError] for a name that is empty, or another instrument's already; for more than 32 labels; for a
    #     negative value
    # @!method gauge(name, value: nil, **labels)
    #   @param name [String, Symbol] see {#counter}
    #   @param value [Numeric, nil] is set at once
    #   @param labels [Hash]
    #   @return [Gauge]
    #   @raise [ArgumentError]
    # @!method histogram(name, buckets: nil, value: nil, **labels)
    #   @param name [String, Symbol] see {#counter}
    #   @param buckets [Array<Numeric>, nil] upper bounds, at most 128; nil: those it has, else
    #     {Histogram::DEFAULT_BUCKETS}
    #   @param value [Numeric, nil] is observed at once
    #   @param labels [Hash]
    #   @return [Histogram]
    #   @raise [ArgumentError] as for {#counter}; for other buckets than those it has
    class MetricsBackend
      include EventMetrics

      COUNTER = 1
      GAUGE = 2
      HISTOGRAM = 3
      COMBINATIONS = %i[sum min max latest].freeze
      MAX_NAMES = 10_000 # that had to be cleaned, and are remembered
      private_constant :COUNTER, :GAUGE, :HISTOGRAM, :COMBINATIONS, :MAX_NAMES

      # @return [Time]
      attr_reader :created_at

      def initialize
        @created_at = Native.now.freeze
        @descriptions = {}
        @names = {}
        @event_names = {}
        @lock = Monitor.new
      end

      # Says more of an instrument, before it is first used.
      #
      # @param name [String, Symbol]
      # @param help [String, nil] one sentence
      # @param unit [String, nil] as 'seconds'
      # @param buckets [Array<Numeric>, nil] of a histogram
      # @param combine [Symbol] what the values of several processes make of a gauge: +:sum+, +:min+, +:max+, +:latest+
      # @return [void]
      # @raise [ArgumentError]
      def describe(name, help: nil, unit: nil, buckets: nil, combine: :sum)
        COMBINATIONS.include?(combine) or
          raise ArgumentError,
                "combine: must be one of #{COMBINATIONS.map(&:inspect).join(', ')}, not #{combine.inspect}"

        @lock.synchronize do
          @descriptions[clean(name)] = InstrumentDescription.new(help.to_s, unit.to_s, buckets && Bounds.of(buckets),
                                                                 COMBINATIONS.index(combine))
        end
      end

      # That a task has ended: +tasker_task_executions_total+ and +tasker_task_duration_seconds+, by name and status.
      #
      # @param task_name [String]
      # @param duration [Numeric] seconds
      # @param status [String, Symbol] 'success', 'failure', …
      # @return [void]
      def record_task_completion(task_name:, duration:, status:)
        counter('tasker_task_executions_total', task_name: task_name, status: status).increment
        histogram('tasker_task_duration_seconds', task_name: task_name, status: status).observe(duration)
      end

      # The same of a step: +tasker_step_executions_total+ and +tasker_step_duration_seconds+.
      #
      # @param step_name [String]
      # @param labels [Hash] further ones, as the task's name
      # @return [void]
      # @see #record_task_completion
      def record_step_completion(step_name:, duration:, status:, **labels)
        counter('tasker_step_executions_total', step_name: step_name, status: status, **labels).increment
        histogram('tasker_step_duration_seconds', step_name: step_name, status: status, **labels).observe(duration)
      end

      # @param format [Symbol, String, nil] +:prometheus+, +:openmetrics+, +:json+ or +:csv+: what all processes of the
      #   app have recorded, as a String. nil: a Hash of what this one has
      # @return [String, Hash]
      # @raise [ArgumentError] for another format
      # @note Writes without the GVL.
      def export(format: nil)
        return MetricsExport.text(format) if format

        metrics = all_metrics
        { timestamp: Native.now, backend_created_at: created_at, total_metrics: metrics.size,
          metrics: metrics.transform_values(&:to_h) }
      end

      # What {#export} has of all processes of the app, as a Hash.
      #
      # @param include_instances [Boolean] has no effect: processes are not told apart
      # @return [Hash]
      def export_distributed_metrics(include_instances: false) # rubocop:disable Lint/UnusedMethodArgument -- upstream's
        MetricsExport.to_h
      end

      # @return [Hash{String=>Counter, Gauge, Histogram}] the series of this process, by name and labels
      def all_metrics
        Metrics.handles.to_h { |handle| [handle.key, handle] }
      end
      alias metrics all_metrics

      # @return [Hash] how many series there are, of which type, and since when
      def stats
        types = Metrics.handles.group_by { |handle| handle.to_h[:type] }
        { total_metrics: types.sum { |_, of_type| of_type.size },
          counter_metrics: types.fetch(:counter, []).size, gauge_metrics: types.fetch(:gauge, []).size,
          histogram_metrics: types.fetch(:histogram, []).size, backend_uptime: Native.now - created_at,
          created_at: created_at }
      end

      # Forgets what this process has recorded, as tests do.
      #
      # @return [Integer] how many series there were
      def clear!
        Metrics.clear
      end

      # The processes of an app share their metrics by themselves: there is nothing to be done.
      #
      # @return [Hash]
      def sync_to_cache!
        { success: true, strategy: :shared_memory, synced_metrics: Metrics.handles.size, timestamp: Native.now.iso8601 }
      end

      private

      # The extension calls these three for what it does not find.
      def make_counter(name, value: nil, **labels)
        counter = create(COUNTER, name, labels)
        counter.increment(value) if value
        counter
      end

      def make_gauge(name, value: nil, **labels)
        gauge = create(GAUGE, name, labels)
        gauge.set(value) if value
        gauge
      end

      def make_histogram(name, buckets: nil, value: nil, **labels)
        histogram = create(HISTOGRAM, name, labels, buckets)
        histogram.observe(value) if value
        histogram
      end

      def create(type, name, labels, buckets = nil)
        clean = clean(name)
        handle = Metrics.find(type, clean, labels) unless buckets
        return handle if handle

        Native.start
        declare(type, clean, buckets)
        handle = Metrics.create(clean, Labels.of(labels))
        MetricsExport.tell
        handle
      end

      def clean(name)
        @names[name] || remember(name, InstrumentName.of(name))
      end

      def remember(name, clean)
        @lock.synchronize { @names[name.frozen? ? name : name.dup.freeze] = clean } if @names.size < MAX_NAMES
        clean
      end

      def declare(type, name, buckets)
        known = @descriptions[name] || InstrumentDescription.default(name, type)
        bounds = (buckets ? Bounds.of(buckets) : known.bounds) if type == HISTOGRAM
        bounds ||= Histogram::DEFAULT_BUCKETS if type == HISTOGRAM && !declared?(type, name)
        Metrics.declare(type, name, known.help, known.unit, bounds, known.combine)
      end

      def declared?(type, name)
        Metrics.declared?(type, name)
      end
    end
  end
end
