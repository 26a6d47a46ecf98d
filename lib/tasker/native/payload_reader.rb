# frozen_string_literal: true

module Tasker
  module Native
    # What subscribers read from events, which may be events or plain Hashes with Symbols or Strings as keys, and may
    # lack anything. All methods are protected: they are for handlers.
    module PayloadReader
      # What subscribers have no need to know. They may have methods of these names.
      #
      # @api private
      module Reading
        # What classes of errors are called, and what that tells; the first match wins.
        ERROR_TYPES = {
          'timeout' => /timeout/i, 'network' => /connection|network/i, 'not_found' => /notfound|missing|404/i,
          'auth' => /unauthorized|forbidden|401|403/i, 'rate_limit' => /ratelimit|toomanyrequests|429/i,
          'client_error' => /badrequest|invalid|400/i, 'server_error' => /servererror|internalerror|500/i,
          'runtime' => /standarderror|runtimeerror/i
        }.freeze
        private_constant :ERROR_TYPES

        class << self
          # @param value [Object]
          # @param default [Integer]
          # @return [Integer] the default for what is no number
          def integer(value, default = 0)
            value.respond_to?(:to_i) ? value.to_i : default
          rescue FloatDomainError
            default # of NaN and infinities
          end

          # @param value [Object]
          # @return [Float] 0.0 for what is no number
          def float(value)
            value.respond_to?(:to_f) ? value.to_f : 0.0
          end

          # @param value [Object]
          # @param placeholder [String]
          # @return [Object, nil] nil for the placeholder
          def known(value, placeholder)
            value unless value == placeholder
          end

          # @param error_class [String]
          # @return [String]
          def error_type(error_class)
            return 'unknown' if error_class.strip.empty?

            ERROR_TYPES.find { |_, pattern| pattern.match?(error_class) }&.first || 'other'
          end
        end
      end
      private_constant :Reading

      ZERO = /\A\s*0*(\.0*)?\s*\z/
      private_constant :ZERO

      protected

      # @param event [Tasker::Native::Event, Hash, nil]
      # @param key [Symbol, String] looked for as a Symbol, then as a String
      # @param default [Object]
      # @return [Object] the default when there is no event, or no such key
      def safe_get(event, key, default = nil)
        return default if event.nil?

        payload = event.respond_to?(:payload) ? event.payload : event
        payload.fetch(key.to_sym) { payload.fetch(key.to_s, default) }
      end

      # @param event [Tasker::Native::Event, Hash, nil]
      # @return [Hash{Symbol=>Object}] task_id ('unknown' where there is none), step_id, event_timestamp (a String);
      #   without those that are nil
      def extract_core_attributes(event)
        { task_id: safe_get(event, :task_id, 'unknown'), step_id: safe_get(event, :step_id),
          event_timestamp: safe_get(event, :timestamp, Native.now).to_s }.compact
      end

      # @param event [Tasker::Native::Event, Hash, nil]
      # @return [Hash{Symbol=>Object}] the same, and step_name ('unknown_step' where there is none)
      def extract_step_attributes(event)
        { **extract_core_attributes(event), step_name: safe_get(event, :step_name, 'unknown_step') }.compact
      end

      # @param event [Tasker::Native::Event, Hash, nil]
      # @return [Hash{Symbol=>Object}] execution_duration (seconds, a Float), started_at, completed_at, and the Integers
      #   step_count, completed_steps, failed_steps
      # @example
      #   StatsD.distribution('tasker.task.duration', extract_timing_metrics(event)[:execution_duration])
      def extract_timing_metrics(event)
        { execution_duration: Reading.float(safe_get(event, :execution_duration)),
          started_at: safe_get(event, :started_at), completed_at: safe_get(event, :completed_at),
          step_count: Reading.integer(safe_get(event, :total_steps)),
          completed_steps: Reading.integer(safe_get(event, :completed_steps)),
          failed_steps: Reading.integer(safe_get(event, :failed_steps)) }
      end

      # @param event [Tasker::Native::Event, Hash, nil]
      # @return [Hash{Symbol=>Object}] error_message, error_class, attempt_number, is_retryable, final_failure, and
      #   error_type: 'timeout', 'network', 'not_found', 'auth', 'rate_limit', 'client_error', 'server_error',
      #   'runtime', 'other' or 'unknown'
      # @example
      #   StatsD.increment('tasker.errors', tags: ["type:#{extract_error_metrics(event)[:error_type]}"])
      def extract_error_metrics(event)
        error_class = safe_get(event, :exception_class) || safe_get(event, :error_class)
        attempt = Reading.integer(safe_get(event, :attempt_number, 1), 1)
        { error_message: safe_get(event, :error_message, 'unknown_error'),
          error_class: error_class || 'UnknownError',
          error_type: Reading.error_type(error_class.to_s),
          attempt_number: attempt,
          is_retryable: safe_get(event, :retryable, false),
          final_failure: attempt >= Reading.integer(safe_get(event, :retry_limit, 1), 1) }
      end

      # @param event [Tasker::Native::Event, Hash, nil]
      # @return [Hash{Symbol=>Numeric}] memory_usage (an Integer), and the Floats cpu_time, queue_time, processing_time,
      #   retry_delay; 0 where there is none
      def extract_performance_metrics(event)
        { memory_usage: Reading.integer(safe_get(event, :memory_usage)),
          cpu_time: Reading.float(safe_get(event, :cpu_time)),
          queue_time: Reading.float(safe_get(event, :queue_time)),
          processing_time: Reading.float(safe_get(event, :processing_time)),
          retry_delay: Reading.float(safe_get(event, :retry_delay)) }
      end

      # @param event [Tasker::Native::Event, Hash, nil]
      # @return [Array<String>] those of "task:NAME", "step:NAME", "environment:ENV" (in Rails), "source:SYSTEM",
      #   "retryable:true", "attempt:N", "priority:P" that are known, in this order
      # @example
      #   StatsD.increment('tasker.task.completed', tags: extract_metric_tags(event))
      def extract_metric_tags(event)
        values = { task: Reading.known(safe_get(event, :task_name), 'unknown'),
                   step: Reading.known(safe_get(event, :step_name), 'unknown_step'),
                   environment: (::Rails.env if defined?(::Rails.env)), source: safe_get(event, :source_system),
                   retryable: safe_get(event, :retryable), attempt: safe_get(event, :attempt_number),
                   priority: safe_get(event, :priority) }
        values.filter_map { |name, value| "#{name}:#{value}" if value }
      end

      # @param base_name [String]
      # @param event_type [String]
      # @return [String] both with one dot in between, and nowhere more than one
      # @example
      #   build_metric_name('tasker.task.', 'completed') # => "tasker.task.completed"
      def build_metric_name(base_name, event_type)
        "#{base_name}.#{event_type}".squeeze('.')
      end

      # @param event [Tasker::Native::Event, Hash, nil]
      # @param key [Symbol, String]
      # @param default [Object] as it is, for nil and for what is no number
      # @return [Float, Object]
      def extract_numeric_metric(event, key, default = 0)
        value = safe_get(event, key, default)
        return default unless !value.nil? && value.respond_to?(:to_f)

        number = value.to_f
        number.zero? && value.is_a?(String) && !value.match?(ZERO) ? default : number
      end
    end
  end
end
