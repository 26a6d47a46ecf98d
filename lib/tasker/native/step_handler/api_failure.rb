# frozen_string_literal: true

require_relative 'api_response'
require_relative 'backoff'

module Tasker
  module Native
    module StepHandler
      # Which answers and errors fail an attempt, and how long to wait for the next one.
      #
      # @api private
      module ApiFailure
        RETRYABLE = ->(status) { [408, 425, 429].include?(status) || (500..599).cover?(status) }
        private_constant :RETRYABLE

        class << self
          # @param output [Object] what +process+ returned; a Hash stands for an answer where it has what one has
          # @return [Tasker::RetryableError, Tasker::PermanentError, nil] nil: it is no answer, or a good one
          def of_answer(output)
            status, headers = status_and_headers(output)
            return if !status.is_a?(Integer) || (200..299).cover?(status)

            error_for(status, headers, output.is_a?(Hash) ? { status: status } : ApiResponse.context_of(output))
          end

          # @param error [Exception]
          # @param config [ApiConfig]
          # @param step [Object]
          # @return [Array(Numeric, String), nil] seconds, and why so many; nil: no wait
          def backoff(error, config, step)
            return unless retryable?(error)

            asked = asked_by(error)
            return [asked, 'server_requested'] if asked
            return unless config.enable_exponential_backoff

            [config.backoff.seconds((step.attempts if step.respond_to?(:attempts)) || 1), 'exponential']
          end

          private

          def status_and_headers(output)
            return [output.status, output.headers] if output.is_a?(Faraday::Response)
            return unless output.is_a?(Hash) && (output.key?(:headers) || output.key?(:body))

            headers = output[:headers].is_a?(Hash) ? output[:headers] : {}
            [output[:status], headers.transform_keys { |name| name.to_s.downcase }]
          end

          def error_for(status, headers, context)
            message = "#{context.values_at(:method, :path).compact.join(' ')} answered #{status}".strip
            unless RETRYABLE.call(status)
              return PermanentError.new(message, error_code: "HTTP_#{status}", context: context)
            end

            RetryableError.new(message, retry_after: Backoff.retry_after(headers['retry-after']), context: context)
          end

          def retryable?(error)
            case error
            when RetryableError, Faraday::ConnectionFailed, Faraday::TimeoutError then true
            when Faraday::Error then RETRYABLE.call(error.response_status)
            end
          end

          # A handler may give the header on as it came.
          def asked_by(error)
            wait = error.is_a?(RetryableError) ? error.retry_after : header_of(error)
            wait.is_a?(Numeric) && !wait.negative? ? wait : Backoff.retry_after(wait)
          end

          def header_of(error)
            error.response_headers&.then { |headers| headers['retry-after'] || headers['Retry-After'] }
          end
        end
      end
    end
  end
end
