# frozen_string_literal: true

require 'did_you_mean'

module Tasker
  module Native
    # What is in the setting +prometheus+: tasker-engine's keys and defaults, and +job+, +instance+ and +queue+.
    #
    # @api private
    module PrometheusOptions
      KEYS = {
        endpoint: [nil, Setting::OPTIONAL_URL],
        username: [nil, Setting::OPTIONAL_STRING],
        password: [nil, Setting::OPTIONAL_STRING],
        job: [nil, Setting::OPTIONAL_NAME],
        instance: [nil, Setting::OPTIONAL_NAME],
        include_instance_labels: [true, Setting::BOOLEAN],
        metric_prefix: ['tasker', Setting::METRIC_PREFIX],
        export_timeout: [120, Setting::POSITIVE_SECONDS],
        job_timeout: [300, Setting::POSITIVE_SECONDS],
        retry_attempts: [3, Setting::RETRIES],
        skip_if_unavailable: [true, Setting::BOOLEAN],
        queue: ['metrics_export', Setting::NAME],
        retention_window: [300, Setting::ANY],
        safety_margin: [60, Setting::ANY],
        compression: ['snappy', Setting::ANY],
        batch_size: [1000, Setting::ANY]
      }.freeze
      private_constant :KEYS

      # What a setting has that code does not set.
      DEFAULTS = KEYS.transform_values(&:first).freeze

      # Keys that nothing reads.
      WITHOUT_EFFECT = %i[retention_window safety_margin compression batch_size].freeze

      class << self
        # @param value [Object]
        # @return [String, nil] the words behind "must be"; nil: nothing is wrong
        def complaint(value)
          return 'a Hash' unless value.is_a?(Hash) && value.each_key.all? { |key| key.respond_to?(:to_sym) }

          value.each do |key, one|
            _, kind = KEYS[key.to_sym]
            return "a Hash without #{key.to_s.inspect}, which is none of its keys#{nearest(key)}" unless kind
            return "a Hash whose #{key} is #{kind.words}" unless kind.accepts?(one)
          end
          nil
        end

        # @param value [Hash] a good one
        # @return [Hash{Symbol=>Object}] with the defaults of what it has not
        def complete(value)
          DEFAULTS.merge(value.transform_keys(&:to_sym)).freeze
        end

        # @param value [Hash]
        # @return [Array<Symbol>] what has another value than its default, to no effect
        def without_effect(value)
          WITHOUT_EFFECT.reject { |key| value[key] == DEFAULTS[key] }
        end

        private

        def nearest(key)
          known = DidYouMean::SpellChecker.new(dictionary: KEYS.keys.map(&:to_s)).correct(key.to_s).first
          ". Did you mean #{known}?" if known
        end
      end
    end
  end
end
