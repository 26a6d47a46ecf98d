# frozen_string_literal: true

require_relative 'api_config'
require_relative 'api_connection'
require_relative 'api_failure'
require_relative 'api_request'
require_relative 'api_response'

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

        # @return [ApiConfig]
        attr_reader :config

        # @param config [ApiConfig, Hash, nil] the +handler_config+ of the step's template
        # @yieldparam connection [Faraday::Connection] to add middleware, or another adapter
        # @raise [ConfigurationError] when it doesn't fit, or the gem faraday is not there
        def initialize(config: nil, &customize)
          super(config: ApiConfig.from(config))
          @customize = customize
          ApiConnection.require_faraday
        end

        # The client, made at the first call from the config's url, params, headers, ssl, timeouts and retries. It sends
        # Hashes as JSON, and leaves bodies of answers as they come.
        #
        # @return [Faraday::Connection]
        # @raise [ConfigurationError] without an url
        def connection
          @connection ||= ApiConnection.build(config, @customize)
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
          _check_output(response)
          ApiResponse.keep(step, response)
          response
        end

        # Messages of errors may print who raised them: not with the headers that the client sends.
        #
        # @return [String]
        def inspect
          "#<#{self.class} #{config.inspect}>"
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

        def _check_output(output)
          error = ApiFailure.of_answer(output)
          raise error if error
        end

        def _announce_failure(step, error, **told)
          seconds, type = ApiFailure.backoff(error, config, step)
          return unless seconds

          step.backoff_request_seconds = seconds.ceil if step.respond_to?(:backoff_request_seconds=)
          publish_step_backoff(step, backoff_seconds: seconds, backoff_type: type, **told)
        rescue *ISOLATED_ERRORS => e
          Native.report_publishing_error('observability.step.backoff', e)
        end
      end
    end
  end
end
