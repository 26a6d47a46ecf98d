# frozen_string_literal: true

require_relative 'api_config'
require_relative 'api_request'
require_relative 'api_response'
require_relative 'api_retries'

module Tasker
  module Native
    module StepHandler
      # Handlers that ask an HTTP API. Without +process+ of its own it makes the request that the step's template
      # describes; with one, {#connection} is at hand. The answer becomes the step's results: a Hash with +status+,
      # +headers+ and the parsed +body+, which are methods of it, too.
      #
      # An answer other than 2xx fails the attempt: 408, 425, 429 and 5xx as {Tasker::RetryableError}, all else as
      # {Tasker::PermanentError}. Where trying again makes sense, also after a connection that failed,
      # observability.step.backoff tells how long to wait. The order is: backoff, error kept in the results,
      # step.failed, raise.
      #
      # @example
      #   class FetchUser < Tasker::StepHandler::Api
      #     def process(task, _sequence, _step)
      #       connection.get("users/#{task.context['user_id']}")
      #     end
      #   end
      #   FetchUser.new(config: { url: 'https://api.example.com', retries: 2 })
      class Api < Base
        # What {#config} is: +Tasker::StepHandler::Api::Config.new(url: 'https://api.example.com')+.
        Config = ApiConfig

        RETRYABLE = ->(status) { [408, 425, 429].include?(status) || (500..599).cover?(status) }
        private_constant :RETRYABLE

        # @return [ApiConfig]
        attr_reader :config

        # @param config [ApiConfig, Hash, nil] the +handler_config+ of the step's template
        # @yieldparam connection [Faraday::Connection] to add middleware, or another adapter
        # @raise [ConfigurationError] when it doesn't fit, or the gem faraday is not there
        def initialize(config: nil, &customize)
          super(config: ApiConfig.from(config))
          @customize = customize
          require_faraday
        end

        # The client, made at the first call from the config's url, params, headers, ssl, timeouts and retries. It sends
        # Hashes as JSON, and leaves bodies of answers as they come.
        #
        # @return [Faraday::Connection]
        # @raise [ConfigurationError] without an url
        def connection
          @connection ||= build_connection
        end

        # Makes the request that the template describes by +method+, +path+, +params+ and +body+, and leaves the answer
        # in the step's results.
        #
        # @param task [#context] its values stand for +{name}+ in path, params and body
        # @param _sequence [Object]
        # @param step [#results=]
        # @return [Faraday::Response]
        # @raise [Tasker::RetryableError, Tasker::PermanentError] for an answer other than 2xx
        def process(task, _sequence, step)
          response = ApiRequest.new(config, task).send_by(connection)
          check_output(response)
          ApiResponse.keep(step, response)
          response
        end

        # @param step [#results, #results=]
        # @param process_output [Faraday::Response, Object] what +process+ returned
        # @param initial_results [Object] results that were there before it
        # @return [void]
        def process_results(step, process_output, initial_results)
          return super unless process_output.is_a?(Faraday::Response)

          ApiResponse.keep(step, process_output) if step.results == initial_results
        end

        private

        def require_faraday
          require 'faraday'
        rescue LoadError => e
          raise ConfigurationError, 'Tasker::StepHandler::Api needs the gem faraday. Next: add the line ' \
                                    "gem 'faraday', '~> 2.0' to the Gemfile, and run bundle install. (#{e.message})"
        end

        def build_connection
          raise ConfigurationError, "#{self.class}: its config has no url" if config.url.to_s.empty?

          Faraday.new(**connection_options) do |connection|
            connection.request :json
            connection.request :url_encoded # for who sets that Content-Type
            connection.use ApiRetries, config
            @customize&.call(connection)
          end
        end

        def connection_options
          { url: config.url, params: config.params, headers: config.headers, ssl: config.ssl&.transform_keys(&:to_sym),
            request: { timeout: config.timeout, open_timeout: config.open_timeout }.compact }.compact
        end

        # A Hash stands for a response where it has what one has.
        def check_output(output)
          status, headers = status_and_headers(output)
          return if !status.is_a?(Integer) || (200..299).cover?(status)

          raise error_for(status, headers, output.is_a?(Hash) ? { status: status } : ApiResponse.context_of(output))
        end

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

        def announce_failure(step, error, **told)
          return unless retryable?(error)

          seconds, type = backoff_after(step, error)
          return unless seconds

          step.backoff_request_seconds = seconds.ceil if step.respond_to?(:backoff_request_seconds=)
          publish_step_backoff(step, backoff_seconds: seconds, backoff_type: type, **told)
        rescue *ISOLATED_ERRORS => e
          Native.report_publishing_error('observability.step.backoff', e)
        end

        def retryable?(error)
          case error
          when RetryableError, Faraday::ConnectionFailed, Faraday::TimeoutError then true
          when Faraday::Error then RETRYABLE.call(error.response_status)
          end
        end

        def backoff_after(step, error)
          asked = asked_by(error)
          return [asked, 'server_requested'] if asked
          return unless config.enable_exponential_backoff

          [config.backoff.seconds(step_answer(step, :attempts) || 1), 'exponential']
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
