# frozen_string_literal: true

module Tasker
  module Native
    module StepHandler
      # Middleware of Faraday: tries a request again that may be repeated (not POST, not PATCH), as often as the
      # config says, where the server was busy or could not be reached. Each further try is told as an event
      # +tasker.http.retry+ of the step's span. A server that asks for a longer wait than +max_delay+ gets it from the
      # step's next attempt, not from a thread that sleeps.
      #
      # @api private
      class ApiRetries
        STATUSES = [408, 425, 429, 502, 503, 504].freeze
        METHODS = %i[get head put delete options trace].freeze
        private_constant :STATUSES, :METHODS

        # @param app [#call] the middleware behind this one, or the adapter
        # @param config [ApiConfig]
        def initialize(app, config)
          @app = app
          @limit = config.retries[:limit]
          @backoff = config.backoff
        end

        # @param env [Faraday::Env]
        # @return [Faraday::Response] of the last try
        # @raise [Faraday::ConnectionFailed, Faraday::TimeoutError] of the last try
        def call(env)
          body = env[:body] # the answer will stand in its place
          tries = 1
          loop do
            env[:body] = body
            response, error = try(env)
            wait = wait_after(tries, env, response, error)
            return response || raise(error) unless wait

            tell(tries, response, error, wait)
            sleep(wait)
            tries += 1
          end
        end

        # @return [void]
        def close
          @app.close if @app.respond_to?(:close)
        end

        private

        def try(env)
          [@app.call(env), nil]
        rescue Faraday::ConnectionFailed, Faraday::TimeoutError => e
          [nil, e]
        end

        # nil: no further try.
        def wait_after(tries, env, response, error)
          return if tries > @limit || !METHODS.include?(env.method)
          return unless error || busy?(response)

          wait = asked_for(response) || @backoff.seconds(tries)
          wait if wait <= @backoff.max_delay
        end

        def asked_for(response)
          Backoff.retry_after(response.headers['retry-after']) if response
        end

        def busy?(response)
          STATUSES.include?(response.status)
        end

        def tell(tries, response, error, wait)
          reason = response ? response.status : error.class.name
          Native.current_span&.add_event('tasker.http.retry', 'try' => tries, 'reason' => reason, 'wait' => wait)
        end
      end
    end
  end
end
