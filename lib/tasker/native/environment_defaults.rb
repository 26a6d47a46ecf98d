# frozen_string_literal: true

require_relative 'environment'

module Tasker
  module Native
    # What variables of the environment say of {Settings}, which code has not set.
    #
    # @api private
    module EnvironmentDefaults
      private

      # The per-signal variable, then the general one.
      def otlp_variables(name, signal)
        ["OTEL_EXPORTER_OTLP_#{signal}_#{name}", "OTEL_EXPORTER_OTLP_#{name}"]
      end

      def limit_from_environment(kind, name)
        Environment.count(kind, "OTEL_SPAN_#{name}_LIMIT", "OTEL_#{name}_LIMIT")
      end

      def exporter_from_environment
        Environment.list_of(%w[otlp console none], 'OTEL_TRACES_EXPORTER')&.map(&:to_sym)
      end

      # Prometheus comes for them, and needs no exporter.
      def metrics_exporter_from_environment
        names = Environment.list_of(%w[otlp prometheus none], 'OTEL_METRICS_EXPORTER') or return
        names.include?('otlp') ? :otlp : :none
      end

      # All instruments are synchronous, for which "lowmemory" is delta.
      def temporality_from_environment
        name = Environment.one_of(%w[cumulative delta lowmemory], 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE')
        { 'cumulative' => :cumulative, 'delta' => :delta, 'lowmemory' => :delta }[name]
      end

      def aggregation_from_environment
        Environment.one_of(Setting::AGGREGATIONS.map(&:to_s),
                           'OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION')&.to_sym
      end
    end
  end
end
