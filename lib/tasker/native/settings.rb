# frozen_string_literal: true

require 'did_you_mean'

require_relative 'environment_defaults'
require_relative 'setting'
require_relative 'prometheus_options'

module Tasker
  module Native
    # What +config.telemetry+ yields: the settings of telemetry, one method each: +tel.otlp_timeout = 5+. A value is
    # checked when it is set; code wins over the environment, the environment over the default. Settings may be read
    # and changed at any time and take effect with the next span. Writers raise {ConfigurationError} for a value that a
    # setting can't have, as does a name that does not exist. What stands behind the types is the default, and the unit.
    #
    # @!attribute [rw] enabled
    #   @return [Boolean] true; false: events become no spans, and nothing runs
    # @!attribute [rw] service_name
    #   @return [String] 'tasker'; of the Resource, and in front of the names of attributes
    # @!attribute [rw] service_version
    #   @return [String] '0.1.0'; of the Resource
    # @!attribute [rw] filter_parameters
    #   @return [Array<Symbol, String, Regexp, Proc>] Rails' +filter_parameters+, else a list like its default; what
    #     they hide is masked, see {ParameterFilter}
    # @!attribute [rw] filter_mask
    #   @return [String] '[FILTERED]'; what stands in their place
    # @!attribute [rw] filter_values
    #   @return [Boolean, Hash] true; whether secrets inside of texts and numbers are masked, whatever their keys; a
    #     Hash switches some of ParameterFilter::SCANNERS off, and names keys whose values are left alone:
    #     +{ card_numbers: false, except: %w[order_number] }+
    # @!attribute [rw] value_scanners
    #   @return [Array<Regexp, #call>] []; scanners of your own: what a Regexp matches is masked; any other object is
    #     given each text and returns what is to be left of it. They run in Ruby threads only
    # @!attribute [rw] stringify_attributes
    #   @return [Boolean] false; true: all attributes are Strings, as tasker-engine has them
    # @!attribute [rw] exporter
    #   @return [Symbol, Array<Symbol>] :auto; :otlp, :file, :console, :memory, :none, or several
    # @!attribute [rw] otlp_endpoint
    #   @return [String] 'http://localhost:4318'; a base, to which /v1/traces is appended
    # @!attribute [rw] otlp_headers
    #   @return [Hash{String=>String}] {}
    # @!attribute [rw] otlp_compression
    #   @return [String] 'gzip'; or 'none'
    # @!attribute [rw] otlp_timeout
    #   @return [Float] 10.0; seconds for one batch, with all its tries
    # @!attribute [rw] otlp_certificate
    #   @return [String, nil] of OTEL_EXPORTER_OTLP_CERTIFICATE; a PEM file of certificates to trust instead of the
    #     system's, from Rails' root on, as are the next two
    # @!attribute [rw] otlp_client_certificate
    #   @return [String, nil] of OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE; a PEM file for mutual TLS, it may hold a chain
    # @!attribute [rw] otlp_client_key
    #   @return [String, nil] of OTEL_EXPORTER_OTLP_CLIENT_KEY; its private key, RSA or EC, in PEM form
    # @!attribute [rw] spool_directory
    #   @return [String, nil] 'tmp/tasker_spool' in a Rails app, from its root on, else nil; what the collector can't
    #     take waits here; nil: it is dropped. Its own, of this app alone
    # @!attribute [rw] spool_max_bytes
    #   @return [Integer] 256 MiB; of all processes; then the oldest is dropped
    # @!attribute [rw] spool_max_age
    #   @return [Float] 86,400.0; seconds, then a spooled span is dropped
    # @!attribute [rw] trace_file
    #   @return [String] 'log/tasker_traces.jsonl'; of the exporter :file, from Rails' root on
    # @!attribute [rw] max_queue_size
    #   @return [Integer] 2048; finished spans that wait; those beyond it are dropped and counted
    # @!attribute [rw] max_queue_bytes
    #   @return [Integer] 16 MiB; the same, in bytes
    # @!attribute [rw] max_export_batch_size
    #   @return [Integer] 512; spans, at most +max_queue_size+
    # @!attribute [rw] schedule_delay
    #   @return [Float] 5.0; seconds that a finished span waits for others
    # @!attribute [rw] shutdown_timeout
    #   @return [Float] 5.0; seconds, when the process exits
    # @!attribute [rw] trace_seed
    #   @return [String] service name, environment and database; ids are derived from it, so that all processes of an
    #     app need the same
    # @!attribute [rw] max_open_spans
    #   @return [Integer] 100,000; of tasks, and of steps; beyond it the oldest is given up
    # @!attribute [rw] span_max_age
    #   @return [Float] 86,400.0; seconds, then an open span is given up
    # @!attribute [rw] span_attribute_count_limit
    #   @return [Integer] 128
    # @!attribute [rw] span_attribute_value_length_limit
    #   @return [Integer] 65,536; bytes of a text; 0: no limit
    # @!attribute [rw] span_event_count_limit
    #   @return [Integer] 128
    # @!attribute [rw] span_link_count_limit
    #   @return [Integer] 128
    # @!attribute [rw] metrics_directory
    #   @return [String, Pathname, nil] tmp/tasker_metrics in a Rails app, else nil; where the processes of an app share
    #     their metrics; nil: each has its own
    # @!attribute [rw] metrics_cardinality_limit
    #   @return [Integer] 2000; sets of labels that an instrument may have; all others are one series
    # @!attribute [rw] log_level
    #   @return [String, Symbol] 'info'; of structured lines: 'debug', 'info', 'warn', 'error' or 'fatal'
    # @!attribute [rw] log_format
    #   @return [String, Symbol] 'json'; 'pretty_json' or 'logfmt'
    # @!attribute [rw] slow_query_threshold_seconds
    #   @return [Float] 1.0; above it +log_performance_event+ warns
    # @!attribute [rw] structured_logging_enabled
    #   @return [Boolean] true; a line in the log for each event that a method of {EventPublisher} publishes
    # @!attribute [rw] environment
    #   @return [Object] Rails' environment; without effect
    # @!attribute [rw] correlation_id_header
    #   @return [String] 'X-Correlation-ID'; without effect
    # @!attribute [rw] metrics_exporter
    #   @return [Symbol] :auto: by OTLP where spans leave so, but not in tests; :otlp; :none; of OTEL_METRICS_EXPORTER
    # @!attribute [rw] metrics_export_interval
    #   @return [Float] seconds, 60.0; of OTEL_METRIC_EXPORT_INTERVAL
    # @!attribute [rw] metrics_temporality
    #   @return [Symbol] :cumulative or :delta; of OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE
    # @!attribute [rw] metrics_histogram_aggregation
    #   @return [Symbol] :explicit_bucket_histogram or :base2_exponential_bucket_histogram: what histograms leave as;
    #     of OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION
    # @!attribute [rw] metrics_enabled
    #   @return [Boolean] true; false: spans are not measured, and nobody is told metrics over HTTP
    # @!attribute [rw] metrics_endpoint
    #   @return [String, nil] '/tasker/metrics'; where Rails' routes have {Web}'s metrics, once it is set
    # @!attribute [rw] metrics_format
    #   @return [String, Symbol] 'prometheus', 'openmetrics', 'json' or 'csv'; for who does not ask for one
    # @!attribute [rw] metrics_auth_required
    #   @return [Boolean] false; true: only who +metrics_auth+ lets in may read metrics over HTTP
    # @!attribute [rw] metrics_auth
    #   @return [Hash, #call, nil] nil: nobody; +{ username:, password: }+; or what is given Rack's environment, and
    #     answers whether to let in
    # @!attribute [rw] runtime_metrics
    #   @return [Boolean] false; true: numbers of the processes, of Ruby, and of ActiveRecord's pools are metrics, too
    # @!attribute [rw] prometheus
    #   @return [Hash] a Pushgateway, and how metrics are pushed there ({MetricsPush}): +endpoint+ (nil: nowhere),
    #     +username+, +password+, +job+ (nil: the service's name), +instance+ (nil: the host's name),
    #     +include_instance_labels+, +metric_prefix+, +export_timeout+, +job_timeout+, +retry_attempts+,
    #     +skip_if_unavailable+, +queue+; what is not given has its default
    # @!attribute [rw] max_stored_samples
    #   @return [Object] 1000; without effect
    # @!attribute [rw] metrics_retention_hours
    #   @return [Object] 24; without effect
    # @!attribute [rw] performance_monitoring_enabled
    #   @return [Boolean] true; without effect
    # @!attribute [rw] memory_threshold_mb
    #   @return [Object] 100; without effect
    # @!attribute [rw] event_sampling_rate
    #   @return [Object] 1.0; without effect
    # @!attribute [rw] filtered_events
    #   @return [Object] []; without effect
    # @!attribute [rw] config
    #   @return [Object] a Hash; without effect
    class Settings
      include EnvironmentDefaults

      # What the endpoint's variables are called, the per-signal one first.
      ENDPOINT_VARIABLES = %w[OTEL_EXPORTER_OTLP_TRACES_ENDPOINT OTEL_EXPORTER_OTLP_ENDPOINT].freeze

      LATER = {
        environment: "the Resource has Rails' environment, or that of OTEL_RESOURCE_ATTRIBUTES",
        header: 'this version reads no header',
        metrics: 'this version keeps no samples',
        performance: 'performance monitoring is not part of this version',
        sampling: 'this version neither samples nor leaves out events',
        batching: 'the native thread batches by max_export_batch_size and schedule_delay'
      }.freeze
      private_constant :LATER

      DEFAULT_FILTERS = %i[passw email secret token _key crypt salt certificate otp ssn].freeze
      private_constant :DEFAULT_FILTERS

      BATCHING = {
        batch_events: false, buffer_size: 100, flush_interval: 5, filtered_events: [], enable_memoization: true,
        async_processing: false, sampling_rate: 1.0
      }.freeze
      private_constant :BATCHING

      # The table of all settings. To add one, add a line here and above.
      DEFINITIONS = [
        Setting.new(:enabled, Setting::BOOLEAN, true),
        Setting.new(:service_name, Setting::NAME, 'tasker'),
        Setting.new(:service_version, Setting::STRING, '0.1.0'),
        Setting.new(:filter_parameters, Setting::FILTERS, -> { rails_filters || DEFAULT_FILTERS }),
        Setting.new(:filter_mask, Setting::MASK, '[FILTERED]'),
        Setting.new(:filter_values, Setting::VALUES, true),
        Setting.new(:value_scanners, Setting::SCANNERS, []),
        Setting.new(:stringify_attributes, Setting::BOOLEAN, false),
        Setting.new(:exporter, Setting::EXPORTERS, -> { exporter_from_environment || :auto }),
        Setting.new(:otlp_endpoint, Setting::URL,
                    -> { Environment.url('OTEL_EXPORTER_OTLP_ENDPOINT') || 'http://localhost:4318' }),
        Setting.new(:otlp_headers, Setting::HEADERS,
                    ->(signal = 'TRACES') { Environment.headers(*otlp_variables('HEADERS', signal)) }),
        Setting.new(:otlp_compression, Setting::COMPRESSION,
                    lambda { |signal = 'TRACES'|
                      Environment.one_of(%w[gzip none], *otlp_variables('COMPRESSION', signal)) || 'gzip'
                    }),
        Setting.new(:otlp_timeout, Setting::POSITIVE_SECONDS,
                    lambda { |signal = 'TRACES'|
                      Environment.milliseconds(Setting::POSITIVE_SECONDS, *otlp_variables('TIMEOUT', signal)) || 10.0
                    }),
        Setting.new(:otlp_certificate, Setting::OPTIONAL_PATH,
                    ->(signal = 'TRACES') { Environment.path(*otlp_variables('CERTIFICATE', signal)) }),
        Setting.new(:otlp_client_certificate, Setting::OPTIONAL_PATH,
                    ->(signal = 'TRACES') { Environment.path(*otlp_variables('CLIENT_CERTIFICATE', signal)) }),
        Setting.new(:otlp_client_key, Setting::OPTIONAL_PATH,
                    ->(signal = 'TRACES') { Environment.path(*otlp_variables('CLIENT_KEY', signal)) }),
        Setting.new(:spool_directory, Setting::OPTIONAL_PATH, -> { 'tmp/tasker_spool' if rails_application? }),
        Setting.new(:spool_max_bytes, Setting::COUNT, 256 * 1024 * 1024),
        Setting.new(:spool_max_age, Setting::POSITIVE_SECONDS, 24 * 3600.0),
        Setting.new(:trace_file, Setting::PATH, 'log/tasker_traces.jsonl'),
        Setting.new(:max_queue_size, Setting::COUNT,
                    -> { Environment.count(Setting::COUNT, 'OTEL_BSP_MAX_QUEUE_SIZE') || 2048 }),
        Setting.new(:max_queue_bytes, Setting::COUNT, 16 * 1024 * 1024),
        Setting.new(:max_export_batch_size, Setting::COUNT,
                    -> { Environment.count(Setting::COUNT, 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE') || 512 }),
        Setting.new(:schedule_delay, Setting::SECONDS,
                    -> { Environment.milliseconds(Setting::SECONDS, 'OTEL_BSP_SCHEDULE_DELAY') || 5.0 }),
        Setting.new(:shutdown_timeout, Setting::SECONDS, 5.0),
        Setting.new(:trace_seed, Setting::STRING, -> { default_trace_seed }),
        Setting.new(:max_open_spans, Setting::COUNT, 100_000),
        Setting.new(:span_max_age, Setting::POSITIVE_SECONDS, 24 * 3600.0),
        Setting.new(:span_attribute_count_limit, Setting::LIMIT,
                    -> { limit_from_environment(Setting::LIMIT, 'ATTRIBUTE_COUNT') || 128 }),
        Setting.new(:span_attribute_value_length_limit, Setting::SIZE,
                    -> { limit_from_environment(Setting::SIZE, 'ATTRIBUTE_VALUE_LENGTH') || 65_536 }),
        Setting.new(:span_event_count_limit, Setting::LIMIT,
                    -> { limit_from_environment(Setting::LIMIT, 'EVENT_COUNT') || 128 }),
        Setting.new(:span_link_count_limit, Setting::LIMIT,
                    -> { limit_from_environment(Setting::LIMIT, 'LINK_COUNT') || 128 }),
        Setting.new(:metrics_directory, Setting::OPTIONAL_PATH, -> { 'tmp/tasker_metrics' if rails_application? }),
        Setting.new(:metrics_cardinality_limit, Setting::COUNT, 2000),
        Setting.new(:metrics_exporter, Setting::METRICS_EXPORTER,
                    -> { metrics_exporter_from_environment || :auto }),
        Setting.new(:metrics_export_interval, Setting::POSITIVE_SECONDS,
                    -> { Environment.milliseconds(Setting::POSITIVE_SECONDS, 'OTEL_METRIC_EXPORT_INTERVAL') || 60.0 }),
        Setting.new(:metrics_temporality, Setting::TEMPORALITY, -> { temporality_from_environment || :cumulative }),
        Setting.new(:metrics_histogram_aggregation, Setting::HISTOGRAM_AGGREGATION,
                    -> { aggregation_from_environment || :explicit_bucket_histogram }),
        Setting.new(:metrics_enabled, Setting::BOOLEAN, true),
        Setting.new(:metrics_endpoint, Setting::OPTIONAL_PATH, '/tasker/metrics'),
        Setting.new(:metrics_format, Setting::METRICS_FORMAT, 'prometheus'),
        Setting.new(:metrics_auth_required, Setting::BOOLEAN, false),
        Setting.new(:metrics_auth, Setting::CREDENTIALS, nil),
        Setting.new(:runtime_metrics, Setting::BOOLEAN, false),
        Setting.new(:prometheus, Setting::PROMETHEUS, PrometheusOptions::DEFAULTS),
        Setting.new(:structured_logging_enabled, Setting::BOOLEAN, true),
        Setting.new(:log_level, Setting::LOG_LEVEL, 'info'),
        Setting.new(:log_format, Setting::LOG_FORMAT, 'json'),
        Setting.new(:slow_query_threshold_seconds, Setting::SECONDS, 1.0),

        Setting.new(:environment, Setting::ANY, -> { PipelineOptions.environment_name }, LATER[:environment]),
        Setting.new(:correlation_id_header, Setting::STRING, 'X-Correlation-ID', LATER[:header]),
        Setting.new(:max_stored_samples, Setting::ANY, 1000, LATER[:metrics]),
        Setting.new(:metrics_retention_hours, Setting::ANY, 24, LATER[:metrics]),
        Setting.new(:performance_monitoring_enabled, Setting::BOOLEAN, true, LATER[:performance]),
        Setting.new(:memory_threshold_mb, Setting::ANY, 100, LATER[:performance]),
        Setting.new(:event_sampling_rate, Setting::ANY, 1.0, LATER[:sampling]),
        Setting.new(:filtered_events, Setting::ANY, [], LATER[:sampling]),
        Setting.new(:config, Setting::ANY, BATCHING, LATER[:batching])
      ].to_h { |setting| [setting.name, setting] }.freeze

      DEFINITIONS.each_key do |name|
        define_method(name) { read(name) }
        define_method(:"#{name}=") { |value| write(name, value) }
      end

      # @param on_change [#call, nil] called after a setting has changed
      def initialize(on_change: nil)
        @values = {}
        @on_change = on_change
        @told = []
        @batching = false
      end

      # @param name [Symbol]
      # @return [Boolean] whether code has set it
      def set?(name)
        @values.key?(name)
      end

      # What another signal than that of traces has for one of the +otlp_+ settings: its own variable counts for more
      # than the general one, and what code has set for more than both.
      #
      # @api private
      # @param name [Symbol]
      # @param signal [String] 'TRACES' or 'METRICS'
      # @return [Object]
      def of_signal(name, signal)
        set?(name) ? @values[name] : instance_exec(signal, &DEFINITIONS.fetch(name).default)
      end

      # Changes take effect together at the end of the block.
      #
      # @yieldparam settings [self]
      # @return [self]
      def change
        outer = @batching
        @batching = true
        yield self
        self
      ensure
        @batching = outer
        @on_change&.call unless outer
      end

      # @param options [Hash{Symbol=>Object}] values by setting, or by key of +config+; take effect together
      # @return [self]
      # @raise [ConfigurationError] for a setting that does not exist, or a value that it can't have
      def configure_telemetry(options = {})
        settings, batching = options.transform_keys(&:to_sym).partition do |name, _|
          DEFINITIONS.key?(name) || !BATCHING.key?(name)
        end
        change do
          settings.each { |name, value| public_send(:"#{name}=", value) }
          self.config = config.merge(batching.to_h) if batching.any?
        end
      end

      # What tasker-engine has under this name. Telemetry does not use it: see {Native.filter}.
      #
      # @return [ActiveSupport::ParameterFilter, nil] of filter_parameters and filter_mask; nil outside of Rails, and
      #   where there is nothing to filter
      def parameter_filter
        return unless filter_parameters.any? && defined?(::ActiveSupport::ParameterFilter)

        ::ActiveSupport::ParameterFilter.new(filter_parameters, mask: filter_mask)
      end

      # @api private
      # @return [ParameterFilter] what telemetry passes all through
      def native_filter
        ParameterFilter.new(filter_parameters, mask: filter_mask, filter_values: filter_values,
                                               value_scanners: value_scanners)
      end

      # @return [false] the native thread batches, whatever +config+ says
      def batching_enabled?
        false
      end

      # Logs a warning, the first time only.
      #
      # @api private
      # @param text [String]
      # @return [void]
      def warn_once(text)
        return if @told.include?(text)

        @told << text
        Native.logger.warn("tasker-native: #{text}")
      end

      # @return [Hash{Symbol=>Object}] all settings, with secrets masked
      def to_h
        DEFINITIONS.keys.to_h { |name| [name, DEFINITIONS[name].presentable(read(name))] }
      end

      # @return [String] what code has set, with secrets masked
      def inspect
        set = @values.map { |name, value| "#{name}=#{DEFINITIONS[name].presentable(value).inspect}" }
        "#<#{self.class}#{" #{set.join(', ')}" if set.any?}>"
      end

      private

      def read(name)
        @values.fetch(name) do
          default = DEFINITIONS[name].default
          default.is_a?(Proc) ? instance_exec(&default) : default
        end
      end

      def write(name, value)
        setting = DEFINITIONS[name]
        @values[name] = setting.check(value)
        warn_once("config.telemetry.#{name} has no effect here: #{setting.no_effect}") if setting.no_effect
        tell_of_keys(@values[name]) if name == :prometheus
        @on_change&.call unless @batching
      end

      def tell_of_keys(prometheus)
        PrometheusOptions.without_effect(prometheus).each do |key|
          warn_once("config.telemetry.prometheus[:#{key}] has no effect here: metrics are pushed to a Pushgateway, " \
                    'as they are at that time')
        end
      end

      def method_missing(name, *)
        return super unless name.end_with?('=') || DEFINITIONS.key?(name)

        unknown = name.to_s.chomp('=')
        known = DEFINITIONS.keys.map(&:to_s)
        nearest = DidYouMean::SpellChecker.new(dictionary: known).correct(unknown).first
        raise ConfigurationError, "config.telemetry has no setting #{unknown}#{". Did you mean #{nearest}?" if nearest}"
      end

      def respond_to_missing?(_name, _include_private = false)
        false
      end

      def rails_application?
        defined?(::Rails.application) && ::Rails.application ? true : false
      end

      def rails_filters
        return unless rails_application?

        filters = ::Rails.application.config.filter_parameters
        filters unless filters.empty?
      end

      # The same in every process of an app, another one for another app or environment.
      def default_trace_seed
        [service_name, PipelineOptions.environment_name, database_name].compact.join('/')
      end

      def database_name
        return unless defined?(::ActiveRecord::Base)

        ::ActiveRecord::Base.connection_db_config.database
      rescue StandardError
        nil
      end
    end
  end
end
